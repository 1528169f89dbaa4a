"""Sealed secrets: sealing, unsealing and the controller (github.com/bitnami-labs/sealed-secrets).

Needs the sandbox extra (cryptography), which is imported when first used.
"""
