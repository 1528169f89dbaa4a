"""What a container printed, as far as its command tells: the words of `echo` and `printf`.

Separate from the subresources because it is a guess about programs that never ran.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping

from opsconsole.model.objects import items, mappings, text
from opsconsole.sandbox.resources import Obj

_SPLIT = re.compile(r"&&|\|\||[;\n|]")
_SCRIPT = 16_384


def printed(pod: Obj, query: Mapping[str, str]) -> str:
    """The log of a pod's container. `query` may say container, tailLines, limitBytes, timestamps."""
    containers = mappings(pod, "spec", "containers")
    wanted = query.get("container", "")
    lines: list[str] = []
    for container in containers:
        if not wanted or container.get("name") == wanted:
            words = [str(w) for w in items(container, "command") + items(container, "args")]
            lines += _lines(words)
    tail = query.get("tailLines", "")
    if tail.isdigit():
        lines = lines[-int(tail) :] if int(tail) else []
    if query.get("timestamps") in ("true", "1"):
        start = text(pod, "status", "startTime")
        lines = [f"{start} {line}" for line in lines]
    whole = "".join(f"{line}\n" for line in lines)
    limit = query.get("limitBytes", "")
    return whole[: int(limit)] if limit.isdigit() else whole


def _lines(words: list[str]) -> Iterator[str]:
    if not words:
        return
    if "-c" in words and words.index("-c") + 1 < len(words):
        for part in _SPLIT.split(words[words.index("-c") + 1][:_SCRIPT]):
            try:
                yield from _said(shlex.split(part))
            except ValueError:
                continue
    else:
        yield from _said(words)


def _said(words: list[str]) -> Iterator[str]:
    name = words[0].rsplit("/", 1)[-1] if words else ""
    if name == "echo":
        yield " ".join(w for w in words[1:] if w not in ("-n", "-e"))
    elif name == "printf" and len(words) > 1:
        yield words[1].replace("\\n", "\n").rstrip("\n")
