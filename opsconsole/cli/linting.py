"""`lint`: what is to be looked at, and what the exit status says. Separate from the pure rules."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from opsconsole.argo.lint import ALL_RULES, RULES, Finding, Placed, Scope, check_one
from opsconsole.argo.lint.findings import ERROR, NOTE, SEVERITIES, WARNING
from opsconsole.cli.lintfiles import Files, Read, ignored, parse, unreadable
from opsconsole.cli.lintout import as_json, as_sarif, as_text
from opsconsole.cli.lintsets import Builder
from opsconsole.cli.options import Options, Parser
from opsconsole.errors import UsageError
from opsconsole.render.trees import MAX_FILE, DirectoryTree, Tree

OPEN_RULES = tuple(rule for rule in RULES if rule.id in ("plaintext-secret", "private-key"))
"""What is looked for in files that are sources of a kustomization."""


def lint(_: Options, words: list[str]) -> int:
    """0 without findings of the level asked for, 1 with, 2 on wrong use."""
    known = _parser().parse_args(words[1:])
    if bool(known.filename) == bool(known.path):
        raise UsageError("lint takes PATHs or -f FILE", hint="see opsconsole lint --help")
    if known.revision and (known.filename or len(known.path) != 1):
        raise UsageError("--revision takes one PATH, a git repository")
    unknown = sorted(set(known.ignore) - {rule.id for rule in ALL_RULES})
    if unknown:
        raise UsageError(f"--ignore: no rule {unknown[0]}", hint="docs/lint.md lists the rules")
    found = _found(known)
    found = [one for one in found if one.rule not in known.ignore]
    print({"text": as_text, "json": as_json, "sarif": as_sarif}[known.output](found))
    if known.fail_on == "never":
        return 0
    least = SEVERITIES.index(known.fail_on)
    return 1 if any(SEVERITIES.index(one.severity) >= least for one in found) else 0


def _parser() -> Parser:
    parser = Parser(prog="opsconsole lint", allow_abbrev=False)
    parser.add_argument(
        "-f", "--filename", action="append", default=[], metavar="FILE",
        help="a file by itself, - for stdin; several together are one set",
    )  # fmt: skip
    parser.add_argument("path", nargs="*", default=[], help="a file or a directory")
    parser.add_argument("-o", "--output", choices=("text", "json", "sarif"), default="text")
    parser.add_argument(
        "--fail-on", choices=(ERROR, WARNING, NOTE, "never"), default=WARNING,
        help="the mildest finding that makes the exit status 1",
    )  # fmt: skip
    parser.add_argument(
        "--ignore", action="append", default=[], metavar="RULE", help="leave a rule out"
    )
    parser.add_argument(
        "--exclude", action="append", default=[], metavar="GLOB", help="leave out paths below PATH"
    )
    parser.add_argument(
        "--revision", default="", metavar="REV", help="PATH as it is at a commit, branch or tag"
    )
    return parser


def _found(known: Any) -> list[Finding]:
    if known.filename:
        return lint_files(known.filename)
    places = [Path(place) for place in known.path]
    for place in places:
        if not place.exists():
            raise UsageError(f"there is no {place}", hint="give a file or a directory")
    if known.revision:
        return _at_revision(places[0], known.revision, known.exclude)
    folders = [place for place in places if place.is_dir()]
    found = lint_files([str(p) for p in places if not p.is_dir()]) if folders != places else []
    for folder in folders:
        inner = lint_tree(DirectoryTree(folder), known.exclude)
        found += inner if len(places) == 1 else [_below(folder, one) for one in inner]
    return found


def _below(folder: Path, one: Finding) -> Finding:
    """With its path as seen from where the command was given."""
    from dataclasses import replace

    return replace(one, file=(folder / one.file).as_posix())


def _at_revision(place: Path, revision: str, exclude: Sequence[str]) -> list[Finding]:
    from opsconsole.repos.repository import Repository

    folder = place / ".git" if (place / ".git").is_dir() else place
    repository = Repository(folder, name=str(place))
    try:
        tree = repository.tree(repository.resolve(revision))
        return lint_tree(tree, exclude)
    finally:
        repository.close()


def lint_path(place: Path) -> list[Finding]:
    """A directory as a repository, or one file by itself."""
    return lint_tree(DirectoryTree(place)) if place.is_dir() else lint_files([str(place)])


def lint_tree(tree: Tree, exclude: Sequence[str] = ()) -> list[Finding]:
    """The findings of a tree, in order of files and lines."""
    sets = Builder(Files(tree, exclude)).build()
    found = list(sets.findings)
    for scope in sets.scopes:
        found += _checked(scope)
    around = Scope(sets.hidden)
    for one in sets.hidden:
        found += _kept(one, check_one(one, around, OPEN_RULES))
    return ordered(found)


def lint_files(names: Sequence[str]) -> list[Finding]:
    """Files by themselves: one set that may be a part of a larger one. `-` is stdin."""
    placed: list[Placed] = []
    found: list[Finding] = []
    for name in names:
        read = _read(name)
        placed += read.placed
        found += read.findings
    return ordered(found + _checked(Scope(placed, complete=False)))


def _read(name: str) -> Read:
    if name == "-":
        return parse("stdin", sys.stdin.buffer.read(MAX_FILE + 1))
    place = Path(name)
    if not place.is_file():
        raise UsageError(f"there is no file {place}")
    try:
        if place.stat().st_size > MAX_FILE:
            return Read(findings=[unreadable(_shown(place), f"more than {MAX_FILE} bytes long")])
        return parse(_shown(place), place.read_bytes())
    except OSError as fault:
        return Read(findings=[unreadable(_shown(place), fault.strerror or "cannot be read")])


def _shown(place: Path) -> str:
    """A path that may stand in a report: relative as given, of an absolute one the name."""
    return place.name if place.is_absolute() else place.as_posix()


def _checked(scope: Scope) -> list[Finding]:
    found: list[Finding] = []
    for one in scope.own.placed:
        found += _kept(one, check_one(one, scope))
    return found


def _kept(one: Placed, found: list[Finding]) -> list[Finding]:
    off = ignored(one) if found else frozenset()
    return [finding for finding in found if finding.rule not in off]


def ordered(found: list[Finding]) -> list[Finding]:
    """Without repeats (a base that several overlays use), by file and line."""
    return sorted(dict.fromkeys(found), key=lambda f: (f.file, f.line, f.rule, f.message))


__all__ = ["as_json", "as_sarif", "as_text", "lint", "lint_files", "lint_path"]
