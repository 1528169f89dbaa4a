"""`digest.py` and `compare.py` of the shared conformance folder, loaded where they are."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from tests.peers import missing

FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "conformance"


def present() -> bool:
    return (FOLDER / "digest.py").exists()


def _load(name: str) -> Any:
    path = FOLDER / f"{name}.py"
    if not path.exists():
        missing("the shared folder is not here")
    spec = importlib.util.spec_from_file_location(f"conformance_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def GitopsDigest(tag: str) -> Any:
    return _load("digest").GitopsDigest(tag)


def differences(expected: dict[str, Any], actual: dict[str, Any]) -> list[str]:
    found: list[str] = _load("compare").differences(expected, actual)
    return found
