"""A tree at a commit → manifests, as Argo CD's repo server makes them."""
