"""Raw API objects → the model's dataclasses. Never raises: what is wrong is listed in `problems`."""
