"""What moves: events, experiments, the resources of a sync, and values at their provider."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opsconsole.model.analysis import Trace
from opsconsole.model.applications import ManagedResource, Operation, ResourceResult
from opsconsole.model.events import Event
from opsconsole.model.status import AnalysisPhase, Health, OperationPhase, Sync
from opsconsole.view.analysis import analysis_lines
from opsconsole.view.applications import activity, detail
from opsconsole.view.events import event_lines, experiment_lines
from opsconsole.view.lines import Canvas, line_width, plain, text_of
from opsconsole.view.rollout import rollout_lines
from opsconsole.view.syncs import sync_lines
from tests.ui import world

EVENTS = world.events("my-app-canary")


def canvas(width=80, height=20, **more):
    return Canvas(width, height, world.NOW, **more)


@pytest.mark.parametrize(("width", "full"), [(30, False), (37, True), (57, False), (120, True)])
def test_nothing_is_wider_than_the_pane(width, full):
    where = canvas(width, 12, full=full)
    app = world.applications()[world.app_key("search")]
    trial = world.experiment()
    for lines in (
        event_lines(EVENTS, where), event_lines((), where, told="denied " * 30),
        experiment_lines([trial], where), sync_lines(app, where), activity(app, (("x", "+" * 200),), where),
        rollout_lines(replace(world.canary(), experiments=(trial,)), where, EVENTS),
        analysis_lines(world.canary().runs, where, world.traces("my-app-canary")),
    ):  # fmt: skip
        assert all(line_width(spans) <= width for spans in lines), text_of(lines)


def test_events_say_when_how_often_and_about_what():
    text = text_of(event_lines(EVENTS, canvas(120)))
    assert "3m ! Unhealthy" in text
    assert "my-app-canary-7d9-x2x4z: Readiness probe failed" in text
    assert "Unhealthy                  4× Pod" in text
    assert "9m · RolloutStepCompleted       Rollout step 4/11 completed" in text
    assert text_of(event_lines(EVENTS, canvas(120), limit=1)).count("\n") == 0


def test_no_events_say_why():
    assert text_of(event_lines((), canvas(), told="you may not read the events in prod")) == (
        "you may not read the events in prod"
    )
    assert text_of(event_lines((), canvas())) == "no events are kept"


def test_an_event_cannot_draw_on_the_screen():
    evil = Event(
        world.ago(minutes=1), "Warning", "A\x1b[2J", "b\x1b]0;x\x07\nc\u202ed", "Pod", "p\x9b1m"
    )
    text = text_of(event_lines([evil], canvas(200)))
    assert "\x1b" not in text
    assert "\x9b" not in text
    assert "\u202e" not in text
    assert "\n" not in text


def test_an_experiment_that_runs_is_in_the_small_pane_and_a_past_one_only_in_full():
    running = world.experiment()
    past = replace(running, phase=AnalysisPhase.FAILED, until=None, message="it had no luck")
    for trial, full, shown in (
        (running, False, True), (past, False, False), (past, True, True),
    ):  # fmt: skip
        rollout = replace(world.canary(), experiments=(trial,))
        text = text_of(rollout_lines(rollout, canvas(60, 24, full=full)))
        assert ("experiment my-app-canary-7d9-9-3" in text) is shown
    text = text_of(experiment_lines([running], canvas()))
    assert "ends in 8m00s" in text
    assert "canary  Progressing  waits for pods" in text
    assert "1/2" in text
    assert "◌ Running  analysis error-rate" in text


def test_events_fill_what_the_rollout_leaves_free():
    item = world.canary()
    assert "Events" not in text_of(rollout_lines(item, canvas(60, 16), EVENTS))
    assert "Readiness probe" in text_of(rollout_lines(item, canvas(60, 40), EVENTS))
    assert "Readiness probe" in text_of(rollout_lines(item, canvas(60, 5, full=True), EVENTS))


def result(kind, name, phase="Sync", hook_phase="", status="Synced", message=""):
    return ResourceResult(kind, "prod", name, status, message, phase, hook_phase)


def managed(kind, name, wave):
    return ManagedResource(
        "", "v1", kind, "prod", name, Sync.SYNCED, Health.HEALTHY, sync_wave=wave
    )


def syncing(*results, phase=OperationPhase.RUNNING, **more):
    app = world.applications()[world.app_key("checkout")]
    return replace(app, operation=Operation(phase, "waiting", results=results), **more)


def test_a_sync_is_shown_by_phase_and_wave_in_the_order_in_which_it_runs():
    app = syncing(
        result("Job", "smoke", "PostSync", "Running", ""),
        result("Service", "late", "Sync", "Running"),
        result("ConfigMap", "early", "Sync", "Succeeded"),
        result("Job", "migrate", "PreSync", "Succeeded", "", "done"),
        resources=(managed("Service", "late", 2), managed("ConfigMap", "early", -1)),
    )
    rows = [plain(spans) for spans in sync_lines(app, canvas(full=True))]
    assert rows == [
        "2 of 4 done",
        "PreSync", "  ✔ Job prod/migrate  done",
        "Sync wave -1", "  ✔ ConfigMap prod/early",
        "Sync wave 2", "  ◌ Service prod/late",
        "PostSync", "  ◌ Job prod/smoke",
    ]  # fmt: skip
    brief = text_of(sync_lines(app, canvas()))
    assert "migrate" not in brief
    assert "2 of 4 done" in brief


def test_what_failed_says_why_in_full():
    message = "one or more objects failed to apply: " + "admission webhook denied it " * 8
    app = syncing(result("Deployment", "web", status="SyncFailed", message=message),
                  phase=OperationPhase.FAILED)  # fmt: skip
    text = text_of(detail(app, (), canvas(full=True)))
    assert "✖ Deployment prod/web" in text
    assert text.count("admission webhook denied it") >= 3


def test_after_a_success_what_the_controller_left_running_is_done():
    items = (
        result("Deployment", "web", "Sync", "Running"),
        result("Job", "x", "PreSync", "Running", ""),
    )
    running = text_of(sync_lines(syncing(*items), canvas(full=True)))
    assert "0 of 2 done" in running
    done = text_of(sync_lines(syncing(*items, phase=OperationPhase.SUCCEEDED), canvas(full=True)))
    assert "1 of 2 done" in done
    assert "✔ Deployment prod/web" in done
    assert "◌ Job prod/x" in done


def test_an_application_without_a_rollout_shows_its_resources_and_drift():
    app = syncing(resources=(replace(managed("Service", "web", 0), sync=Sync.OUT_OF_SYNC),))
    text = text_of(activity(app, (("Service prod/web", "-port: 80\n+port: 8080"),), canvas()))
    assert "1 resources, 1 not in order" in text
    assert "+port: 8080" in text


def test_live_values_are_plotted_in_the_colour_that_they_would_be_judged_by():
    item = world.canary()
    (trace,) = world.traces("my-app-canary")
    lines = analysis_lines(item.runs, canvas(60, 20), (trace,))
    tokens = {token for spans in lines for text, token in spans if any("⠀" < c < "⣿" for c in text)}
    assert {"ok", "bad"} <= tokens
    assert "live" in text_of(lines)
    full = text_of(analysis_lines(item.runs, canvas(100, 20, full=True), (trace,)))
    assert "at its provider, since 10:22:05" in full


def test_a_provider_that_is_not_reached_is_told_in_full_only():
    item = world.canary()
    (trace,) = world.traces("my-app-canary")
    dark = Trace(trace.run, trace.metric, (), "prometheus:9090: refused")
    assert "refused" not in text_of(analysis_lines(item.runs, canvas(60, 20), (dark,)))
    full = text_of(analysis_lines(item.runs, canvas(100, 20, full=True), (dark,)))
    assert "live values: prometheus:9090: refused" in full
