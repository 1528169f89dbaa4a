"""What keys do: selection, panes, filter, dialogs, operations, quitting."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from opsconsole.errors import ConflictError
from opsconsole.model.environment import ExtraAction
from opsconsole.model.plans import OperationStatus
from opsconsole.model.snapshot import Incident, Link, LinkState
from opsconsole.model.status import Health
from opsconsole.ui.dialogs.plan import PlanDialog
from opsconsole.ui.screens.main import MainScreen
from tests.ui import world
from tests.ui.fake import FakeEnvironment
from tests.ui.support import stage

CANARY = ("j", "j", "j")


def play(scene):
    """Run an async scene: `@play` on a test's inner function."""
    asyncio.run(scene())


def test_the_first_application_is_selected_and_the_engine_told():
    @play
    async def scene():
        async with stage() as on:
            assert on.console.started
            assert on.console.selected == [world.app_key("checkout")]
            await on.press("j", "j")
            assert on.console.selected[-1] == world.app_key("my-app")
            assert "BlueGreen" in on.text()


def test_a_row_that_vanishes_leaves_the_cursor_where_it_was():
    @play
    async def scene():
        async with stage() as on:
            await on.press("j", "j")
            apps = dict(on.console.picture.applications)
            del apps[world.app_key("my-app")]
            on.console.change(applications=apps)
            await on.pilot.pause()
            assert on.app.main.selected == world.app_key("my-app-canary")


def test_the_cursor_follows_its_row_when_rows_come_before_it():
    @play
    async def scene():
        async with stage() as on:
            await on.press("j", "j", "j")
            extra = world.application("aaa", world.Sync.SYNCED, Health.HEALTHY)
            on.console.change(applications={**on.console.picture.applications, extra.key: extra})
            await on.pilot.pause()
            assert on.app.main.selected == world.app_key("my-app-canary")
            assert on.app.main.table("applications").cursor == 4


def test_tab_digits_enter_and_escape():
    @play
    async def scene():
        async with stage() as on:
            main = on.app.main
            await on.press("tab")
            assert main.focused.id == "rollout"
            await on.press("tab", "tab", "tab")
            assert main.focused.id == "applications"
            await on.press("shift+tab")
            assert main.focused.id == "history"
            await on.press("3", "enter")
            assert main.full == "analysis"
            assert not main.pane("rollout").display
            await on.press("2")
            assert main.full == "rollout"
            await on.press("escape")
            assert main.full == ""
            assert all(
                main.pane(name).display
                for name in ("applications", "rollout", "analysis", "history")
            )


def test_filter_types_letters_and_escape_takes_it_back():
    @play
    async def scene():
        async with stage() as on:
            await on.press("slash", "j", "k", "q")
            assert on.app.main.search == "jkq"
            await on.press("escape")
            assert on.app.main.search == ""
            await on.press("slash", "p", "r", "i", "enter")
            assert on.app.main.selected == world.app_key("pricing")
            assert on.app.main.focused.id == "applications"
            await on.press("escape")
            assert on.app.main.search == ""
            assert on.app.main.selected == world.app_key("pricing")
            await on.press("exclamation_mark")
            assert "4 of 6" in on.text()


def test_the_dialog_shows_the_plan_and_y_runs_that_very_plan():
    @play
    async def scene():
        async with stage() as on:
            await on.press(*CANARY, "P")
            assert isinstance(on.app.screen, PlanDialog)
            assert on.app.screen.focused.id == "cancel"
            assert '{"status": {"pauseConditions": null}}' in on.text()
            assert on.console.ran == []
            await on.press("y")
            assert [plan.id for plan in on.console.ran] == ["plan-promote"]
            assert isinstance(on.app.screen, MainScreen)
            assert "◌ running  Promote my-app-canary" in on.text()


def test_enter_on_a_fresh_dialog_cancels():
    @play
    async def scene():
        async with stage() as on:
            await on.press(*CANARY, "P", "enter")
            assert on.console.ran == []
            assert isinstance(on.app.screen, MainScreen)


def test_tab_to_run_and_enter_runs():
    @play
    async def scene():
        async with stage() as on:
            await on.press(*CANARY, "A", "tab", "enter")
            assert [plan.id for plan in on.console.ran] == ["plan-abort"]


