"""What belongs to the selected application: events, experiments, the values behind its analyses."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from opsconsole.engine import traces
from opsconsole.engine.decode.analysis import analysis_run
from opsconsole.engine.decode.experiments import experiment
from opsconsole.engine.events import event
from opsconsole.engine.hub import Hub
from opsconsole.errors import MetricsError
from opsconsole.metrics.client import Series
from opsconsole.model.feed import Interrupted
from opsconsole.model.kinds import ANALYSIS_RUN, EVENT, EXPERIMENT, POD, REPLICA_SET
from opsconsole.model.snapshot import Link
from opsconsole.model.status import AnalysisPhase
from tests.aio.loop import pass_time
from tests.engine import objects
from tests.engine.fakes import StoreCluster
from tests.engine.test_hub import APP, SHOP, play

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def said(name: str, kind: str, about: str, at: str = "09:00:00", **over: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": over.pop("namespace", "prod")},
        "involvedObject": {"kind": kind, "name": about},
        "type": "Normal", "reason": "Because", "message": f"{name} was said",
        "lastTimestamp": f"2026-01-05T{at}Z", **over,
    }  # fmt: skip


def trial(owner: dict[str, Any]) -> dict[str, Any]:
    return {
        "metadata": {"name": "shop-trial", "namespace": "prod",
                     "ownerReferences": [objects.reference(owner, "Rollout")]},
        "spec": {"duration": "5m", "templates": [
            {"name": "baseline", "replicas": 2}, {"name": "canary"}]},
        "status": {"phase": "Running", "availableAt": "2026-01-05T09:00:00Z",
                   "templateStatuses": [{"name": "baseline", "status": "Running",
                                         "availableReplicas": 2}],
                   "analysisRuns": [{"name": "errors", "analysisRun": "shop-trial-errors",
                                     "phase": "Running"}]},
    }  # fmt: skip


def messages(hub: Hub) -> list[str]:
    chosen = hub.snapshot().selection
    return [e.message for e in chosen.events] if chosen is not None else []


def test_events_of_the_selection_are_followed_and_others_are_not() -> None:
    cluster = StoreCluster()
    objects.shop(cluster)
    cluster.put(EVENT, said("one", "Rollout", "shop", "09:00:01"))
    cluster.put(EVENT, said("two", "Application", "shop", "09:00:02", namespace="argocd"))
    cluster.put(EVENT, said("three", "Rollout", "other", "09:00:03"))
    cluster.put(EVENT, said("four", "Service", "shop", "09:00:04"))

    async def scene(hub: Hub) -> None:
        assert hub.snapshot().selection is None
        hub.select(APP)
        await pass_time(3)
        assert messages(hub) == ["two was said", "one was said"]
        cluster.put(EVENT, said("five", "AnalysisRun", "shop-new1-2", "09:00:05", type="Warning"))
        await pass_time(2)
        chosen = hub.snapshot().selection
        assert chosen is not None
        assert (chosen.events[0].message, chosen.events[0].warning) == ("five was said", True)
        hub.select(None)
        await pass_time(3)
        hub.select(APP)
        assert messages(hub) == []

    play(cluster, scene)


def test_a_pod_that_is_not_well_has_its_say() -> None:
    cluster = StoreCluster()
    objects.shop(cluster)
    rs = cluster.store.get(REPLICA_SET, "prod", "shop-new1")
    cluster.put(POD, objects.pod(rs, "shop-new1-b", waiting="ImagePullBackOff"))
    cluster.put(EVENT, said("bad", "Pod", "shop-new1-b"))
    cluster.put(EVENT, said("good", "Pod", "shop-new1-a"))

    async def scene(hub: Hub) -> None:
        hub.select(APP)
        await pass_time(3)
        assert messages(hub) == ["bad was said"]

    play(cluster, scene)


def test_events_that_may_not_be_read_say_so() -> None:
    cluster = StoreCluster()
    objects.shop(cluster)
    cluster.trouble[EVENT] = Interrupted(Link.DENIED, "forbidden", retry_in=5.0)
    original = cluster.follow

    def denied(kind, namespace="", **more):  # type: ignore[no-untyped-def]
        return original(kind, "" if kind == EVENT else namespace, **more)

    cluster.follow = denied  # type: ignore[method-assign]

    async def scene(hub: Hub) -> None:
        hub.select(APP)
        await pass_time(3)
        chosen = hub.snapshot().selection
        assert chosen is not None
        assert chosen.events_told.startswith("you may not read the events in ")

    play(cluster, scene)


def test_an_event_has_the_time_that_it_was_last_seen() -> None:
    old = event(said("x", "Pod", "p", "09:00:00", count=3))
    assert (old.at, old.count) == (datetime(2026, 1, 5, 9, tzinfo=UTC), 3)
    new = said("x", "Pod", "p", eventTime="2026-01-05T09:00:01.000000Z")
    del new["lastTimestamp"]
    assert event(new).at == datetime(2026, 1, 5, 9, 0, 1, tzinfo=UTC)
    series = {**new, "series": {"count": 7, "lastObservedTime": "2026-01-05T09:00:02.000000Z"}}
    assert (event(series).at, event(series).count) == (
        datetime(2026, 1, 5, 9, 0, 2, tzinfo=UTC), 7,
    )  # fmt: skip
    assert event({"count": "many", "involvedObject": []}).count == 1


def test_an_experiment_with_its_templates_and_its_runs() -> None:
    cluster = StoreCluster()
    made = cluster.put(EXPERIMENT, trial(objects.shop(cluster)))
    run = objects.run(made, "shop-trial-errors")
    run["metadata"]["ownerReferences"] = [objects.reference(made, "Experiment")]
    cluster.put(ANALYSIS_RUN, run)

    async def scene(hub: Hub) -> None:
        rollout = hub.snapshot().rollouts[SHOP]
        (found,) = rollout.experiments
        assert found.phase is AnalysisPhase.RUNNING
        assert [(t.name, t.status, t.available, t.desired) for t in found.templates] == [
            ("baseline", "Running", 2, 2), ("canary", "Pending", 0, 1),
        ]  # fmt: skip
        assert found.until == datetime(2026, 1, 5, 9, 5, tzinfo=UTC)
        assert {r.key.name: r.kind for r in rollout.runs} == {
            "shop-new1-2": "Background", "shop-trial-errors": "Experiment",
        }  # fmt: skip
        cluster.change(EXPERIMENT, "prod", "shop-trial", {"status": {"phase": "Failed"}})
        await pass_time(1)
        (found,) = hub.snapshot().rollouts[SHOP].experiments
        assert (found.phase, found.until) == (AnalysisPhase.FAILED, None)

    play(cluster, scene)


@pytest.mark.parametrize("duration", ["soon", "99999999999h"])
def test_an_experiment_whose_duration_is_none_is_shown(duration: str) -> None:
    raw = trial(objects.rollout(meta={"uid": "u"}))
    raw["spec"]["duration"] = duration
    assert experiment(raw).until is None


def measured(args: list[dict[str, Any]], query: str) -> Any:
    raw = objects.run(objects.rollout(meta={"uid": "u"}))
    raw["spec"]["args"] = args
    metric = raw["spec"]["metrics"][0]
    metric["provider"]["prometheus"]["query"] = query
    metric["successCondition"] = "result[0] < {{args.limit}}"
    return analysis_run(raw)


def test_a_metric_is_shown_with_the_arguments_of_its_run() -> None:
    limit, secret = {"name": "limit", "value": "0.2"}, {"name": "key", "valueFrom": {}}
    (metric,) = measured([limit, {"name": "svc", "value": "web"}], 'e{s="{{args.svc}}"}').metrics
    assert (metric.query, metric.address) == ('e{s="web"}', "http://prometheus:9090")
    assert [t.value for t in metric.thresholds] == [0.2]
    (hidden,) = measured([limit, secret], "e{{args.key}}").metrics
    assert hidden.query == "e{{args.key}}"


class Provider:
    """A Prometheus that answers with two points or with what is wrong."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, timedelta]] = []
        self.fail = ""

    async def series(
        self, address: str, query: str, start: datetime, end: datetime, *, step: float
    ) -> list[Series]:
        assert step > 0
        self.asked.append((address, query, end - start))
        if self.fail:
            raise MetricsError(self.fail)
        return [Series((), ((start, 0.1), (end, 0.2))), Series((), ((start, 9.0),))]

    def close(self) -> None:
        return


