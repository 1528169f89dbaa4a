"""The article's own manifests, uncorrected, and the tree that they make when laid out as it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from opsconsole.model.yamldoc import load_manifests
from tests.peers import missing

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "article"

LAYOUT = {
    "apps/my-app/base/rollout.yaml": "rollout-blue-green.yaml",
    "apps/my-app/base/analysis-templates.yaml": "analysis-templates.yaml",
    "apps/my-app/overlays/production/patches/rollout-strategy.yaml": "overlay-production-rollout-strategy.yaml",
    "apps/my-app-canary/rollout.yaml": "rollout-canary.yaml",
    "apps/my-app-canary/analysis-templates.yaml": "analysis-templates.yaml",
    "apps/my-app-istio/rollout.yaml": "rollout-istio.yaml",
    "apps/secrets/sealed-secret.yaml": "sealed-secret.yaml",
    "apps/waves/sync-waves.yaml": "sync-waves.yaml",
    "infrastructure/argocd/application.yaml": "application.yaml",
    "infrastructure/argocd/notifications.yaml": "notifications.yaml",
    "applicationsets/my-app.yaml": "applicationset.yaml",
}  # fmt: skip
"""Path as the article lays its repository out → its manifest."""

OVERLAY = "apps/my-app/overlays/production"
PATCH = f"{OVERLAY}/patches/rollout-strategy.yaml"

BUILT = {
    "apps/my-app/base": {"resources": ["rollout.yaml", "analysis-templates.yaml"]},
    "apps/my-app/overlays/production": {
        "namespace": "production",
        "resources": ["../../base"],
        "patches": [{"path": "patches/rollout-strategy.yaml"}],
    },
    "apps/my-app-canary": {
        "namespace": "production",
        "resources": ["rollout.yaml", "analysis-templates.yaml"],
    },
    "apps/my-app-istio": {"namespace": "production", "resources": ["rollout.yaml"]},
}
"""The kustomizations, whose text the article does not give."""


def text(name: str) -> str:
    """A manifest file of the article; a skip where it is absent."""
    path = FOLDER / name
    if not path.is_file():
        if not FOLDER.is_dir():
            pytest.skip("the article's manifests are not here")
        missing(f"the article has no {name}")
    return path.read_text(encoding="utf-8")


def manifests(name: str) -> list[dict[str, Any]]:
    return [dict(one) for one in load_manifests(text(name))]


def named(name: str, kind: str, called: str = "") -> dict[str, Any]:
    return next(
        m for m in manifests(name)
        if m["kind"] == kind and (not called or m["metadata"]["name"] == called)
    )  # fmt: skip


def write(root: Path, *, base_namespace: bool = True) -> Path:
    """The whole tree, as written; without the base's namespace its overlay can be rendered."""
    for path, name in LAYOUT.items():
        source = text(name)
        if "/base/" in path and not base_namespace:
            source = source.replace("  namespace: production\n", "")
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(source, encoding="utf-8")
    for folder, kustomization in BUILT.items():
        (root / folder / "kustomization.yaml").write_text(json.dumps(kustomization))
    return root
