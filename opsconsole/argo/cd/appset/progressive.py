"""Progressive syncs: in which step an Application is, and what it may do now.

Argo CD `applicationset/progressivesync/`, as pure functions over Applications and
`status.applicationStatus`. The controller writes what they say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opsconsole.argo.cd.appset import normal
from opsconsole.model.objects import (
    Object,
    dig,
    items,
    labels_of,
    mapping,
    mappings,
    name_of,
    text,
)
from opsconsole.model.times import parse_instant

WAITING, PENDING, PROGRESSING, HEALTHY = "Waiting", "Pending", "Progressing", "Healthy"

NO_STEPS = "No steps defined for rollout"
REASON = "ApplicationSet RollingSync triggered a sync of this Application resource"
_BLOCKING = ("InvalidSpecError", "UnknownError")

Status = dict[str, Any]


def rolling(appset: Object) -> bool:
    strategy = mapping(appset, "spec", "strategy")
    return text(strategy, "type") == "RollingSync" and strategy.get("rollingSync") is not None


def steps_of(appset: Object) -> list[Mapping[str, Any]]:
    return mappings(appset, "spec", "strategy", "rollingSync", "steps") if rolling(appset) else []


def reversed_deletion(appset: Object) -> bool:
    order = text(appset, "spec", "strategy", "deletionOrder")
    return bool(steps_of(appset)) and order.lower() == "reverse"


@dataclass(slots=True)
class Plan:
    """Names by step, each name's first step, and what is wrong with the steps."""

    names: list[list[str]]
    step: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def shown(self, name: str) -> str:
        """The step as the status writes it; -1 for what no step selects."""
        return str(self.step[name] + 1) if name in self.step else "-1"

    def counted(self, name: str) -> int:
        """The step that an Application counts in for maxUpdate."""
        return self.step.get(name, 0)


def _operators(step: Object) -> list[str]:
    listed = [text(rule, "operator") for rule in mappings(step, "matchExpressions")]
    return [operator for operator in listed if operator not in ("In", "NotIn")]


def _selects(step: Object, app: Object) -> bool:
    """Every expression holds; a label that is not there holds for NotIn alone."""
    labels = labels_of(app)
    for rule in mappings(step, "matchExpressions"):
        operator, key = text(rule, "operator"), text(rule, "key")
        if key not in labels:
            if operator == "In":
                return False
            continue
        among = labels[key] in items(rule, "values")
        if operator not in ("In", "NotIn") or among != (operator == "In"):
            return False
    return True


def plan(appset: Object, wanted: Sequence[Object]) -> Plan:
    steps = steps_of(appset)
    found = Plan([[] for _ in steps])
    twice = []
    for app in wanted:
        name = name_of(app)
        for place, step in enumerate(steps):
            if not _selects(step, app):
                continue
            found.names[place].append(name)
            if name in found.step:
                twice.append((name, found.step[name] + 1, place + 1))
            found.step.setdefault(name, place)
    found.problems = _problems(steps, found, twice)
    return found


def _problems(steps: Sequence[Object], found: Plan, twice: list[tuple[str, int, int]]) -> list[str]:
    said = []
    wrong = [(place, bad) for place, step in enumerate(steps, 1) for bad in _operators(step)[:1]]
    if len(wrong) == 1:
        place, bad = wrong[0]
        said.append(
            f"Step {place} has invalid matchExpression operator '{bad}' (must be 'In' or 'NotIn')"
        )
    elif wrong:
        said.append(
            f"Found {len(wrong)} steps with invalid matchExpression operators"
            " (must be 'In' or 'NotIn')"
        )
    if len(twice) == 1:
        name, one, two = twice[0]
        said.append(f"Application '{name}' is selected by multiple steps ({one} and {two})")
    elif twice:
        said.append(f"Found {len(twice)} applications selected by multiple steps")
    limits = [(place, step, _limit_fault(step)) for place, step in enumerate(steps, 1)]
    unclear = [(place, text(step, "maxUpdate"), why) for place, step, why in limits if why]
    if len(unclear) == 1:
        place, limit, why = unclear[0]
        said.append(f"Step {place} has invalid maxUpdate value '{limit}': {why}")
    elif unclear:
        said.append(f"Found {len(unclear)} steps with invalid maxUpdate values")
    empty = [str(place) for place, names in enumerate(found.names, 1) if not names]
    if len(empty) == 1:
        said.append(f"Step {empty[0]} has no applications matching its criteria")
    elif empty:
        said.append(f"Steps {', '.join(empty)} have no applications matching their criteria")
    return said


