"""2,000 applications over one repository of 10,000 files: first look, next poll, one commit.

The floor beside it is what git itself needs to list the commit's files.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from opsconsole.render.options import RenderOptions
from opsconsole.render.renderer import Renderer
from opsconsole.repos.mirror import Mirror
from opsconsole.repos.repository import Repository
from opsconsole.settings import RepoSettings

APPS = 2_000
ROLLOUT = """\
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "web:1"}]}
  strategy: {canary: {steps: [{setWeight: 20}, {pause: {}}]}}
"""
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n"


def files() -> Iterator[tuple[str, str]]:
    for i in range(APPS):
        home = f"apps/app-{i:04d}"
        yield f"{home}/base/kustomization.yaml", "resources: [rollout.yaml, service.yaml]\n"
        yield f"{home}/base/rollout.yaml", ROLLOUT
        yield f"{home}/base/service.yaml", SERVICE
        yield (
            f"{home}/prod/kustomization.yaml",
            f'resources: [../base]\nnamespace: app-{i}\nimages: [{{name: web, newTag: "{i}"}}]\npatches: [{{path: replicas.yaml}}]\n',
        )
        yield (
            f"{home}/prod/replicas.yaml",
            f"apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {{name: web}}\nspec: {{replicas: {i % 9 + 1}}}\n",
        )


def repository(folder: Path) -> Repository:
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(folder)], check=True)
    stream = ["commit refs/heads/main\ncommitter a <a@b> 1700000000 +0000\ndata 1\nx\n"]
    for path, text in files():
        stream.append(f"M 100644 inline {path}\ndata {len(text.encode())}\n{text}\n")
    subprocess.run(
        ["git", "-C", str(folder), "fast-import", "--quiet"],
        input="".join(stream).encode(),
        check=True,
    )
    return Repository(folder)


def timed(what: str, work: Callable[[], object]) -> None:
    start = time.perf_counter()
    said = work()
    print(f"{what:58} {time.perf_counter() - start:8.3f} s  {said if said is not None else ''}")


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        origin = repository(Path(scratch, "origin.git"))
        mirror = Mirror(str(origin.folder), Path(scratch, "cache"), RepoSettings())
        renderer = Renderer("never")
        options = RenderOptions(binary="never")

        def look() -> str:
            before = renderer.rendered
            mirror.fetch()
            for i in range(APPS):
                tree = mirror.tree(mirror.resolve("main"))
                renderer.render(tree, f"apps/app-{i:04d}/prod", options)
            return f"{renderer.rendered - before} rendered"

        def commit() -> None:
            path = "apps/app-0007/prod/replicas.yaml"
            text = "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: web}\nspec: {replicas: 99}\n"
            sha = origin.write_commit(
                origin.resolve("main"), {path: text.encode()}, "one", author=("a", "a@b")
            )
            origin.move_branch("main", sha, origin.resolve("main"))

        listing = ["git", "-C", str(origin.folder), "ls-tree", "-r", "main"]
        timed(
            "floor: git ls-tree of 10,000 files",
            lambda: subprocess.run(listing, check=True, capture_output=True).returncode or None,
        )
        timed("first look at 2,000 applications", look)
        timed("poll without a change", look)
        commit()
        timed("poll after a commit that touches one application", look)
        mirror.close()
        origin.close()


if __name__ == "__main__":
    main()