def test_keys_of_the_first_300_ms_are_dropped():
    @play
    async def scene():
        async with stage() as on:
            await on.press(*CANARY, "P")
            on.app.screen._since = on.hand()
            await on.pilot.press("y", "enter", "escape")
            on.hand.advance(0.29)
            await on.pilot.press("y")
            assert on.console.ran == []
            assert isinstance(on.app.screen, PlanDialog)
            on.hand.advance(0.02)
            await on.pilot.press("y")
            await on.pilot.pause()
            assert len(on.console.ran) == 1


def test_a_new_plan_makes_the_dialog_deaf_again():
    @play
    async def scene():
        async with stage() as on:
            await on.press("j", "s")
            await on.press("p")
            await on.pilot.press("y")
            await on.pilot.pause()
            assert on.console.ran == []
            on.hand.advance(1)
            await on.pilot.press("y")
            await on.pilot.pause()
            assert on.console.ran[0].intent.option("prune") is True


def test_high_risk_needs_the_typed_name():
    @play
    async def scene():
        async with stage() as on:
            await on.press(*CANARY, "F", "y", "enter")
            assert on.console.ran == []
            await on.press("backspace", "enter")
            assert on.console.ran == []
            await on.press(*("minus" if c == "-" else c for c in "my-app"), "enter")
            assert on.console.ran == []
            await on.press(*("minus" if c == "-" else c for c in "-canary"), "enter")
            assert [plan.id for plan in on.console.ran] == ["plan-promote-full"]


def test_sync_options_plan_anew():
    @play
    async def scene():
        async with stage() as on:
            await on.press("j", "s", "d", "v")
            assert len(on.console.asked) == 3
            last = on.console.asked[-1]
            assert last.option("dryRun") is True
            assert last.option("prune") is False
            assert last.option("revision") == world.SHAS["live"]


def test_undo_goes_through_earlier_revisions():
    @play
    async def scene():
        async with stage() as on:
            await on.press(*CANARY, "U")
            assert on.console.asked[-1].option("toRevision") == 7
            await on.press("v")
            assert on.console.asked[-1].option("toRevision") == 6


def test_set_image_plans_what_was_typed():
    @play
    async def scene():
        async with stage() as on:
            await on.press(*CANARY, "I")
            field = on.app.screen.query_one("#option-text")
            assert on.app.screen.focused is field
            field.value = "my-app=myorg/my-app:v"
            await on.press("end", "y", "backspace", "9", "enter")
            assert on.console.ran == []
            assert on.console.asked[-1].option("images") == (("my-app", "myorg/my-app:v9"),)
            await on.press("y")
            assert len(on.console.ran) == 1


def test_revert_takes_the_commit_under_the_cursor():
    @play
    async def scene():
        async with stage() as on:
            await on.press(*CANARY, "4", "j", "R")
            assert on.console.asked[-1].option("commit") == world.SHAS["live"]
            assert "git revert --no-edit a1b2c3d4e5f6" in on.text()


def test_a_refusal_says_why_and_opens_nothing():
    @play
    async def scene():
        async with stage() as on:
            await on.press("j", "j", "j", "j", "A")
            assert isinstance(on.app.screen, MainScreen)
            assert "Abort: it is aborted already" in on.text()
            await on.press("escape")
            assert "aborted already" not in on.text()


def test_an_action_without_its_target_says_so():
    @play
    async def scene():
        async with stage() as on:
            await on.press("P")
            assert "Promote: no rollout is selected" in on.text()


def test_a_plan_that_fails_is_shown_in_the_dialog():
    @play
    async def scene():
        async with stage() as on:
            on.console.fail_plan = ConflictError("the rollout moved", hint="look again")
            await on.press(*CANARY, "P")
            assert "the rollout moved (look again)" in on.text()
            await on.press("y")
            assert on.console.ran == []


def test_refresh_needs_no_dialog():
    @play
    async def scene():
        async with stage() as on:
            await on.press("r")
            assert [plan.id for plan in on.console.ran] == ["plan-refresh"]


def test_a_failed_operation_stays_until_it_is_dismissed():
    @play
    async def scene():
        async with stage() as on:
            await on.press(*CANARY, "P", "y")
            on.console.finish(OperationStatus.FAILED, "metric p99-latency failed")
            on.app.environment.moment = world.NOW.replace(hour=20)
            await on.pilot.pause()
            on.app._tick()
            await on.pilot.pause()
            assert "✖ failed  Promote my-app-canary  metric p99-latency failed" in on.text()
            await on.press("o")
            assert "sent" in on.text()
            await on.press("escape", "escape")
            assert "✖ failed" not in on.text()


