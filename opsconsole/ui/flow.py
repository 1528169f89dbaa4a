"""From a key to a plan to its execution: who is meant, why not, which dialog.

The only place that makes Intents; the engine judges them, the dialog shows the Plan.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING

from opsconsole.errors import OpsError, bounded
from opsconsole.model.actions import ActionSpec
from opsconsole.model.plans import Intent, OperationRecord, Plan, Risk
from opsconsole.ui.notices import Told
from opsconsole.view.options import Option, default_of, options_for

if TYPE_CHECKING:
    from opsconsole.ui.app import OpsApp


class Flow:
    def __init__(self, app: OpsApp) -> None:
        self._app = app

    def intent(self, spec: ActionSpec) -> Intent | None:
        """What the action would mean now; None when nothing that it needs is selected."""
        main = self._app.main
        if spec.scope == "rollout":
            rollout = main.rollout
            return Intent(spec.id, rollout.key) if rollout is not None else None
        if main.application is None:
            return None
        if spec.scope == "commit":
            commit = main.commit
            if commit is None:
                return None
            return Intent(spec.id, main.application.key, (("commit", commit.sha),))
        return Intent(spec.id, main.application.key)

    def why_not(self, spec: ActionSpec) -> str:
        """The reason that it is not possible now; empty when it is."""
        intent = self.intent(spec)
        if intent is None:
            return {"commit": "choose a commit in the git pane"}.get(
                spec.scope, f"no {spec.scope} is selected"
            )
        chosen = ((o.name, default_of(o)) for o in self.options(spec))
        return self._app.engine.refusal(replace(intent, options=(*intent.options, *chosen)))

    def possible(self, spec: ActionSpec) -> bool:
        focused = self._app.main.focused
        if spec.scope == "commit" and (focused is None or focused.id != "history"):
            return False
        return not self.why_not(spec)

    def options(self, spec: ActionSpec) -> tuple[Option, ...]:
        main = self._app.main
        history_focused = main.focused is not None and main.focused.id == "history"
        return options_for(
            spec.id, application=main.application, rollout=main.rollout,
            commit=main.commit if history_focused else None, history=main.commits,
        )  # fmt: skip

    def start(self, spec: ActionSpec) -> None:
        reason = self.why_not(spec)
        if reason:
            self._app.tell(f"{spec.label}: {reason}", "warn")
            return
        intent = self.intent(spec)
        assert intent is not None
        if spec.risk is Risk.NONE:
            self._follow_plan(self._app.engine.plan(intent))
            return
        from opsconsole.ui.dialogs.plan import PlanDialog

        dialog = PlanDialog(self._app, spec, intent, self.options(spec))
        self._app.push_screen(dialog, self.execute)

    def execute(self, plan: Plan | None) -> None:
        if plan is not None:
            self._app.engine.execute(plan).add_done_callback(self._ended)

    def _follow_plan(self, future: Future[Plan]) -> None:
        """An action without risk is run as soon as it is planned."""

        def planned(done: Future[Plan]) -> None:
            error = done.exception()
            if error is not None:
                self._tell_error(error)
            else:
                self.execute(done.result())

        future.add_done_callback(planned)

    def _ended(self, done: Future[OperationRecord]) -> None:
        error = None if done.cancelled() else done.exception()
        if error is not None:
            self._tell_error(error)

    def _tell_error(self, error: BaseException) -> None:
        text = str(error) if isinstance(error, OpsError) else f"unexpected: {bounded(error)}"
        try:
            self._app.post_message(Told(text, "bad"))
        except RuntimeError:  # the screen has ended; the journal has it
            return
