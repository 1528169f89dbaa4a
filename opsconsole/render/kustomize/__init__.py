"""A subset of `kustomize build`, after the rules of kustomize 5; the rest is refused by field name."""
