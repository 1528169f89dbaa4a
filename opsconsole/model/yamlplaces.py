"""Where a field stands in a YAML text: the line that a finding points at.

Separate from `yamldoc`, which reads values and forgets places: only what is reported is looked up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import yaml

Path = tuple[str | int, ...]

_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PART = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def parse_path(path: str) -> Path:
    """`spec.steps[0].pause` → ("spec", "steps", 0, "pause")."""
    return tuple(int(index) if index else name for name, index in _PART.findall(path))


def places(text: str, paths: Sequence[Path]) -> list[tuple[int, int]]:
    """(how many parts of the path are there, line of the last of them) for each path.

    Lines count from 1 at the start of `text`, of which the first document is read; (0, 1) for
    nothing, also where the text is no YAML.
    """
    try:
        root = yaml.compose(text, Loader=_PARSER)
    except (yaml.YAMLError, RecursionError, ValueError):
        root = None
    return [_place(root, path) for path in paths]


def _place(root: Any, path: Path) -> tuple[int, int]:
    depth, line, node = 0, 1, root
    if root is not None:
        line = root.start_mark.line + 1
    for part in path:
        found = _step(node, part)
        if found is None:
            break
        mark, node = found
        depth, line = depth + 1, mark.line + 1
    return depth, line


def _step(node: Any, part: str | int) -> tuple[Any, Any] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == part:
                return key.start_mark, value
    elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark, node.value[part]
    return None
