"""The state of a cluster on disk, for `sandbox serve --keep DIR`.

Separate from serving: one file, written whole or not at all, and never overwritten when it
could not be read.
"""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from opsconsole.errors import SandboxError, bounded
from opsconsole.model.objects import dig, name_of, text
from opsconsole.model.times import format_micro, parse_instant
from opsconsole.sandbox.api.crds import row_of
from opsconsole.sandbox.catalogue import CRD
from opsconsole.sandbox.cluster import Cluster
from opsconsole.sandbox.resources import Obj

FILE = "state.json"
FORMAT = 1


def save(cluster: Cluster, directory: Path) -> Path:
    """Write the state; the file that was there stays until the new one is complete.

    SandboxError when the directory cannot be written.
    """
    store, simulation = cluster.store, cluster.simulation
    version, internal, gauss = simulation.random.getstate()
    whole: dict[str, Any] = {
        "format": FORMAT,
        "start": format_micro(simulation.start),
        "elapsed": simulation.elapsed,
        "random": [version, list(internal), gauss],
        "version": store.version,
        "objects": [obj for kind in store.kinds() for obj in store.objects(kind)],
    }
    path, partial = directory / FILE, directory / f"{FILE}.new"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with partial.open("w", encoding="utf-8") as file:
            json.dump(whole, file, separators=(",", ":"))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise SandboxError(
            f"the state of the sandbox cannot be written to {path}: {error.strerror or error}"
        ) from error
    return path


def restore(cluster: Cluster, directory: Path, *, now: datetime | None = None) -> bool:
    """Put a saved state into a cluster that has nothing; False when there is none.

    Virtual time goes on from where it was, or from `now` if that is later. SandboxError for a
    file that cannot be read or is not a state; it stays as it is.
    """
    path = directory / FILE
    try:
        whole = json.loads(path.read_bytes())
    except FileNotFoundError:
        return False
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(path, bounded(error)) from error
    start = parse_instant(dig(whole, "start"))
    elapsed, objects = dig(whole, "elapsed"), dig(whole, "objects")
    if dig(whole, "format") != FORMAT or start is None or not isinstance(objects, list):
        raise _unreadable(path, f"it is not a state of format {FORMAT}")
    try:
        _fill(cluster, whole, objects)
        version, internal, gauss = whole["random"]
        cluster.simulation.random.setstate((version, tuple(internal), gauss))
        cluster.simulation.start = start
        cluster.simulation.elapsed = float(elapsed)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _unreadable(path, bounded(error)) from error
    if now is not None and now > cluster.simulation.now():
        cluster.simulation.elapsed = (now - start) / timedelta(seconds=1)
    return True


def _fill(cluster: Cluster, whole: dict[str, Any], objects: list[Obj]) -> None:
    store = cluster.store
    for obj in objects:
        if text(obj, "kind") == CRD.kind:
            row = row_of(obj)
            if row and store.resources.by_kind(row.kind.api_version, row.kind.kind) is None:
                store.resources.add(row)
    known = []
    for obj in objects:
        kind = store.resources.by_kind(text(obj, "apiVersion"), text(obj, "kind"))
        if kind is None:
            raise ValueError(f"the kind of {text(obj, 'kind')} {name_of(obj)} is not served")
        if not name_of(obj) or not text(obj, "metadata", "uid"):
            raise ValueError("an object has no name or uid")
        known.append((kind, obj))
    store.restore(known, int(whole["version"]))


def _unreadable(path: Path, why: str) -> SandboxError:
    return SandboxError(
        f"the saved state {path} cannot be read: {why}",
        hint="move it away to start anew; it has not been changed",
    )
