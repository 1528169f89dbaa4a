"""The kustomization file: read, checked field by field, older spellings brought to the present ones."""

from __future__ import annotations

import posixpath
from typing import Any

from opsconsole.errors import RenderError, UnsupportedError, YamlError, bounded
from opsconsole.model import yamldoc
from opsconsole.render.kustomize.faults import at, yaml_text
from opsconsole.render.options import KustomizeOptions
from opsconsole.render.trees import View

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")

_TEXTS = ("apiVersion", "kind", "namespace", "namePrefix", "nameSuffix")
_LISTS = (
    "resources", "bases", "components", "patches", "patchesStrategicMerge", "patchesJson6902",
    "images", "replicas", "labels", "configMapGenerator", "secretGenerator", "replacements",
)  # fmt: skip
_TYPES = ("apiVersion", "kind")
_MAPS = ("metadata", "commonLabels", "commonAnnotations", "generatorOptions", "sortOptions")

REFUSED = {
    "vars": "use replacements",
    "configurations": "name the fields with replacements or patches",
    "crds": "custom resources are patched without a schema",
    "openapi": "custom resources are patched without a schema",
    "generators": "plugins are not run",
    "transformers": "plugins are not run",
    "validators": "plugins are not run",
    "helmCharts": "render the chart with Helm",
    "helmGlobals": "render the chart with Helm",
    "helmChartInflationGenerator": "render the chart with Helm",
    "buildMetadata": "the annotations would differ from the real build",
    "imageTags": "use images",
}
"""Fields of real kustomize that this subset does not do, and what to do instead."""


def load(view: View, directory: str) -> dict[str, Any]:
    """The kustomization of a directory. Raises RenderError, UnsupportedError."""
    found = [name for name in NAMES if view.kind(posixpath.join(directory, name)) == "file"]
    shown = directory or "."
    if not found:
        text = "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory"
        raise RenderError(f"{text} '{shown}'", said=f"{text} '{at(directory)}'")
    if len(found) > 1:
        text = "Found multiple kustomization files under:"
        raise RenderError(f"{text} {shown}", said=f"{text} {at(directory)}")
    where = posixpath.join(directory, found[0])
    try:
        loaded = yamldoc.load(view.read(where))
    except YamlError as fault:
        raise RenderError(
            f"{where}: {fault.message}", said=f"invalid Kustomization: {yaml_text(fault)}"
        ) from fault
    if loaded is None:
        raise empty(directory)
    if not isinstance(loaded, dict):
        raise RenderError(
            f"{where}: invalid Kustomization: it is not a mapping",
            said=f"invalid Kustomization: json: cannot unmarshal {_json_type(loaded)} into Go value of type types.Kustomization",
        )
    return normalised(loaded, where)


def normalised(raw: dict[str, Any], where: str) -> dict[str, Any]:
    """Types checked, unsupported fields refused, `bases` and the older patch fields moved."""
    for key in sorted(raw):
        _check_field(key, raw[key], where)
    if all(value in (None, "") for key, value in raw.items() if key not in _TYPES):
        raise empty(posixpath.dirname(where))
    _check_kind(raw, where)
    clean = {key: value for key, value in raw.items() if value not in (None, "", [], {})}
    clean["resources"] = [*clean.get("resources", []), *clean.pop("bases", [])]
    for key in ("commonLabels", "commonAnnotations"):
        try:
            strings(clean.get(key, {}), f"{where}: {key}")
        except RenderError as fault:
            odd = next(v for v in clean[key].values() if not isinstance(v, str))
            fault.said = mistyped(key, odd, "string")
            raise
    if clean.get("sortOptions", {}).get("order", "legacy") not in ("fifo", "legacy"):
        raise RenderError(f"{where}: sortOptions.order must be fifo or legacy")
    if clean.get("sortOptions", {}).get("legacySortOptions"):
        raise UnsupportedError(f"{where}: sortOptions.legacySortOptions is not supported")
    return clean


def _check_field(key: str, value: Any, where: str) -> None:
    if value is None:
        return
    if key in REFUSED:
        if value:
            raise UnsupportedError(f"{where}: {key} is not supported", hint=REFUSED[key])
    elif key in _TEXTS:
        _must(isinstance(value, str), where, key, value, "a string")
    elif key in _LISTS:
        _must(isinstance(value, list), where, key, value, "a list")
    elif key in _MAPS:
        _must(isinstance(value, dict), where, key, value, "a mapping")
    else:
        text = f'invalid Kustomization: json: unknown field "{bounded(key, 60)}"'
        raise RenderError(f"{where}: {text}", said=text)


def empty(directory: str) -> RenderError:
    text = "kustomization.yaml is empty"
    return RenderError(f"{directory or '.'}: {text}", said=text)


def _check_kind(raw: dict[str, Any], where: str) -> None:
    kind = raw.get("kind") or "Kustomization"
    version = raw.get("apiVersion")
    expected = {
        "Kustomization": "kustomize.config.k8s.io/v1beta1",
        "Component": "kustomize.config.k8s.io/v1alpha1",
    }
    if kind not in expected:
        raise _misread(where, "kind should be Kustomization or Component")
    if version and version != expected[kind]:
        raise _misread(where, f"apiVersion for {kind} should be {expected[kind]}")


def _misread(where: str, why: str) -> RenderError:
    folder = at(posixpath.dirname(where))
    return RenderError(
        f"{where}: {why}", said=f"Failed to read kustomization file under {folder}:\n{why}"
    )


