"""A believable picture for views and screens: six applications in six states, always the same.

Times are relative to `NOW`, so that nothing depends on the day of the run.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from opsconsole.model.analysis import AnalysisRun, Measurement, Metric, Threshold, Trace
from opsconsole.model.applications import (
    Application,
    Condition,
    Deployed,
    ManagedResource,
    Operation,
    ResourceResult,
    Source,
)
from opsconsole.model.events import Event
from opsconsole.model.experiments import Experiment, ExperimentTemplate
from opsconsole.model.kinds import ANALYSIS_RUN, APPLICATION, EXPERIMENT, ROLLOUT, ResourceKey
from opsconsole.model.revisions import Commit, History
from opsconsole.model.rollouts import Pod, Revision, Rollout, Step
from opsconsole.model.snapshot import Incident, Link, LinkState, Selection, Snapshot
from opsconsole.model.status import AnalysisPhase, Health, OperationPhase, RolloutPhase, Sync

NOW = datetime(2026, 11, 23, 10, 32, 5, tzinfo=UTC)
REPO = "https://git.example.com/myorg/gitops-config.git"

SHAS = {
    "live": "a1b2c3d4e5f60718293a4b5c6d7e8f9001122334",
    "desired": "f00dfacef00dfacef00dfacef00dfacef00dface",
    "third": "0badc0de0badc0de0badc0de0badc0de0badc0de",
    "fourth": "5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed",
    "fifth": "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00",
}


def ago(**spans: float) -> datetime:
    return NOW - timedelta(**spans)


def app_key(name: str) -> ResourceKey:
    return ResourceKey(APPLICATION, "argocd", name)


def rollout_key(name: str, namespace: str = "production") -> ResourceKey:
    return ResourceKey(ROLLOUT, namespace, name)


def application(name: str, sync: Sync, health: Health, **more: object) -> Application:
    base = Application(
        key=app_key(name),
        resource_version="4711",
        project="payments",
        source=Source(REPO, f"apps/{name}/overlays/production", "main"),
        sources=(),
        destination_server="https://kubernetes.default.svc",
        destination_namespace="production",
        sync=sync,
        revision=SHAS["live"],
        health=health,
        auto_sync=True,
        self_heal=True,
        prune=True,
        last_activity=ago(minutes=12),
        history=(Deployed(7, SHAS["live"], ago(minutes=12), "", automated=True),),
        resources=(
            ManagedResource("argoproj.io", "v1alpha1", "Rollout", "production", name, sync, health),
            ManagedResource("", "v1", "Service", "production", name, Sync.SYNCED, Health.HEALTHY),
        ),
    )
    return replace(base, **more)  # type: ignore[arg-type]


def results() -> tuple[ResourceResult, ...]:
    """A sync that waits in its second wave after a hook."""
    where = "search"
    return (
        ResourceResult("Job", where, "migrate", "", "job completed", "PreSync", "Succeeded"),
        ResourceResult("ConfigMap", where, "settings", "Synced", "configmap/settings configured",
                       "Sync", "Running"),
        ResourceResult("Deployment", where, "search", "Synced", "deployment.apps/search configured",
                       "Sync", "Running"),
    )  # fmt: skip


def applications() -> dict[ResourceKey, Application]:
    made = (
        application("checkout", Sync.SYNCED, Health.HEALTHY, last_activity=ago(days=3)),
        application("inventory", Sync.OUT_OF_SYNC, Health.HEALTHY, project="warehouse",
                    auto_sync=False, self_heal=False, last_activity=ago(hours=5)),
        application("my-app", Sync.SYNCED, Health.SUSPENDED, attention="paused for a promote",
                    last_activity=ago(minutes=41)),
        application("my-app-canary", Sync.SYNCED, Health.PROGRESSING),
        application(
            "pricing", Sync.SYNCED, Health.DEGRADED, attention="analysis failed, aborted",
            health_message='RolloutAborted: Rollout aborted update to revision 7: Step-based analysis phase error/failed: Metric "error-rate" assessed Failed due to failed (4) > failureLimit (3)',
            last_activity=ago(minutes=3),
        ),
        application(
            "search", Sync.OUT_OF_SYNC, Health.PROGRESSING, project="platform",
            attention="drifts: someone scaled it by hand",
            operation=Operation(OperationPhase.RUNNING, "waiting for healthy state of apps/Deployment/search",
                                revision=SHAS["live"], automated=True, started_at=ago(seconds=20),
                                results=results()),
            conditions=(Condition("OrphanedResourceWarning", "Application has 1 orphaned resources", ago(hours=1)),),
            last_activity=ago(seconds=20),
        ),
    )  # fmt: skip
    return {app.key: app for app in made}


def steps(at: int) -> tuple[Step, ...]:
    names = (
        ("setWeight", "setWeight 5"), ("pause", "pause 5m"), ("analysis", "analysis error-rate-check"),
        ("setWeight", "setWeight 20"), ("pause", "pause 10m"), ("analysis", "analysis latency-check"),
        ("setWeight", "setWeight 50"), ("pause", "pause 10m"), ("analysis", "analysis comprehensive-check"),
        ("setWeight", "setWeight 80"), ("pause", "pause 5m"),
    )  # fmt: skip
    return tuple(
        Step(i, kind, text, "done" if i < at else "current" if i == at else "waiting")
        for i, (kind, text) in enumerate(names)
    )


def pods(base: str, count: int, *, broken: int = 0) -> tuple[Pod, ...]:
    return tuple(
        Pod(f"{base}-{'bcdfghjkmn'[i % 10] * 5}", "CrashLoopBackOff" if i < broken else "Running",
            0 if i < broken else 1, 1, 4 if i < broken else 0, ago(minutes=9), healthy=i >= broken)
        for i in range(count)
    )  # fmt: skip


def revision(number: int, tag: str, roles: tuple[str, ...], count: int, **more: object) -> Revision:
    name = f"my-app-canary-{number}d8f7c6b5"
    base = Revision(
        number, name, f"{number}d8f7c6b5", (f"registry.example.com/myorg/my-app:{tag}",), roles,
        "Healthy", count, count, count, count, ago(minutes=12), None, pods(name, count),
    )  # fmt: skip
    return replace(base, **more)  # type: ignore[arg-type]


def measurements(*values: float, limit: float, every: float = 60.0) -> tuple[Measurement, ...]:
    made = []
    for i, value in enumerate(values):
        at = NOW - timedelta(seconds=18 + every * (len(values) - 1 - i))
        phase = AnalysisPhase.SUCCESSFUL if value < limit else AnalysisPhase.FAILED
        made.append(Measurement(phase, f"[{value}]", value, "", at, at))
    return tuple(made)


def metric(name: str, values: tuple[float, ...], limit: float, **more: object) -> Metric:
    taken = measurements(*values, limit=limit)
    failed = sum(m.phase is AnalysisPhase.FAILED for m in taken)
    base = Metric(
        name=name, phase=AnalysisPhase.RUNNING, provider="prometheus",
        success_condition=f"result[0] < {limit:g}", failure_condition="",
        thresholds=(Threshold("<", limit),), measurements=taken, count=len(taken), wanted=5,
        successful=len(taken) - failed, failed=failed, inconclusive=0, error=0,
        consecutive_error=0, failure_limit=2, inconclusive_limit=0, consecutive_error_limit=4,
        failures_left=2 - failed, next_at=NOW + timedelta(seconds=42),
        query='histogram_quantile(0.99, sum(rate(http_request_duration_milliseconds_bucket{service="my-app"}[5m])) by (le))',
    )  # fmt: skip
    return replace(base, **more)  # type: ignore[arg-type]


def run(
    name: str, phase: AnalysisPhase, metrics: tuple[Metric, ...], **more: object
) -> AnalysisRun:
    base = AnalysisRun(
        ResourceKey(ANALYSIS_RUN, "production", name), "Step", phase, "", metrics,
        ago(minutes=4), None, ago(minutes=4), 8, 5,
    )  # fmt: skip
    return replace(base, **more)  # type: ignore[arg-type]


def canary() -> Rollout:
    """Midway: analysis of step 6 runs at 20 %."""
    done = run(
        "my-app-canary-8d8f7c6b5-8-2", AnalysisPhase.SUCCESSFUL,
        (metric("error-rate", (0.012, 0.015, 0.011, 0.013, 0.010), 0.05,
                phase=AnalysisPhase.SUCCESSFUL, next_at=None, failure_limit=3, failures_left=3),),
        completed_at=ago(minutes=15), started_at=ago(minutes=19), step_index=2,
    )  # fmt: skip
    now = run(
        "my-app-canary-8d8f7c6b5-8-5", AnalysisPhase.RUNNING,
        (metric("p99-latency", (412, 438, 521, 447), 500),),
    )  # fmt: skip
    return Rollout(
        key=rollout_key("my-app-canary"), resource_version="9001", strategy="Canary",
        phase=RolloutPhase.PROGRESSING, message="more replicas need to be updated",
        paused_reason="", aborted=False, fully_promoted=False, promote_full=False,
        steps=steps(5), step_index=5, set_weight=20, actual_weight=20,
        images=("registry.example.com/myorg/my-app:v2.1.0",), desired=10, current=10, updated=2,
        ready=10, available=10, current_hash="8d8f7c6b5", stable_hash="7d8f7c6b5",
        waiting_for="analysis latency-check", waiting_until=NOW + timedelta(seconds=42),
        revisions=(
            revision(8, "v2.1.0", ("canary",), 2),
            revision(7, "v2.0.0", ("stable",), 8),
            revision(6, "v1.9.4", (), 0),
        ),
        runs=(now, done),
        services=(("stable", "my-app-stable"), ("canary", "my-app-canary")),
        conditions=(Condition("Progressing", "ReplicaSet is progressing", ago(minutes=12)),),
    )  # fmt: skip


def blue_green() -> Rollout:
    return replace(
        canary(), key=rollout_key("my-app"), strategy="BlueGreen", phase=RolloutPhase.PAUSED,
        message="BlueGreenPause", paused_reason="BlueGreenPause", steps=(), step_index=None,
        set_weight=0, actual_weight=0, desired=5, current=10, updated=5, ready=10, available=10,
        waiting_for="a promote: preview is ready", waiting_until=None,
        revisions=(revision(3, "v2.0.0", ("preview",), 5), revision(2, "v1.9.0", ("active",), 5)),
        runs=(), services=(("active", "my-app-active"), ("preview", "my-app-preview")),
    )  # fmt: skip


def degraded() -> Rollout:
    failed = run(
        "pricing-6b5c-7-2", AnalysisPhase.FAILED,
        (metric("error-rate", (0.03, 0.071, 0.094, 0.12, 0.131), 0.05, phase=AnalysisPhase.FAILED,
                message="Metric assessed Failed due to failed (4) > failureLimit (3)",
                failure_limit=3, failures_left=None, next_at=None),),
        message='Metric "error-rate" assessed Failed due to failed (4) > failureLimit (3)',
        completed_at=ago(minutes=3), step_index=2,
    )  # fmt: skip
    return replace(
        canary(), key=rollout_key("pricing"), phase=RolloutPhase.DEGRADED, aborted=True,
        message='RolloutAborted: Rollout aborted update to revision 7: Step-based analysis phase error/failed: Metric "error-rate" assessed Failed due to failed (4) > failureLimit (3)',
        steps=tuple(replace(s, state="waiting") for s in steps(0)), step_index=0, set_weight=0,
        actual_weight=0, updated=0, waiting_for="", waiting_until=None,
        revisions=(revision(7, "v3.2.0", ("canary",), 0), revision(6, "v3.1.9", ("stable",), 10)),
        runs=(failed,),
    )  # fmt: skip


def commits() -> tuple[Commit, ...]:
    path = "apps/my-app-canary/overlays/production/kustomization.yaml"
    rows = (
        ("desired", "Grace Hopper", "my-app-canary: v2.1.0, faster checkout", {"minutes": 13}),
        ("live", "Linus T.", "my-app-canary: raise memory limit to 512Mi", {"hours": 5}),
        ("third", "Alice Müller", 'Revert "my-app-canary: try new cache"', {"days": 2}),
        ("fourth", "Bob Okafor", "my-app-canary: try new cache", {"days": 2, "hours": 3}),
        ("fifth", "Alice Müller", "canary: analyse p99 latency at 20 %", {"days": 9}),
    )
    return tuple(
        Commit(SHAS[name], author, "dev@example.com", ago(**when), subject, (path,))
        for name, author, subject, when in rows
    )


def history() -> History:
    return History(commits(), live=SHAS["live"], desired=SHAS["desired"], branch="main",
                   fetched_at=ago(seconds=30))  # fmt: skip


def rollouts() -> dict[ResourceKey, Rollout]:
    return {item.key: item for item in (canary(), blue_green(), degraded())}


def live_kinds() -> dict[object, LinkState]:
    return {
        kind: LinkState(Link.LIVE, ago(minutes=30)) for kind in (APPLICATION, ROLLOUT, ANALYSIS_RUN)
    }


def snapshot(**more: object) -> Snapshot:
    base = Snapshot(
        generation=1, taken_at=NOW, cluster=LinkState(Link.LIVE, ago(minutes=30)),
        context="prod-eu-1", kinds=live_kinds(), applications=applications(), rollouts=rollouts(),
    )  # fmt: skip
    return replace(base, **more)  # type: ignore[arg-type]


def selection(name: str) -> Selection:
    key = rollout_key(name)
    known = (key,) if key in rollouts() else ()
    return Selection(app_key(name), known, history(), events=events(name), traces=traces(name))


def events(name: str) -> tuple[Event, ...]:
    if name == "checkout":
        return ()
    return (
        Event(ago(minutes=2), "Normal", "ResourceUpdated", "Updated sync status: OutOfSync -> Synced",
              "Application", name),
        Event(ago(minutes=3), "Warning", "Unhealthy",
              "Readiness probe failed: HTTP probe failed with statuscode: 503", "Pod", f"{name}-7d9-x2x4z", 4),
        Event(ago(minutes=9), "Normal", "RolloutStepCompleted",
              "Rollout step 4/11 completed (setWeight: 20)", "Rollout", name),
    )  # fmt: skip


def traces(name: str) -> tuple[Trace, ...]:
    """Ten minutes of the running metric of the canary, at its provider."""
    if name != "my-app-canary":
        return ()
    running = next(r for r in canary().runs if not r.phase.completed)
    points = tuple(
        (ago(seconds=600 - 10 * i), 380 + 40 * ((i * 7) % 11) / 11 + 3 * i) for i in range(60)
    )
    return (Trace(running.key, running.metrics[0].name, points),)


def experiment() -> Experiment:
    return Experiment(
        ResourceKey(EXPERIMENT, "production", "my-app-canary-7d9-9-3"), AnalysisPhase.RUNNING, "",
        (ExperimentTemplate("baseline", "Running", "", 2, 2),
         ExperimentTemplate("canary", "Progressing", "waits for pods", 2, 1)),
        (("error-rate", "my-app-canary-7d9-9-3-error-rate", AnalysisPhase.RUNNING, ""),),
        ago(minutes=3), ago(minutes=2), NOW + timedelta(minutes=8),
    )  # fmt: skip


EMPTY = {"applications": {}, "rollouts": {}}


def connecting() -> Snapshot:
    return snapshot(cluster=LinkState(Link.CONNECTING, ago(seconds=2)), kinds={}, **EMPTY)


def empty() -> Snapshot:
    return snapshot(**EMPTY)


def stale() -> Snapshot:
    return snapshot(cluster=LinkState(Link.STALE, ago(seconds=95), "connection reset by peer"))


def denied() -> Snapshot:
    state = LinkState(
        Link.DENIED, ago(minutes=1), "applications.argoproj.io is forbidden for user dev",
        "ask for list and watch on applications.argoproj.io",
    )  # fmt: skip
    return snapshot(kinds=live_kinds() | {APPLICATION: state}, **EMPTY)


def broken() -> Snapshot:
    state = LinkState(
        Link.BROKEN, ago(minutes=1), "the certificate of https://10.0.0.1:6443 has expired",
        "renew it, or choose another context with --context",
    )  # fmt: skip
    incident = Incident("cluster", "the certificate of https://10.0.0.1:6443 has expired",
                        "renew it, or choose another context with --context", ago(minutes=1))  # fmt: skip
    return snapshot(cluster=state, kinds={}, incidents=(incident,), **EMPTY)
