"""Properties that hold for every rollout: random specs, steps and moments of an abort."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from opsconsole.argo.rollouts import replicas as rules
from opsconsole.argo.rollouts.replicasets import ReplicaSetView
from opsconsole.argo.rollouts.spec import RolloutView
from opsconsole.model.kinds import REPLICA_SET, ROLLOUT
from opsconsole.sandbox.rehearse import scenario as scenarios
from opsconsole.sandbox.rehearse.player import Player

STEPS = st.lists(
    st.one_of(
        st.integers(0, 100).map(lambda weight: {"setWeight": weight}),
        st.integers(1, 30).map(lambda seconds: {"pause": {"duration": seconds}}),
    ),
    max_size=6,
)
FENCES = st.sampled_from([(1, 0), (0, 1), (2, 1), ("25%", "25%"), ("50%", 0), (0, "40%"), (3, 3)])


def manifest(size, steps, fences, image="shop:1"):
    surge, unavailable = fences
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "demo"},
        "spec": {
            "replicas": size,
            "selector": {"matchLabels": {"app": "demo"}},
            "template": {
                "metadata": {"labels": {"app": "demo"}},
                "spec": {"containers": [{"name": "app", "image": image}]},
            },
            "strategy": {
                "canary": {"steps": steps, "maxSurge": surge, "maxUnavailable": unavailable}
            },
        },
    }


class Seen:
    """Keeps the most pods wanted, the fewest available and the steps while an update runs."""

    def __init__(self):
        self.sizes = {}
        self.available = {}
        self.most = 0
        self.fewest = None
        self.steps = []
        self.began = False
        self.wrong = []

    def __call__(self, at, change):
        obj = change.object
        if change.kind == ROLLOUT and change.type != "DELETED":
            status = obj.get("status", {})
            self.began = self.began or status.get("phase") == "Healthy"
            index = status.get("currentStepIndex")
            if self.began and index is not None and (not self.steps or self.steps[-1] != index):
                self.steps.append(index)
        elif change.kind == REPLICA_SET:
            name = obj["metadata"]["name"]
            self.sizes[name] = obj["spec"].get("replicas", 0)
            self.available[name] = obj.get("status", {}).get("availableReplicas", 0)
            if self.began:
                self.most = max(self.most, sum(self.sizes.values()))
                count = sum(self.available.values())
                self.fewest = count if self.fewest is None else min(self.fewest, count)


def play(size, steps, fences, *more, seed=1):
    plan = [
        {"apply": [manifest(size, steps, fences)]},
        {"wait": {"for": {"status.phase": "Healthy"}, "timeout": 600}},
        {"run": "set image demo app=shop:2"},
        *more,
        {"promote": 3600},
    ]
    seen = Seen()
    scenario = scenarios.parse({"steps": plan, "seed": seed})
    result = Player(scenario, watcher=seen).play()
    assert result.completed, result.log
    assert not result.faults
    return result, seen


@settings(max_examples=25, deadline=None)
@given(size=st.integers(1, 12), steps=STEPS, fences=FENCES)
def test_pods_stay_within_surge_and_availability(size, steps, fences):
    result, seen = play(size, steps, fences)
    ro = RolloutView(manifest(size, steps, fences))
    surge, unavailable = ro.fenceposts
    assert result.healthy
    # a canary of any weight has a pod at the least, also where surge allows none
    assert seen.most <= size + max(surge, 1 if unavailable == 0 else surge)
    assert seen.fewest is None or seen.fewest >= size - max(unavailable, 0 if surge else 1)


@settings(max_examples=20, deadline=None)
@given(size=st.integers(1, 6), steps=STEPS)
def test_steps_are_never_skipped(size, steps):
    _, seen = play(size, steps, (1, 0))
    for before, index in pairwise(seen.steps):
        assert index in (before + 1, 0)


@settings(max_examples=20, deadline=None)
@given(size=st.integers(1, 6), steps=STEPS, wait=st.integers(0, 40))
def test_an_abort_ends_on_stable(size, steps, wait):
    result, seen = play(size, steps, (1, 0), {"sleep": wait}, {"run": "abort demo"}, {"sleep": 120})
    final = [c.object for _, c in result.changes if c.kind == ROLLOUT][-1]
    stable = final["status"]["stableRS"]
    running = {name: count for name, count in seen.sizes.items() if count}
    assert list(running.values()) == [size]
    assert next(iter(running)).endswith(stable)


@settings(max_examples=10, deadline=None)
@given(size=st.integers(1, 6), steps=STEPS, seed=st.integers(0, 1000))
def test_a_seed_is_a_run(size, steps, seed):
    first, _ = play(size, steps, (1, 1), seed=seed)
    second, _ = play(size, steps, (1, 1), seed=seed)
    assert first.log == second.log
    assert first.changes == second.changes


def replica_set(name, size, available):
    return ReplicaSetView(
        {
            "metadata": {"name": name, "labels": {"rollouts-pod-template-hash": name}},
            "spec": {"replicas": size},
            "status": {"availableReplicas": available, "replicas": size},
        }
    )


@given(
    size=st.integers(0, 200),
    weight=st.integers(0, 100),
    fences=FENCES,
    new=st.integers(0, 200),
    old=st.integers(0, 200),
)
def test_one_look_never_goes_over_the_surge(size, weight, fences, new, old):
    ro = RolloutView(
        {**manifest(size, [{"setWeight": weight}], fences), "status": {"currentStepIndex": 0}}
    )
    surge, _ = ro.fenceposts
    sizes = rules.approximate(size, weight, 100, surge)
    assert all(0 <= count <= size + max(surge, 1) for count in sizes)
    assert sum(sizes) <= size + max(surge, 1)
