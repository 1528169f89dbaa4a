"""Argo's rules as pure functions: no I/O, no clock, no asyncio.

The engine plans with them and the sandbox's controllers decide with them, so there is one
truth. `argo.rollouts` strategies, replica maths, steps, conditions, phases, validation;
`argo.traffic` routes; `argo.analysis` assessment, arguments, validation; `argo.expr` the
condition language; `argo.cd` sync, waves, health, diff; `argo.commands` the requests and
printed layouts of `kubectl argo rollouts`.
"""
