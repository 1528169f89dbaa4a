"""Key bindings, the keys that are shown, and the help: all from the one registry of actions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from textual.binding import Binding, BindingType

from opsconsole.view.lines import BLANK, Line, clip, line, line_width, wrapped

if TYPE_CHECKING:
    from opsconsole.model.actions import ActionSpec
    from opsconsole.model.environment import ExtraAction

PANES = ("applications", "rollout", "analysis", "history")
TITLES = {
    "applications": "Applications",
    "rollout": "Rollout",
    "analysis": "Analysis",
    "history": "Git history",
}

NAVIGATION: tuple[tuple[str, str], ...] = (
    ("Tab, Shift-Tab, 1-4", "go to another pane"),
    ("j k, arrows", "one line; g G first and last; PgUp PgDn a page"),
    ("Enter", "open the pane in full; Tab then goes to the detail"),
    ("Esc", "back: filter, notice, full pane"),
    ("/", "filter the applications"),
    ("!", "only what needs attention"),
    ("[ ]", "previous and next rollout of the application"),
    (": or Ctrl-P", "command palette"),
    ("o", "operations and their progress"),
    ("e", "events of the application and what it runs"),
    ("E", "what is wrong"),
    ("t", "another theme"),
    ("q, Ctrl-C", "quit"),
)

FILTER_HELP: tuple[tuple[str, str], ...] = (
    ("word", "name, project, namespace, revision or reason contains it"),
    ("-word", "does not"),
    ("sync:out health:degr", "a field contains it; also project: name: ns:"),
    ("!", "needs attention"),
)


def bindings() -> list[BindingType]:
    """For the App class; shown keys are the keys bar's business, not Textual's footer."""
    made: list[BindingType] = [
        *(
            Binding(str(i), f"focus_pane('{pane}')", TITLES[pane], show=False, id=f"pane.{pane}")
            for i, pane in enumerate(PANES, 1)
        ),
        Binding("enter", "open", "Open", show=False, id="pane.open"),
        Binding("escape", "go_back", "Back", show=False, id="back"),
        Binding("slash", "filter", "Filter", show=False, id="filter"),
        Binding("exclamation_mark", "attention", "Needs attention", show=False, id="attention"),
        Binding("left_square_bracket", "rollout(-1)", "Previous rollout", show=False, id="rollout.previous"),
        Binding("right_square_bracket", "rollout(1)", "Next rollout", show=False, id="rollout.next"),
        Binding("colon", "command_palette", "Commands", show=False, id="palette"),
        Binding("question_mark", "help", "Help", show=False, id="help"),
        Binding("o", "operations", "Operations", show=False, id="operations"),
        Binding("e", "events", "Events", show=False, id="events"),
        Binding("E", "incidents", "What is wrong", show=False, id="incidents"),
        Binding("t", "next_theme", "Theme", show=False, id="theme"),
        Binding("q", "leave", "Quit", show=False, id="quit"),
        Binding("ctrl+c,ctrl+q", "leave", "Quit", show=False, priority=True, id="quit.now"),
    ]  # fmt: skip
    return made


def action_bindings() -> list[Binding]:
    """The actions' own keys, bound once the first frame is drawn."""
    from opsconsole.model.actions import ACTIONS

    return [
        Binding(spec.key, f"act('{spec.id}')", spec.label, show=False, id=f"act.{spec.id}",
                tooltip=spec.help)
        for spec in ACTIONS
    ]  # fmt: skip


def screen_bindings() -> list[BindingType]:
    """For the main screen, whose class would otherwise take Tab for itself."""
    return [
        Binding("tab", "app.pane(1)", "Next pane", show=False, id="pane.next"),
        Binding("shift+tab", "app.pane(-1)", "Previous pane", show=False, id="pane.previous"),
    ]


def spell(key: str) -> str:
    """A key as people write it: "ctrl+r" → "Ctrl-R"."""
    if len(key) == 1:
        return key
    names = {"plus": "+", "minus": "-", "equals_sign": "=", "full_stop": ".", "comma": ",",
             "less_than_sign": "<", "greater_than_sign": ">", "space": "Space"}  # fmt: skip
    return "-".join(names.get(part, part.capitalize()) for part in key.split("+"))


def keys_line(
    specs: Sequence[ActionSpec],
    extras: Sequence[ExtraAction],
    tail: Sequence[tuple[str, str]],
    width: int,
) -> Line:
    """The keys that work right now, as many as fit; `tail` always does."""
    last = [_key(key, label) for key, label in tail]
    room = width - sum(line_width(item) + 2 for item in last)
    shown: list[Line] = []
    for key, label in (
        *((s.key, s.label.lower()) for s in specs),
        *((e.key, e.label.lower()) for e in extras),
    ):
        item = _key(spell(key), label)
        room -= line_width(item) + 2
        if room < 0:
            break
        shown.append(item)
    joined: Line = ()
    for item in (*shown, *last):
        joined = (*joined, *((("  ", "text"),) if joined else ()), *item)
    return clip(joined, width)


def _key(key: str, label: str) -> Line:
    return line((key, "key"), (f" {label}", "muted"))


def help_lines(
    extras: Sequence[ExtraAction],
    why_not: Callable[[ActionSpec], str] | None = None,
    width: int = 120,
) -> list[Line]:
    """Every key, in lines of `width`. `why_not` gives the reason that an action is not possible now."""
    from opsconsole.model.actions import ACTIONS

    lines = [line(("Moving", "strong"))]
    for key, text in NAVIGATION:
        lines += _row(key, text, width=width)
    for scope, title in (
        ("application", "The application"), ("rollout", "Its rollout"), ("commit", "The chosen commit"),
    ):  # fmt: skip
        lines += [BLANK, line((title, "strong"))]
        for spec in ACTIONS:
            if spec.scope == scope:
                reason = why_not(spec) if why_not else ""
                lines += _row(spell(spec.key), spec.label, spec.help, reason, width=width)
    if extras:
        lines += [BLANK, line(("This environment", "strong"))]
        for item in extras:
            lines += _row(spell(item.key), item.label, item.help, width=width)
    lines += [BLANK, line(("In the filter", "strong"))]
    for key, text in FILTER_HELP:
        lines += _row(key, text, width=width)
    return lines


def _row(key: str, text: str, more: str = "", reason: str = "", *, width: int) -> list[Line]:
    """One key; what does not fit stands on lines of its own."""
    if not more:
        rows = wrapped(text, "text", width, indent=24)
        return [line((f"  {key:<22}", "key"), *rows[0][1:]), *rows[1:]]
    rows = wrapped(more, "muted", width, indent=32)
    rows[0] = line((f"  {key:<8}", "key"), f"{text:<22}", *rows[0][1:])
    told = f"(not now: {reason})"
    if not reason:
        return rows
    if len(rows) == 1 and line_width(rows[0]) + len(told) + 2 <= width:
        return [(*rows[0], (f"  {told}", "warn"))]
    return [*rows, *wrapped(told, "warn", width, indent=32)]
