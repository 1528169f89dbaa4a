"""Whole screens: the console with its four panes, and scrollable texts over it."""
