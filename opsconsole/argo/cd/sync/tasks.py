"""The tasks of a sync and their order (gitops-engine `sync_task.go`, `sync_tasks.go`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from opsconsole.argo.cd import hooks
from opsconsole.argo.cd.identity import Key, Obj, group_of, is_definition, key_of
from opsconsole.argo.cd.syncoptions import has_option
from opsconsole.argo.cd.waves import KIND_ORDER, PHASE_ORDER, wave_of
from opsconsole.model.objects import Object, name_of, namespace_of, text


class Pair(NamedTuple):
    """One resource as wanted and as it is; at least one of the two is there."""

    target: Obj | None
    live: Obj | None

    @property
    def key(self) -> Key:
        return key_of(self.live if self.live is not None else self.target or {})


@dataclass(slots=True, eq=False)
class Task:
    """`target` None: to be pruned. `live` None: not there yet.

    `status`, `state` and `message` are the result so far, `state` "" while nothing was done.
    """

    phase: str
    target: Obj | None
    live: Obj | None
    skip_dry_run: bool = False
    status: str = ""
    state: str = ""
    message: str = ""
    wave_override: int | None = None

    @property
    def obj(self) -> Obj:
        return self.target if self.target is not None else self.live or {}

    @property
    def kind(self) -> str:
        return text(self.obj, "kind")

    @property
    def result_key(self) -> tuple[Key, str]:
        return key_of(self.obj), self.phase

    @property
    def wave(self) -> int:
        return wave_of(self.obj) if self.wave_override is None else self.wave_override

    @property
    def is_prune(self) -> bool:
        return self.target is None

    @property
    def is_hook(self) -> bool:
        return hooks.is_hook(self.obj)

    @property
    def pending(self) -> bool:
        return not self.state

    @property
    def running(self) -> bool:
        return self.state == "Running"

    @property
    def completed(self) -> bool:
        return self.state in ("Succeeded", "Failed", "Error")

    @property
    def successful(self) -> bool:
        return self.state == "Succeeded"

    def has_policy(self, policy: str) -> bool:
        """Whether this is a live hook with that delete policy."""
        return self.live is not None and self.is_hook and policy in hooks.delete_policies(self.obj)

    @property
    def delete_before_creation(self) -> bool:
        return self.pending and self.has_policy(hooks.BEFORE_CREATION)

    @property
    def place(self) -> tuple[str, int]:
        return self.phase, self.wave

    @property
    def label(self) -> str:
        return f"{group_of(self.obj)}/{self.kind}/{name_of(self.obj)}"


def ordered(tasks: Iterable[Task]) -> list[Task]:
    """Phase, wave, kind, name; then namespaces and definitions before what needs them."""
    found = sorted(
        tasks,
        key=lambda t: (PHASE_ORDER[t.phase], t.wave, KIND_ORDER.get(t.kind, 0), name_of(t.obj)),
    )
    _bubble(found, _namespace, namespace_of)
    _bubble(found, _definition, lambda obj: f"{group_of(obj)}/{text(obj, 'kind')}")
    return found


def _namespace(obj: Object) -> str:
    return name_of(obj) if text(obj, "kind") == "Namespace" and not group_of(obj) else ""


def _definition(obj: Object) -> str:
    if not is_definition(obj):
        return ""
    return f"{text(obj, 'spec', 'group')}/{text(obj, 'spec', 'names', 'kind')}"


def _bubble(
    tasks: list[Task], provides: Callable[[Object], str], needs: Callable[[Object], str]
) -> None:
    """Move a provider before the first task that needs it; it takes over its phase and wave."""
    first: dict[str, int] = {}
    for index, task in enumerate(tasks):
        if task.target is None:
            continue
        provided = provides(task.target)
        if provided:
            at = first.get(provided)
            if at is not None:
                task.phase, task.wave_override = tasks[at].phase, tasks[at].wave
                tasks.insert(at, tasks.pop(index))
                first = {k: v + 1 if v >= at else v for k, v in first.items()}
        else:
            needed = needs(task.target)
            if needed:
                first.setdefault(needed, index)


def reverse_prunes(tasks: list[Task], *, prune_last: bool) -> None:
    """Prune in the opposite order of creation, or after everything else."""
    prunes: dict[int, list[Task]] = {}
    for task in tasks:
        if task.is_prune:
            prunes.setdefault(task.wave, []).append(task)
    waves = sorted(prunes)
    for wave, mirrored in zip(waves, reversed(waves), strict=True):
        if wave != mirrored:
            for task in prunes[wave]:
                task.wave_override = mirrored
    last = max([0, *(t.wave for t in tasks if t.phase == "Sync")]) + 1
    for task in tasks:
        if task.is_prune and (prune_last or has_option(task.live or {}, "PruneLast=true")):
            task.wave_override = last


def named_hook(obj: Object, phase: str, revision: str, started: int) -> Obj:
    """A hook as it will be created: a generated name is fixed, the finalizer added."""
    meta = dict(obj["metadata"]) if isinstance(obj.get("metadata"), Mapping) else {}
    if not meta.get("name"):
        short = revision[:7] if len(revision) >= 8 else revision
        meta["name"] = text(meta, "generateName") + f"{short}-{phase}-{started}".lower()
    finalizers = list(meta.get("finalizers") or [])
    if hooks.HOOK_FINALIZER not in finalizers:
        meta["finalizers"] = [*finalizers, hooks.HOOK_FINALIZER]
    return {**obj, "metadata": meta}
