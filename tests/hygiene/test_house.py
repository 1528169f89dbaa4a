"""The house rules that a machine can check."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "opsconsole"
SOURCES = sorted(PACKAGE.rglob("*.py"))
OURS = [
    *SOURCES,
    *sorted((ROOT / "tests").rglob("*.py")),
    *sorted((ROOT / "benchmarks").rglob("*.py")),
]


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_layers_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-500:]


@pytest.mark.parametrize("path", OURS, ids=short)
def test_no_file_is_over_600_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 600


def test_the_app_stays_small() -> None:
    assert len((PACKAGE / "ui" / "app.py").read_text().splitlines()) <= 300


@pytest.mark.parametrize("path", SOURCES, ids=short)
def test_no_function_is_over_40_lines(path: Path) -> None:
    long = [
        f"{node.name} ({length} lines)"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := _body_lines(node)) > 40
    ]
    assert not long


def _body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of the body, without the docstring."""
    body = node.body
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant) and len(body) > 1:
        body = body[1:]
    assert node.end_lineno is not None
    return node.end_lineno - body[0].lineno + 1


@pytest.mark.parametrize("path", SOURCES, ids=short)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    text = path.read_text()
    assert not text.strip() or ast.get_docstring(ast.parse(text))


def calls(path: Path, pattern: str) -> list[str]:
    found = re.compile(pattern)
    return [
        f"{short(path)}:{i}"
        for i, line in enumerate(path.read_text().splitlines(), 1)
        if found.search(line)
    ]


@pytest.mark.parametrize(
    ("pattern", "allowed"),
    [
        (r"\bcreate_task\(|\bensure_future\(", ("aio/",)),
        (r"(?<![\w.])print\(", ("cli",)),
        (r"\bos\.environ\b|\bos\.getenv\(", ("cli", "kube/contexts.py", "kube/execplugin.py")),
        (r"\bPath\.home\(|\bexpanduser\(", ("cli",)),
        (r"\btime\.time\(|\bdatetime\.now\(|\bdatetime\.utcnow\(", ("aio/clock.py", "cli")),
        (r"\btime\.sleep\(", ()),
        (r"\byaml\.(safe_)?load(_all)?\(", ("model/yamldoc.py",)),
        (r"\beval\(|\bexec\(", ()),
        (r"NotImplementedError|\bTODO\b|\bFIXME\b|\bXXX\b", ()),
    ],
)  # fmt: skip
def test_only_where_it_belongs(pattern: str, allowed: tuple[str, ...]) -> None:
    found = [
        place
        for path in SOURCES
        if not any(str(path.relative_to(PACKAGE)).startswith(home) for home in allowed)
        for place in calls(path, pattern)
    ]
    assert not found


def test_tests_do_not_sleep() -> None:
    found = [
        place
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for place in calls(path, r"(time|asyncio)\.sleep\([0-9.]*[1-9]")
    ]
    assert not found


def test_no_path_of_a_machine_is_named() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    pattern = re.compile("/" + r"(work|root|farm)/(?!\*)")
    found = []
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.suffix in (".json", ".svg", ".png") or not path.is_file():
            continue
        found += [f"{name}: {m[0]}" for m in pattern.finditer(path.read_text(errors="replace"))]
    assert not found
