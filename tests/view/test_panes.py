"""What panes say about states that no screenshot shows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opsconsole.model.kinds import CONFIG_MAP, ROLLOUT, SECRET, ResourceKey
from opsconsole.model.plans import Intent, Plan, Risk
from opsconsole.model.requests import PatchType, Request, Verb
from opsconsole.model.snapshot import Link, LinkState
from opsconsole.model.status import AnalysisPhase, RolloutPhase
from opsconsole.view.analysis import analysis_lines
from opsconsole.view.glyphs import ASCII
from opsconsole.view.lines import Canvas, line_width, text_of
from opsconsole.view.options import default_of, options_for, parse
from opsconsole.view.plans import masked, plan_lines
from opsconsole.view.rollout import rollout_lines
from opsconsole.view.states import explain, kind_state
from opsconsole.view.summary import one_line
from tests.ui import world


def canvas(width=80, height=20, **more):
    return Canvas(width, height, world.NOW, **more)


@pytest.mark.parametrize("make", [world.canary, world.blue_green, world.degraded])
@pytest.mark.parametrize(("width", "height"), [(30, 4), (36, 10), (57, 16), (120, 24)])
def test_no_line_is_wider_than_the_pane(make, width, height):
    item = make()
    for full in (False, True):
        where = canvas(width, height, full=full)
        for lines in (rollout_lines(item, where), analysis_lines(item.runs, where)):
            assert all(line_width(spans) <= width for spans in lines)
            assert full or len(lines) <= height


def test_step_zero_is_not_all_done():
    item = replace(world.canary(), steps=world.steps(0), step_index=0)
    text = text_of(rollout_lines(item, canvas(full=True)))
    assert "0/11" in text
    assert "▶··········" in text


def test_a_finished_rollout_shows_all_steps_done():
    item = replace(
        world.canary(), steps=world.steps(11), step_index=None, phase=RolloutPhase.HEALTHY
    )
    assert "11/11" in text_of(rollout_lines(item, canvas()))


def test_an_abort_is_worded_as_what_serves():
    text = text_of(rollout_lines(world.degraded(), canvas()))
    assert "aborted" in text
    assert "stable serves all" in text


def test_set_and_actual_weight_when_they_differ():
    text = text_of(
        rollout_lines(replace(world.canary(), set_weight=50, actual_weight=20), canvas())
    )
    assert "20% of 50% set" in text


def test_a_sick_pod_is_named_with_its_restarts():
    revision = world.revision(
        9, "v9", ("canary",), 3, pods=world.pods("x", 3, broken=1), available=2
    )
    item = replace(world.canary(), revisions=(revision,))
    text = text_of(rollout_lines(item, canvas(height=30)))
    assert "✔✔✖  CrashLoopBackOff, 4 restarts" in text


def test_a_rollout_without_anything_is_drawn():
    bare = replace(
        world.canary(), strategy="", phase=RolloutPhase.UNKNOWN, message="", steps=(), step_index=None,
        revisions=(), runs=(), waiting_for="", problems=("spec.replicas is not a number",),
    )  # fmt: skip
    assert "spec.replicas is not a number" in text_of(rollout_lines(bare, canvas()))


def test_failed_error_and_inconclusive_are_told_apart():
    metric = world.metric("m", (1.0,), 5.0, successful=1, failed=2, inconclusive=3, error=4)
    text = text_of(
        analysis_lines([world.run("r", AnalysisPhase.RUNNING, (metric,))], canvas(height=30))
    )
    assert "✔1 ✖2 ?3 !4" in text


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (None, "no failure limit"),
        (0, "the next failure ends it"),
        (1, "1 failure left"),
        (3, "3 failures left"),
    ],
)
def test_failures_left(left, words):
    metric = world.metric("m", (1.0,), 5.0, failures_left=left)
    assert words in text_of(
        analysis_lines([world.run("r", AnalysisPhase.RUNNING, (metric,))], canvas())
    )


def test_a_value_that_is_no_number_is_shown_as_it_is():
    measurement = replace(world.measurements(1.0, limit=5)[0], value='{"ok":"yes"}', number=None)
    metric = world.metric("m", (), 5.0, measurements=(measurement,), thresholds=())
    text = text_of(analysis_lines([world.run("r", AnalysisPhase.SUCCESSFUL, (metric,))], canvas()))
    assert '{"ok":"yes"}' in text


def test_a_full_analysis_shows_every_measurement_and_the_query():
    text = text_of(analysis_lines(world.canary().runs, canvas(full=True)))
    assert "histogram_quantile" in text
    assert "✖ Failed  521" in text


def plan(step, **more):
    target = ResourceKey(ROLLOUT, "ns", "x")
    base = Plan("id", Intent("promote", target), "t", (step,), (), (), Risk.LOW, world.NOW)
    return replace(base, **more)


def test_a_plan_shows_the_exact_request():
    step = Request(Verb.PATCH, ROLLOUT, "ns", "x", {"status": {"abort": True}}, PatchType.MERGE,
                   "status", query=(("fieldManager", "opsconsole"),), main_on_404=True)  # fmt: skip
    text = text_of(plan_lines(plan(step), canvas(120)))
    assert (
        "PATCH /apis/argoproj.io/v1alpha1/namespaces/ns/rollouts/x/status?fieldManager=opsconsole"
        in text
    )
    assert "application/merge-patch+json" in text
    assert '{"status": {"abort": true}}' in text
    assert "main resource" in text


def test_a_long_path_is_broken_not_cut():
    step = Request(Verb.DELETE, CONFIG_MAP, "a" * 30, "b" * 30)
    text = text_of(plan_lines(plan(step), canvas(40)))
    assert "…" not in text
    assert "b" * 30 in text


def test_a_secret_is_masked():
    body = {"kind": "Secret", "data": {"password": "aHVudGVyMg=="}, "stringData": {"t": "hunter2"}}
    step = Request(Verb.PUT, SECRET, "ns", "s", body)
    text = text_of(plan_lines(plan(step), canvas()))
    assert "hunter2" not in text
    assert "aHVudGVyMg" not in text
    assert "password" in text
    assert masked(["x"]) == "(hidden)"


def test_the_states_have_different_sentences():
    texts = {text_of(explain(LinkState(link, world.NOW), "applications", 60)) for link in Link}
    assert len(texts) == len(Link)


def test_a_denied_kind_stays_denied_while_the_cluster_is_stale():
    picture = world.denied()
    kind = next(iter(k for k, v in picture.kinds.items() if v.link is Link.DENIED))
    stale = replace(picture, cluster=LinkState(Link.STALE, world.NOW))
    assert kind_state(stale, kind).link is Link.DENIED
    assert kind_state(stale, ROLLOUT).link is Link.STALE


def test_one_line_fits_and_speaks_of_the_selected_application():
    picture = world.snapshot()
    app = picture.applications[world.app_key("my-app-canary")]
    made = one_line(picture, app, world.canary(), glyphs=ASCII, now=world.NOW, width=40)
    assert text_of([made]) == "my-app-canary ~ Progressing 5/11 20%"
    tight = one_line(picture, app, world.canary(), glyphs=ASCII, now=world.NOW, width=16)
    assert line_width(tight) <= 16


def test_sync_offers_prune_dry_run_and_revisions():
    picture = world.snapshot()
    options = options_for("sync", application=picture.applications[world.app_key("inventory")],
                          history=world.history(), commit=world.commits()[0])  # fmt: skip
    assert [o.key for o in options] == ["p", "d", "v"]
    revisions = options[2].values
    assert revisions[0] == ("", "main (desired)")
    assert revisions[1][0] == world.SHAS["desired"]
    assert default_of(options[0]) is False


def test_undo_leaves_the_current_revision_out():
    (option,) = options_for("undo", rollout=world.canary())
    assert [value for value, _ in option.values] == [7, 6]


def test_images_are_read_as_pairs():
    (option,) = options_for("set-image", rollout=world.canary())
    assert default_of(option) == (("*", "registry.example.com/myorg/my-app:v2.1.0"),)
    assert parse(option, "a=x:1, b=y:2 junk c=") == (("a", "x:1"), ("b", "y:2"))


def test_an_application_of_another_cluster_says_where_it_runs():
    from opsconsole.model.status import Health, Sync
    from opsconsole.view.applications import away, detail

    far = world.application("my-app", Sync.SYNCED, Health.HEALTHY, elsewhere="https://us-east:6443")
    text = text_of(away(far, 60))
    assert "another cluster, https://us-east:6443" in text.replace("\n", " ")
    assert "--context" in text
    assert "(another cluster)" in text_of(detail(far, (), canvas(full=True))).replace("\n", " ")
    near = world.application("my-app", Sync.SYNCED, Health.HEALTHY)
    assert "another cluster" not in text_of(detail(near, (), canvas(full=True)))


def test_panes_of_another_clusters_application_show_no_rollout_of_this_one():
    from types import SimpleNamespace

    from opsconsole.model.snapshot import Snapshot
    from opsconsole.model.status import Health, Sync
    from opsconsole.ui.panes import analysis_pane, rollout_pane

    far = world.application("my-app", Sync.SYNCED, Health.HEALTHY, elsewhere="https://us-east:6443")
    main = SimpleNamespace(
        picture=Snapshot(1, world.NOW, LinkState(Link.LIVE)),
        rollout=None, rollouts=(), application=far,
    )  # fmt: skip
    for pane in (rollout_pane, analysis_pane):
        assert "another cluster" in text_of(pane(main, canvas())[1]).replace("\n", " ")


def test_the_pane_of_another_clusters_rollout_names_the_cluster():
    from types import SimpleNamespace

    from opsconsole.model.snapshot import Snapshot
    from opsconsole.model.status import Health, Sync
    from opsconsole.ui.panes import rollout_pane

    east = "https://us-east.example:6443"
    far = world.application("my-app", Sync.SYNCED, Health.HEALTHY, elsewhere=east)
    near = world.blue_green()
    for item, told in ((near, False), (replace(near, key=near.key._replace(cluster=east)), True)):
        main = SimpleNamespace(
            picture=Snapshot(1, world.NOW, LinkState(Link.LIVE)),
            rollout=item, rollouts=(item,), application=far,
        )  # fmt: skip
        right, lines = rollout_pane(main, canvas())
        assert ("on us-east.example" in text_of([right])) is told
        assert "BlueGreen" in text_of(lines)
