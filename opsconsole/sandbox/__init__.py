"""A Kubernetes API over real HTTP on loopback, with simulated controllers on a virtual clock."""
