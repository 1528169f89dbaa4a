"""AnalysisTemplates that a Rollout names, read from the store, templates of templates included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsconsole.argo.analysis.templates import Templates, collect_templates
from opsconsole.errors import RuleError
from opsconsole.model.kinds import ANALYSIS_TEMPLATE, CLUSTER_ANALYSIS_TEMPLATE, Kind
from opsconsole.model.objects import mappings
from opsconsole.sandbox.store import Obj, Store


class TemplateMissingError(RuleError):
    """`name` is the template that does not exist."""

    def __init__(self, kind: Kind, name: str) -> None:
        super().__init__(f"{kind.kind} '{name}' not found")
        self.name = name


def collect(
    store: Store, namespace: str, analysis: Mapping[str, Any]
) -> tuple[Templates, Templates]:
    """`getAnalysisTemplatesFromRefs`: (templates, cluster templates) of one analysis.

    Raises TemplateMissingError, or RuleError for templates that name each other in a circle.
    """

    def plain(name: str) -> Obj:
        return _get(store, ANALYSIS_TEMPLATE, namespace, name)

    def cluster(name: str) -> Obj:
        return _get(store, CLUSTER_ANALYSIS_TEMPLATE, "", name)

    return collect_templates(mappings(analysis, "templates"), plain, cluster)


def _get(store: Store, kind: Kind, namespace: str, name: str) -> Obj:
    found = store.find(kind, namespace, name)
    if found is None:
        raise TemplateMissingError(kind, name)
    return found
