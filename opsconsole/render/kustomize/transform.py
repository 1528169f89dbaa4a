"""Labels, annotations, images, replica counts: transformers that set fields from a table."""

from __future__ import annotations

from typing import Any

from opsconsole.errors import RenderError, UnsupportedError, bounded
from opsconsole.model.objects import text
from opsconsole.render.kustomize.fields import Setter, change_all
from opsconsole.render.kustomize.kustfile import mistyped, strings
from opsconsole.render.kustomize.resources import Obj, Resource
from opsconsole.render.kustomize.tables import (
    ANNOTATIONS,
    METADATA_LABELS,
    REPLICAS,
    SELECTOR_LABELS,
    TEMPLATE_LABELS,
    Spec,
)


def _joiner(pairs: dict[str, str]) -> Setter:
    return lambda old: {**(old if isinstance(old, dict) else {}), **pairs}


def common_labels(resources: list[Resource], pairs: dict[str, str]) -> None:
    for resource in resources:
        specs = (*METADATA_LABELS, *TEMPLATE_LABELS, *SELECTOR_LABELS)
        change_all(resource.obj, resource.id, specs, _joiner(pairs))


def labels(resources: list[Resource], entries: list[Any], where: str) -> None:
    """The `labels` field. Raises RenderError."""
    known = {"pairs", "includeSelectors", "includeTemplates", "fields"}
    for entry in entries:
        if not isinstance(entry, dict) or set(entry) - known:
            raise RenderError(f"{where}: labels: unknown field in an entry")
        if entry.get("fields"):
            raise UnsupportedError(f"{where}: labels.fields is not supported", hint="use patches")
        pairs = strings(entry.get("pairs") or {}, f"{where}: labels.pairs")
        specs: tuple[Spec, ...] = METADATA_LABELS
        if entry.get("includeSelectors") is True:
            specs = (*specs, *TEMPLATE_LABELS, *SELECTOR_LABELS)
        elif entry.get("includeTemplates") is True:
            specs = (*specs, *TEMPLATE_LABELS)
        for resource in resources:
            change_all(resource.obj, resource.id, specs, _joiner(pairs))


def common_annotations(resources: list[Resource], pairs: dict[str, str]) -> None:
    for resource in resources:
        change_all(resource.obj, resource.id, ANNOTATIONS, _joiner(pairs))


def replicas(resources: list[Resource], entries: list[Any], where: str) -> None:
    """Raises RenderError for an entry that no workload has the name of."""
    for entry in entries:
        name = text(entry, "name")
        count = entry.get("count") if isinstance(entry, dict) else None
        if not name or isinstance(count, bool) or not isinstance(count, int):
            raise RenderError(f"{where}: replicas: an entry needs name and count")
        found = False
        for resource in resources:
            if any(one.name == name for one in resource.ids()):
                found |= change_all(resource.obj, resource.id, REPLICAS, lambda _, c=count: c)  # type: ignore[misc]
        if not found:
            raise _nothing_to_scale(name, where)


def _nothing_to_scale(name: str, where: str) -> RenderError:
    kinds = ("Deployment", "StatefulSet", "ReplicaSet", "ReplicationController")
    listed = " ".join(f"{kind}.[noVer].[noGrp]" for kind in kinds)
    said = f"resource with name {bounded(name, 253)} does not match a config with the following GVK [{listed}]"
    return RenderError(f"{where}: {said}", said=said)


def images(resources: list[Resource], entries: list[Any], where: str) -> None:
    """Set names, tags and digests in every `containers` and `initContainers`, of any kind."""
    for entry in entries:
        if not isinstance(entry, dict) or not text(entry, "name"):
            raise RenderError(
                f"{where}: images: an entry needs a name",
                said="" if isinstance(entry, dict) else mistyped("images", entry, "types.Image"),
            )
        unknown = set(entry) - {"name", "newName", "newTag", "digest", "tagSuffix"}
        if unknown or any(not isinstance(v, str) for v in entry.values() if v is not None):
            raise RenderError(
                f"{where}: images: an entry has unknown fields or values that are no strings",
                hint='quote numbers, as in newTag: "1.20"',
            )
        for resource in resources:
            if resource.id.kind != "CustomResourceDefinition":
                _images_below(resource.obj, entry)


def _images_below(value: Any, entry: Obj) -> None:
    if isinstance(value, list):
        for one in value:
            _images_below(one, entry)
        return
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        if key in ("containers", "initContainers") and isinstance(inner, list):
            for container in inner:
                if isinstance(container, dict) and isinstance(container.get("image"), str):
                    container["image"] = changed_image(container["image"], entry)
        else:
            _images_below(inner, entry)


def changed_image(image: str, entry: Obj) -> str:
    """The image that an `images` entry makes of one; as it is when the name differs."""
    name, tag, digest = split_image(image)
    if name != entry["name"]:
        return image
    new = text(entry, "newName") or name
    wanted_tag, wanted_digest = text(entry, "newTag"), text(entry, "digest")
    if wanted_digest:
        tag, digest = wanted_tag, wanted_digest
    elif wanted_tag:
        tag, digest = wanted_tag, ""
    elif text(entry, "tagSuffix"):
        tag, digest = tag + text(entry, "tagSuffix"), ""
    return new + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")


def split_image(image: str) -> tuple[str, str, str]:
    """(name, tag, digest); a colon before the last slash is a port."""
    body, _, digest = image.partition("@")
    colon = body.rfind(":")
    if colon > body.rfind("/"):
        return body[:colon], body[colon + 1 :], digest
    return body, "", digest
