"""The repository that the sandbox's Argo CD reads: made of `tree/`, with a believable past.

Separate from the git server, which serves any repository, and from the story, which pushes to
this one while the cluster runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from opsconsole.errors import SandboxError
from opsconsole.repos.mirror import Mirror, Repositories
from opsconsole.repos.objects import CommitTree, ObjectReader
from opsconsole.repos.process import RepoFault, run
from opsconsole.repos.repository import Repository, check_path, refs_signature
from opsconsole.sandbox.gitserver import make_bare
from opsconsole.settings import RepoSettings

URL = "https://github.com/myorg/k8s-manifests.git"
"""The article's repository; nothing of the real host is ever asked."""

NAME = "k8s-manifests.git"

BRANCH = "main"

ALICE = ("Alice Müller", "alice@myorg.example")
BOB = ("Bob Okafor", "bob@myorg.example")
GRACE = ("Grace Ho", "grace@myorg.example")
LINUS = ("Linus Tan", "linus@myorg.example")
Author = tuple[str, str]

IMPORT = ("fast-import", "--quiet", "--date-format=raw")
"""Reads commits from its input and moves the branch: one process for what plumbing needs six."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One replacement in one file: what stood there before, what stands there after."""

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Change:
    """One commit of the past. `add` are the paths (prefixes) of files that it brings."""

    days: float
    author: Author
    subject: str
    add: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()


def _tag(app: str, before: str, after: str) -> Edit:
    return Edit(f"apps/{app}/kustomization.yaml", f"newTag: {before}", f"newTag: {after}")


PAST: tuple[Change, ...] = (
    Change(63, GRACE, "Start the repository: Argo CD, Argo Rollouts, projects",
           add=("README.md", "infrastructure/argocd/argocd-cm.yaml", "infrastructure/argocd/projects",
                "infrastructure/argo-rollouts")),
    Change(61, BOB, "Move search and inventory here from the old pipeline",
           add=("apps/search", "apps/inventory", "infrastructure/argocd/applications/search.yaml",
                "infrastructure/argocd/applications/inventory.yaml")),
    Change(55, ALICE, "my-app: blue-green with a smoke test before the switch",
           add=("apps/my-app/base/", "apps/my-app/overlays/production/", "apps/my-app/overlays/staging/",
                "infrastructure/argocd/applications/my-app.yaml")),
    Change(48, LINUS, "checkout: canary with error analysis",
           add=("apps/checkout", "infrastructure/argocd/applications/checkout.yaml")),
    Change(47.9, GRACE, "Tell the team in Slack when an application is degraded",
           add=("infrastructure/argocd/notifications.yaml",)),
    Change(47.8, LINUS, "payments: canary with error analysis",
           add=("apps/payments", "infrastructure/argocd/applications/payments.yaml")),
    Change(40, BOB, "search: 4 replicas are enough outside the season",
           edits=(Edit("apps/search/deployment.yaml", "replicas: 6", "replicas: 4"),)),
    Change(33, ALICE, "my-app: v1.9.2 in production",
           edits=(_tag("my-app/overlays/production", "v1.9.0", "v1.9.2"),)),
    Change(30, ALICE, "my-app-canary: the same service as a canary, 5/20/50/80",
           add=("apps/my-app-canary", "infrastructure/argocd/applications/my-app-canary.yaml")),
    Change(27, GRACE, "One my-app for every production cluster, with an overlay per region",
           add=("applicationsets", "apps/my-app/overlays/")),
    Change(24, GRACE, "my-app-istio: the same service behind a mesh, 10/30/60 by weight",
           add=("apps/my-app-istio", "infrastructure/argocd/applications/my-app-istio.yaml")),
    Change(21, LINUS, "checkout: v3.3.2", edits=(_tag("checkout", "v3.3.1", "v3.3.2"),)),
    Change(20, LINUS, "payments: v1.8.0", edits=(_tag("payments", "v1.7.5", "v1.8.0"),)),
    Change(16, BOB, "inventory: keep the cache for a minute",
           edits=(Edit("apps/inventory/configmap.yaml", "cache-seconds: '300'", "cache-seconds: '60'"),)),
    Change(12, BOB, "inventory: v4.2.0", edits=(_tag("inventory", "v4.1.3", "v4.2.0"),)),
    Change(9, ALICE, "my-app-canary: look at errors and latency before 80%",
           edits=(Edit("apps/my-app-canary/rollout.yaml", "templateName: latency-check-late",
                       "templateName: comprehensive-check"),)),
    Change(7, ALICE, "my-app: v2.0.0 in production",
           edits=(_tag("my-app/overlays/production", "v1.9.2", "v2.0.0"),)),
    Change(6.9, GRACE, "my-app: v2.0.0 in both regions",
           edits=tuple(_tag(f"my-app/overlays/{name}", "v1.9.2", "v2.0.0") for name in ("eu-west", "us-east"))),
    Change(6.8, ALICE, "my-app-canary: v2.0.0", edits=(_tag("my-app-canary", "v1.9.2", "v2.0.0"),)),
    Change(5, BOB, "search: v1.12.1", edits=(_tag("search", "v1.12.0", "v1.12.1"),)),
    Change(3, LINUS, "checkout: v3.4.0", edits=(_tag("checkout", "v3.3.2", "v3.4.0"),)),
)  # fmt: skip
"""The history before the story begins; days count back from then."""


def files() -> dict[str, str]:
    """The tree as it is after the past: path → text."""
    return dict(_walk(resources.files("opsconsole.sandbox.world") / "tree", ""))


