"""Modal dialogs; imported when the first one opens, so that the first paint is light."""
