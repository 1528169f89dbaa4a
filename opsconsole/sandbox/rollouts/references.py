"""Everything a Rollout names must exist and fit (`getRolloutReferencedResources`).

The checks of what was found are remembered per Rollout for as long as all objects are the
very same: stored objects are never changed in place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opsconsole.argo.rollouts import reference_rules as rules
from opsconsole.argo.rollouts import validation
from opsconsole.argo.rollouts.fielderrors import internal, invalid
from opsconsole.argo.rollouts.spec import RolloutView
from opsconsole.argo.traffic import istio
from opsconsole.errors import RuleError
from opsconsole.model.kinds import SERVICE, VIRTUAL_SERVICE
from opsconsole.model.objects import dig, mapping
from opsconsole.sandbox.apierrors import not_found
from opsconsole.sandbox.rollouts import templates
from opsconsole.sandbox.store import Obj, Store

REMEMBERED = 5000
"""Rollouts whose checks are remembered."""


@dataclass(slots=True)
class Found:
    """What a Rollout names: services as (path, object), analyses, VirtualServices."""

    services: list[tuple[str, Obj]]
    analyses: list[rules.Analysis]
    virtual_services: list[tuple[istio.Reference, Obj]]

    def objects(self) -> list[Any]:
        found: list[Any] = [service for _, service in self.services]
        for analysis in self.analyses:
            found += [*analysis.templates, *analysis.cluster_templates]
        return found + [vs for _, vs in self.virtual_services]


class MissingReferenceError(RuleError):
    """The message is the whole field error."""


class References:
    """Validation of Rollouts against one store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._checked: dict[str, tuple[list[Any], str]] = {}

    def first_problem(self, ro: RolloutView) -> str:
        """The first thing that makes the Rollout invalid, as the controller words it; or empty."""
        before = self._checked.get(ro.uid)
        if before is not None and before[0][0] is ro.spec and self._unchanged(ro, before[0]):
            return before[1]
        for problem in validation.problems(ro):
            return problem
        try:
            found = self._collect(ro)
        except MissingReferenceError as error:
            return error.message
        problem = next(iter(rules.problems(ro, found.services, found.analyses,
                                           found.virtual_services)), "")  # fmt: skip
        if len(self._checked) >= REMEMBERED:
            self._checked.clear()
        key = [ro.spec, mapping(ro.obj, "metadata").get("annotations"), *found.objects()]
        self._checked[ro.uid] = (key, problem)
        return problem

    def _unchanged(self, ro: RolloutView, before: list[Any]) -> bool:
        try:
            found = self._collect(ro).objects()
        except MissingReferenceError:
            return False
        key = [ro.spec, mapping(ro.obj, "metadata").get("annotations"), *found]
        return len(key) == len(before) and all(a is b for a, b in zip(key, before, strict=True))

    def _collect(self, ro: RolloutView) -> Found:
        services = []
        for path, name in rules.service_paths(ro):
            service = self.store.find(SERVICE, ro.namespace, name)
            if service is None:
                why = f'service "{name}" not found'
                raise MissingReferenceError(invalid(path, name, why))
            services.append((path, service))
        analyses = [self._analysis(ro, *entry) for entry in rules.analysis_paths(ro)]
        if istio.config(ro) is not None:
            one = dig(istio.config(ro), "virtualService") is not None
            if one == istio.several(ro):
                path = "spec.strategy.canary.trafficRouting.istio"
                why = "either VirtualService or VirtualServices must be configured"
                raise MissingReferenceError(internal(path, why))
        return Found(services, analyses, self._virtual_services(ro))

    def _analysis(
        self, ro: RolloutView, path: str, kind: str, analysis: Mapping[str, Any]
    ) -> rules.Analysis:
        try:
            plain, cluster = templates.collect(self.store, ro.namespace, analysis)
        except templates.TemplateMissingError as error:
            raise MissingReferenceError(invalid(path, error.name, error.message)) from error
        except RuleError as error:
            raise MissingReferenceError(invalid(path, "", error.message)) from error
        return rules.Analysis(path, kind, analysis, tuple(plain), tuple(cluster))

    def _virtual_services(self, ro: RolloutView) -> list[tuple[istio.Reference, Obj]]:
        found = []
        for ref in istio.references(ro):
            vs = self.store.find(VIRTUAL_SERVICE, ref.namespace, ref.name)
            if vs is None:
                why = not_found(VIRTUAL_SERVICE, ref.name).message
                raise MissingReferenceError(invalid(rules.istio_path(ro), ref.name, why))
            found.append((ref, vs))
        return found
