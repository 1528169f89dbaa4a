"""The objects among which a manifest's references are looked up.

A set is what one Argo CD source renders. What another set of the repository holds counts where
it is certain that both come into the same namespace of a cluster, or where the object has none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from opsconsole.argo.lint.findings import Placed
from opsconsole.model.objects import labels_of, mapping, text

T = TypeVar("T")

CLUSTER_WIDE = frozenset(
    (
        "ClusterAnalysisTemplate", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition",
        "Namespace", "StorageClass", "PersistentVolume", "IngressClass", "PriorityClass",
        "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "APIService",
        "RuntimeClass", "VolumeSnapshotClass", "GatewayClass", "ClusterIssuer",
    )
)  # fmt: skip

WORKLOADS = ("Rollout", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")


class Index:
    """Objects by kind and name."""

    def __init__(self, placed: Iterable[Placed] = ()) -> None:
        self.placed: list[Placed] = list(placed)
        self._named: dict[tuple[str, str], list[Placed]] = {}
        self._kinds: dict[str, list[Placed]] = {}
        self._memory: dict[str, Any] = {}
        for one in self.placed:
            self._named.setdefault((one.kind, one.name), []).append(one)
            self._kinds.setdefault(one.kind, []).append(one)

    def named(self, kind: str, name: str) -> Sequence[Placed]:
        return self._named.get((kind, name), ())

    def kind(self, *kinds: str) -> Iterator[Placed]:
        for kind in kinds:
            yield from self._kinds.get(kind, ())

    def kinds(self) -> set[str]:
        return set(self._kinds)

    def once(self, key: str, make: Callable[[Index], T]) -> T:
        """What `make` gives for these objects, worked out when it is first asked for."""
        if key not in self._memory:
            self._memory[key] = make(self)
        found: T = self._memory[key]
        return found


class Scope:
    """One set. `around` is everything in the repository; `lenient` sets take references from
    anywhere in it. A set that is not `complete` may be a part only: what is missing is a note.
    `application` is the one that the set was rendered for, `files` the paths of the repository.
    """

    def __init__(
        self,
        own: Iterable[Placed],
        around: Index | None = None,
        *,
        complete: bool = True,
        lenient: bool = False,
        application: Placed | None = None,
        files: Sequence[str] = (),
    ) -> None:
        self.own = Index(own)
        self.around = around or Index()
        self.complete = complete
        self.lenient = lenient
        self.application = application
        self.files = files

    def find(self, kind: str, namespace: str, name: str) -> Placed | None:
        """The object that a reference means, or None."""
        for one in self.own.named(kind, name):
            if kind in CLUSTER_WIDE or same_home(namespace, one.namespace):
                return one
        for one in self.around.named(kind, name):
            certain = kind in CLUSTER_WIDE or (namespace and one.namespace == namespace)
            if certain or (self.lenient and same_home(namespace, one.namespace)):
                return one
        return None

    def manifest(self, kind: str, namespace: str, name: str) -> Mapping[str, Any] | None:
        found = self.find(kind, namespace, name)
        return None if found is None else found.manifest

    def beside(self, one: Placed, *kinds: str) -> Iterator[Placed]:
        """Other objects of these kinds that share its namespace; of other sets where that is certain."""
        return self.choose(one, lambda index: index.kind(*kinds))

    def choose(
        self, one: Placed, candidates: Callable[[Index], Iterable[Placed]]
    ) -> Iterator[Placed]:
        """Those of the candidates that share its namespace, as `beside`."""
        listed = {id(one.manifest)}
        for other in candidates(self.own):
            if id(other.manifest) not in listed and same_home(one.namespace, other.namespace):
                listed.add(id(other.manifest))
                yield other
        if not one.namespace:
            return
        for other in candidates(self.around):
            if id(other.manifest) not in listed and other.namespace == one.namespace:
                listed.add(id(other.manifest))
                yield other


def same_home(one: str, other: str) -> bool:
    """An object without a namespace goes where the others go."""
    return one == other or not one or not other


def pod_template(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """The pod template of a workload of any kind; of a Pod, itself."""
    kind = text(manifest, "kind")
    if kind == "Pod":
        return manifest
    if kind == "CronJob":
        return mapping(manifest, "spec", "jobTemplate", "spec", "template")
    return mapping(manifest, "spec", "template")


Pair = tuple[str, Any]


def _by_pod_label(index: Index) -> dict[Pair, list[Placed]]:
    found: dict[Pair, list[Placed]] = {}
    for one in index.kind(*WORKLOADS, "Job", "CronJob", "Pod"):
        for pair in labels_of(pod_template(one.manifest)).items():
            if isinstance(pair[1], str):
                found.setdefault(pair, []).append(one)
    return found


def _by_selector(index: Index) -> dict[Pair, list[Placed]]:
    found: dict[Pair, list[Placed]] = {}
    for one in index.kind(*WORKLOADS):
        for pair in mapping(one.manifest, "spec", "selector", "matchLabels").items():
            if isinstance(pair[1], str):
                found.setdefault(pair, []).append(one)
                break
    return found


def with_pod_label(index: Index, pair: Pair) -> Sequence[Placed]:
    """Workloads whose pods carry a label."""
    return index.once("pods", _by_pod_label).get(pair, ())


def selecting(index: Index, labels: Mapping[str, Any]) -> Iterator[Placed]:
    """Workloads whose selector may take pods with these labels."""
    table = index.once("selectors", _by_selector)
    for pair in labels.items():
        if isinstance(pair[1], str):
            yield from table.get(pair, ())
