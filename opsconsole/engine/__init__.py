"""Owns all state; runs on its own thread and loop, so that a hung terminal cannot stop it."""
