"""Helm charts, rendered by the `helm` program (3 or 4) on a copy of the tree.

Separate because it is the one source type that we never render ourselves. Only files of the
tree are there for it; charts that need repositories of others must have them vendored.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from opsconsole.errors import RenderError, UnsupportedError, YamlError, bounded
from opsconsole.model import yamldoc
from opsconsole.render.binary import Program, checkout, find_program
from opsconsole.render.kustomize.faults import ROOT
from opsconsole.render.options import RenderOptions, substituted
from opsconsole.render.trees import View, join

VALUES = "values.yaml"
"""`helm.values`, beside the tree."""

_API_VERSIONS = re.compile(r"(?:--api-versions \S+ )+")


def render(view: View, path: str, options: RenderOptions) -> list[dict[str, Any]]:
    """Raises RenderError with Helm's own words; UnsupportedError when there is no helm."""
    helm = find_program("helm", options.binary)
    if helm is None:
        raise UnsupportedError(
            f"{path or '.'}: a Helm chart, and there is no helm program",
            hint="install helm 3 or 4, or commit the rendered manifests",
        )
    with checkout(view, _needed(view, path, options)) as root:
        chart = root / path
        _need_dependencies(chart)
        (root.parent / VALUES).write_text(options.helm.values)
        arguments = _arguments(view, root, path, options)
        try:
            text = helm.run(arguments, chart)
        except RenderError as fault:
            raise _told(fault, arguments, root) from fault
    try:
        return yamldoc.load_manifests(text, strict=False)
    except YamlError as fault:
        raise RenderError(f"{path or '.'}: helm's output: {fault.message}") from fault


def _told(fault: RenderError, arguments: list[str], root: Path) -> RenderError:
    """The fault with the command as Argo CD shows it (`helm/cmd.go`), without paths of this machine."""
    # another source (`$name`) is a place of its own there
    place = re.compile(re.escape(str(root)) + r"(/\$[\w-]+)?")
    shown = _API_VERSIONS.sub("<api versions removed> ", " ".join(["helm", *arguments]))
    message, command, said = (place.sub(ROOT, part) for part in (fault.message, shown, fault.said))
    return RenderError(message, said=said, command=command)


def version(binary: str = "auto") -> str:
    """Which Helm is used ("v4.1.4"), empty when there is none."""
    helm: Program | None = find_program("helm", binary)
    if helm is None:
        return ""
    return helm.run(["version", "--template", "{{.Version}}"], Path("/")).decode().strip()


def _needed(view: View, path: str, options: RenderOptions) -> list[str]:
    wanted = [path]
    for name in (*options.helm.value_files, *(p for _, p in options.helm.file_parameters)):
        where = _resolved(view, path, name, options)
        if view.kind(where) == "file":
            wanted.append(where)
    return wanted


def _resolved(view: View, path: str, name: str, options: RenderOptions) -> str:
    """The place of a values file: `$name/…` in another source, `/…` from the root (`resolved.go`)."""
    head, _, rest = name.partition("/")
    environment = dict(options.environment)
    if head.startswith("$") and view.kind(head) == "dir":
        return posixpath.join(head, join("", substituted(rest, environment)))
    name = substituted(name, environment)
    if "://" in name:
        raise UnsupportedError(f"valueFiles: {bounded(name, 100)}: remote files are not read")
    return join("", name.lstrip("/")) if name.startswith("/") else join(path, name)


def _need_dependencies(chart: Path) -> None:
    """Argo CD would fetch missing dependencies from their repositories; nothing is fetched here."""
    described = yamldoc.load((chart / "Chart.yaml").read_bytes(), strict=False)
    if not isinstance(described, dict):
        raise RenderError("Chart.yaml: not a mapping")
    for dependency in described.get("dependencies") or []:
        name = str(dependency.get("name", "")) if isinstance(dependency, dict) else ""
        vendored = chart / "charts"
        if "/" not in name and not any(vendored.glob(f"{name}*")):
            raise UnsupportedError(
                f"Chart.yaml: dependency {bounded(name, 60)} is not in charts/",
                hint="vendor it with helm dependency build",
            )


def _arguments(view: View, root: Path, path: str, options: RenderOptions) -> list[str]:
    helm, environment = options.helm, dict(options.environment)
    arguments = [
        "template",
        ".",
        "--name-template",
        helm.release_name or options.app_name or "release",
    ]
    if helm.namespace or options.namespace:
        arguments += ["--namespace", helm.namespace or options.namespace]
    if kube_version := helm.kube_version or options.kube_version:
        arguments += ["--kube-version", kube_version]
    for name, value, as_string in helm.parameters:
        arguments += [
            "--set-string" if as_string else "--set",
            f"{name}={_escaped(substituted(value, environment))}",
        ]
    for name, file in helm.file_parameters:
        arguments += ["--set-file", f"{name}={root / _resolved(view, path, file, options)}"]
    for file in helm.value_files:
        place = root / _resolved(view, path, file, options)
        # a file that is not there is named by Helm itself
        if place.exists() or not helm.ignore_missing_value_files:
            arguments += ["--values", str(place)]
    if helm.values:
        arguments += ["--values", str(root.parent / VALUES)]
    for one in helm.api_versions or options.api_versions:
        arguments += ["--api-versions", one]
    arguments += list(_switches(options))
    return arguments


def _switches(options: RenderOptions) -> Iterator[str]:
    if not options.helm.skip_crds:
        yield "--include-crds"
    if options.helm.skip_schema_validation:
        yield "--skip-schema-validation"
    if options.helm.skip_tests:
        yield "--skip-tests"


def _escaped(value: str) -> str:
    """Commas are data: Argo CD escapes those that are not yet."""
    return re.sub(r"(?<!\\),", r"\\,", value)
