"""What can be chosen about an action before it is planned: prune, dry run, which revision.

Separate from the dialog so that the choices come from the picture by rules that are tested
without a screen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from opsconsole.model.applications import Application
from opsconsole.model.revisions import Commit, History
from opsconsole.model.rollouts import Rollout
from opsconsole.view.format import fit, image, revision, safe

_MOST = 20
"""Revisions that are offered."""


@dataclass(frozen=True, slots=True)
class Option:
    """One choice: `key` goes to the next of `values`, which are (value, label) pairs.

    `text` asks for words instead; then `values` hold the text to start with.
    """

    name: str
    key: str
    label: str
    values: tuple[tuple[Any, str], ...]
    text: bool = False


def options_for(
    action: str,
    *,
    application: Application | None = None,
    rollout: Rollout | None = None,
    commit: Commit | None = None,
    history: History | None = None,
) -> tuple[Option, ...]:
    """The first value of each is what the action does when nothing is chosen."""
    if action == "sync" and application is not None:
        return (
            Option("prune", "p", "prune", _switch(on=application.auto_sync and application.prune)),
            Option("dryRun", "d", "dry run", _switch(on=False)),
            Option("revision", "v", "revision", _revisions(application, commit, history)),
        )
    if action == "undo" and rollout is not None:
        earlier = [r for r in rollout.revisions if r.pod_hash != rollout.current_hash]
        labels = tuple(
            (r.number, f"{r.number}  {', '.join(image(name) for name in r.images)}")
            for r in earlier
        )
        return (Option("toRevision", "v", "to revision", labels[:_MOST]),) if labels else ()
    if action == "set-image" and rollout is not None:
        start = rollout.images[0] if rollout.images else ""
        return (Option("images", "", "container=image", ((f"*={start}", ""),), text=True),)
    return ()


def default_of(option: Option) -> Any:
    """What is planned when nothing is chosen."""
    return parse(option, str(option.values[0][0])) if option.text else option.values[0][0]


def parse(option: Option, text: str) -> Any:
    """What was typed as the option's value: images are (container, image) pairs."""
    if option.name != "images":
        return text
    pairs = (word.partition("=") for word in text.replace(",", " ").split())
    return tuple((name, image) for name, equals, image in pairs if equals and name and image)


def _switch(*, on: bool) -> tuple[tuple[Any, str], ...]:
    return ((on, "on" if on else "off"), (not on, "off" if on else "on"))


def _revisions(
    application: Application, commit: Commit | None, history: History | None
) -> tuple[tuple[Any, str], ...]:
    """The target revision, the commit under the cursor, then what was deployed before."""
    target = application.source.target_revision or "HEAD"
    offered: dict[Any, str] = {"": f"{safe(target)} (desired)"}
    subjects = {c.sha: c.subject for c in history.commits} if history is not None else {}
    wanted = [commit.sha] if commit is not None else []
    wanted += [item.revision for item in reversed(application.history)]
    for sha in wanted:
        subject = fit(safe(subjects.get(sha, "")), 40).rstrip()
        offered.setdefault(sha, f"{revision(sha)} {subject}".rstrip())
    return tuple(offered.items())[:_MOST]
