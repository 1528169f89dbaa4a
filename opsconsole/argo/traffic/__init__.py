"""What a traffic router's objects become at a given weight, as pure functions."""
