"""The sandbox's Experiment controller."""