def _walk(folder: Traversable, prefix: str) -> Iterable[tuple[str, str]]:
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        path = f"{prefix}{entry.name}"
        if entry.is_dir():
            yield from _walk(entry, f"{path}/")
        else:
            yield path, entry.read_text(encoding="utf-8")


class WorldRepository:
    """A bare repository below `root`. Not thread-safe beyond what Repository is."""

    def __init__(self, root: Path) -> None:
        self.folder = root / NAME
        root.mkdir(parents=True, exist_ok=True)
        run(None, ["init", "--quiet", "--bare", "--", str(self.folder)], about="the sandbox's git")
        make_bare(self.folder)
        self.git = Repository(self.folder, name=URL)
        self.git.git("symbolic-ref", "HEAD", f"refs/heads/{BRANCH}")

    @property
    def head(self) -> str:
        return self.git.refs().get(f"refs/heads/{BRANCH}", "")

    def seed(self, until: datetime, past: tuple[Change, ...] = PAST) -> None:
        """Write the past, dated back from `until`."""
        final = files()
        now: dict[str, str] = {}
        stream = bytearray()
        for index, change in enumerate(past):
            later = [edit for one in past[index:] for edit in one.edits]
            changed = {
                path: _before(text, path, later)
                for path, text in final.items()
                if path not in now and path.startswith(change.add) and change.add
            }
            for edit in change.edits:
                base = changed.get(edit.path, now.get(edit.path, ""))
                changed[edit.path] = _replaced(base, edit)
            now |= changed
            stream += _commit(change, changed, until - timedelta(days=change.days))
        # one process for the whole past: the sandbox starts in a second
        self.git.git(*IMPORT, data=bytes(stream))

    def commit(
        self, changed: Mapping[str, str | None], subject: str, author: Author, date: datetime
    ) -> str:
        """A commit on the branch, as if it had been pushed; returns its hash."""
        parent = self.head
        tree = self.git.tree(parent)
        changed = {path: text for path, text in changed.items() if self._text(tree, path) != text}
        if not changed:
            raise RepoFault(f"{URL}: nothing to commit", reason="failed")
        one = Change(0, author, subject + "\n")
        # one process for the whole commit: a story makes several
        self.git.git(*IMPORT, data=_commit(one, changed, date, parent))
        return self.head

    def _text(self, tree: CommitTree, path: str) -> str | None:
        check_path(path)
        return None if tree.lookup(path) is None else tree.read(path).decode()

    def read(self, path: str) -> str:
        """A file at the tip of the branch. SandboxError when there is none."""
        tree = self.git.tree(self.head)
        if tree.lookup(path) is None:
            raise SandboxError(f"the sandbox's repository has no file {path}")
        return tree.read(path).decode()

    def push_image(self, folder: str, tag: str, author: Author, date: datetime) -> str:
        """Set `newTag` in a folder's kustomization.yaml and commit; returns the hash."""
        path = f"{folder}/kustomization.yaml"
        text = self.read(path)
        changed = re.sub(r"(newTag: )\S+", rf"\g<1>{tag}", text)
        name = folder.removeprefix("apps/").split("/")[0]
        return self.commit({path: changed}, f"{name}: {tag}", author, date)

    def close(self) -> None:
        self.git.close()


class Served(Mirror):
    """The served repository in the place of its own mirror: what lies here is not copied.

    Like a mirror it shows the references as they were at the last `fetch`.
    """

    def __init__(self, url: str, cache_dir: Path, settings: RepoSettings) -> None:
        super().__init__(url, cache_dir, settings)
        self.folder = Path(self.address)
        self.objects = ObjectReader(self.folder)

    def fetch(self, now: datetime | None = None) -> bool:
        with self.lock:
            seen, self._local = self._local, refs_signature(self.folder)
            self.fetched_at = now
            if seen == self._local:
                return False
            self._refs = None
            self.refs()
            return True


class ServedRepositories(Repositories):
    """What the simulated controllers read: `URL` without a copy, anything else mirrored."""

    def _make(self, url: str, cache_dir: Path) -> Mirror:
        made = Served if url == URL else Mirror
        return made(url, cache_dir, self.settings)


def _commit(
    change: Change, changed: Mapping[str, str | None], date: datetime, parent: str = ""
) -> bytes:
    """One commit in the language of git fast-import."""
    name, email = change.author
    who = f"{name} <{email}> {int(date.timestamp())} +0000"
    subject = change.subject.encode()
    parts = [
        f"commit refs/heads/{BRANCH}\nauthor {who}\ncommitter {who}\ndata {len(subject)}\n".encode(),
        subject + b"\n",
    ]
    if parent:
        parts.append(f"from {parent}\n".encode())
    for path, text in changed.items():
        if text is None:
            parts.append(f"D {path}\n".encode())
            continue
        data = text.encode()
        parts += [f"M 100644 inline {path}\ndata {len(data)}\n".encode(), data, b"\n"]
    return b"".join(parts)


def _before(text: str, path: str, edits: list[Edit]) -> str:
    """A file as it was before those edits."""
    for edit in reversed(edits):
        if edit.path == path:
            text = text.replace(edit.after, edit.before)
    return text


def _replaced(text: str, edit: Edit) -> str:
    if edit.before not in text:
        raise SandboxError(f"the history of {edit.path} does not fit its file: {edit.before!r}")
    return text.replace(edit.before, edit.after)
