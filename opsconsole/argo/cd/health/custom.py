"""Health of further kinds that Argo CD ships Lua checks for (`resource_customizations/`)."""

from __future__ import annotations

from opsconsole.argo.cd.health.verdict import Verdict
from opsconsole.argo.cd.health.workloads import degraded, healthy, progressing
from opsconsole.model.objects import Object, condition, flag, items, mapping, mappings, text
from opsconsole.model.status import Health


def cron_job(obj: Object) -> Verdict:
    """Times are compared as text, as the Lua check does."""
    if flag(obj, "spec", "suspend"):
        return healthy("CronJob is Suspended")
    status = mapping(obj, "status")
    if not status:
        return progressing("Waiting for CronJob")
    scheduled, done = text(status, "lastScheduleTime"), text(status, "lastSuccessfulTime")
    if not scheduled:
        return healthy("CronJob has not been scheduled yet")
    if not done:
        return healthy("The Cronjob never completed successfully. It may not be healthy")
    if items(status, "active"):
        return healthy("The job is running. Its last execution may not have been successful")
    if done < scheduled:
        return degraded("CronJob has not completed its last execution successfully")
    return healthy("CronJob has completed its last execution successfully")


def workflow(obj: Object) -> Verdict:
    phase, message = text(obj, "status", "phase"), text(obj, "status", "message")
    if phase in ("", "Pending", "Running"):
        return progressing(message)
    if phase == "Succeeded":
        return healthy(message)
    return degraded(message) if phase in ("Failed", "Error") else Verdict(Health.UNKNOWN, message)


def disruption_budget(obj: Object) -> Verdict:
    entries = mappings(obj, "status", "conditions")
    if not entries:
        return progressing("Waiting for status")
    for entry in entries:
        if entry.get("status") == "False":
            reason = text(entry, "reason")
            if reason == "InsufficientPods":
                return healthy(
                    "PodDisruptionBudget has insufficient healthy pods to allow a disruption"
                )
            return degraded(f"PodDisruptionBudget has {reason}")
    return healthy("PodDisruptionBudget is effective")


def definition(obj: Object) -> Verdict:
    if text(obj, "metadata", "deletionTimestamp"):
        return progressing("CRD is terminating")
    if not mappings(obj, "status", "conditions"):
        return progressing("Status conditions not found")
    terminating = condition(obj, "Terminating")
    if terminating.get("status") == "True":
        return progressing(f"CRD is terminating: {text(terminating, 'message')}")
    names = condition(obj, "NamesAccepted")
    if names.get("status") == "False":
        return degraded(f"CRD names have not been accepted: {text(names, 'message')}")
    schema = condition(obj, "NonStructuralSchema")
    if schema.get("status") == "True":
        return degraded(f"Schema violations found: {text(schema, 'message')}")
    established = condition(obj, "Established")
    if established.get("status") == "True":
        return healthy("CRD is healthy")
    if established.get("reason") == "Installing":
        return progressing("CRD is being installed")
    return degraded("CRD is not established")


def application_set(obj: Object) -> Verdict:
    if text(obj, "metadata", "deletionTimestamp"):
        held = ", ".join(str(f) for f in items(obj, "metadata", "finalizers"))
        blocked = f"; blocked by finalizers: {held}" if held else ""
        return progressing(f"Pending deletion{blocked}")
    for kind, status, found in (
        ("ErrorOccurred", "True", Health.DEGRADED),
        ("ResourcesUpToDate", "False", Health.DEGRADED),
        ("RolloutProgressing", "True", Health.PROGRESSING),
        ("ResourcesUpToDate", "True", Health.HEALTHY),
    ):
        entry = condition(obj, kind)
        if entry.get("status") == status:
            return Verdict(found, text(entry, "message"))
    return progressing("Waiting for the status to be reported")


def sealed_secret(obj: Object) -> Verdict:
    entry = condition(obj, "Synced")
    if entry.get("status") == "False":
        return degraded(text(entry, "message"))
    if entry.get("status") == "True":
        return healthy(text(entry, "message"))
    return progressing("Waiting for Sealed Secret to be decrypted")


def external_secret(obj: Object) -> Verdict:
    return _ready(obj, "Waiting for ExternalSecret")


def certificate(obj: Object) -> Verdict:
    issuing = condition(obj, "Issuing")
    if issuing.get("status") == "True":
        return progressing(text(issuing, "message"))
    return _ready(obj, "Waiting for certificate")


def _ready(obj: Object, waiting: str) -> Verdict:
    entry = condition(obj, "Ready")
    if entry.get("status") == "False":
        return degraded(text(entry, "message"))
    if entry.get("status") == "True":
        return healthy(text(entry, "message"))
    return progressing(waiting)
