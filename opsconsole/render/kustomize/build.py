"""`kustomize build` of a directory: resources, components, generators, transformers, in its order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from opsconsole.errors import RenderError, UnsupportedError, YamlError, bounded
from opsconsole.model import yamldoc
from opsconsole.model.objects import mapping, text
from opsconsole.render.kustomize import (
    faults,
    generators,
    kustfile,
    names,
    patches,
    replacements,
    transform,
)
from opsconsole.render.kustomize.faults import at, told
from opsconsole.render.kustomize.files import Files
from opsconsole.render.kustomize.order import legacy
from opsconsole.render.kustomize.resources import Obj, Resource, check, selector
from opsconsole.render.options import KustomizeOptions
from opsconsole.render.trees import View, join

MAX_LAYERS = 50
"""Directories inside directories: a circle is found long before."""

MAX_RESOURCES = 20_000

_REMOTE = ("://", "git@", "github.com/", "gitlab.com/", "bitbucket.org/", "git::", "?ref=")
_LOCAL = "config.kubernetes.io/local-config"


def build(view: View, directory: str, options: KustomizeOptions | None = None) -> list[Obj]:
    """The objects of a kustomization. Raises RenderError; UnsupportedError names the field."""
    builder = _Builder(view, options or KustomizeOptions())
    resources = builder.directory(directory, (), top=True)
    for resource in resources:
        if resource.hashed:
            generators.with_hash(resource)
    names.fix_references(resources)
    kept = [r for r in resources if mapping(r.obj, "metadata", "annotations").get(_LOCAL) != "true"]
    if builder.order != "fifo":
        kept = legacy(kept)
    return [resource.obj for resource in kept]


class _Builder:
    def __init__(self, view: View, options: KustomizeOptions) -> None:
        self.view = view
        self.options = options
        self.files = Files(view, restricted=options.load_restrictor)
        self.order = "legacy"

    def directory(
        self, directory: str, above: tuple[str, ...], *, top: bool = False
    ) -> list[Resource]:
        """Everything that a kustomization directory makes, on its own."""
        self._no_circle(directory, above)
        with told("" if top else f"couldn't make target for path '{at(directory)}': "):
            kustomization = kustfile.load(self.view, directory)
            if top:
                kustomization = kustfile.with_options(kustomization, self.options)
                self.order = text(kustomization, "sortOptions", "order", default="legacy")
        if kustomization.get("kind") == "Component" and not top:
            raise RenderError(
                f"{directory or '.'}: expected kind Kustomization, it is a Component",
                hint="components go under components, kustomizations under resources",
                said=f"expected kind != 'Component' for path '{at(directory)}'",
            )
        with told("" if top else f"recursed accumulation of path '{at(directory)}': "):
            return self._accumulate(kustomization, directory, above, [])

    def _no_circle(self, directory: str, above: tuple[str, ...]) -> None:
        if directory not in above and len(above) <= MAX_LAYERS:
            return
        circle = " -> ".join(part or "." for part in (*above[-3:], directory))
        raise RenderError(
            f"cycle detected: {bounded(circle, 200)}",
            said=f"cycle detected: candidate root '{at(directory)}' contains visited root '{at(directory)}'",
        )

    def _accumulate(
        self, kustomization: Obj, directory: str, above: tuple[str, ...], resources: list[Resource]
    ) -> list[Resource]:
        inside = (*above, directory)
        for path in _paths(kustomization, "resources", directory):
            self._resource(path, directory, inside, resources)
        for path in _paths(kustomization, "components", directory):
            self._component(path, directory, inside, resources)
        self._generate(kustomization, directory, resources)
        self._transform(kustomization, directory, resources)
        if len(resources) > MAX_RESOURCES:
            raise RenderError(f"more than {MAX_RESOURCES} resources")
        return resources

    def _resource(
        self, path: str, directory: str, inside: tuple[str, ...], resources: list[Resource]
    ) -> None:
        """Add what one entry of `resources` brings."""
        if any(mark in path for mark in _REMOTE):
            raise UnsupportedError(
                f"{directory or '.'}: resources: remote base {bounded(path, 120)} is not supported",
                hint="vendor it into the repository",
            )
        where, shown = join(directory, path), bounded(path, 300)
        kind = self.view.kind(where)
        if kind == "dir":
            with faults.accumulating(shown, where, directory=True):
                new = self.directory(where, inside)
                with told(f"recursed merging from path '{at(where)}': "):
                    _append(resources, new)
            return
        if not kind:
            hint = f"the kustomization of {directory or '.'} names it"
            raise faults.no_such(self.view, shown, where, hint)
        with faults.accumulating(shown, where, directory=False):
            self.files.permit(where, directory)
        objects = self._objects(where, shown)
        with faults.accumulating(shown, where, directory=False):
            for obj in objects:
                check(obj, where)
            _append([], [Resource(obj) for obj in objects])
        with faults.merging(shown, where):
            _append(resources, [Resource(obj) for obj in objects])

    def _objects(self, where: str, shown: str) -> list[Obj]:
        try:
            documents = yamldoc.load_all(self.view.read(where), words=False)
        except YamlError as fault:
            raise RenderError(
                f"{where}: {fault.message}", said=faults.malformed(fault, shown)
            ) from fault
        for one in documents:
            if not isinstance(one, dict):
                with faults.accumulating(shown, where, directory=False):
                    raise RenderError(
                        f"{where}: a manifest must be a mapping", said="missing Resource metadata"
                    )
        return [obj for one in documents for obj in yamldoc.expand_list(one)]

    def _component(
        self, path: str, directory: str, inside: tuple[str, ...], resources: list[Resource]
    ) -> None:
        """A component changes what its user has accumulated so far."""
        if any(mark in path for mark in _REMOTE):
            raise UnsupportedError(f"{directory or '.'}: components: remote {bounded(path, 120)}")
        where = join(directory, path)
        if self.view.kind(where) != "dir":
            if self.options.ignore_missing_components and path in self.options.components:
                return
            why = f"must build at directory: not a valid directory: {faults.lost(self.view, where)}"
            raise RenderError(
                f"{directory or '.'}: components: {bounded(path, 120)}: no such directory",
                said=f'accumulating components: loader.New "{why}"',
            )
        self._no_circle(where, inside)
        with told('accumulating components: accumulateDirectory: "', '"'):
            with told(f"couldn't make target for path '{at(where)}': "):
                component = kustfile.load(self.view, where)
            found = component.get("kind") or "Kustomization"
            if found != "Component":
                raise RenderError(
                    f"{where or '.'}: expected kind Component, it is a {found}",
                    hint="components go under components, kustomizations under resources",
                    said=f"expected kind 'Component' for path '{at(where)}' but got '{found}'",
                )
            with told(f"recursed accumulation of path '{at(where)}': "):
                self._accumulate(component, where, inside, resources)

    def _generate(self, kustomization: Obj, directory: str, resources: list[Resource]) -> None:
        defaults = kustomization.get("generatorOptions", {})
        for field, kind in (("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")):
            for entry in kustomization.get(field, []):
                made, behavior = generators.generate(
                    self.files, directory, entry, defaults, kind=kind
                )
                _absorb(resources, made, behavior)

    def _transform(self, kustomization: Obj, directory: str, resources: list[Resource]) -> None:
        where = directory or "."
        for patch in self._patches(kustomization, directory):
            patches.apply(patch, resources)
        if kustomization.get("namespace"):
            names.set_namespace(resources, kustomization["namespace"])
        prefix, suffix = text(kustomization, "namePrefix"), text(kustomization, "nameSuffix")
        if prefix or suffix:
            names.add_affixes(resources, prefix, suffix)
        transform.labels(resources, kustomization.get("labels", []), where)
        if kustomization.get("commonLabels"):
            transform.common_labels(resources, kustomization["commonLabels"])
        if kustomization.get("commonAnnotations"):
            transform.common_annotations(resources, kustomization["commonAnnotations"])
        for patch in self._json_patches(kustomization, directory):
            patches.apply(patch, resources)
        transform.replicas(resources, kustomization.get("replicas", []), where)
        transform.images(resources, kustomization.get("images", []), where)
        for entry in kustomization.get("replacements", []):
            for replacement in self._replacement(entry, directory):
                replacements.apply(replacement, resources, where)

    def _patches(self, kustomization: Obj, directory: str) -> list[patches.Patch]:
        found = []
        for entry in kustomization.get("patchesStrategicMerge", []):
            if not isinstance(entry, str):
                raise RenderError(
                    f"{directory or '.'}: patchesStrategicMerge: an entry is not a string"
                )
            inline = "\n" in entry or entry.lstrip().startswith("{")
            text_, where = (
                (entry, f"{directory or '.'}: patchesStrategicMerge")
                if inline
                else self.files.read(entry, directory)
            )
            found.append(patches.parse(text_, where, None))
        for entry in kustomization.get("patches", []):
            one = self._patch(entry, directory, "patches")
            found.append(replace(one, legacy=False))
        return found

    def _json_patches(self, kustomization: Obj, directory: str) -> list[patches.Patch]:
        return [
            self._patch(entry, directory, "patchesJson6902")
            for entry in kustomization.get("patchesJson6902", [])
        ]

    def _patch(self, entry: Any, directory: str, field: str) -> patches.Patch:
        where = f"{directory or '.'}: {field}"
        if not isinstance(entry, dict):
            raise RenderError(
                f"{where}: an entry is not a mapping",
                hint="use patch: or path:",
                said=kustfile.mistyped(field, entry, "types.Patch"),
            )
        unknown = sorted(set(entry) - {"path", "patch", "target", "options"})
        if unknown:
            said = f'json: unknown field "{bounded(unknown[0], 60)}"'
            raise RenderError(f"{where}: {said}", said=f"invalid Kustomization: {said}")
        with told(faults.configuring(entry)):
            return self._parsed_patch(entry, directory, where)

    def _parsed_patch(self, entry: Obj, directory: str, where: str) -> patches.Patch:
        path, inline = text(entry, "path"), text(entry, "patch")
        if bool(path) == bool(inline):
            why = (
                "patch and path can't be set at the same time"
                if path
                else "must specify one of patch and path in"
            )
            raise RenderError(
                f"{where}: specify either patch or path, and only one of them",
                said=f"{why}\n{yamldoc.dump(entry).rstrip()}",
            )
        target = selector(entry["target"], where) if entry.get("target") else None
        if not path:
            return patches.parse(inline, where, target, entry.get("options"))
        with told(f"failed to get the patch file from path({path}): "):
            body, named = self.files.read(path, directory)
        return patches.parse(body, named, target, entry.get("options"), path=path)

    def _replacement(self, entry: Any, directory: str) -> list[Obj]:
        """An entry, or those of the file that it names."""
        if isinstance(entry, dict) and entry.get("path"):
            body, where = self.files.read(str(entry["path"]), directory)
            try:
                loaded = yamldoc.load(body)
            except YamlError as fault:
                raise RenderError(f"{where}: {fault.message}") from fault
            entries = loaded if isinstance(loaded, list) else [loaded]
        else:
            entries = [entry]
        if not all(isinstance(one, dict) for one in entries):
            raise RenderError(f"{directory or '.'}: replacements: an entry is not a mapping")
        return entries


def _paths(kustomization: Obj, field: str, directory: str) -> list[str]:
    values = kustomization.get(field, [])
    if not all(isinstance(value, str) and value for value in values):
        raise RenderError(f"{directory or '.'}: {field}: an entry is not a path")
    return list(values)


def _mark(resource: Resource) -> tuple[str, ...]:
    identity = resource.id
    return (identity.group, identity.version, identity.kind, identity.name, identity.place)


def _append(resources: list[Resource], new: list[Resource]) -> None:
    """Add resources. Raises RenderError for an id that is there already."""
    there = {_mark(resource) for resource in resources}
    for resource in new:
        if _mark(resource) in there:
            text_ = f"may not add resource with an already registered id: {resource.id}"
            raise RenderError(text_, hint="two files define it", said=text_)
        there.add(_mark(resource))
        resources.append(resource)


def _absorb(resources: list[Resource], made: Resource, behavior: str) -> None:
    wanted = made.id
    matching = [
        r
        for r in resources
        if any(
            (one.kind, one.name, one.group) == (wanted.kind, wanted.name, wanted.group)
            and one.place == wanted.place
            for one in r.ids()
        )
    ]
    if behavior not in ("merge", "replace"):
        if matching:
            raise RenderError(
                f"may not add resource with an already registered id: {wanted}",
                hint="use behavior: merge or replace",
            )
        resources.append(made)
        return
    if len(matching) != 1:
        raise RenderError(f"id {wanted} does not exist; cannot merge or replace")
    generators.combine(matching[0], made, behavior)
