"""The only package that talks to Kubernetes (and imports `kubernetes`)."""
