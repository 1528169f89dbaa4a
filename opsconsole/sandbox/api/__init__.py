"""The simulated API server: HTTP over `sandbox.store`, on loopback, everything allowed.

`server.ApiServer` is the way in; `patches`, `strategic` and `managed` are pure functions.
Kinds come from `sandbox.resources`, fields of the built-in kinds from `fields.txt`.

It imitates Kubernetes 1.35. Not served: exec, attach, port-forward and proxy; watch lists
(`sendInitialEvents` is refused); answers in protobuf or CBOR; admission webhooks and
aggregated API services (stored only); conversion webhooks (versions of a group show the same
fields); pod templates are not defaulted.
"""