def test_progress_is_followed_in_the_notice_and_in_the_list():
    @play
    async def scene():
        async with stage() as on:
            await on.press(*CANARY, "P", "y", "o")
            on.console.finish()
            await on.pilot.pause()
            assert "✔ succeeded" in on.text()


def test_quit_asks_only_while_an_operation_runs():
    @play
    async def scene():
        async with stage() as on:
            await on.press(*CANARY, "P", "y", "q")
            assert on.app.screen.id == "quit"
            assert on.app.is_running
            await on.press("enter")
            assert isinstance(on.app.screen, MainScreen)
            await on.press("ctrl+c")
            assert on.app.screen.id == "quit"
            await on.press("y")
            await on.pilot.pause()
        assert on.app.return_code == 0


def test_quit_at_once_without_operations():
    for key in ("q", "ctrl+c"):

        async def scene(key=key):
            async with stage() as on:
                await on.press(key)
            assert on.app.return_code == 0

        asyncio.run(scene())


def test_ctrl_c_leaves_from_a_dialog():
    @play
    async def scene():
        async with stage() as on:
            await on.press(*CANARY, "P", "ctrl+c")
        assert on.app.return_code == 0
        assert on.console.ran == []


def test_help_is_made_from_the_registry_and_says_why_not():
    @play
    async def scene():
        async with stage(size=(120, 60)) as on:
            await on.press("j", "j", "j", "j", "question_mark")
            text = on.text()
            assert "Send all traffic back to the stable revision" in text
            assert "(not now: it is aborted" in text
            await on.press("q")
            assert isinstance(on.app.screen, MainScreen)


def test_the_environment_brings_its_own_keys():
    calls = []
    action = ExtraAction(
        "faster", "Faster", "plus", "twice the speed", lambda: calls.append(1) or "40×"
    )

    @play
    async def scene():
        environment = FakeEnvironment("SANDBOX 20×", (action,))
        async with stage(environment=environment, size=(120, 36)) as on:
            assert "+ faster" in on.text()
            await on.press("plus")
            assert calls == [1]
            assert "40×" in on.text()
            await on.press("question_mark", "G")
            assert "twice the speed" in on.text()


def test_the_palette_finds_actions_and_applications():
    @play
    async def scene():
        async with stage(size=(120, 36)) as on:
            await on.press("colon")
            await on.press(*"pric")
            await on.until(lambda: "Go to pricing" in on.text())
            await on.press("down", "enter")
            await on.until(lambda: on.app.main.selected == world.app_key("pricing"))


def test_incidents_are_counted_in_the_head_and_listed():
    @play
    async def scene():
        async with stage() as on:
            on.console.change(
                incidents=(
                    Incident(
                        "notifications", "a trigger does not parse", "fix it", world.ago(minutes=2)
                    ),
                )
            )
            await on.pilot.pause()
            assert "1 wrong (E)" in on.text()
            await on.press("E")
            assert "a trigger does not parse" in on.text()


def test_resizing_down_to_a_line_and_back():
    @play
    async def scene():
        async with stage() as on:
            await on.press(*CANARY)
            await on.pilot.resize_terminal(40, 10)
            await on.pilot.pause()
            text = on.text()
            assert text.splitlines()[0] == "my-app-canary ◌ Progressing 5/11 20%"
            assert text.strip().count("\n") == 0
            await on.pilot.resize_terminal(120, 36)
            await on.pilot.pause()
            assert "p99-latency" in on.text()


def test_the_connection_may_break_and_come_back():
    @play
    async def scene():
        async with stage() as on:
            await on.press(*CANARY)
            on.console.change(cluster=LinkState(Link.STALE, world.ago(seconds=40), "timed out"))
            await on.pilot.pause()
            text = on.text()
            assert "stale since 2026-11-23 10:31:25 UTC (40s)" in text
            assert text.count("! stale 40s") == 3
            assert "analysis latency-check" in text
            on.console.change(cluster=LinkState(Link.LIVE, world.NOW))
            await on.pilot.pause()
            assert "stale" not in on.text()


