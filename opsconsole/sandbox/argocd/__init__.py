"""Argo CD's controllers, simulated: applications, ApplicationSets, notifications.

They decide through `argo.cd` and act on the store; git and rendering are the real ones.
"""
