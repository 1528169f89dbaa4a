"""Simulated workload controllers and kubelet: what makes pods run in the sandbox."""
