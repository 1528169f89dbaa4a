"""Experiments as pure functions: what they create, and how templates and analyses make a phase."""
