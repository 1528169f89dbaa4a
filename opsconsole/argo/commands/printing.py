"""The printed layouts of `get rollout`, `get experiment` and `list`, from what `info` found.

Source: `cmd/get/get_rollout.go`, `get_experiment.go`, `cmd/list`. Pure; `now` dates the ages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from opsconsole.argo.commands import layout
from opsconsole.argo.commands.info import (
    ExperimentInfo,
    Item,
    RolloutInfo,
    RunInfo,
    SetInfo,
    images,
    rollout_info,
)
from opsconsole.argo.commands.layout import painted, tabulated
from opsconsole.argo.rollouts.spec import pause_seconds
from opsconsole.model.objects import dig, name_of, namespace_of, text
from opsconsole.model.times import human_duration, parse_instant

Object = Mapping[str, Any]
Row = tuple[str, ...]


def _line(label: str, value: object) -> str:
    return f"{label:<17}{value}\n"


class _Tree:
    """Rows of the tree, each with the branches in front of its name."""

    def __init__(self, now: datetime, *, color: bool) -> None:
        self.now = now
        self.color = color
        self.rows: list[Row] = [("NAME", "KIND", "STATUS", "AGE", "INFO")]

    def paint(self, words: str, key: str = "") -> str:
        return painted(words, key or words, color=self.color)

    def row(  # noqa: PLR0917
        self, front: str, icon: str, name: str, kind: str, item: Item, info: str
    ) -> None:
        age = human_duration((self.now - item.created).total_seconds())
        status = f"{self.paint(item.icon)} {item.status}"
        self.rows.append((f"{front}{icon} {name}", kind, status, age, info))

    def set(self, rs: SetInfo, front: str, below: str) -> None:
        name, cells = rs.name, []
        for tag in rs.tags:
            cells.append(self.paint(tag))
            name = self.paint(rs.name, tag)
        if rs.deadline:
            cells.append(f"delay:{scale_down_delay(rs.deadline, self.now)}")
        self.row(front, layout.REPLICA_SET, name, "ReplicaSet", rs, ",".join(cells))
        for index, pod in enumerate(rs.pods):
            branch, _ = branches(last=index == len(rs.pods) - 1, below=below)
            info = f"ready:{pod.ready}" + (f",restarts:{pod.restarts}" if pod.restarts else "")
            self.row(branch, layout.POD, pod.name, "Pod", pod, info)

    def run(self, run: RunInfo, front: str, below: str) -> None:
        counted = (
            (layout.OK, run.successful),
            (layout.BAD, run.failed),
            (layout.UNKNOWN, run.inconclusive),
            (layout.WARNING, run.error),
        )
        info = ",".join(f"{self.paint(icon)} {count}" for icon, count in counted if count)
        self.row(front, layout.ANALYSIS, self.paint(run.name, run.status), "AnalysisRun", run, info)
        for index, job in enumerate(run.jobs):
            branch, _ = branches(last=index == len(run.jobs) - 1, below=below)
            self.row(branch, layout.JOB, self.paint(job.name, job.status), "Job", job, "")

    def experiment(self, found: ExperimentInfo, front: str, below: str) -> None:
        name = self.paint(found.name, found.status)
        self.row(front, layout.EXPERIMENT, name, "Experiment", found, "")
        self.children([*found.sets, *found.runs], below)

    def children(self, items: Sequence[Item], below: str) -> None:
        for index, item in enumerate(items):
            front, deeper = branches(last=index == len(items) - 1, below=below)
            if isinstance(item, SetInfo):
                self.set(item, front, deeper)
            elif isinstance(item, ExperimentInfo):
                self.experiment(item, front, deeper)
            elif isinstance(item, RunInfo):
                self.run(item, front, deeper)

    def revision(self, info: RolloutInfo, revision: int, front: str, below: str) -> None:
        self.rows.append((f"{front}{layout.REVISION} revision:{revision}", "", " ", "", ""))
        items: list[Item] = [s for s in info.sets if s.revision == revision]
        items += [e for e in info.experiments if e.revision == revision]
        items += [r for r in info.runs if r.revision == revision]
        self.children(items, below)

    def printed(self) -> str:
        return tabulated(self.rows)


def branches(*, last: bool, below: str) -> tuple[str, str]:
    """What stands before an element, and before what is below it."""
    return (f"{below}└──", f"{below}   ") if last else (f"{below}├──", f"{below}│  ")


def scale_down_delay(deadline: str, now: datetime) -> str:
    moment = parse_instant(deadline)
    if moment is None:
        return ""
    return "passed" if moment < now else human_duration((moment - now).total_seconds())


def _image_lines(info: RolloutInfo | ExperimentInfo, *, color: bool) -> str:
    lines = ""
    for index, (image, tags) in enumerate(images(info)):
        shown = image
        if tags:
            shown += f" ({', '.join(painted(tag, tag, color=color) for tag in tags)})"
        lines += _line("Images:" if index == 0 else "", shown)
    return lines


def rollout_text(info: RolloutInfo, now: datetime, *, color: bool = False) -> str:
    """`get rollout`: head and tree."""
    out = _line("Name:", info.name) + _line("Namespace:", info.namespace)
    out += _line("Status:", f"{painted(info.icon, info.icon, color=color)} {info.status}")
    if info.message:
        out += _line("Message:", info.message)
    out += _line("Strategy:", info.strategy)
    if info.strategy == "Canary":
        out += _line("  Step:", info.step) + _line("  SetWeight:", info.set_weight)
        out += _line("  ActualWeight:", info.actual_weight)
    out += _image_lines(info, color=color) + "Replicas:\n"
    for label, value in (
        ("Desired", info.desired),
        ("Current", info.current),
        ("Updated", info.updated),
        ("Ready", info.ready),
        ("Available", info.available),
    ):
        out += _line(f"  {label}:", value)
    tree = _Tree(now, color=color)
    tree.row("", layout.ROLLOUT, info.name, "Rollout", info, "")
    revisions = info.revisions
    for index, revision in enumerate(revisions):
        front, below = branches(last=index == len(revisions) - 1, below="")
        tree.revision(info, revision, front, below)
    return f"{out}\n{tree.printed()}"


def experiment_text(info: ExperimentInfo, now: datetime, *, color: bool = False) -> str:
    """`get experiment`: head and tree."""
    out = _line("Name:", info.name) + _line("Namespace:", info.namespace)
    out += _line("Status:", f"{painted(info.icon, info.icon, color=color)} {info.status}")
    if info.message:
        out += _line("Message:", info.message)
    out += _image_lines(info, color=color)
    tree = _Tree(now, color=color)
    tree.experiment(info, "", "")
    return f"{out}\n{tree.printed()}"


# lists

_ROLLOUT_HEAD = (
    "NAME", "STRATEGY", "STATUS", "STEP", "SET-WEIGHT", "READY", "DESIRED", "UP-TO-DATE",
    "AVAILABLE",
)  # fmt: skip
_ROLLOUT_WIDTHS = (10, 9, 12, 4, 10, 5, 7, 10, 9)
_EXPERIMENT_HEAD = ("NAME", "STATUS", "DURATION", "REMAINING", "AGE")
_EXPERIMENT_WIDTHS = (10, 6, 8, 9, 3)


def rollout_row(rollout: Object) -> Row:
    """One row of `list rollouts`, padded as the plugin pads it."""
    info = rollout_info(rollout)
    canary = info.strategy == "Canary"
    cells = (
        info.name, info.strategy, info.status, info.step or "-",
        info.set_weight if canary else "-", f"{info.ready}/{info.current}", info.desired,
        info.updated, info.available,
    )  # fmt: skip
    return tuple(f"{cell!s:<{wide}}" for cell, wide in zip(cells, _ROLLOUT_WIDTHS, strict=True))


def rollout_table(
    rollouts: Sequence[Object], *, all_namespaces: bool = False, timestamp: str = ""
) -> str:
    """`list rollouts`; a `timestamp` is put before each row."""
    rows: list[Row] = [_ROLLOUT_HEAD, *(rollout_row(ro) for ro in rollouts)]
    if all_namespaces:
        spaces = ["NAMESPACE", *(f"{namespace_of(ro):<9}" for ro in rollouts)]
        rows = [(space, *row) for space, row in zip(spaces, rows, strict=True)]
    if timestamp:
        stamps = ["TIMESTAMP", *([f"{timestamp:<20}"] * len(rollouts))]
        rows = [(stamp, *row) for stamp, row in zip(stamps, rows, strict=True)]
    return tabulated(rows)


def experiment_row(experiment: Object, now: datetime) -> Row:
    created = parse_instant(dig(experiment, "metadata", "creationTimestamp")) or now
    age = human_duration((now - created).total_seconds())
    lasts = remaining = "-"
    asked = dig(experiment, "spec", "duration")
    seconds = pause_seconds(asked) if asked else -1
    if seconds >= 0:
        lasts = human_duration(seconds)
        since = parse_instant(dig(experiment, "status", "availableAt"))
        over = text(experiment, "status", "phase") in (
            "Successful",
            "Failed",
            "Error",
            "Inconclusive",
        )
        if since is not None and not over:
            left = seconds - (now - since).total_seconds()
            remaining = human_duration(left) if left > 0 else "-"
    cells = (name_of(experiment), text(experiment, "status", "phase"), lasts, remaining, age)
    return tuple(f"{cell:<{wide}}" for cell, wide in zip(cells, _EXPERIMENT_WIDTHS, strict=True))


def experiment_table(
    experiments: Sequence[Object], now: datetime, *, all_namespaces: bool = False
) -> str:
    rows: list[Row] = [_EXPERIMENT_HEAD, *(experiment_row(e, now) for e in experiments)]
    if all_namespaces:
        spaces = ["NAMESPACE", *(f"{namespace_of(e):<9}" for e in experiments)]
        rows = [(space, *row) for space, row in zip(spaces, rows, strict=True)]
    return tabulated(rows)
