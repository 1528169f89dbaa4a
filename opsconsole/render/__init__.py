"""A directory at a commit, turned into manifests: kustomize, directory, Helm."""
