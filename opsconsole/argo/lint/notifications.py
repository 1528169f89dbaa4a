"""The notifications ConfigMap: what silences it, and what it can never send."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from opsconsole.argo.cd.notifications import Config, ConfigError, parse
from opsconsole.argo.expr import ExprError
from opsconsole.argo.expr import nodes as n
from opsconsole.argo.expr.builtins import BUILTINS
from opsconsole.argo.expr.parser import Parser
from opsconsole.argo.lint.findings import Placed
from opsconsole.model.objects import mapping, name_of


def _data(one: Placed) -> Mapping[str, object]:
    return (
        mapping(one.manifest, "data") if name_of(one.manifest) == "argocd-notifications-cm" else {}
    )


def _config(one: Placed) -> Config | None:
    try:
        return parse(_data(one), {})
    except ConfigError:
        return None


def silenced(one: Placed, _: Sequence[Placed]) -> Iterator[str]:
    try:
        parse(_data(one), {})
    except ConfigError as fault:
        yield f"{fault} (no notification at all is sent)"


def unknown_template(one: Placed, _: Sequence[Placed]) -> Iterator[str]:
    config = _config(one)
    for name, conditions in config.triggers.items() if config else ():
        for condition in conditions:
            for template in condition.send:
                if config and template not in config.templates:
                    yield f"trigger {name}: template '{template}' is not configured"


def never_true(one: Placed, _: Sequence[Placed]) -> Iterator[str]:
    """One field that has to equal two values, or a constant."""
    config = _config(one)
    for name, conditions in config.triggers.items() if config else ():
        for condition in conditions:
            try:
                tree = Parser(condition.when, BUILTINS, {}).parse()
            except ExprError:
                continue
            if _impossible(tree):
                yield f"trigger {name}: when {condition.when!r} can never be true"


def _impossible(tree: n.Node) -> bool:
    if isinstance(tree, n.Binary) and tree.operator in ("or", "||"):
        return _impossible(tree.left) and _impossible(tree.right)
    wanted: dict[object, object] = {}
    for part in _parts(tree):
        if isinstance(part, n.Literal) and part.value is not True:
            return True
        if (
            isinstance(part, n.Binary)
            and part.operator == "=="
            and isinstance(part.right, n.Literal)
            and wanted.setdefault(n.shape(part.left), part.right.value) != part.right.value
        ):
            return True
    return False


def _parts(tree: n.Node) -> Iterator[n.Node]:
    if isinstance(tree, n.Binary) and tree.operator in ("and", "&&"):
        yield from _parts(tree.left)
        yield from _parts(tree.right)
    else:
        yield tree


def failed_sync(one: Placed, _: Sequence[Placed]) -> Iterator[str]:
    config = _config(one)
    for condition in config.triggers.get("on-sync-failed", ()) if config else ():
        if "operationState" not in condition.when:
            yield "trigger on-sync-failed does not ask whether a sync failed"
