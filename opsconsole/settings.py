"""What the program was told, as frozen values; `cli` fills them from argv, environment and files.

Separate so that nothing below `cli` reads the environment or a home directory. Every field
says its unit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """Which cluster to talk to."""

    kubeconfig: tuple[Path, ...] = ()
    """Files to merge, as $KUBECONFIG lists them; empty for in-cluster or a bare server."""

    context: str = ""
    """Context of the kubeconfig; empty for its current one."""

    server: str = ""
    """URL of an API server without credentials (the sandbox); overrides the kubeconfig."""

    namespace: str = ""
    """Only look here; empty for all namespaces that may be listed."""

    argocd_namespace: str = "argocd"
    """Where Argo CD keeps its Applications and its configuration."""

    request_timeout: float = 15.0
    """Seconds for one request other than a watch."""


@dataclass(frozen=True, slots=True)
class RepoSettings:
    """How to read and write git."""

    cache_dir: Path | None = None
    """Where mirrors are kept; None for a directory of this run."""

    replacements: tuple[tuple[str, str], ...] = ()
    """(URL prefix, replacement) pairs: the sandbox maps the article's URL to its own server."""

    author_name: str = "opsconsole"
    author_email: str = "opsconsole@localhost"
    """Identity of commits that the console makes when git has none configured."""

    timeout: float = 60.0
    """Seconds for one fetch or push."""


@dataclass(frozen=True, slots=True)
class Settings:
    cluster: ClusterSettings = field(default_factory=ClusterSettings)
    repos: RepoSettings = field(default_factory=RepoSettings)

    state_dir: Path | None = None
    """Where the journal is written; None keeps none."""

    user: str = "opsconsole"
    """Who acts, for `initiatedBy` and the journal."""

    frame_interval: float = 0.1
    """Seconds between two updates of the screen at most."""

    ascii_only: bool = False
    """Draw with ASCII only (the locale is not UTF-8)."""

    ansi_colors: bool = False
    """Follow the terminal's 16 colours (16-colour terminals and NO_COLOR)."""

    mouse: bool = True
