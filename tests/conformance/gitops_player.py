"""Plays a recorded GitOps scenario in-process on virtual time, and digests what happened.

Separate from the tests so that held-back recordings can be played by the same code:
`python -m tests.conformance.gitops_player RECORDING.json`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from opsconsole.model import yamldoc
from opsconsole.model.kinds import APPLICATION
from opsconsole.model.objects import dig, name_of, namespace_of
from opsconsole.render.renderer import Renderer
from opsconsole.repos.mirror import Repositories
from opsconsole.repos.process import run
from opsconsole.repos.repository import Repository
from opsconsole.sandbox import cluster as clusters
from opsconsole.sandbox.cluster import ClusterOptions
from opsconsole.sandbox.rehearse import kubectl, plugin
from opsconsole.sandbox.rehearse.client import Client
from opsconsole.sandbox.store import Change
from tests.conformance import recorded
from tests.conformance.gitops_compare import Digest

TAG = "demo-app"
"""What the symbolic APP and NS stand for."""

POLL = 0.1
TIMEOUT = 60.0
GIT_POLL = 20.0
SEEN = ("Application", "ConfigMap", "Secret", "Rollout", "Job", "HorizontalPodAutoscaler", "Deployment", "Service")  # fmt: skip


class GitRepository:
    """The scenario's repository: commits and reverts on `main`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        run(
            None,
            ["init", "--quiet", "--bare", "--initial-branch=main", "--", str(folder)],
            about="git",
        )
        self.repository = Repository(folder)
        self.tip = ""
        self.trees: list[dict[str, str]] = [{}]

    def commit(self, files: Mapping[str, Any], now: Any) -> str:
        changed = {**self.trees[-1]}
        for path, content in files.items():
            changed.pop(path, None)
            if content is not None:
                changed[path] = _text(content)
        return self._write(changed, now)

    def revert(self, now: Any) -> str:
        return self._write(self.trees[-2], now)

    def _write(self, tree: dict[str, str], now: Any) -> str:
        before = self.trees[-1]
        delta = {p: (tree[p].encode() if p in tree else None) for p in sorted({*before, *tree})}
        title, author = f"commit {len(self.trees)}", ("a", "a@localhost")
        sha = self.repository.write_commit(self.tip, delta, title, author=author, date=now)
        self.repository.move_branch("main", sha, self.tip)
        self.tip = sha
        self.trees.append(tree)
        return self.tip


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return yamldoc.dump_all(content if isinstance(content, list) else [content])


