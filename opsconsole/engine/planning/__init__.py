"""From an intent to the exact requests that will be sent: one module per family of actions."""
