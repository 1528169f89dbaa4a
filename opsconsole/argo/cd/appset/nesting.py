"""The generators that take others: matrix and merge.

Separate because they combine sets of parameters instead of making them. Source: Argo CD
`applicationset/generators/matrix.go` and `merge.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from opsconsole.argo.cd.appset.errors import GenerateError
from opsconsole.argo.cd.appset.generators import MAX_PARAMS, Run, transformed
from opsconsole.argo.cd.appset.params import Params, combined, overridden, replaced
from opsconsole.argo.golang.encjson import encode
from opsconsole.model.objects import Object, items, mappings


def _child(generator: Object, run: Run, parent: Params) -> list[Params]:
    """The sets of a generator within another."""
    try:
        found = transformed(generator, replace(run, depth=run.depth + 1), parent)
    except GenerateError as fault:
        raise GenerateError(
            f"child generator returned an error on parameter generation: {fault}"
        ) from fault
    if not found:
        raise GenerateError("child generator generated no parameters")
    if len(found) > 1:
        raise GenerateError("found more than one generator in matrix.Generators")
    return found[0][1]


def _matrix(config: Object, run: Run) -> list[Params]:
    children = mappings(config, "generators")
    if len(children) != 2:
        many = "more" if len(children) > 2 else "less"
        raise GenerateError(f"found {many} than two generators, Matrix support only two")
    try:
        lefts = _child(children[0], run, {})
    except GenerateError as fault:
        raise GenerateError(
            f"error failed to get params for first generator in matrix generator: {fault}"
        ) from fault
    found: list[Params] = []
    for left in lefts:
        try:
            rights = _child(children[1], run, left)
        except GenerateError as fault:
            raise GenerateError(
                f"failed to get params for second generator in the matrix generator: {fault}"
            ) from fault
        found += [_pair(left, right, run) for right in rights]
        if len(found) > MAX_PARAMS:
            raise GenerateError(f"a generator gives more than {MAX_PARAMS} sets")
    return found


def _pair(left: Params, right: Params, run: Run) -> Params:
    if run.go:
        return overridden(right, left)
    try:
        return combined(left, right)
    except GenerateError as fault:
        raise GenerateError(
            f"failed to combine string maps with merging params for the matrix generator: {fault}"
        ) from fault


def _merge(config: Object, run: Run) -> list[Params]:
    children = mappings(config, "generators")
    if len(children) < 2:
        raise GenerateError("found less than two generators, Merge requires two or more")
    sets = []
    for place, child in enumerate(children, 1):
        try:
            sets.append(_child(child, run, {}))
        except GenerateError as fault:
            raise GenerateError(
                "error getting param sets from generators: "
                f"error getting params from generator {place} of {len(children)}: {fault}"
            ) from fault
    keys = [str(key) for key in items(config, "mergeKeys")]
    base = _by_keys(sets[0], keys)
    for other in sets[1:]:
        for identity, params in _by_keys(other, keys).items():
            if identity in base:
                both = overridden if run.go else replaced
                base[identity] = both(base[identity], params)
    return list(base.values())


def _by_keys(sets: list[Params], keys: list[str]) -> dict[str, Params]:
    prefix = "error getting param sets by merge key: "
    if not keys:
        raise GenerateError(f"{prefix}no merge keys were specified, Merge requires at least one")
    found: dict[str, Params] = {}
    for params in sets:
        identity = encode(_identity(params, keys))
        if identity in found:
            raise GenerateError(
                f"{prefix}the parameters from a generator were not unique by the given mergeKeys, "
                f"Merge requires all param sets to be unique. Duplicate key was {identity}"
            )
        found[identity] = params
    return found


def _identity(params: Mapping[str, Any], keys: list[str]) -> dict[str, Any]:
    return {key: params.get(key) for key in sorted(set(keys))}


RUN: dict[str, Callable[[Object, Run], list[Params]]] = {"matrix": _matrix, "merge": _merge}
