"""Sizes of ReplicaSets: new, stable and others, with their deadlines (`rollout/replicaset.go`)."""

from __future__ import annotations

from opsconsole.argo.rollouts import names as n
from opsconsole.argo.rollouts import replicas as counts
from opsconsole.argo.rollouts import replicasets
from opsconsole.argo.rollouts.pauses import halt_reason
from opsconsole.argo.rollouts.promotion import referenced_hashes
from opsconsole.argo.rollouts.replicasets import ReplicaSetView
from opsconsole.argo.traffic import istio
from opsconsole.model.kinds import DEPLOYMENT, DESTINATION_RULE, REPLICA_SET
from opsconsole.model.objects import dig, mapping, mappings, text
from opsconsole.sandbox.rollouts import analysis, experiments
from opsconsole.sandbox.rollouts.passes import Pass


def reconcile_canary(p: Pass) -> bool:
    """`reconcileCanaryReplicaSets`: stable first, then new, then old; whether one was scaled."""
    if halt_reason(p.ro):
        return False
    remove_deadlines(p)
    return _stable(p) or reconcile_new(p) or reconcile_others(p)


def reconcile_blue_green(p: Pass) -> None:
    """`reconcileBlueGreenReplicaSets`: all of them, and the history."""
    remove_deadlines(p)
    if p.stable is not None:
        p.scale(p.stable, p.ro.replicas)
    reconcile_new(p)
    reconcile_others(p)
    trim_history(p)


def remove_deadlines(p: Pass) -> None:
    """`removeScaleDownDeadlines`: what serves now is not on its way out."""
    found = [] if p.sets.new is None or p.delays_scale_down else [p.sets.new]
    if p.stable is not None and all(rs.name != p.stable.name for rs in found):
        found.append(p.stable)
    for rs in found:
        p.drop_deadline(rs)


def _stable(p: Pass) -> bool:
    if p.stable is None or not counts.stable_differs(p.sets.new, p.stable):
        return False
    if p.ro.routing is None:
        size = counts.basic_canary(p.ro, p.sets.new, p.stable, p.sets.others)[1]
    else:
        # the weights of the pass before: pods follow the traffic, never the other way round
        size = counts.routed_canary(p.ro, p.ro.weights, p.sets.new, p.stable)[1]
    return p.scale(p.stable, size)


def reconcile_new(p: Pass) -> bool:
    """`reconcileNewReplicaSet`: whether the new version's ReplicaSet was scaled."""
    new = p.sets.new
    if new is None:
        return False
    size = counts.new_size(p.ro, new, p.stable, p.sets.others, p.weights)
    if p.delays_scale_down:
        held = _held_after_abort(p, new)
        if held:
            return False
        if new.deadline:
            size = 0
    changed = p.scale(new, size)
    _scale_workload_down(p, new, size)
    return changed


def _held_after_abort(p: Pass, new: ReplicaSetView) -> bool:
    """Whether an aborted version keeps its pods for now; gives it its deadline when it is time."""
    delay = p.ro.abort_scale_down_delay[0]
    if new.deadline:
        left = new.remaining(p.now)
        if left is None:
            return False
        p.look_again(left)
        return True
    if delay is None:
        return False
    if p.stable is not None and p.stable.available == p.ro.replicas:
        p.set_deadline(new, delay)
    return True


def reconcile_others(p: Pass) -> bool:
    """`reconcileOtherReplicaSets`: whether an old version was scaled down."""
    active = [rs for rs in p.sets.others if rs.replicas > 0]
    if not active:
        return False
    return _old_canaries(p, active) if p.ro.canary is not None else _old_blue_greens(p, active)


def _old_canaries(p: Pass, active: list[ReplicaSetView]) -> bool:
    """`scaleDownOldReplicaSetsForCanary`: unhealthy pods first, then what availability allows."""
    ro = p.ro
    scaled = 0
    sizes: dict[str, int] = {}
    for rs in replicasets.by_creation(active):
        sizes[rs.name] = rs.replicas
        if rs.replicas != rs.available and rs.available < rs.replicas:
            p.scale(rs, rs.available)
            scaled += rs.replicas - rs.available
            sizes[rs.name] = rs.available
    room = replicasets.total(p.sets.all, "available") - (ro.replicas - ro.max_unavailable)
    if room <= 0:
        return scaled > 0
    named = referenced(p) if ro.routing is not None else frozenset()
    noted = 0
    for rs in replicasets.by_revision_descending(active):
        if rs.hash in named:
            continue
        if room <= 0:
            break
        size = sizes[rs.name]
        if size == 0:
            continue
        want = 0
        if ro.routing is None:
            want = max(0, size - room)
        elif (ro.fully_promoted or rs.deadline) and not ro.dynamic_stable_scale:
            noted, want = _delayed(p, rs, noted, size)
        if size == want:
            continue
        p.scale(_resized(p, rs), want)
        room -= size - want
        scaled += size - want
    return scaled > 0