def _limit_fault(step: Object) -> str:
    """What apimachinery's intstr says of a maxUpdate that is neither a number nor a share."""
    wanted = step.get("maxUpdate")
    if not isinstance(wanted, str):
        return ""
    if not wanted.endswith("%"):
        return "invalid value for IntOrString: invalid type: string is not a percentage"
    share = wanted.removesuffix("%")
    if share.removeprefix("-").removeprefix("+").isdecimal():
        return ""
    parsing = f'strconv.Atoi: parsing "{share}": invalid syntax'
    return f'invalid value for IntOrString: invalid value "{wanted}": {parsing}'


def _revisions(app: Object) -> list[str]:
    several = [str(r) for r in items(app, "status", "sync", "revisions")]
    one = text(app, "status", "sync", "revision")
    return several or ([one] if one else [])


def advanced(
    statuses: Sequence[Object],
    apps: Sequence[Object],
    wanted: Sequence[Object],
    steps: Plan,
    now: str,
) -> list[Status]:
    """The statuses of the Applications that there are, one look later."""
    old = {text(status, "application"): status for status in statuses}
    desired = {name_of(app): normal(mapping(app, "spec")) for app in wanted}
    return [_advance(old.get(name_of(a)), a, desired.get(name_of(a)), steps, now) for a in apps]


def _advance(
    old: Object | None, app: Object, desired: Object | None, steps: Plan, now: str
) -> Status:
    name = name_of(app)
    status: Status = dict(old) if old is not None else {
        "application": name,
        "targetRevisions": _revisions(app),
        "lastTransitionTime": now,
        "message": "No Application status found, defaulting status to Waiting",
        "status": WAITING,
    }  # fmt: skip
    status["step"] = steps.shown(name)
    before = text(status, "status")
    revised = items(status, "targetRevisions") != _revisions(app)
    respecified = desired is not None and _comparable(desired) != _comparable(mapping(app, "spec"))
    if revised or respecified:
        what = "Application has pending changes"
        detail = " (spec differs)" if respecified else ""
        detail = " (revision and spec differ)" if revised and respecified else detail
        status |= {"targetRevisions": _revisions(app)}
        _turn(status, WAITING, f"{what}{detail}, setting status to Waiting", now)
    if text(status, "status") == WAITING:
        _synced(status, app, now)
    elif before == PENDING:
        _started(status, app, now)
    elif before == PROGRESSING and _settled(app):
        said = "Application resource became Healthy, updating status from Progressing to Healthy"
        _turn(status, HEALTHY, said, now)
    return status


def _comparable(spec: Object) -> Any:
    """A spec without what rolling sync itself writes: automated sync switched off."""
    found = normal(spec)
    automated = dig(found, "syncPolicy", "automated")
    if isinstance(automated, Mapping):
        kept = {k: v for k, v in automated.items() if k != "enabled"}
        found["syncPolicy"] = {**found["syncPolicy"], "automated": kept}
    return found


def _turn(status: Status, to: str, message: str, now: str) -> None:
    status |= {"status": to, "message": message, "lastTransitionTime": now}


def _settled(app: Object) -> bool:
    return (text(app, "status", "health", "status"), text(app, "status", "sync", "status")) == (
        "Healthy",
        "Synced",
    )


def _synced(status: Status, app: Object, now: str) -> None:
    if text(app, "status", "sync", "status") == "Synced":
        to = HEALTHY if _settled(app) else PROGRESSING
        _turn(status, to, f"Application resource has synced, updating status to {to}", now)


def _after(moment: str, since: str) -> bool:
    one, two = parse_instant(moment), parse_instant(since)
    return one is not None and (two is None or one >= two)