def test_two_applications_may_share_a_name():
    @play
    async def scene():
        twin = world.application("my-app", world.Sync.SYNCED, Health.HEALTHY)
        twin = replace(twin, key=twin.key._replace(namespace="argocd-2"))
        apps = {**world.applications(), twin.key: twin}
        async with stage(world.snapshot(applications=apps)) as on:
            await on.press("j", "j")
            assert on.app.main.selected == world.app_key("my-app")
            await on.press("j")
            assert on.app.main.selected == twin.key


def test_an_application_with_two_rollouts_shows_one_after_the_other():
    @play
    async def scene():
        async with stage() as on:
            await on.press(*CANARY)
            chosen = on.console.picture.selection
            keys = (world.rollout_key("my-app-canary"), world.rollout_key("my-app"))
            on.console.change(selection=replace(chosen, rollouts=keys))
            await on.pilot.pause()
            assert "[ 1/2 ]" in on.text()
            await on.press("right_square_bracket")
            assert "[ 2/2 ]" in on.text()
            assert "BlueGreen" in on.text()


def test_many_changes_make_one_frame():
    @play
    async def scene():
        async with stage() as on:
            frames = []
            show = on.app.main.show
            on.app.main.show = lambda picture: (frames.append(picture.generation), show(picture))
            for _ in range(200):
                on.console.change(taken_at=world.NOW)
            await on.pilot.pause()
            assert len(frames) <= 2
            assert frames[-1] == on.console.picture.generation


def test_themes_change_and_keep_the_text():
    @play
    async def scene():
        async with stage() as on:
            before = on.text()
            await on.press("t")
            assert on.app.theme == "ops-light"
            assert on.text() == before


def test_pictures_ticks_and_keys_may_come_before_the_screen_is_composed(monkeypatch):
    """Under load the engine is quicker than the first layout, and the screen goes while it talks."""
    early = []
    compose = MainScreen.compose

    def slow(screen):
        app = screen.ops
        app._frame()
        app._tick()
        app.tell("a hint")
        app.action_focus_pane("history")
        app.action_open()
        app.action_filter()
        app.action_act("promote")
        early.append(app.main.picture)
        return compose(screen)

    monkeypatch.setattr(MainScreen, "compose", slow)

    @play
    async def scene():
        async with stage() as on:
            assert len(early) == 1
            assert "my-app-canary" in on.text()
        on.app._frame()
        on.app._tick()


def test_e_shows_the_events_of_the_application_and_what_it_runs():
    @play
    async def scene():
        async with stage(size=(120, 36)) as on:
            await on.press(*CANARY, "e")
            text = on.text()
            assert "Events of my-app-canary" in text
            assert "4× Pod my-app-canary-7d9-x2x4z: Readiness probe failed" in text
            await on.press("escape")
            assert isinstance(on.app.screen, MainScreen)


def test_operations_show_what_argo_cd_is_syncing():
    @play
    async def scene():
        async with stage(size=(120, 36)) as on:
            await on.press("G", "o")
            text = on.text()
            assert "Argo CD's sync of search" in text
            assert "1 of 3 done" in text
            assert "✔ Job search/migrate  job completed" in text


def test_the_detail_of_a_full_pane_is_reached_by_tab_and_scrolls():
    @play
    async def scene():
        async with stage() as on:
            drift = (("Deployment search/search", "\n".join(f"+line {i}" for i in range(60))),)
            await on.press("G", "enter")
            on.console.change(selection=replace(world.selection("search"), drift=drift))
            await on.pilot.pause()
            assert "+line 59" not in on.text()
            await on.press("tab", "G")
            assert on.app.main.focused.id == "detail"
            assert "+line 59" in on.text()
            await on.press("tab")
            assert on.app.main.focused.id == "applications"
            await on.press("tab", "escape")
            assert on.app.main.focused.id == "applications"
            await on.press("tab")
            assert on.app.main.focused.id == "rollout"


def test_a_page_of_the_environment_is_read_over_the_console():
    item = ExtraAction(
        "outbox", "Outbox", "O", "what was sent", lambda: "one\n\n[b]two\x1b[0m", page=True
    )

    @play
    async def scene():
        async with stage(environment=FakeEnvironment(extra_actions=(item,))) as on:
            await on.press("O")
            text = on.text()
            assert "Outbox" in text
            assert "[b]two" in text
            assert "\x1b" not in text
            await on.press("escape")
            assert "[b]two" not in on.text()
