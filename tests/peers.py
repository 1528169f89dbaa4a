"""Real peers (kubectl, helm, Prometheus…) in tests: used when present, demanded in .ci/run."""

from __future__ import annotations

import os
import shutil

import pytest

REQUIRED = os.environ.get("OPSCONSOLE_PEERS") == "required"


def peer(name: str) -> str:
    """The path of a real program, or a skip; a failure where the peers are required."""
    found = shutil.which(name)
    if found is None:
        missing(f"{name} is not installed")
    return found


def missing(why: str) -> None:
    """Skip the test, or fail it where the peers are required."""
    if REQUIRED:
        pytest.fail(f"{why}, and OPSCONSOLE_PEERS=required")
    pytest.skip(why)
