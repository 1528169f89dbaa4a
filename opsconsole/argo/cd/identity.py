"""Keys of resources as Argo CD compares them; separate because every rule here needs them."""

from __future__ import annotations

from typing import Any, NamedTuple

from opsconsole.model.objects import Object, mapping, mappings, name_of, namespace_of, text

Obj = dict[str, Any]

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class Key(NamedTuple):
    """Group, kind, namespace and name; the version does not count."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.group}/{self.kind}/{self.namespace}/{self.name}"


def group_of(obj: Object) -> str:
    return split_version(text(obj, "apiVersion"))[0]


def version_of(obj: Object) -> str:
    return split_version(text(obj, "apiVersion"))[1]


def split_version(api_version: str) -> tuple[str, str]:
    """`apps/v1` → ("apps", "v1"), `v1` → ("", "v1")."""
    group, sep, version = api_version.partition("/")
    return (group, version) if sep else ("", group)


def key_of(obj: Object) -> Key:
    return Key(group_of(obj), text(obj, "kind"), namespace_of(obj), name_of(obj))


def is_definition(obj: Object) -> bool:
    return (
        text(obj, "kind") == "CustomResourceDefinition" and group_of(obj) == "apiextensions.k8s.io"
    )


def defines(obj: Object, group: str, kind: str) -> bool:
    """Whether an object is the CustomResourceDefinition of that group and kind."""
    spec = mapping(obj, "spec")
    return is_definition(obj) and (text(spec, "group"), text(spec, "names", "kind")) == (
        group,
        kind,
    )


def with_metadata(obj: Object, **changes: Any) -> Obj:
    """A copy with fields of its metadata set; None removes one."""
    meta = {**mapping(obj, "metadata"), **changes}
    return {**obj, "metadata": {k: v for k, v in meta.items() if v is not None}}


def with_annotations(obj: Object, changes: dict[str, str | None]) -> Obj:
    """A copy with annotations set; None removes one."""
    found = {**mapping(obj, "metadata", "annotations"), **changes}
    kept = {k: v for k, v in found.items() if v is not None}
    return with_metadata(obj, annotations=kept or None)


def images_of(obj: Object) -> list[str]:
    """Images of an object's containers, wherever its kind keeps them, without repeats."""
    found: list[str] = []
    for pod in (
        mapping(obj, "spec"),
        mapping(obj, "spec", "template", "spec"),
        mapping(obj, "spec", "jobTemplate", "spec", "template", "spec"),
    ):
        for container in mappings(pod, "initContainers") + mappings(pod, "containers"):
            found.append(text(container, "image"))  # noqa: PERF401
    return list(dict.fromkeys(image for image in found if image))
