"""Directories and files of the git generator, and the parameters of a path (`generators/git.go`)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

from opsconsole.argo.cd.appset.errors import GenerateError
from opsconsole.argo.cd.appset.rendering import sanitized
from opsconsole.errors import YamlError
from opsconsole.model import yamldoc
from opsconsole.model.objects import Object, flag, text


class GitTree(Protocol):
    def paths(self) -> Sequence[str]:
        """All files, sorted, relative to the root."""
        ...

    def read(self, path: str) -> bytes: ...


@lru_cache(maxsize=512)
def _pattern(glob: str) -> re.Pattern[str]:
    """`*` and `?` stop at a slash, `**` does not, `[...]` and `{a,b}` as usual."""
    out, at, depth = "", 0, 0
    while at < len(glob):
        char = glob[at]
        if glob.startswith("**/", at):
            out, at = out + "(?:.*/)?", at + 3
            continue
        if glob.startswith("**", at):
            out, at = out + ".*", at + 2
            continue
        if char == "[" and "]" in glob[at + 1 :]:
            end = glob.index("]", at + 1)
            body = glob[at + 1 : end].replace("\\", "\\\\")
            out += "[" + ("^" + body[1:] if body[:1] in ("!", "^") else body) + "]"
            at = end + 1
            continue
        if char == "{":
            out, depth = out + "(?:", depth + 1
        elif char == "}" and depth:
            out, depth = out + ")", depth - 1
        elif char == "," and depth:
            out += "|"
        else:
            out += {"*": "[^/]*", "?": "[^/]"}.get(char, re.escape(char))
        at += 1
    return re.compile(out + ")" * depth, re.DOTALL)


def _chosen(candidates: Iterable[str], rules: Sequence[Object]) -> list[str]:
    """Those that a rule includes and none excludes, sorted."""

    def hit(path: str, *, exclude: bool) -> bool:
        return any(
            flag(rule, "exclude") is exclude and _pattern(text(rule, "path")).fullmatch(path)
            for rule in rules
        )

    return sorted(p for p in candidates if hit(p, exclude=False) and not hit(p, exclude=True))


def directories(tree: GitTree, rules: Sequence[Object]) -> list[str]:
    """Directories, none of them hidden or below a hidden one."""
    found: dict[str, None] = {}
    for path in tree.paths():
        place = posixpath.dirname(path)
        while place:
            found[place] = None
            place = posixpath.dirname(place)
    shown = [p for p in found if not any(part.startswith(".") for part in p.split("/"))]
    return _chosen(shown, rules)


def files(tree: GitTree, rules: Sequence[Object]) -> list[str]:
    return _chosen(tree.paths(), rules)


def content(tree: GitTree, path: str) -> list[dict[str, Any]]:
    """The objects in a file: one, or a list of them. Raises GenerateError naming the file."""
    try:
        loaded = yamldoc.load(tree.read(path))
    except YamlError as fault:
        raise GenerateError(
            f"unable to process file '{path}': unable to parse file: {fault.message}"
        ) from fault
    if loaded is None:
        return [{}]
    found = loaded if isinstance(loaded, list) else [loaded]
    if not all(isinstance(one, Mapping) for one in found):
        raise GenerateError(f"unable to process file '{path}': unable to parse file: not an object")
    return [dict(one) for one in found]


def path_params(path: str, prefix: str, *, go: bool) -> dict[str, Any]:
    """`path`, `path.basename`, `path.basenameNormalized`, `path[n]`; nested for Go templates."""
    base, parts = posixpath.basename(path), path.split("/")
    if go:
        nested: dict[str, Any] = {
            "path": path,
            "basename": base,
            "basenameNormalized": sanitized(base),
            "segments": parts,
        }
        return {prefix: {"path": nested}} if prefix else {"path": nested}
    name = f"{prefix}.path" if prefix else "path"
    found: dict[str, Any] = {
        name: path,
        f"{name}.basename": base,
        f"{name}.basenameNormalized": sanitized(base),
    }
    return found | {f"{name}[{i}]": part for i, part in enumerate(parts)}


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
