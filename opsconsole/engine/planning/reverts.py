"""A git revert with push, and what it means for the application.

Separate because its steps are git commands, not requests: the cluster is changed by Argo CD
when it sees the commit.
"""

from __future__ import annotations

from opsconsole.engine.gitwork import Revert
from opsconsole.engine.planning.draft import Draft
from opsconsole.model.applications import Application
from opsconsole.model.plans import GitStep


def draft(app: Application, revert: Revert) -> Draft:
    plan = revert.plan
    steps = tuple(GitStep(revert.url, command.argv[1:]) for command in plan.commands)
    effects = [
        f"a new commit on {plan.branch}: {plan.subject}",
        f"changes back {_files(plan.commit.files)}",
    ]
    warnings: list[str] = []
    if app.auto_sync:
        effects.append("Argo CD applies it by itself (auto-sync is on)")
        effects.append("it stays: git itself asks for it, so selfHeal and auto-sync keep it")
    else:
        warnings.append("auto-sync is off: press s afterwards to apply it")
    outside = [f for f in plan.commit.files if app.source.path and not _inside(f, app.source.path)]
    if outside:
        warnings.append(
            f"the commit also touches {_files(tuple(outside))}, outside this application"
        )
    return Draft(
        title=f"Revert {plan.commit.sha[:8]} on {plan.branch}",
        steps=steps,
        effects=tuple(effects),
        warnings=tuple(warnings),
        expects="reverted",
        timeout=1800.0,
        context=(
            ("application", app.name),
            ("repository", revert.url),
            ("commit", f"{plan.commit.sha[:12]} {plan.commit.subject}"),
        ),
        payload=revert,
    )


def _files(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - 3} more files" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _inside(name: str, path: str) -> bool:
    """A change of a shared base counts as inside: the path's top folder is what people mean."""
    top = path.strip("/").split("/overlays/")[0]
    return name.startswith(top.rstrip("/") + "/") or top in ("", ".")