def _resized(p: Pass, rs: ReplicaSetView) -> ReplicaSetView:
    return ReplicaSetView(p.replica_set(rs))


def _old_blue_greens(p: Pass, active: list[ReplicaSetView]) -> bool:
    """`scaleDownOldReplicaSetsForBlueGreen`: after their delay, and not while analysis decides."""
    ro = p.ro
    if ro.pause_condition(n.INCONCLUSIVE_ANALYSIS) is not None:
        return False
    if (
        dig(ro.blue_green, "postPromotionAnalysis") is not None
        and dig(ro.blue_green, "scaleDownDelaySeconds") is None
        and not analysis.skips_post_promotion(p)
        and text(p.runs.post, "status", "phase") != "Successful"
    ):
        return False
    named = referenced(p)
    scaled = False
    noted = 0
    for rs in replicasets.by_revision_descending(active):
        if rs.hash in named:
            continue
        noted, want = _delayed(p, rs, noted, ro.replicas)
        if rs.replicas != want:
            p.scale(rs, want)
            scaled = True
    return scaled


def _delayed(p: Pass, rs: ReplicaSetView, noted: int, keep: int) -> tuple[int, int]:
    """`scaleDownDelayHelper`: (versions with a deadline so far, size to keep this one at)."""
    limit = p.ro.scale_down_revision_limit
    if not rs.deadline:
        if noted >= limit:
            return noted, 0
        delay = p.ro.scale_down_delay
        p.set_deadline(rs, delay)
        p.look_again(delay)
        return noted + 1, rs.replicas
    noted += 1
    left = rs.remaining(p.now)
    if noted > limit or left is None:
        return noted, 0
    p.look_again(left)
    return noted, keep


def referenced(p: Pass) -> frozenset[str]:
    """Hashes that status, Services or DestinationRule subsets still name."""
    ro = p.ro
    names = {
        ro.service(field)
        for field in ("activeService", "previewService", "stableService", "canaryService")
    }
    names.update(ro.stable_and_canary_services(prefer_ping_pong=True) if ro.canary else ())
    found = [
        text(p.service(name), "spec", "selector", n.POD_HASH_LABEL)
        for name in sorted(names)
        if name
    ]
    rule = istio.destination_rule(ro)
    if rule is not None:
        live = p.store.find(DESTINATION_RULE, ro.namespace, text(rule, "name"))
        found += [
            text(subset, "labels", n.POD_HASH_LABEL) for subset in mappings(live, "spec", "subsets")
        ]
    return referenced_hashes(ro, found)


def trim_history(p: Pass) -> None:
    """`reconcileRevisionHistoryLimit`: old idle versions go, with their runs and experiments."""
    for rs in replicasets.surplus(p.ro, p.sets.others):
        if p.store.find(REPLICA_SET, p.ro.namespace, rs.name) is None:
            continue
        p.store.delete(REPLICA_SET, p.ro.namespace, rs.name)
        analysis.delete_of_version(p, rs.hash)
        experiments.delete_of_version(p, rs.hash)


# workloadRef.scaleDown


def _scale_workload_down(p: Pass, new: ReplicaSetView, size: int) -> None:
    """`progressively`: the Deployment shrinks as the first revision's pods get ready."""
    ro = p.ro
    if new.revision != 1 or text(ro.workload_ref, "scaleDown") != "progressively":
        return
    ready = ro.status.get("readyReplicas") or 0
    if ready > 0 or new.replicas > size:
        scale_workload(p, max(0, ro.replicas - ready))


def scale_workload(p: Pass, size: int) -> None:
    """`scaleDeployment` of the Deployment that workloadRef names; nothing for other kinds."""
    ref = p.ro.workload_ref
    if text(ref, "kind") != "Deployment":
        return
    live = p.store.find(DEPLOYMENT, p.ro.namespace, text(ref, "name"))
    if live is not None and dig(live, "spec", "replicas") != size:
        spec = {**mapping(live, "spec"), "replicas": size}
        p.store.update(DEPLOYMENT, {**live, "spec": spec})
