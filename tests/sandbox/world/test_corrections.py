"""Every correction of the article's manifests: in the README, forced by the controllers, found by lint.

And nothing else is changed: the world's tree differs from the article only where one says so.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from opsconsole.argo.lint.findings import ERROR
from opsconsole.cli.linting import lint_path
from opsconsole.errors import ApiError, OpsError
from opsconsole.model.kinds import ROLLOUT, SEALED_SECRET
from opsconsole.model.objects import mappings, text
from opsconsole.model.yamldoc import load_manifests
from opsconsole.render.options import RenderOptions
from opsconsole.render.renderer import render
from opsconsole.render.trees import DirectoryTree
from opsconsole.sandbox.cluster import Cluster, ClusterOptions, build
from opsconsole.sandbox.rehearse.client import Client
from opsconsole.sandbox.world.corrections import CORRECTIONS, Correction, row
from opsconsole.sandbox.world.repository import files
from tests.sandbox.world import article

README = Path(__file__).resolve().parents[3] / "README.md"
BY_ID = {correction.id: correction for correction in CORRECTIONS}
PRODUCTION = "production"


def test_ids_are_unique() -> None:
    assert len(BY_ID) == len(CORRECTIONS)


@pytest.mark.parametrize("correction", CORRECTIONS, ids=lambda c: c.id)
def test_the_readme_names_it(correction: Correction) -> None:
    assert row(correction) in README.read_text(encoding="utf-8").splitlines()


# what the controllers say


def service(name: str, label: str = "my-app") -> dict[str, Any]:
    spec = {"selector": {"app": label}, "ports": [{"port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def template(name: str) -> dict[str, Any]:
    """What the article names and does not define."""
    made = copy.deepcopy(
        article.named("analysis-templates.yaml", "AnalysisTemplate", "error-rate-check")
    )
    made["metadata"]["name"] = name
    if name == "comprehensive-check":
        made["spec"]["args"] = [{"name": "service-name", "value": "my-app"}]
    return made  # fmt: skip


SERVICES = ("my-app-canary", "my-app-stable")


def said(*manifests: Mapping[str, Any], rollout: str) -> str:
    """The Rollout's message once the controllers have seen everything, in this order."""
    cluster = build(
        ClusterOptions(without=frozenset(("argocd", "applicationset", "notifications")))
    )
    client = Client(cluster.store)
    client.ensure_namespace(PRODUCTION)
    cluster.start()
    for manifest in manifests:
        client.apply(manifest, PRODUCTION)
        cluster.simulation.run_for(5)
    cluster.simulation.run_for(60)
    return text(cluster.store.get(ROLLOUT, PRODUCTION, rollout), "status", "message")


def analysis() -> list[dict[str, Any]]:
    return article.manifests("analysis-templates.yaml")


def canary_services() -> str:
    return said(*analysis(), *article.manifests("rollout-canary.yaml"), rollout="my-app-canary")


def canary_template() -> str:
    given = [*analysis(), *map(service, SERVICES), *article.manifests("rollout-canary.yaml")]
    return said(*given, rollout="my-app-canary")


def blue_green_template() -> str:
    given = [*analysis(), *article.manifests("rollout-blue-green.yaml")]
    return said(*given, rollout="my-app")


def istio_services() -> str:
    given = [*analysis(), template("comprehensive-check"), *map(service, SERVICES)]
    given += article.manifests("rollout-canary.yaml")
    return said(*given, *reversed(article.manifests("rollout-istio.yaml")), rollout="my-app-istio")


def istio_subsets() -> str:
    given = [*map(service, SERVICES), *reversed(article.manifests("rollout-istio.yaml"))]
    return said(*given, rollout="my-app-istio")


def _production(root: Path, **change: Any) -> str:
    """The article's production overlay over its blue-green base, with what the base lacks."""
    patch = article.named("overlay-production-rollout-strategy.yaml", "Rollout")
    patch["spec"]["strategy"] |= change
    article.write(root, base_namespace=False)
    (root / article.PATCH).write_text(json.dumps(patch))
    rendered = [dict(m) for m in render(DirectoryTree(root), article.OVERLAY, RenderOptions())]
    rendered.sort(key=lambda m: m["kind"] == "Rollout")
    return said(template("success-rate"), *rendered, rollout="my-app")


def base_namespace(root: Path) -> str:
    with pytest.raises(OpsError) as refused:
        render(DirectoryTree(article.write(root)), article.OVERLAY, RenderOptions())
    return refused.value.message


def one_strategy(root: Path) -> str:
    return _production(root)


def analysis_argument(root: Path) -> str:
    return _production(root, blueGreen=None)


def sealed_values() -> str:
    cluster: Cluster = build(ClusterOptions(without=frozenset(("argocd", "applicationset"))))
    client = Client(cluster.store)
    client.ensure_namespace(PRODUCTION)
    cluster.start()
    client.apply(article.named("sealed-secret.yaml", "SealedSecret"), PRODUCTION)
    cluster.simulation.run_for(5)
    sealed = cluster.store.get(SEALED_SECRET, PRODUCTION, "my-app-secrets")
    return str([text(c, "message") for c in mappings(sealed, "status", "conditions")])


def wave_names() -> str:
    cluster = build()
    (settings,) = (m for m in article.manifests("sync-waves.yaml") if m["kind"] == "ConfigMap")
    with pytest.raises(ApiError) as refused:
        Client(cluster.store).apply(settings, "default")
    return refused.value.message


SCENES: dict[str, Callable[..., str]] = {
    "canary-services": canary_services,
    "canary-template": canary_template,
    "blue-green-template": blue_green_template,
    "istio-services": istio_services,
    "istio-subsets": istio_subsets,
    "base-namespace": base_namespace,
    "one-strategy": one_strategy,
    "analysis-argument": analysis_argument,
    "sealed-values": sealed_values,
    "wave-names": wave_names,
}


