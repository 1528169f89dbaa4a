"""What an import really loads: the run-time twin of the layer contracts."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "textual",
    "rich",
    "kubernetes",
    "aiohttp",
    "git",
    "prometheus_api_client",
    "pydantic",
    "promql_parser",
    "cryptography",
)


def loaded(module: str) -> set[str]:
    code = f"import sys, {module}; print(' '.join({{m.split('.')[0] for m in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("module", "may"),
    [
        ("opsconsole", ()),
        ("opsconsole.cli", ()),
        ("opsconsole.model.snapshot", ()),
        ("opsconsole.argo", ()),
        ("opsconsole.view", ()),
        ("opsconsole.engine.protocols", ()),
        ("opsconsole.engine.hub", ()),
        ("opsconsole.ui.app", ("textual", "rich")),
        ("opsconsole.sandbox.cluster", ()),
        ("opsconsole.render", ()),
    ],
)
def test_import_weight(module: str, may: tuple[str, ...]) -> None:
    assert loaded(module) & set(HEAVY) <= set(may)


def test_the_front_end_does_not_load_the_sandbox() -> None:
    code = "import sys, opsconsole.cli, opsconsole.ui.app, opsconsole.engine.hub; print([m for m in sys.modules if m.startswith(('opsconsole.sandbox', 'opsconsole.kube'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_the_first_frame_waits_for_neither_the_engine_nor_the_model() -> None:
    """Their dataclasses cost as much as the rest of our imports together."""
    code = "import sys, opsconsole.cli.console, opsconsole.ui.app; print([m for m in sys.modules if m.startswith(('opsconsole.engine', 'opsconsole.argo', 'opsconsole.model.'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "['opsconsole.model.environment']", done.stdout + done.stderr
