"""The command palette: actions that are possible, applications by name, and views.

Built from the same registry as the keys; names are found by substring before Textual's
matcher ranks them, so that thousands of applications stay quick.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from opsconsole.model.actions import ACTIONS
from opsconsole.ui.keymap import PANES, TITLES, spell
from opsconsole.view.format import safe

if TYPE_CHECKING:
    from opsconsole.ui.app import OpsApp

Command = tuple[str, Callable[[], object], str]
"""(name, what it does, help)"""

_MOST = 50


class ActionsProvider(Provider):
    @property
    def _ops(self) -> OpsApp:
        return cast("OpsApp", self.app)

    async def discover(self) -> Hits:
        for name, run, about in self._commands():
            yield DiscoveryHit(name, run, help=about)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for name, run, about in (*self._commands(), *self._applications(query)):
            score = matcher.match(name)
            if score > 0:
                yield Hit(score, matcher.highlight(name), run, help=about)

    def _commands(self) -> Iterator[Command]:
        ops = self._ops
        for spec in ACTIONS:
            reason = ops.flow.why_not(spec)
            about = f"not now: {reason}" if reason else f"{spec.help}  ({spell(spec.key)})"
            yield spec.label, partial(ops.flow.start, spec), about
        for item in ops.environment.extra_actions:
            yield item.label, partial(ops.action_extra, item.id), item.help
        for pane in PANES:
            yield f"Open {TITLES[pane]}", partial(ops.main.open, pane), "the pane in full"
        yield "Operations", ops.action_operations, "what was asked for, and how it went"
        yield "Events", ops.action_events, "of the application and what it runs  (e)"
        yield "What is wrong", ops.action_incidents, "incidents and objects that could not be read"
        yield "Needs attention", ops.action_attention, "only such applications  (!)"
        yield "Theme", ops.action_next_theme, "the next theme"
        yield "Help", ops.action_help, "every key"
        yield "Quit", ops.action_leave, "leave the console"

    def _applications(self, query: str) -> Iterator[Command]:
        picture = self._ops.main.picture
        wanted = query.lower()
        found = 0
        for key in picture.applications if picture else ():
            if wanted in key.name.lower():
                yield f"Go to {safe(key.name)}", partial(self._go_to, key), safe(key.namespace)
                found += 1
                if found == _MOST:
                    return

    def _go_to(self, key: object) -> None:
        self._ops.set_search("")
        self._ops.main.table("applications").go_to(key)
        self._ops.action_focus_pane("applications")
