from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from opsconsole.argo.cd.notifications import NOTIFIED, Destination, Ledger, Result
from opsconsole.model.kinds import APPLICATION, CONFIG_MAP, SECRET
from opsconsole.sandbox import cluster as clusters
from opsconsole.sandbox.argocd.notifications import Outbox
from opsconsole.sandbox.cluster import Cluster, ClusterOptions

TABLE = json.loads(
    (Path(__file__).resolve().parents[2] / "conformance/tables/notifications.json").read_text()
)
HOOK = "http://hook.local"
PREFIX = "notifications.argoproj.io/"


def start(config: dict[str, str]) -> tuple[Cluster, Outbox]:
    outbox = Outbox(lambda made: 500 if made.address == f"{HOOK}/fail" else 200)
    without = frozenset({"argocd", "applicationset"})
    cluster = clusters.build(ClusterOptions(without=without), services={"outbox": outbox})
    data = {k: v.replace("HOOK", HOOK) for k, v in config.items()}
    meta = {"namespace": "argocd"}
    cluster.store.create(
        CONFIG_MAP, {"metadata": {**meta, "name": "argocd-notifications-cm"}, "data": data}
    )
    secret = {
        "metadata": {**meta, "name": "argocd-notifications-secret"},
        "stringData": {"token": "secret"},
    }
    cluster.store.create(SECRET, secret)
    cluster.start()
    return cluster, outbox


def put(cluster: Cluster, name: str, state: dict[str, Any]) -> None:
    notes = {PREFIX + k: v for k, v in state["annotations"].items()}
    status: dict[str, Any] = {
        "sync": {"status": state["sync"], "revision": state["revision"]},
        "health": {"status": state["health"]},
    }
    if state["phase"]:
        status["operationState"] = {"phase": state["phase"]}
    old = cluster.store.find(APPLICATION, "argocd", name)
    if old is None:
        meta = {"name": name, "namespace": "argocd", "annotations": notes}
        cluster.store.create(APPLICATION, {"metadata": meta, "spec": {}, "status": status})
    else:
        cluster.store.update(APPLICATION, {**old, "status": status})
    cluster.simulation.run_for(2.5)


def requests(outbox: Outbox) -> list[dict[str, Any]]:
    found = [
        {
            "path": s.delivery.address.removeprefix(HOOK),
            "method": s.delivery.method,
            "headers": dict(s.delivery.headers),
            "body": s.delivery.body,
        }
        for s in outbox.sent
    ]
    outbox.sent.clear()
    return distinct(found)


def distinct(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for i, one in enumerate(found) if one not in found[:i]]


@pytest.mark.parametrize("row", TABLE["rows"], ids=lambda r: r["scenario"])
def test_recorded_notifications(row: dict[str, Any]) -> None:
    cluster, outbox = start(TABLE["config"])
    name = row["scenario"]
    services = {k.rpartition(".")[2] for s in row["steps"] for k in s["set"]["annotations"]}
    for step in row["steps"]:
        put(cluster, name, step["set"])
        # what another scenario's failing endpoint was still sent is not this one's
        sent = [r for r in step["sent"] if (r["path"] == "/fail") == ("broken" in services)]
        assert requests(outbox) == distinct(sent)
        if len(distinct(sent)) == len(sent) or "broken" in services or ";" in str(step["set"]):
            raw = (
                cluster.store.get(APPLICATION, "argocd", name)["metadata"]["annotations"].get(
                    NOTIFIED
                )
                if step["set"]["annotations"]
                else None
            )
            keys = {k.replace(name, "APP") for k in json.loads(raw)} if raw else set()
            assert keys == set(step["notified"].get(NOTIFIED, {}))
    logged = [
        (level, text.replace(name, "APP")) for level, _, text in outbox.log if level == "error"
    ]
    for level, text in row["log"]:
        if level == "error":
            assert ("error", text) in logged
    assert not cluster.manager.faults


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (
            "trigger.bad",
            "- when: app.status.sync.status ==\n  send: [plain]\n",
            "unexpected token EOF (1:25)",
        ),
        ("template.bad", "message: '{{ .app'\n", "template: bad:1: unclosed action"),
    ],
)
def test_one_broken_entry_silences_everything(key: str, value: str, message: str) -> None:
    cluster, outbox = start({**TABLE["config"], key: value})
    put(cluster, "a", TABLE["rows"][0]["steps"][1]["set"])
    assert not outbox.sent
    assert outbox.fault.startswith(f"Failed to get api: errors getting apis: [{message}")


def test_nothing_is_told_before_the_comparison_after_a_sync() -> None:
    cluster, outbox = start(TABLE["config"])
    put(cluster, "a", {**TABLE["rows"][0]["steps"][0]["set"], "health": "Healthy"})
    app = cluster.store.get(APPLICATION, "argocd", "a")
    status = {
        **app["status"],
        "health": {"status": "Degraded"},
        "reconciledAt": "2026-01-05T09:00:00Z",
        "operationState": {"phase": "Succeeded", "finishedAt": "2026-01-05T09:00:05Z"},
    }
    app = cluster.store.update(APPLICATION, {**app, "status": status})
    cluster.simulation.run_for(1)
    assert not outbox.sent
    cluster.store.update(
        APPLICATION, {**app, "status": {**status, "reconciledAt": "2026-01-05T09:00:06Z"}}
    )
    cluster.simulation.run_for(1)
    assert len(outbox.sent) == 1


