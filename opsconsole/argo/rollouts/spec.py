"""One Rollout read once, with every default applied: what all other rules look at.

Separate so that no rule digs in raw JSON. Reading never fails: a mistyped field counts as
absent here, and `validation` says so to the user. Defaults follow `utils/defaults/defaults.go`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from opsconsole.argo.rollouts.names import REVISION
from opsconsole.errors import RuleError
from opsconsole.model.objects import annotations_of, dig, labels_of, mapping, mappings, text
from opsconsole.model.times import parse_duration, parse_instant

Step = Mapping[str, Any]
Object = Mapping[str, Any]

DEFAULT_SURGE = "25"
"""The real default: a string without a percent sign, read as 25 %."""

DEFAULT_DEADLINE = 600
DEFAULT_HISTORY = 10
DEFAULT_RUN_HISTORY = 5
DEFAULT_SCALE_DOWN_DELAY = 30
UNLIMITED = 2**31 - 1


def whole(value: Any, default: int | None = None) -> int | None:
    """An int32 of the API, or `default` for what is absent or mistyped."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return default
    return int(value) if abs(value) < 2**31 and value == int(value) else default


def pause_seconds(duration: Any) -> int:
    """`RolloutPause.DurationSeconds` (types.go): 10, "10" and "10s" are 10 s; garbage is -1."""
    if duration is None:
        return 0
    if not isinstance(duration, str):
        return whole(duration, -1) or 0
    try:
        return int(duration)
    except ValueError:
        pass
    try:
        return int(parse_duration(duration))
    except RuleError:
        return -1


def int_or_percent(value: Any, total: int, *, up: bool) -> int | None:
    """`intstr.GetValueFromIntOrPercent`: a string is a percentage, with or without "%".

    None when it cannot be read.
    """
    if isinstance(value, str):
        digits = value.replace("%", "")
        try:
            share = int(digits) * total / 100
        except ValueError:
            return None
        return math.ceil(share) if up else math.floor(share)
    return whole(value)


def step_string(step: Step) -> str:
    """`CanaryStepString` (utils/rollout/rolloututil.go): what the step events call a step."""
    if step.get("setWeight") is not None:
        return f"setWeight: {step['setWeight']}"
    pause = step.get("pause")
    if pause is not None:
        duration = dig(pause, "duration")
        return "pause" if duration is None else f"pause: {duration}"
    for kind in ("experiment", "analysis"):
        if step.get(kind) is not None:
            return kind
    scale = step.get("setCanaryScale")
    if isinstance(scale, Mapping):
        if scale.get("weight") is not None:
            return f"setCanaryScale{{weight: {scale['weight']}}}"
        if scale.get("matchTrafficWeight"):
            return "setCanaryScale{matchTrafficWeight: true}"
        if scale.get("replicas") is not None:
            return f"setCanaryScale{{replicas: {scale['replicas']}}}"
    if step.get("plugin") is not None:
        return f"plugin: {text(step, 'plugin', 'name')}"
    return "invalid"


def _mapping_or_none(obj: Object, key: str) -> Mapping[str, Any] | None:
    found = obj.get(key)
    return found if isinstance(found, Mapping) else None


