"""Argo Rollouts' analysis as pure functions: conditions, arguments, templates, limits, verdicts."""
