"""Line-API widgets: what draws itself line by line and repaints only what changed."""