class Player:
    def __init__(self, scenario: Mapping[str, Any], folder: Path) -> None:
        self.scenario = scenario
        self.git = GitRepository(folder / "repo.git")
        self.repositories = Repositories(cache_dir=folder / "mirrors")
        services = {"repositories": self.repositories, "renderer": Renderer("never")}
        options = ClusterOptions(profile="recorded", app_resync=GIT_POLL)
        self.cluster = clusters.build(options, services=services)
        # the recording's API server has no admission: namespaces need not exist
        self.cluster.store._check_namespace = lambda *_: None  # type: ignore[method-assign]
        self.client = Client(self.cluster.store)
        self.digest = recorded.GitopsDigest(TAG) if recorded.present() else Digest(TAG)
        self.commits: dict[str, str] = {}

    @property
    def now(self) -> float:
        return self.cluster.simulation.elapsed

    def play(self) -> dict[str, Any]:
        self._committed(self.git.commit(self.scenario["repo"], self._date()))
        self.cluster.store.subscribe(self._see)
        self.cluster.start()
        for step in self.scenario["steps"]:
            for kind, argument in step.items():
                getattr(self, f"_do_{kind}")(self._placed(argument))
        assert not self.cluster.manager.faults, self.cluster.manager.faults
        self.repositories.close()
        trace = json.loads(json.dumps(self.digest.trace()).replace(TAG, "APP"))
        return {"scenario": dict(self.scenario), "completed": True, "trace": trace}

    def _date(self) -> Any:
        return self.cluster.simulation.now() + timedelta(seconds=len(self.commits))

    def _committed(self, sha: str) -> None:
        name = f"<c{len(self.commits) + 1}>"
        self.commits[name] = sha
        self.digest.commits[sha] = name

    def _placed(self, value: Any) -> Any:
        raw = json.dumps(value)
        for symbol, meant in {"REPO": str(self.git.folder), "APP": TAG, **self.commits}.items():
            raw = raw.replace(symbol, meant)
        raw = raw.replace('"NS"', f'"{TAG}"')
        return json.loads(raw)

    def _see(self, change: Change) -> None:
        kind, obj = change.kind.kind, change.object
        mine = namespace_of(obj) == TAG and kind in SEEN
        if mine or (namespace_of(obj) == "argocd" and kind in ("Application", "Event")):
            self.digest.see(round(self.now, 1), kind, change.type, obj)

    def _do_apply(self, manifests: list[dict[str, Any]]) -> None:
        for manifest in manifests:
            self.client.apply(manifest, TAG)

    def _do_commit(self, files: dict[str, Any]) -> None:
        self._committed(self.git.commit(files, self._date()))

    def _do_revert(self, _: str) -> None:
        self._committed(self.git.revert(self._date()))

    def _do_refresh(self, how: str) -> None:
        app = self.cluster.store.get(APPLICATION, "argocd", TAG)
        notes = {**app["metadata"].get("annotations", {}), "argocd.argoproj.io/refresh": how}
        changed = {**app, "metadata": {**app["metadata"], "annotations": notes}}
        self.cluster.store.update(APPLICATION, changed)

    def _do_kubectl(self, words: list[str]) -> None:
        namespace = TAG
        if "-n" in words:
            at = words.index("-n")
            namespace = words[at + 1]
            words = words[:at] + words[at + 2 :]
        if words[:2] == ["argo", "rollouts"]:
            plugin.run(" ".join(words[2:]), namespace, self.cluster, self.client)
        else:
            kubectl.run(words, namespace, self.client)

    def _do_sleep(self, seconds: float) -> None:
        self.cluster.simulation.run_for(seconds)

    def _do_wait(self, wait: Mapping[str, Any]) -> None:
        end = self.now + float(wait.get("timeout") or TIMEOUT)
        while not self._holds(wait):
            assert self.now < end, f"waited in vain for {wait}: {self._app()}"
            self.cluster.simulation.run_for(POLL)

    def _holds(self, wait: Mapping[str, Any]) -> bool:
        kind_name = wait.get("kind", "Application")
        kind = next(r.kind for r in self.cluster.store.resources if r.kind.kind == kind_name)
        home = "argocd" if kind == APPLICATION else TAG
        obj = self.cluster.store.find(kind, home, wait.get("name", TAG))
        if obj is None:
            return False
        for path, value in wait["for"].items():
            found = dig(obj, *(int(p) if p.isdigit() else p for p in path.split(".")))
            if found != value and not (isinstance(value, list) and found in value):
                return False
        return True

    def _app(self) -> Any:
        app = self.cluster.store.find(APPLICATION, "argocd", TAG)
        return (name_of(app), app.get("status")) if app else None


def play(recording: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """A recording of the same scenario, made here."""
    return Player(recording["scenario"], folder).play()


def main() -> None:
    import tempfile

    from tests.conformance.recorded import differences

    for path in sys.argv[1:]:
        recording = json.loads(Path(path).read_text())
        with tempfile.TemporaryDirectory() as folder:
            actual = play(recording, Path(folder))
        found = differences(recording, actual)
        sys.stdout.write(
            f"{'same' if not found else 'DIFFERENT'} {path}\n" + "\n".join(found) + "\n"
        )


if __name__ == "__main__":
    main()