_GO_TYPES = {
    **dict.fromkeys(("resources", "bases", "components", "patchesStrategicMerge"), "[]string"),
    **dict.fromkeys(("commonLabels", "commonAnnotations"), "map[string]string"),
    "patches": "[]types.Patch",
    "patchesJson6902": "[]types.Patch",
    "images": "[]types.Image",
    "replicas": "[]types.Replica",
    "labels": "[]types.Label",
    "configMapGenerator": "[]types.ConfigMapArgs",
    "secretGenerator": "[]types.SecretArgs",
    "replacements": "[]types.ReplacementField",
    "metadata": "types.ObjectMeta",
    "generatorOptions": "types.GeneratorOptions",
    "sortOptions": "types.SortOptions",
}
"""Go's type of a field that is no string, as the program's decoder names it."""


def _json_type(value: Any) -> str:
    kinds = ((bool, "bool"), (str, "string"), (list, "array"), (dict, "object"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "number")


def mistyped(key: str, value: Any, go_type: str) -> str:
    """The decoder's words for a field of another type."""
    return (
        f"invalid Kustomization: json: cannot unmarshal {_json_type(value)}"
        f" into Go struct field Kustomization.{key} of type {go_type}"
    )


def _must(holds: bool, where: str, key: str, value: Any, what: str) -> None:  # noqa: FBT001
    if not holds:
        raise RenderError(
            f"{where}: invalid Kustomization: {key} must be {what}",
            said=mistyped(key, value, _GO_TYPES.get(key, "string")),
        )


def strings(values: Any, where: str) -> dict[str, str]:
    """A mapping of strings. Raises RenderError: YAML makes `on` and `1` something else."""
    if not isinstance(values, dict):
        raise RenderError(f"{where} must be a mapping")
    for key, value in values.items():
        if not isinstance(value, str):
            raise RenderError(f"{where}.{bounded(key, 60)} must be a string", hint="quote it")
    return values


def with_options(kustomization: dict[str, Any], options: KustomizeOptions) -> dict[str, Any]:
    """What `kustomize edit` writes for the fields of `spec.source.kustomize`, in Argo CD's order."""
    new = dict(kustomization)
    for key, value in (
        ("namePrefix", options.name_prefix),
        ("nameSuffix", options.name_suffix),
        ("namespace", options.namespace),
    ):
        if value:
            new[key] = value  # noqa: PERF403 - what is empty stays as the file has it
    if options.images:
        new["images"] = _set_images(new.get("images", []), options.images)
    if options.replicas:
        wanted = {name: _count(name, count) for name, count in options.replicas}
        kept = [
            r
            for r in new.get("replicas", [])
            if not (isinstance(r, dict) and r.get("name") in wanted)
        ]
        new["replicas"] = kept + [{"name": n, "count": c} for n, c in wanted.items()]
    _add_labels(new, options)
    if options.common_annotations:
        new["commonAnnotations"] = _joined(
            new.get("commonAnnotations", {}), dict(options.common_annotations),
            force=options.force_common_annotations, what="annotation",
        )  # fmt: skip
    if options.patches:
        new["patches"] = [
            *new.get("patches", []),
            *(yamldoc.load(text) for text in options.patches),
        ]
    if options.components:
        new["components"] = [*new.get("components", []), *options.components]
    return new


def _count(name: str, count: str) -> int:
    if not count.isdigit():
        raise RenderError(
            f"kustomize.replicas: {bounded(name, 60)}: {bounded(count, 20)!r} is not a count"
        )
    return int(count)


def _add_labels(new: dict[str, Any], options: KustomizeOptions) -> None:
    if not options.common_labels:
        return
    wanted = dict(options.common_labels)
    if options.label_without_selector:
        entry: dict[str, Any] = {"pairs": wanted}
        if options.label_include_templates:
            entry["includeTemplates"] = True
        new["labels"] = [*new.get("labels", []), entry]
        return
    new["commonLabels"] = _joined(
        new.get("commonLabels", {}), wanted, force=options.force_common_labels, what="label"
    )


def _joined(old: dict[str, str], new: dict[str, str], *, force: bool, what: str) -> dict[str, str]:
    clash = sorted(set(old) & set(new))
    if clash and not force:
        raise RenderError(
            f"{what} {clash[0]} already in kustomization file", hint=f"set force for common {what}s"
        )
    return {**old, **new}


def _set_images(old: list[Any], wanted: tuple[str, ...]) -> list[Any]:
    images = {str(one.get("name")): one for one in old if isinstance(one, dict)}
    for text in wanted:
        entry = image_argument(text)
        images[entry["name"]] = entry
    return list(images.values())


def image_argument(text: str) -> dict[str, str]:
    """`[name=]new[:tag|@digest]` as `kustomize edit set image` takes it."""
    name, sep, new = text.partition("=")
    if not sep:
        name, new = "", text
    body, at, digest = new.partition("@")
    slash = body.rfind("/")
    colon = body.rfind(":")
    tag = body[colon + 1 :] if colon > slash and not at else ""
    bare = body[:colon] if tag else body
    entry = {"name": name or bare}
    if name and bare not in (name, "*"):
        entry["newName"] = bare
    if digest:
        entry["digest"] = digest
    elif tag and tag != "*":
        entry["newTag"] = tag
    return entry
