"""Arguments of an analysis: where their values come from, merging, and `{{args.x}}`.

Rules: `utils/analysis/factory.go`, `helpers.go`, `utils/template/template.go`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from opsconsole.argo.golang.encjson import encode, encode_string
from opsconsole.argo.golang.format import v
from opsconsole.errors import RuleError
from opsconsole.model.objects import mapping, mappings, text

Argument = Mapping[str, Any]

HASH_LABEL = "rollouts-pod-template-hash"
SECRET_STAND_IN = "temp-for-secret"  # noqa: S105 - what the real controller validates with
REDACTED = "*****"


def value_of(argument: Argument) -> str | None:
    """The argument's own value, or None when it has none."""
    value = argument.get("value")
    return None if value is None else (value if isinstance(value, str) else v(value))


def build_arguments(
    arguments: Sequence[Argument],
    rollout: Mapping[str, Any],
    *,
    stable_hash: str,
    latest_hash: str,
) -> list[dict[str, Any]]:
    """`BuildArgumentsForRolloutAnalysisRun`: [{"name", "value"}] for the run of a rollout.

    `arguments` are `canary.analysis.args` and the like; the hashes are those of the stable and
    the new ReplicaSet. RuleError for a `fieldRef` that leads nowhere.
    """
    built: list[dict[str, Any]] = []
    for argument in arguments:
        source = mapping(argument, "valueFrom")
        value = value_of(argument) or ""
        if source.get("podTemplateHashValue") is not None:
            kind = text(source, "podTemplateHashValue")
            value = {"Latest": latest_hash, "Stable": stable_hash}.get(kind, value)
        elif isinstance(source.get("fieldRef"), Mapping):
            value = field_value(rollout, text(source, "fieldRef", "fieldPath"))
        built.append({"name": text(argument, "name"), "value": value})
    return built


def field_value(obj: Mapping[str, Any], path: str) -> str:
    """`metadata…` as the downward API reads it, anything else by its path in the rollout."""
    return _metadata(obj, path) if path.startswith("metadata") else extract_value(obj, path)


_SUBSCRIPT = re.compile(r"(metadata\.(?:labels|annotations))\['([^']*)'\]")


def _metadata(obj: Mapping[str, Any], path: str) -> str:
    keyed = _SUBSCRIPT.fullmatch(path)
    meta = mapping(obj, "metadata")
    if keyed:
        return text(mapping(meta, keyed[1].removeprefix("metadata.")), keyed[2])
    if path in ("metadata.name", "metadata.namespace", "metadata.uid"):
        return text(meta, path.removeprefix("metadata."))
    if path in ("metadata.labels", "metadata.annotations"):
        pairs = mapping(meta, path.removeprefix("metadata."))
        return "\n".join(f"{key}={encode_string(v(pairs[key]))}" for key in sorted(pairs))
    raise RuleError(f"unsupported fieldPath: {path}")


_SEPARATOR = re.compile(r"[.\[\]]+")


def extract_value(obj: Mapping[str, Any], path: str) -> str:
    """`extractValueFromRollout`: `spec.template.spec.containers[0].image`."""
    found: Any = obj
    for section in filter(None, _SEPARATOR.split(path)):
        if isinstance(found, list):
            if re.fullmatch(r"[+-]?\d{1,9}", section) is None:
                raise RuleError(f"invalid index '{section}'")
            if not 0 <= int(section) < len(found):
                raise RuleError(f"index {int(section)} out of range")
            found = found[int(section)]
        elif isinstance(found, Mapping):
            found = found.get(section)
        else:
            raise RuleError(f"invalid path {path} in rollout")
    if found is None:
        raise RuleError(f"invalid path {path} in rollout")
    if isinstance(found, list | Mapping):
        raise RuleError(f"path {path} in rollout must terminate in a primitive value")
    return v(float(found)) if isinstance(found, int) and not isinstance(found, bool) else v(found)


def merge_arguments(
    incoming: Sequence[Argument], templates: Sequence[Argument]
) -> list[dict[str, Any]]:
    """`MergeArgs`: the template's arguments with the incoming values; unknown names are dropped.

    RuleError for an argument that stays without a value: `args.x was not resolved`.
    """
    merged = merge_defaults(incoming, templates)
    for argument in merged:
        if argument.get("value") is None and argument.get("valueFrom") is None:
            raise RuleError(f"args.{text(argument, 'name')} was not resolved")
    return merged


def merge_defaults(
    incoming: Sequence[Argument], templates: Sequence[Argument]
) -> list[dict[str, Any]]:
    merged = [dict(argument) for argument in templates]
    places = {text(argument, "name"): at for at, argument in reversed(list(enumerate(merged)))}
    for argument in incoming:
        at = places.get(text(argument, "name"))
        if at is None:
            continue
        for source in ("value", "valueFrom"):
            if argument.get(source) is not None:
                merged[at][source] = argument[source]
                break
    return merged


_TAG = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)

MAX_RESOLVED = 1_000_000
"""Characters of a metric after substitution; ours."""


def resolve(template: str, values: Mapping[str, str | None], *, quoted: bool) -> str:
    """`{{args.x}}` replaced. With `quoted`, `template` is JSON and the values are escaped for it.

    RuleError `failed to resolve {{args.x}}` for a name that is not there, and
    `argument "x" was not supplied` for one without a value.
    """
    out: list[str] = []
    at = size = 0
    for found in _TAG.finditer(template):
        tag = found[1].strip()
        if tag not in values:
            raise RuleError(f"failed to resolve {{{{{tag}}}}}")
        value = values[tag]
        if value is None:
            raise RuleError(f'argument "{tag.removeprefix("args.")}" was not supplied')
        out += [template[at : found.start()], encode_string(value)[1:-1] if quoted else value]
        at = found.end()
        size += len(value)
        if size > MAX_RESOLVED:
            raise RuleError("arguments are too long")
    return "".join(out) + template[at:]


def named_values(arguments: Sequence[Argument]) -> dict[str, str | None]:
    """`args.<name>` → value, for `resolve`."""
    return {f"args.{text(argument, 'name')}": value_of(argument) for argument in arguments}


def resolve_metric(metric: Mapping[str, Any], arguments: Sequence[Argument]) -> dict[str, Any]:
    """`ResolveMetricArgs`: the metric with every `{{args.x}}` in it replaced."""
    source = encode(metric, html=False)
    if "{{" not in source:
        return dict(metric)
    resolved = resolve(source, named_values(arguments), quoted=True)
    try:
        found: dict[str, Any] = json.loads(resolved)
    except ValueError as wrong:
        raise RuleError(f"invalid metric after resolving arguments: {wrong}") from wrong
    return found


def resolve_metrics_without_secrets(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The metrics of a run, resolved with a stand-in for every secret: what is validated."""
    arguments: list[Argument] = []
    for argument in mappings(spec, "args"):
        if argument_secret(argument) is not None:
            arguments.append({"name": argument.get("name"), "value": SECRET_STAND_IN})
        else:
            arguments.append(argument)
    return [resolve_metric(metric, arguments) for metric in mappings(spec, "metrics")]


def argument_secret(argument: Argument) -> tuple[str, str] | None:
    """(name, key) of the Secret that an argument reads, or None."""
    reference = mapping(argument, "valueFrom").get("secretKeyRef")
    if not isinstance(reference, Mapping):
        return None
    return text(reference, "name"), text(reference, "key")


def redact(message: str, secrets: Sequence[str]) -> str:
    """`message` without the values of secrets."""
    for secret in secrets:
        if secret:
            message = message.replace(secret, REDACTED)
    return message
