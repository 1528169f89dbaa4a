"""Lint: what the real controllers would refuse in a set of manifests, before it is pushed.

Pure: `check(placed)` → findings; `RULES` feeds SARIF and docs/lint.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from opsconsole.argo.lint import conditions, notifications, rollouts, secrets
from opsconsole.argo.lint.findings import ERROR, WARNING, Finding, Placed, Rule
from opsconsole.errors import OpsError

UNREADABLE = "unreadable"
UNREADABLE_TOLD = "A file cannot be parsed, or a kustomization cannot be rendered"

RULES: tuple[Rule, ...] = (
    Rule("rollout-invalid", ERROR, "The Rollouts controller would refuse this Rollout (InvalidSpec)", "correct the field that the message names", rollouts.invalid_spec),
    Rule("missing-reference", ERROR, "A Rollout names a Service, VirtualService or template that is not there", "add it, or correct the name", rollouts.missing_reference),
    Rule("analysis-refused", ERROR, "A Rollout's analysis cannot be started, or never ends", "give every argument a value and every metric a count", rollouts.analysis_refused),
    Rule("blocked-wave", WARNING, "A later sync wave waits for a Rollout that waits for a person", "give the pause a duration, or put both in one wave", rollouts.blocked_wave),
    Rule("condition-invalid", ERROR, "A metric's condition does not parse", "correct the expression", conditions.unparsable),
    Rule("condition-empty-result", WARNING, "A condition indexes a result that may be empty", "ask for len(result) first", conditions.empty_result),
    Rule("condition-default", WARNING, "default() is given a part of the result", "test the part itself", conditions.default_of_part),
    Rule("dry-run-star", ERROR, 'dryRun metricName "*" is no regular expression', 'write ".*"', conditions.dry_run_star),
    Rule("notifications-silenced", ERROR, "A trigger or template does not parse: nothing at all is sent", "correct it", notifications.silenced),
    Rule("trigger-template", ERROR, "A trigger names a template that is not configured", "add it, or correct the name", notifications.unknown_template),
    Rule("trigger-never", WARNING, "A trigger's `when` can never be true", "correct the condition", notifications.never_true),
    Rule("trigger-sync-failed", WARNING, "on-sync-failed does not ask whether a sync failed", "ask app.status.operationState.phase in ['Error', 'Failed']", notifications.failed_sync),
    Rule("plaintext-secret", ERROR, "A Secret lies open in the repository", "seal it (opsconsole seal), encrypt it with SOPS or use an ExternalSecret", secrets.open_secret),
)  # fmt: skip


def check(everything: Sequence[Placed]) -> list[Finding]:
    """All findings of a set, by object. A manifest that a rule cannot read is a finding itself."""
    found: list[Finding] = []
    for one in everything:
        for rule in RULES:
            place = (one.label, one.file, one.line)
            try:
                found += [
                    Finding(rule.id, rule.severity, message, *place, rule.hint)
                    for message in rule.check(one, everything)
                ]
            except (OpsError, TypeError, ValueError, AttributeError, KeyError) as fault:
                why = fault.message if isinstance(fault, OpsError) else "fields of the wrong type"
                found.append(Finding(UNREADABLE, ERROR, why, *place, "correct the manifest"))
    return list(dict.fromkeys(found))