def test_every_refusal_has_a_scene() -> None:
    assert set(SCENES) == {c.id for c in CORRECTIONS if c.says}


@pytest.mark.parametrize("name", SCENES)
def test_the_controllers_refuse_the_text_as_written(name: str, tmp_path: Path) -> None:
    scene = SCENES[name]
    rendered = scene in (base_namespace, one_strategy, analysis_argument)
    message = scene(tmp_path) if rendered else scene()
    for words in BY_ID[name].says:
        assert words in message


def test_overlapping_labels_mix_the_pods() -> None:
    """No controller refuses them: a Service of one Rollout selects the pods of another."""
    selectors = {
        article.named(name, "Rollout")["spec"]["selector"]["matchLabels"]["app"]
        for name in ("rollout-blue-green.yaml", *BY_ID["own-labels"].files)
    }
    assert selectors == {"my-app"}


# what lint says


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """Of the article's folder as it is, and of its tree laid out as it says.

    Once more with the one correction without which the production overlay cannot be rendered.
    """
    root = article.write(tmp_path_factory.mktemp("article"))
    rendered = article.write(tmp_path_factory.mktemp("rendered"), base_namespace=False)
    return [f for place in (article.FOLDER, root, rendered) for f in lint_path(place)]


@pytest.mark.parametrize("correction", CORRECTIONS, ids=lambda c: c.id)
def test_lint_finds_it_in_the_text_as_written(correction: Correction, findings: list[Any]) -> None:
    of_rule = [f"{f.object} {f.message}" for f in findings if f.rule == correction.rule]
    for words in correction.finds:
        assert any(words in told for told in of_rule), (correction.rule, of_rule)


def test_lint_finds_no_error_in_the_corrected_tree(tmp_path: Path) -> None:
    for path, source in files().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(source, encoding="utf-8")
    assert [f for f in lint_path(tmp_path) if f.severity == ERROR] == []


# nothing else differs

PLACES = {
    "rollout-blue-green.yaml": ("apps/my-app/base/rollout.yaml", "apps/my-app/base/service.yaml"),
    "rollout-canary.yaml": ("apps/my-app-canary/rollout.yaml", "apps/my-app-canary/service.yaml"),
    "rollout-istio.yaml": tuple(f"apps/my-app-istio/{n}.yaml" for n in ("rollout", "routing", "service")),
    "analysis-templates.yaml": (
        "apps/my-app-canary/analysis-templates.yaml",
        "apps/my-app/base/analysis-templates.yaml",
    ),
    "overlay-production-rollout-strategy.yaml": (
        "apps/my-app/overlays/us-east/patches/rollout-strategy.yaml",
    ),
    "application.yaml": ("infrastructure/argocd/applications/my-app.yaml",),
    "applicationset.yaml": ("applicationsets/my-app.yaml",),
    "notifications.yaml": ("infrastructure/argocd/notifications.yaml",),
}  # fmt: skip
"""The article's file → where its objects are in the tree."""


def keyed(documents: list[Any]) -> dict[str, Any]:
    return {f"{m['kind']}/{m['metadata']['name']}": m for m in documents}


def differences(left: Any, right: Any, path: str = "") -> Iterator[str]:
    if isinstance(left, dict) and isinstance(right, dict):
        for key in {**left, **right}:
            yield from differences(left.get(key), right.get(key), f"{path}.{key}".lstrip("."))
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for index, (one, other) in enumerate(zip(left, right, strict=True)):
            yield from differences(one, other, f"{path}.{index}")
    elif left != right:
        yield path


def changed() -> tuple[set[str], set[str]]:
    """(`KIND/NAME field` that differ, `KIND/NAME` that the article does not have)."""
    tree = files()
    fields: set[str] = set()
    added: set[str] = set()
    for name, places in PLACES.items():
        theirs = keyed(article.manifests(name))
        ours = keyed([m for place in places for m in load_manifests(tree[place])])
        assert set(theirs) <= set(ours), f"{name}: the tree lacks {set(theirs) - set(ours)}"
        added |= set(ours) - set(theirs)
        for key, manifest in theirs.items():
            fields |= {f"{key} {field}" for field in differences(manifest, ours[key])}
    theirs = keyed(article.manifests("overlay-production-rollout-strategy.yaml"))
    place = "apps/my-app/overlays/production/patches/rollout-strategy.yaml"
    for key, manifest in keyed(load_manifests(tree[place])).items():
        fields |= {f"{key} {field}" for field in differences(theirs[key], manifest)}
    return fields, added


def test_the_tree_differs_only_where_a_correction_says_so() -> None:
    fields, added = changed()
    listed = [pattern for correction in CORRECTIONS for pattern in correction.fields]
    unlisted = {f for f in fields if not any(fnmatchcase(f, pattern) for pattern in listed)}
    assert unlisted == set()
    stale = {p for p in listed if not any(fnmatchcase(f, p) for f in fields)}
    assert stale == set()
    assert added == {one for correction in CORRECTIONS for one in correction.adds}


def test_the_waves_are_those_of_the_article() -> None:
    wave = "argocd.argoproj.io/sync-wave"
    wanted = {
        m["kind"]: m["metadata"]["annotations"][wave] for m in article.manifests("sync-waves.yaml")
    }
    made = [
        m for path in ("base/rollout", "overlays/eu-west/configmap", "overlays/eu-west/autoscaler")
        for m in load_manifests(files()[f"apps/my-app/{path}.yaml"])
    ]  # fmt: skip
    assert {m["kind"]: m["metadata"]["annotations"][wave] for m in made} == wanted
