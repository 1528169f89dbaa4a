"""The only package that imports prometheus-api-client."""
