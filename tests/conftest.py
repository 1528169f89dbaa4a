"""A clean environment for every test: nothing of the machine's configuration reaches them."""

from __future__ import annotations

import os

import pytest

CLEARED = (
    "KUBECONFIG", "NO_COLOR", "COLORTERM", "TERM_PROGRAM", "SSH_CONNECTION", "HTTP_PROXY",
    "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy",
)  # fmt: skip
PREFIXES = ("TEXTUAL_", "XDG_", "GIT_", "KUBERNETES_", "OPSCONSOLE_")


@pytest.fixture(autouse=True)
def clean_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for name in tuple(os.environ):
        if name in CLEARED or (name.startswith(PREFIXES) and name != "OPSCONSOLE_PEERS"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path_factory.getbasetemp()))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
