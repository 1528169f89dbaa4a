"""Argo CD's rules as pure functions: health, diff, waves, hooks, sync, automated sync.

No I/O and no clock: the console predicts with them what the real controller will do, the
sandbox's controllers act by them.
"""
