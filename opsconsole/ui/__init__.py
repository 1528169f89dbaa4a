"""The Textual front end: widgets and screens over `view`; knows the engine by its protocols."""