def test_default_subscriptions_and_slack() -> None:
    more = {
        "service.slack": "token: $token\n",
        "subscriptions": "- recipients: [slack:ops]\n  triggers: [on-health-degraded]\n",
    }
    cluster, outbox = start({**TABLE["config"], **more})
    put(cluster, "a", {**TABLE["rows"][0]["steps"][1]["set"], "annotations": {}})
    (sent,) = outbox.sent
    assert (sent.delivery.kind, sent.delivery.address) == ("slack", "ops")
    assert "sync status: Synced" in sent.delivery.body
    assert "secret" not in repr(sent)


def test_a_condition_with_once_per_stays_noted() -> None:
    to, once = Destination("hook", ""), Result("[0].x", triggered=True, once_per="rev")
    ledger = Ledger()
    assert ledger.note("t", once, to, 1, sent=True)
    assert not ledger.note("t", once, to, 2, sent=True)
    assert not ledger.note("t", once, to, 3, sent=False)
    assert ledger.dumped() == '{"rev:t:[0].x:hook:":1}'


STATE: dict[str, Any] = {
    "annotations": {"subscribe.on.hook": ""},
    "sync": "Synced",
    "health": "Healthy",
    "phase": None,
    "revision": "aaaa111",
}


def simple(when: str, **more: str) -> dict[str, str]:
    once = f"  oncePer: {more.pop('once')}\n" if "once" in more else ""
    return {
        "service.webhook.hook": "url: HOOK/fail\n",
        "template.t": "message: hello\n",
        "trigger.on": f"- when: {json.dumps(when)}\n{once}  send: [t]\n",
        **more,
    }


def noted(cluster: Cluster) -> str | None:
    notes = cluster.store.get(APPLICATION, "argocd", "a")["metadata"]["annotations"]
    return notes.get(NOTIFIED)


def test_a_failed_delivery_with_once_per_is_never_repeated() -> None:
    cluster, outbox = start(simple("true", once="app.status.sync.revision"))
    put(cluster, "a", STATE)
    assert len(outbox.sent) == 4
    assert "aaaa111:on:" in (noted(cluster) or "")
    cluster.simulation.run_for(300)
    assert len(outbox.sent) == 4


def test_a_failed_delivery_is_tried_again_when_the_application_is_looked_at() -> None:
    cluster, outbox = start(simple("true"))
    put(cluster, "a", STATE)
    assert len(outbox.sent) == 4
    assert noted(cluster) is None
    assert outbox.log[-1][2] == (
        "Failed to notify recipient {hook } defined in resource argocd/a:"
        f" GET {HOOK}/fail giving up after 4 attempt(s) using the configuration in namespace argocd"
    )
    cluster.simulation.run_for(60)
    assert len(outbox.sent) == 8


@pytest.mark.parametrize(("status", "sent"), [(204, 1), (302, 1), (404, 1), (429, 4), (501, 1)])
def test_what_is_tried_again(status: int, sent: int) -> None:
    cluster, outbox = start(simple("true"))
    outbox.answer = lambda _: status
    put(cluster, "a", STATE)
    assert len(outbox.sent) == sent
    assert (noted(cluster) is not None) is (status == 204)


def test_time_alone_can_make_a_condition_hold() -> None:
    when = "time.Now().Sub(time.Parse(app.metadata.creationTimestamp)) > 5 * time.Minute"
    cluster, outbox = start({**simple(when), "service.webhook.hook": "url: HOOK"})
    put(cluster, "a", STATE)
    cluster.simulation.run_for(240)
    assert not outbox.sent
    cluster.simulation.run_for(120)
    assert len(outbox.sent) == 1


@pytest.mark.parametrize(
    ("status", "sent"),
    [
        ({}, 0),
        ({"finishedAt": "2026-01-01T00:00:05Z"}, 0),
        ({"finishedAt": "2026-01-01T00:00:05Z", "reconciledAt": "2026-01-01T00:00:04Z"}, 0),
        ({"finishedAt": "2026-01-01T00:00:05Z", "reconciledAt": "2026-01-01T00:00:05Z"}, 1),
        ({"finishedAt": "2026-01-01T00:00:05Z", "observedAt": "2026-01-01T00:00:06Z"}, 1),
    ],
)
def test_a_finished_operation_waits_for_the_next_comparison(
    status: dict[str, str], sent: int
) -> None:
    cluster, outbox = start({**simple("true"), "service.webhook.hook": "url: HOOK"})
    finished = {k: v for k, v in status.items() if k == "finishedAt"}
    rest = {k: v for k, v in status.items() if k != "finishedAt"}
    operation = {"operationState": {"phase": "Succeeded", **finished}}
    notes = {f"{PREFIX}subscribe.on.hook": ""}
    cluster.store.create(
        APPLICATION,
        {
            "metadata": {"name": "a", "namespace": "argocd", "annotations": notes},
            "spec": {},
            "status": {**operation, **rest},
        },
    )
    cluster.simulation.run_for(3)
    assert len(outbox.sent) == sent


def test_an_address_from_the_secret_is_not_told() -> None:
    config = {**simple("true"), "service.webhook.hook": "url: HOOK/$token\n"}
    cluster, outbox = start(config)
    outbox.answer = lambda _: 500
    put(cluster, "a", STATE)
    assert outbox.sent[-1].delivery.address == f"{HOOK}/secret"
    assert "secret" not in str(list(outbox.log))
    assert f"{HOOK}/$token" in str(list(outbox.log))
    assert "/secret" not in outbox.told(cluster.simulation.now())
