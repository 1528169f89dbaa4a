"""What an Application's source says about rendering, as frozen values with a key of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from opsconsole.errors import RenderError
from opsconsole.model.objects import flag, items, mapping, mappings, text

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class DirectoryOptions:
    recurse: bool = False
    include: str = ""
    exclude: str = ""


@dataclass(frozen=True, slots=True)
class KustomizeOptions:
    """Fields of `spec.source.kustomize`; applied to the kustomization file as `kustomize edit` does."""

    name_prefix: str = ""
    name_suffix: str = ""
    namespace: str = ""
    images: tuple[str, ...] = ()
    replicas: Pairs = ()
    common_labels: Pairs = ()
    force_common_labels: bool = False
    label_without_selector: bool = False
    label_include_templates: bool = False
    common_annotations: Pairs = ()
    force_common_annotations: bool = False
    patches: tuple[str, ...] = ()
    """YAML of each patch entry."""

    components: tuple[str, ...] = ()
    ignore_missing_components: bool = False
    load_restrictor: bool = False
    """Files must lie in or below the kustomization that names them: what kustomize does unless
    argocd-cm's `kustomize.buildOptions` say `--load-restrictor LoadRestrictionsNone`."""

    @property
    def changes_anything(self) -> bool:
        return replace(self, load_restrictor=False) != KustomizeOptions()


@dataclass(frozen=True, slots=True)
class HelmOptions:
    release_name: str = ""
    namespace: str = ""
    values: str = ""
    """YAML; `valuesObject` already written out."""

    value_files: tuple[str, ...] = ()
    ignore_missing_value_files: bool = False
    parameters: tuple[tuple[str, str, bool], ...] = ()
    """(name, value, forceString)."""

    file_parameters: Pairs = ()
    skip_crds: bool = False
    skip_tests: bool = False
    skip_schema_validation: bool = False
    kube_version: str = ""
    api_versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """`tool` is the section that the source names, "" to find out. `binary` is auto, never, helm (kustomize
    by ourselves), or a path.

    `environment` is Argo CD's build environment (ARGOCD_APP_NAME…), substituted as `$NAME`.
    `kube_version` ("1.35.0") and `api_versions` ("apps/v1", "apps/v1/Deployment") are those of
    the destination, for Helm's `.Capabilities`; what the source itself gives counts first.
    """

    app_name: str = ""
    namespace: str = ""
    tool: str = ""
    directory: DirectoryOptions = field(default_factory=DirectoryOptions)
    kustomize: KustomizeOptions = field(default_factory=KustomizeOptions)
    helm: HelmOptions = field(default_factory=HelmOptions)
    environment: Pairs = ()
    binary: str = "auto"
    kube_version: str = ""
    api_versions: tuple[str, ...] = ()


def substituted(text: str, environment: Mapping[str, str]) -> str:
    """`$NAME` and `${NAME}` of the build environment; unknown ones are empty, `$$` is a dollar."""
    return _VARIABLE.sub(
        lambda m: "$" if m[1] else environment.get(m[2] or m[3], ""),
        text,
    )


_VARIABLE = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})", re.ASCII)

_TOOLS = ("kustomize", "helm", "directory", "plugin")


def _says_something(source: Mapping[str, Any], section: str) -> bool:
    """A section without any value does not count: Argo CD removes it (`NormalizeSource`)."""
    return any(mapping(source, section).values())


def from_source(
    source: Mapping[str, Any],
    *,
    app_name: str = "",
    namespace: str = "",
    environment: Pairs = (),
    binary: str = "auto",
    load_restrictor: bool = False,
) -> RenderOptions:
    """Options of `spec.source`; `namespace` is the destination's.

    Raises RenderError when the source names several tools, or a plugin.
    """
    from opsconsole.model import yamldoc

    named = [tool for tool in _TOOLS if _says_something(source, tool)]
    if len(named) > 1:
        listed = ",".join(tool.capitalize() for tool in named)
        raise RenderError(
            f"error getting app source type: multiple application sources defined: {listed}",
            hint="keep one of them",
        )
    if named == ["plugin"]:
        raise RenderError("config management plugins are not run here", hint="render elsewhere")
    if _says_something(mapping(source, "directory"), "jsonnet"):
        raise RenderError("directory.jsonnet: jsonnet is not rendered here")
    helm = mapping(source, "helm")
    values = text(helm, "values")
    if mapping(helm, "valuesObject"):
        values = yamldoc.dump(dict(mapping(helm, "valuesObject")))
    return RenderOptions(
        app_name=app_name,
        namespace=namespace,
        tool=named[0] if named else "",
        directory=DirectoryOptions(
            recurse=flag(source, "directory", "recurse"),
            include=text(source, "directory", "include"),
            exclude=text(source, "directory", "exclude"),
        ),
        kustomize=replace(
            _kustomize(mapping(source, "kustomize")), load_restrictor=load_restrictor
        ),
        helm=_helm(helm, values),
        environment=environment,
        binary=binary,
    )


def _kustomize(section: Mapping[str, Any]) -> KustomizeOptions:
    from opsconsole.model import yamldoc

    return KustomizeOptions(
        name_prefix=text(section, "namePrefix"),
        name_suffix=text(section, "nameSuffix"),
        namespace=text(section, "namespace"),
        images=_strings(section, "images"),
        replicas=tuple((text(r, "name"), text(r, "count")) for r in mappings(section, "replicas")),
        common_labels=_pairs(section, "commonLabels"),
        force_common_labels=flag(section, "forceCommonLabels"),
        label_without_selector=flag(section, "labelWithoutSelector"),
        label_include_templates=flag(section, "labelIncludeTemplates"),
        common_annotations=_pairs(section, "commonAnnotations"),
        force_common_annotations=flag(section, "forceCommonAnnotations"),
        patches=tuple(yamldoc.dump(dict(p)) for p in mappings(section, "patches")),
        components=_strings(section, "components"),
        ignore_missing_components=flag(section, "ignoreMissingComponents"),
    )


def _helm(section: Mapping[str, Any], values: str) -> HelmOptions:
    return HelmOptions(
        release_name=text(section, "releaseName"),
        namespace=text(section, "namespace"),
        values=values,
        value_files=_strings(section, "valueFiles"),
        ignore_missing_value_files=flag(section, "ignoreMissingValueFiles"),
        parameters=tuple(
            (text(p, "name"), text(p, "value"), flag(p, "forceString"))
            for p in mappings(section, "parameters")
        ),
        file_parameters=tuple(
            (text(p, "name"), text(p, "path")) for p in mappings(section, "fileParameters")
        ),
        skip_crds=flag(section, "skipCrds"),
        skip_tests=flag(section, "skipTests"),
        skip_schema_validation=flag(section, "skipSchemaValidation"),
        kube_version=text(section, "kubeVersion"),
        api_versions=_strings(section, "apiVersions"),
    )


def _strings(section: Mapping[str, Any], name: str) -> tuple[str, ...]:
    return tuple(str(one) for one in items(section, name))


def _pairs(section: Mapping[str, Any], name: str) -> Pairs:
    return tuple(sorted((str(k), str(v)) for k, v in mapping(section, name).items()))