def test_running_metrics_are_asked_for_at_the_address_that_is_reached_here() -> None:
    provider = Provider()
    run = analysis_run(objects.run(objects.rollout(meta={"uid": "u"})))
    look = traces.Traces(lambda a: a.replace("prometheus", "localhost"), lambda: provider)  # type: ignore[arg-type,return-value]
    wanted = [(run.key, run.metrics[0])]
    assert asyncio.run(look.look(wanted, NOON))
    assert provider.asked == [("http://localhost:9090", "errors", traces.WINDOW)]
    assert [v for _, v in look.known[0].points] == [0.1, 0.2]
    provider.fail = "localhost: refused"
    assert asyncio.run(look.look(wanted, NOON))
    assert (look.known[0].points, look.known[0].told) == ((), "localhost: refused")
    assert not asyncio.run(look.look(wanted, NOON))
    assert asyncio.run(look.look([], NOON))
    assert look.known == ()


def test_only_what_runs_and_is_known_in_full_is_asked_for() -> None:
    cluster = StoreCluster()
    objects.shop(cluster)

    async def scene(hub: Hub) -> None:
        rollout = hub.snapshot().rollouts[SHOP]
        assert [(key.name, m.name) for key, m in traces.running([rollout])] == [
            ("shop-new1-2", "errors")
        ]
        cluster.change(ANALYSIS_RUN, "prod", "shop-new1-2", {"status": {"phase": "Failed"}})
        await pass_time(1)
        assert traces.running([hub.snapshot().rollouts[SHOP]]) == ()

    play(cluster, scene)
