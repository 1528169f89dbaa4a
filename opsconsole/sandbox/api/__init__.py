"""The simulated API server: HTTP over `sandbox.store`, on loopback, everything allowed.

`server.ApiServer` is the way in; `patches`, `strategic` and `apply` are pure functions that
the simulated controllers use too. Kinds come from `sandbox.resources`, fields of the
built-in kinds from `fields.txt`.
"""
