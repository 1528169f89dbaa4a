"""Directories and files of the git generator, and the parameters of a path (`generators/git.go`).

Directories are matched as `path.Match` does; files as `git ls-files` matches its pathspecs, which
is what Argo CD does unless its new globbing is switched on: `*` crosses a slash there.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

from opsconsole.argo.cd.appset.errors import GenerateError
from opsconsole.argo.cd.appset.rendering import sanitized
from opsconsole.argo.golang.values import Strings
from opsconsole.errors import YamlError
from opsconsole.model import yamldoc
from opsconsole.model.objects import Object, flag, text


class GitTree(Protocol):
    def paths(self) -> Sequence[str]:
        """All files, sorted, relative to the root."""
        ...

    def read(self, path: str) -> bytes: ...


_NEVER = re.compile(r"(?!)")


def _bracket(glob: str, at: int, negations: str) -> tuple[str, int] | None:
    """`[a-z]` at a place as a regular expression, and where it ends; None when it does not."""
    end = at + 1
    negated = glob[end : end + 1] in tuple(negations) and end < len(glob)
    end += negated
    start = end
    while end < len(glob) and (glob[end] != "]" or end == start):
        end += 2 if glob[end] == "\\" else 1
    if end >= len(glob):
        return None
    body = re.sub(r"\\(.)", r"\1", glob[start:end])
    escaped = re.sub(r"([\\\]\[^&~|])", r"\\\1", body)
    return f"[{'^' if negated else ''}{escaped}]", end + 1


@lru_cache(maxsize=512)
def _pattern(glob: str, *, crossing: bool) -> re.Pattern[str]:
    """`crossing`: wildcards match a slash too (`git ls-files`); else as `path.Match`."""
    any_char = "." if crossing else "[^/]"
    out, at = "", 0
    while at < len(glob):
        char = glob[at]
        at += 1
        if char == "*":
            out += f"{any_char}*"
        elif char == "?":
            out += any_char
        elif char == "[":
            found = _bracket(glob, at - 1, "^!" if crossing else "^")
            if found is None:
                return _NEVER
            out, at = out + (found[0] if crossing else f"(?!/){found[0]}"), found[1]
        elif char == "\\":
            if at >= len(glob):
                return _NEVER
            out, at = out + re.escape(glob[at]), at + 1
        else:
            out += re.escape(char)
    try:
        return re.compile(re.sub(r"(\.\*)+", ".*", out), re.DOTALL)
    except re.error:
        return _NEVER


def _matches_directory(glob: str, path: str) -> bool:
    return _pattern(glob, crossing=False).fullmatch(path) is not None


def _matches_file(glob: str, path: str) -> bool:
    """A pathspec: the file itself, a directory above it, or a glob."""
    place = glob.rstrip("/")
    if not place or path == glob or path.startswith(f"{place}/"):
        return True
    return _pattern(glob, crossing=True).fullmatch(path) is not None


def directories(tree: GitTree, rules: Sequence[Object]) -> list[str]:
    """Directories, none of them hidden or below a hidden one; an exclude wins."""
    found: dict[str, None] = {}
    for path in tree.paths():
        place = posixpath.dirname(path)
        while place and place not in found:
            found[place] = None
            place = posixpath.dirname(place)
    shown = [p for p in found if not any(part.startswith(".") for part in p.split("/"))]

    def hit(path: str, *, exclude: bool) -> bool:
        return any(
            flag(rule, "exclude") is exclude and _matches_directory(text(rule, "path"), path)
            for rule in rules
        )

    chosen = [p for p in shown if hit(p, exclude=False) and not hit(p, exclude=True)]
    return sorted(chosen, key=lambda path: path.split("/"))


def files(tree: GitTree, rules: Sequence[Object]) -> list[str]:
    """Files by name, those of an exclude left out."""

    def found(*, exclude: bool) -> Iterable[str]:
        globs = [text(rule, "path") for rule in rules if flag(rule, "exclude") is exclude]
        return (p for p in tree.paths() if any(_matches_file(glob, p) for glob in globs))

    return sorted(set(found(exclude=False)) - set(found(exclude=True)))


def content(tree: GitTree, path: str) -> list[dict[str, Any]]:
    """The objects in a file: one, or a list of them. Raises GenerateError naming the file."""
    prefix = f"unable to process file '{path}': unable to parse file: "
    try:
        loaded = yamldoc.load(tree.read(path), strict=False)
    except YamlError as fault:
        raise GenerateError(
            f"{prefix}error converting YAML to JSON: yaml: {fault.message}"
        ) from fault
    if loaded is None:
        return [{}]
    found = loaded if isinstance(loaded, list) else [loaded]
    for one in found:
        if not isinstance(one, Mapping | None):
            kind = "string" if isinstance(one, str) else "number"
            kind = "bool" if isinstance(one, bool) else kind
            wanted = "map[string]interface {}" if loaded is found else "[]map[string]interface {}"
            raise GenerateError(
                f"{prefix}error unmarshaling JSON: while decoding JSON: json: cannot unmarshal "
                f"{'array' if isinstance(one, list) else kind} into Go value of type {wanted}"
            )
    return [dict(one or {}) for one in found]


def path_params(path: str, prefix: str, *, go: bool) -> dict[str, Any]:
    """`path`, `path.basename`, `path.basenameNormalized`, `path[n]`; nested for Go templates."""
    base, parts = posixpath.basename(path), path.split("/")
    if go:
        nested: dict[str, Any] = {
            "path": path,
            "basename": base,
            "basenameNormalized": sanitized(base),
            "segments": Strings(parts),
        }
        return {prefix: {"path": nested}} if prefix else {"path": nested}
    name = f"{prefix}.path" if prefix else "path"
    found: dict[str, Any] = {
        name: path,
        f"{name}.basename": base,
        f"{name}.basenameNormalized": sanitized(base),
    }
    return found | {f"{name}[{i}]": part for i, part in enumerate(parts) if part}


def file_params(path: str, prefix: str, *, go: bool) -> dict[str, Any]:
    """The parameters of the file's directory, and the file's name."""
    place, name = posixpath.dirname(path) or ".", posixpath.basename(path)
    found = path_params(place, prefix, go=go)
    if go:
        inner = found[prefix]["path"] if prefix else found["path"]
        inner |= {"filename": name, "filenameNormalized": sanitized(name)}
        return found
    key = f"{prefix}.path" if prefix else "path"
    return found | {f"{key}.filename": name, f"{key}.filenameNormalized": sanitized(name)}