class RolloutView:
    """The fields of one Rollout. `canary`, `blue_green` and `routing` are None when absent."""

    __slots__ = (
        "annotations", "blue_green", "canary", "deadline", "deadline_abort", "generation",
        "history_limit", "labels", "min_ready", "name", "namespace", "obj", "paused",
        "replicas", "replicas_set", "restart_at", "rollback_window", "routing", "selector",
        "spec", "status", "steps", "template", "uid", "workload_ref",
    )  # fmt: skip

    def __init__(self, obj: Object) -> None:
        meta = mapping(obj, "metadata")
        spec = mapping(obj, "spec")
        strategy = mapping(spec, "strategy")
        self.obj = obj
        self.spec = spec
        self.status = mapping(obj, "status")
        self.name = text(meta, "name")
        self.namespace = text(meta, "namespace")
        self.uid = text(meta, "uid")
        self.generation = whole(meta.get("generation"), 0) or 0
        self.labels = labels_of(obj)
        self.annotations = annotations_of(obj)
        self.replicas_set = spec.get("replicas") is not None
        found = whole(spec.get("replicas"), 1)
        self.replicas: int = 1 if found is None else found
        self.selector = _mapping_or_none(spec, "selector")
        self.template = mapping(spec, "template")
        self.workload_ref = _mapping_or_none(spec, "workloadRef")
        self.min_ready = whole(spec.get("minReadySeconds"), 0) or 0
        self.history_limit: int = self._number(spec, "revisionHistoryLimit", DEFAULT_HISTORY)
        self.deadline: int = self._number(spec, "progressDeadlineSeconds", DEFAULT_DEADLINE)
        self.deadline_abort = spec.get("progressDeadlineAbort") is True
        self.paused = spec.get("paused") is True
        self.restart_at: datetime | None = parse_instant(spec.get("restartAt"))
        self.rollback_window = whole(dig(spec, "rollbackWindow", "revisions"), 0) or 0
        self.canary = _mapping_or_none(strategy, "canary")
        self.blue_green = _mapping_or_none(strategy, "blueGreen")
        self.routing = (
            None if self.canary is None else _mapping_or_none(self.canary, "trafficRouting")
        )
        self.steps: tuple[Step, ...] = tuple(mappings(self.canary, "steps"))

    @staticmethod
    def _number(obj: Object, key: str, default: int) -> int:
        found = whole(obj.get(key), default)
        return default if found is None else found

    # status

    @property
    def stable(self) -> str:
        return text(self.status, "stableRS")

    @property
    def current(self) -> str:
        return text(self.status, "currentPodHash")

    @property
    def aborted(self) -> bool:
        return self.status.get("abort") is True

    @property
    def promote_full(self) -> bool:
        return self.status.get("promoteFull") is True

    @property
    def controller_pause(self) -> bool:
        return self.status.get("controllerPause") is True

    @property
    def pause_conditions(self) -> list[Mapping[str, Any]]:
        return mappings(self.status, "pauseConditions")

    @property
    def weights(self) -> Mapping[str, Any] | None:
        """`status.canary.weights`, None when no router has set any."""
        found = dig(self.status, "canary", "weights")
        return found if isinstance(found, Mapping) else None

    @property
    def collisions(self) -> int:
        return whole(self.status.get("collisionCount"), 0) or 0

    @property
    def active_selector(self) -> str:
        return text(self.status, "blueGreen", "activeSelector")

    @property
    def preview_selector(self) -> str:
        return text(self.status, "blueGreen", "previewSelector")

    @property
    def scale_up_checkpoint(self) -> bool:
        return dig(self.status, "blueGreen", "scaleUpPreviewCheckPoint") is True

    @property
    def fully_promoted(self) -> bool:
        """`IsFullyPromoted` (rolloututil.go); also true when neither hash is set yet."""
        return self.stable == self.current

    @property
    def step_index(self) -> int | None:
        """`status.currentStepIndex`, 0 when unset; None for a rollout without steps."""
        if not self.steps:
            return None
        return whole(self.status.get("currentStepIndex"), 0) or 0

    @property
    def current_step(self) -> Step | None:
        """`GetCurrentCanaryStep`: None without steps and past the last one."""
        index = self.step_index
        if index is None or not 0 <= index < len(self.steps):
            return None
        return self.steps[index]

    @property
    def revision(self) -> int:
        """The Rollout's own revision annotation, 0 when there is none."""
        value = text(self.annotations, REVISION)
        return int(value) if value.isdigit() else 0

    def pause_condition(self, reason: str) -> Mapping[str, Any] | None:
        return next((c for c in self.pause_conditions if c.get("reason") == reason), None)

    # strategy

    @property
    def dynamic_stable_scale(self) -> bool:
        return self.canary is not None and self.canary.get("dynamicStableScale") is True

    @property
    def max_weight(self) -> int:
        """`weightutil.MaxTrafficWeight`: 100 unless trafficRouting says otherwise."""
        found = None if self.routing is None else whole(self.routing.get("maxTrafficWeight"))
        return 100 if found is None or found == 0 else found

    @property
    def scale_down_delay(self) -> int:
        """Seconds; `GetScaleDownDelaySecondsOrDefault`: 0 for a basic canary."""
        if self.canary is not None and self.routing is None:
            return 0
        holder = self.blue_green if self.canary is None else self.canary
        if holder is None:
            return 0
        return self._number(holder, "scaleDownDelaySeconds", DEFAULT_SCALE_DOWN_DELAY)

    @property
    def scale_down_revision_limit(self) -> int:
        holder = self.canary if self.canary is not None else self.blue_green
        return (
            UNLIMITED
            if holder is None
            else self._number(holder, "scaleDownDelayRevisionLimit", UNLIMITED)
        )

    @property
    def abort_scale_down_delay(self) -> tuple[int | None, bool]:
        """(seconds, was it set); None means never (`abortScaleDownDelaySeconds: 0`)."""
        holder = self.blue_green
        if holder is None and self.routing is not None:
            holder = self.canary
        if holder is None:
            return 0, False
        found = whole(holder.get("abortScaleDownDelaySeconds"))
        if found is None:
            return DEFAULT_SCALE_DOWN_DELAY, False
        return (None if found == 0 else found), True

    @property
    def auto_promotion_enabled(self) -> bool:
        return dig(self.blue_green, "autoPromotionEnabled") is not False

    @property
    def auto_promotion_seconds(self) -> int:
        return whole(dig(self.blue_green, "autoPromotionSeconds"), 0) or 0

    @property
    def preview_replica_count(self) -> int | None:
        return whole(dig(self.blue_green, "previewReplicaCount"))

    def run_history_limit(self, field: str) -> int:
        """`analysis.successfulRunHistoryLimit` or `analysis.unsuccessfulRunHistoryLimit`."""
        return self._number(mapping(self.spec, "analysis"), field, DEFAULT_RUN_HISTORY)

    def service(self, field: str) -> str:
        """A Service name of the strategy ("stableService", "activeService"…), or empty."""
        return text(self.canary if self.canary is not None else self.blue_green, field)

    # ping-pong (rollout/trafficrouting/service_helper.go)

    @property
    def ping_pong(self) -> bool:
        return self.canary is not None and isinstance(self.canary.get("pingPong"), Mapping)

    @property
    def stable_is_ping(self) -> bool:
        return text(self.status, "canary", "stablePingPong") == "ping"

    def stable_and_canary_services(self, *, prefer_ping_pong: bool) -> tuple[str, str]:
        """`GetStableAndCanaryServices`: ping and pong where they take part, else the plain pair."""
        stable, canary = self.service("stableService"), self.service("canaryService")
        if self.ping_pong and (prefer_ping_pong or not (stable or canary)):
            ping = text(self.canary, "pingPong", "pingService")
            pong = text(self.canary, "pingPong", "pongService")
            return (ping, pong) if self.stable_is_ping else (pong, ping)
        return stable, canary

    # surge and unavailability (utils/replicaset/replicaset.go)

    @property
    def fenceposts(self) -> tuple[int, int]:
        """`resolveFenceposts`: (maxSurge, maxUnavailable) in pods; unreadable values give (0, 0)."""
        holder = self.canary or {}
        surge = int_or_percent(_or(holder.get("maxSurge"), DEFAULT_SURGE), self.replicas, up=True)
        gone = int_or_percent(
            _or(holder.get("maxUnavailable"), DEFAULT_SURGE), self.replicas, up=False
        )
        if surge is None or gone is None:
            return 0, 0
        return surge, 1 if surge == 0 and gone == 0 else gone

    @property
    def fenceposts_are_zero(self) -> bool:
        """`invalidMaxSurgeMaxUnavailable`: both are written as nothing, whatever the size is."""
        holder = self.canary or {}
        return all(
            int_or_percent(_or(holder.get(field), DEFAULT_SURGE), 100, up=True) in (0, None)
            for field in ("maxSurge", "maxUnavailable")
        )

    @property
    def max_surge(self) -> int:
        return 0 if self.canary is None else self.fenceposts[0]

    @property
    def max_unavailable(self) -> int:
        if self.replicas == 0:
            return 0
        if self.canary is not None:
            found = self.fenceposts[1]
        else:
            value = _or(dig(self.blue_green, "maxUnavailable"), DEFAULT_SURGE)
            found = int_or_percent(value, self.replicas, up=False) or 0
        return min(found, self.replicas)


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value
