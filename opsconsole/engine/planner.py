"""Makes plans: reads what a planner needs, asks the guards, gives the plan its identity.

Separate from the planners (pure) and from `operations` (which sends): planning may read the
cluster and git, and is done twice for every operation, once for the dialog and once on
fresh data just before writing.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from opsconsole.aio.clock import Clock
from opsconsole.engine.decode.applications import application
from opsconsole.engine.decode.rollouts import rollout
from opsconsole.engine.gitwork import GitWork
from opsconsole.engine.guards import FAR, on_application, on_rollout
from opsconsole.engine.planning import applications, reverts, rollouts
from opsconsole.engine.planning.draft import Draft, Facts
from opsconsole.engine.protocols import Cluster
from opsconsole.engine.windows import verdict
from opsconsole.engine.world import World
from opsconsole.errors import GuardError, NotFoundError
from opsconsole.model.actions import BY_ID
from opsconsole.model.applications import Application
from opsconsole.model.kinds import APP_PROJECT, APPLICATION, DEPLOYMENT, REPLICA_SET, ResourceKey
from opsconsole.model.objects import mapping, text, uid_of
from opsconsole.model.plans import Intent, Plan
from opsconsole.model.requests import Request

PLANNERS: Mapping[str, Callable[[Facts], Draft]] = {
    "sync": applications.sync,
    "refresh": applications.refresh,
    "hard-refresh": applications.refresh,
    "terminate": applications.terminate,
    "promote": rollouts.promote,
    "promote-full": rollouts.promote_full,
    "abort": rollouts.abort,
    "retry": rollouts.retry,
    "undo": rollouts.undo,
    "pause": rollouts.pause,
    "restart": rollouts.restart,
    "set-image": rollouts.set_image,
}


@dataclass(slots=True)
class Planner:
    cluster: Cluster
    world: World
    git: GitWork
    clock: Clock
    user: str
    context: str

    async def plan(self, intent: Intent) -> Plan:
        """A new plan. GuardError when the facts forbid it; ConnectError, ApiError, RepoError."""
        return await self._made(intent, uuid.uuid4().hex[:12], self.clock.now())

    async def again(self, plan: Plan) -> Plan:
        """The same plan on fresh facts. GuardError when it would now be a different one."""
        if plan.intent.action == "revert":
            return plan
        fresh = await self._made(plan.intent, plan.id, plan.made_at)
        if [_shape(s) for s in fresh.steps] != [_shape(s) for s in plan.steps]:
            raise GuardError(
                f"{plan.intent.target.name} has changed since the plan was made; nothing was sent",
                hint="look at it again, then repeat the action",
            )
        return fresh

    async def _made(self, intent: Intent, token: str, at: datetime) -> Plan:
        spec = BY_ID.get(intent.action)
        if spec is None:
            raise GuardError(f"there is no action {intent.action}")
        if intent.action == "revert":
            draft = await self._revert(intent)
        else:
            draft = PLANNERS[intent.action](await self._facts(intent, token, at))
        cluster = (("cluster", self.context),) if self.context else ()
        return Plan(
            id=token,
            intent=intent,
            title=draft.title,
            steps=draft.steps,
            effects=draft.effects,
            warnings=draft.warnings,
            risk=spec.risk,
            made_at=at,
            resource_version=draft.resource_version,
            expects=draft.expects,
            timeout=draft.timeout,
            context=cluster + draft.context,
            payload=draft.payload,
        )

    async def _revert(self, intent: Intent) -> Draft:
        app = self._app(intent.target)
        if app is None:
            raise GuardError(f"there is no application {intent.target.name}")
        revert = await self.git.plan_revert(app, str(intent.option("commit") or ""))
        return reverts.draft(app, revert)

    async def _facts(self, intent: Intent, token: str, at: datetime) -> Facts:
        key = intent.target
        if key.cluster:
            raise GuardError(f"{key.name}: {FAR}")
        target = await self.cluster.get(key.kind, key.namespace, key.name)
        picture = self.world.picture
        if key.kind == APPLICATION:
            project = self.world.store.get(
                APP_PROJECT, key.namespace, text(target, "spec", "project") or "default"
            )
            app = application(target)
            window = _verdict_of(project, target, self.clock.now())
            _insist(on_application(intent, app, window), key)
            return Facts(intent, token, at, self.user, target, app=app, project=project)
        owners = picture.owners_of(key)
        sets = self.world.store.owned(uid_of(target), REPLICA_SET)
        fresh = rollout(target, [(rs, ()) for rs in sets])
        _insist(on_rollout(intent, fresh), key)
        return Facts(
            intent,
            token,
            at,
            self.user,
            target,
            app=picture.applications.get(owners[0]) if owners else None,
            rollout=fresh,
            replica_sets=sets,
            workload=await self._workload(target, key),
        )

    async def _workload(self, target: Mapping[str, Any], key: ResourceKey) -> dict[str, Any] | None:
        reference = mapping(target, "spec", "workloadRef")
        if text(reference, "kind") != "Deployment":
            return None
        try:
            return await self.cluster.get(DEPLOYMENT, key.namespace, text(reference, "name"))
        except NotFoundError:
            return None

    def _app(self, key: ResourceKey) -> Application | None:
        return self.world.picture.applications.get(key)


def _insist(told: str, key: ResourceKey) -> None:
    if told:
        raise GuardError(f"{key.name}: {told}")


def _verdict_of(project: Mapping[str, Any] | None, app: Mapping[str, Any], now: datetime) -> str:
    return verdict(project, app, now) if project is not None else ""


def _shape(step: object) -> object:
    """What must not differ between the plan shown and the plan sent: all but the version."""
    if isinstance(step, Request):
        body = step.body
        if isinstance(body, Mapping) and step.verb.value == "PUT":
            body = _settled(body)
        return (step.verb, step.path, step.patch_type, body)
    return step


def _settled(body: Mapping[str, Any]) -> dict[str, Any]:
    """A whole object without what controllers move all the time."""
    meta = {
        k: v
        for k, v in mapping(body, "metadata").items()
        if k not in ("resourceVersion", "managedFields", "generation")
    }
    return {**{k: v for k, v in body.items() if k != "status"}, "metadata": meta}