def _started(status: Status, app: Object, now: str) -> None:
    """Pending → Progressing once a sync began since, or cannot."""
    since = text(status, "lastTransitionTime")
    reconciled = text(app, "status", "reconciledAt")
    if reconciled and not _after(reconciled, since):
        return
    operation = mapping(app, "status", "operationState")
    phase = text(operation, "phase")
    if operation and _after(text(operation, "startedAt"), since):
        said = {
            "Succeeded": "completed a sync successfully",
            "Failed": "completed a sync",
            "Error": "completed a sync",
        }.get(phase, "became Progressing")
        tail = "updating status from Pending to Progressing"
        _turn(status, PROGRESSING, f"Application resource {said}, {tail}", now)
    elif any(text(c, "type") in _BLOCKING for c in mappings(app, "status", "conditions")):
        said = "Application resource has error and cannot sync, updating status to Progressing"
        _turn(status, PROGRESSING, said, now)


def open_steps(statuses: Sequence[Object], steps: Plan, apps: Sequence[Object]) -> set[str]:
    """Applications of the steps that may run: all up to the first that is not Healthy."""
    known = {name_of(app) for app in apps}
    healthy = {text(s, "application") for s in statuses if text(s, "status") == HEALTHY}
    found: set[str] = set()
    for names in steps.names:
        found.update(names)
        if not all(name in known and name in healthy for name in names):
            break
    return found


def promoted(
    appset: Object, statuses: Sequence[Object], steps: Plan, allowed: set[str], now: str
) -> list[Status]:
    """Waiting → Pending where the step is open and its maxUpdate leaves room."""
    busy = [0] * len(steps.names)
    total = [0] * len(steps.names)
    for status in statuses:
        place = steps.counted(text(status, "application"))
        total[place] += 1
        busy[place] += text(status, "status") in (PENDING, PROGRESSING)
    found = []
    for status in statuses:
        name, changed = text(status, "application"), dict(status)
        place = steps.counted(name)
        limit = _limit(steps_of(appset)[place].get("maxUpdate"), total[place])
        room = limit is None or busy[place] < limit
        if text(status, "status") == WAITING and name in allowed and room:
            said = "Application moved to Pending status, watching for the Application resource to"
            _turn(changed, PENDING, f"{said} start Progressing", now)
            busy[place] += 1
        found.append(changed)
    return found


def _limit(wanted: Any, total: int) -> int | None:
    if wanted is None or isinstance(wanted, bool):
        return None
    if isinstance(wanted, int):
        return wanted
    share = str(wanted).removesuffix("%")
    if not str(wanted).endswith("%") or not share.isdecimal():
        return 1
    return total * int(share) // 100 if wanted == "0%" else max(1, total * int(share) // 100)


def progress(statuses: Sequence[Object], steps: Plan) -> tuple[bool, str, str]:
    """The RolloutProgressing condition: (whether, reason, message)."""
    for place in range(1, len(steps.names) + 1):
        own = [s for s in statuses if text(s, "step") == str(place)]
        if any(text(s, "status") != HEALTHY for s in own):
            said = f"ApplicationSet is performing rollout of step {place}"
            return True, "ApplicationSetModified", said
    return False, "ApplicationSetRolloutComplete", "ApplicationSet Rollout has completed"


def synced(app: Object, statuses: Sequence[Object], allowed: set[str]) -> dict[str, Any]:
    """The Application as rolling sync wants it: not automated, with an operation when it is due."""
    spec = dict(mapping(app, "spec"))
    policy = mapping(spec, "syncPolicy")
    automated = policy.get("automated")
    prune = False
    if isinstance(automated, Mapping) and automated.get("enabled") is not False:
        prune = automated.get("prune") is True
        spec["syncPolicy"] = {**policy, "automated": {**automated, "enabled": False}}
    found = {**app, "spec": spec}
    pending = {text(s, "application") for s in statuses if text(s, "status") == PENDING}
    if name_of(app) not in allowed or name_of(app) not in pending:
        return found
    sync: dict[str, Any] = {"prune": True} if prune else {}
    if items(policy, "syncOptions"):
        sync["syncOptions"] = items(policy, "syncOptions")
    retry = policy.get("retry")
    return {
        **found,
        "operation": {
            "initiatedBy": {"username": "applicationset-controller", "automated": True},
            "info": [{"name": "Reason", "value": REASON}],
            "sync": sync,
            "retry": dict(retry) if isinstance(retry, Mapping) else {"limit": 5},
        },
    }
