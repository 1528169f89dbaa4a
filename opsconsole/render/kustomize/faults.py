"""What the real kustomize says when it refuses a tree.

Separate because its sentences nest with the directories that accumulate one another. Our own
message names a file and what to do; `RenderError.said` is the program's text (kustomize 5),
which Argo CD puts into conditions.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opsconsole.errors import RenderError
from opsconsole.model import yamldoc
from opsconsole.model.yamldoc import DocumentError
from opsconsole.render.trees import View

ROOT = "<path to cached source>"
"""How the repo server writes the directory of its checkout."""


def at(path: str) -> str:
    """A path of the tree as the program sees it."""
    return f"{ROOT}/{path}" if path else ROOT


def lost(view: View, path: str) -> str:
    """A file or directory that is not there: the first part of the way that is missing is named."""
    parts = path.split("/")
    gone = next(
        (
            "/".join(parts[:count])
            for count in range(1, len(parts) + 1)
            if not view.kind("/".join(parts[:count]))
        ),
        path,
    )
    return f"evalsymlink failure on '{at(path)}' : lstat {at(gone)}: no such file or directory"


def within(directory: str, path: str) -> bool:
    return not directory or path == directory or path.startswith(f"{directory}/")


def insecure(directory: str, path: str) -> str:
    """A file that only `--load-restrictor LoadRestrictionsNone` would read."""
    return f"security; file '{at(path)}' is not in or below '{at(directory)}'"


def yaml_text(fault: Exception) -> str:
    """The sentence of yaml.v3 for a document that does not parse."""
    return fault.go3 if isinstance(fault, DocumentError) else str(fault)


@contextmanager
def told(before: str, after: str = "") -> Iterator[None]:
    """Whatever is refused inside is told with these words around it."""
    try:
        yield
    except RenderError as fault:
        if not fault.said:
            raise
        nested = copy.copy(fault)
        nested.said = f"{before}{fault.said}{after}"
        raise nested from fault


@contextmanager
def accumulating(path: str, where: str, *, directory: bool) -> Iterator[None]:
    """Around one entry of `resources`."""
    before = f"accumulating resources: accumulation err='accumulating resources from '{path}': "
    if directory:
        with told(f"{before}'{at(where)}' must resolve to a file': "):
            yield
        return
    with told(before, f"': must build at directory: '{at(where)}': file is not directory"):
        yield


@contextmanager
def merging(path: str, where: str) -> Iterator[None]:
    """Around putting the resources of a file to the others."""
    with told(
        f"accumulating resources: accumulation err='merging resources from '{path}': ",
        f"': must build at directory: '{at(where)}': file is not directory",
    ):
        yield


def malformed(fault: Exception, path: str) -> str:
    """A resource file that does not parse."""
    text = yaml_text(fault)
    if "unmarshal errors" in text:
        return f"map[string]interface {{}}(nil): {text}"
    return (
        f"accumulating resources: accumulating resources from '{path}': "
        f"MalformedYAMLError: {text} in File: {path}"
    )


def configuring(entry: Mapping[str, object]) -> str:
    """Before what is wrong with an entry of `patches`."""
    shown = yamldoc.dump(dict(sorted(entry.items())))
    return f"trouble configuring builtin PatchTransformer with config: `\n{shown}`: "


def no_such(view: View, path: str, where: str, hint: str) -> RenderError:
    """An entry of `resources` that is not there."""
    why = lost(view, where)
    return RenderError(
        f"accumulating resources from '{path}': no such file or directory",
        hint=hint,
        said=f"accumulating resources: accumulation err='accumulating resources from '{path}': {why}'"
        f": must build at directory: not a valid directory: {why}",
    )


def metadata_missing(what: str, obj: dict[str, object], where: str) -> RenderError:
    """A resource without kind or name; the program prints its metadata as Go does."""
    meta = obj.get("metadata")
    held = meta if isinstance(meta, dict) else {}

    def go_map(name: str) -> str:
        values = held.get(name)
        pairs = values.items() if isinstance(values, dict) else ()
        return "map[" + " ".join(f"{key}:{value}" for key, value in sorted(pairs)) + "]"

    types = f"{{{obj.get('apiVersion') or ''} {obj.get('kind') or ''}}}"
    names = f"{{{held.get('name') or ''} {held.get('namespace') or ''}}}"
    shown = f"{{{types} {{{names} {go_map('labels')} {go_map('annotations')}}}}}"
    kind = obj.get("kind") or "object"
    return RenderError(
        f"{where}: missing {what} in {'object' if what == 'kind' else f'object {kind}'}",
        said=f"missing {what} in object {shown}",
    )
