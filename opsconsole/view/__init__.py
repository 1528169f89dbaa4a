"""Pure presentation: snapshot to rows, text and plots. Knows neither Textual nor Rich."""
