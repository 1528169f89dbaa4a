"""What `kubectl argo rollouts` writes and prints, as pure functions: requests and layouts."""
