"""`lint`: reads files and kustomizations below a path, prints findings. Separate from the pure rules."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from opsconsole.argo.lint import RULES, UNREADABLE, UNREADABLE_TOLD, check
from opsconsole.argo.lint.findings import ERROR, Finding, Placed
from opsconsole.cli.options import Options, Parser
from opsconsole.errors import OpsError, UsageError
from opsconsole.model import yamldoc
from opsconsole.render.kustomize.kustfile import NAMES
from opsconsole.render.options import RenderOptions
from opsconsole.render.renderer import render
from opsconsole.render.trees import DirectoryTree, View

HOMES = (*NAMES, "Chart.yaml")
"""Files that make a directory one source for Argo CD."""


def lint(_: Options, words: list[str]) -> int:
    """0 without findings, 1 with."""
    parser = Parser(prog="opsconsole lint", allow_abbrev=False)
    parser.add_argument("-f", "--filename", default="", metavar="FILE", help="one file")
    parser.add_argument("path", nargs="?", default="", help="a file or a directory")
    parser.add_argument("-o", "--output", choices=("text", "json", "sarif"), default="text")
    known = parser.parse_args(words[1:])
    if bool(known.filename) == bool(known.path):
        raise UsageError("lint takes a PATH or -f FILE", hint="see opsconsole lint --help")
    place = Path(known.filename or known.path)
    if known.filename and not place.is_file():
        raise UsageError(f"there is no file {place}")
    if not place.exists():
        raise UsageError(f"there is no {place}")
    found = lint_path(place)
    print({"text": as_text, "json": as_json, "sarif": as_sarif}[known.output](found))
    return 1 if found else 0


def lint_path(place: Path) -> list[Finding]:
    """Each kustomization that no other builds on is a set; so are all loose files together."""
    root = place if place.is_dir() else place.parent
    view = View(DirectoryTree(root))
    files = list(_files(root, "")) if place.is_dir() else [place.name]
    homes = {posixpath.dirname(f) for f in files if posixpath.basename(f) in HOMES}
    found: list[Finding] = []
    loose: list[Placed] = []
    for file in files:
        inside = any(home in ("", file) or file.startswith(f"{home}/") for home in homes)
        if not inside:
            loose += _read(view, file, found)
        elif posixpath.basename(file) not in HOMES:
            found += [f for f in check(_read(view, file, [])) if f.rule == "plaintext-secret"]
    found += check(loose)
    for home in sorted(homes):
        found += _overlay(root, home)
    return list(dict.fromkeys(found))


def _files(root: Path, below: str) -> Iterator[str]:
    for one in sorted((root / below).iterdir()):
        name = posixpath.join(below, one.name)
        if one.name.startswith(".") or one.is_symlink():
            continue
        if one.is_dir():
            yield from _files(root, name)
        elif one.suffix in (".yaml", ".yml", ".json"):
            yield name


def _read(view: View, file: str, found: list[Finding]) -> list[Placed]:
    placed: list[Placed] = []
    try:
        data = view.tree.read(file)
        line = 1
        for document in yamldoc.split_documents(data):
            for loaded in yamldoc.load_all(document):
                if isinstance(loaded, dict):
                    placed += [Placed(m, file, line) for m in yamldoc.expand_list(loaded)]
            line += document.count("\n") + 1
    except (OpsError, OSError) as fault:
        found.append(_unreadable(file, fault))
    return [one for one in placed if isinstance(one.manifest.get("kind"), str)]


def _overlay(root: Path, home: str) -> list[Finding]:
    file = next(posixpath.join(home, name) for name in HOMES if (root / home / name).is_file())
    try:
        rendered = render(DirectoryTree(root), home, RenderOptions(binary="helm"))
    except (OpsError, OSError) as fault:
        # a component is no overlay: it is rendered with those that use it
        return (
            []
            if "kind: Component" in (root / file).read_text("utf-8", "replace")
            else [_unreadable(file, fault)]
        )
    return check([Placed(manifest, file) for manifest in rendered])


def _unreadable(file: str, fault: Exception) -> Finding:
    why = fault.message if isinstance(fault, OpsError) else "cannot be read"
    return Finding(UNREADABLE, ERROR, why, "", file, 1, getattr(fault, "hint", ""))


def as_text(found: list[Finding]) -> str:
    lines = []
    for one in found:
        lines.append(
            f"{one.file}:{one.line}: {one.severity}: {one.object}: {one.message} [{one.rule}]"
        )
        if one.hint:
            lines.append(f"    next: {one.hint}")
    return "\n".join([*lines, f"{len(found)} findings"])


def as_json(found: list[Finding]) -> str:
    return json.dumps([asdict(one) for one in found], indent=2)


def as_sarif(found: list[Finding]) -> str:
    """SARIF 2.1.0."""
    told = [(UNREADABLE, UNREADABLE_TOLD), *((rule.id, rule.told) for rule in RULES)]
    driver: dict[str, Any] = {
        "name": "opsconsole",
        "rules": [{"id": name, "shortDescription": {"text": text}} for name, text in told],
    }
    results = [
        {
            "ruleId": one.rule,
            "level": one.severity,
            "message": {"text": f"{one.object}: {one.message}" if one.object else one.message},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": one.file},
                        "region": {"startLine": one.line},
                    }
                }
            ],
        }
        for one in found
    ]
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }
    return json.dumps(log, indent=2)
