"""The cells of `kubectl get` for built-in kinds (k8s.io/kubernetes/pkg/printers/internalversion).

Each takes the object, some the time too, and tolerates what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from opsconsole.model.objects import dig, flag, items, mapping, mappings, number, text
from opsconsole.model.selectors import selector_text
from opsconsole.model.times import human_duration, parse_instant
from opsconsole.sandbox.resources import Obj

Still = Callable[[Obj], Any]


def at(*path: str, blank: str = "") -> Still:
    """The text at a path."""
    return lambda obj: text(obj, *path) or blank


def count(*path: str) -> Still:
    return lambda obj: number(obj, *path)


def size(*path: str) -> Still:
    return lambda obj: len(items(obj, *path))


def since(*path: str, blank: str = "<unknown>") -> Callable[[Obj, datetime], str]:
    def cell(obj: Obj, now: datetime) -> str:
        moment = text(obj, *path)
        return age(moment, now) if moment else blank

    return cell


def none(obj: Obj) -> str:  # noqa: ARG001
    return "<none>"


def age(moment: str, now: datetime) -> str:
    """Time since an instant as `duration.HumanDuration` writes it."""
    start = parse_instant(moment)
    return human_duration((now - start).total_seconds()) if start else "<unknown>"


def _pod_spec(obj: Obj) -> Mapping[str, Any]:
    return mapping(obj, "spec", "template", "spec")


def containers(obj: Obj) -> str:
    return ",".join(text(c, "name") for c in mappings(_pod_spec(obj), "containers"))


def images(obj: Obj) -> str:
    return ",".join(text(c, "image") for c in mappings(_pod_spec(obj), "containers"))


def selector(obj: Obj) -> str:
    return selector_text(mapping(obj, "spec", "selector")) or "<none>"


def ready_of(obj: Obj) -> str:
    return f"{number(obj, 'status', 'readyReplicas')}/{number(obj, 'spec', 'replicas')}"


def node_selector(obj: Obj) -> str:
    labels = mapping(_pod_spec(obj), "nodeSelector")
    return ",".join(f"{k}={labels[k]}" for k in sorted(labels)) or "<none>"


# pods


def pod_ready(obj: Obj) -> str:
    statuses = mappings(obj, "status", "containerStatuses")
    ready = sum(1 for s in statuses if s.get("ready") is True and "running" in mapping(s, "state"))
    if not any("state" in s for s in statuses):
        ready = sum(1 for s in statuses if s.get("ready") is True)
    return f"{ready}/{len(items(obj, 'spec', 'containers'))}"


def pod_restarts(obj: Obj, now: datetime) -> str:
    statuses = mappings(obj, "status", "containerStatuses")
    restarts = sum(number(s, "restartCount") for s in statuses)
    last = max((text(s, "lastState", "terminated", "finishedAt") for s in statuses), default="")
    return f"{restarts} ({age(last, now)} ago)" if restarts and last else str(restarts)


# jobs


def job_status(obj: Obj) -> str:
    held = {
        text(c, "type"): c
        for c in mappings(obj, "status", "conditions")
        if c.get("status") == "True"
    }
    for type_, word in (("Complete", "Complete"), ("Failed", "Failed")):
        if type_ in held:
            return word
    if dig(obj, "metadata", "deletionTimestamp"):
        return "Terminating"
    for type_ in ("Suspended", "FailureTarget", "SuccessCriteriaMet"):
        if type_ in held:
            return type_
    return "Running"


def job_completions(obj: Obj) -> str:
    done = number(obj, "status", "succeeded")
    wanted = dig(obj, "spec", "completions")
    if wanted is not None:
        return f"{done}/{wanted}"
    parallel = number(obj, "spec", "parallelism")
    return f"{done}/1 of {parallel}" if parallel > 1 else f"{done}/1"


def job_duration(obj: Obj, now: datetime) -> str:
    start = parse_instant(dig(obj, "status", "startTime"))
    if start is None:
        return ""
    end = parse_instant(dig(obj, "status", "completionTime")) or now
    return human_duration((end - start).total_seconds())


def suspended(obj: Obj) -> str:
    return "True" if flag(obj, "spec", "suspend") else "False"


# services


def cluster_ip(obj: Obj) -> str:
    return text(obj, "spec", "clusterIP") or "<none>"


def external_ip(obj: Obj) -> str:
    kind = text(obj, "spec", "type")
    if kind == "ExternalName":
        return text(obj, "spec", "externalName")
    listed = [str(ip) for ip in items(obj, "spec", "externalIPs")]
    if kind == "LoadBalancer":
        found = [
            text(i, "ip") or text(i, "hostname")
            for i in mappings(obj, "status", "loadBalancer", "ingress")
        ]
        return ",".join(found + listed) or "<pending>"
    return ",".join(listed) or "<none>"


def service_ports(obj: Obj) -> str:
    found = []
    for port in mappings(obj, "spec", "ports"):
        node = f":{port['nodePort']}" if port.get("nodePort") else ""
        found.append(f"{port.get('port')}{node}/{port.get('protocol', 'TCP')}")
    return ",".join(found) or "<none>"


def service_selector(obj: Obj) -> str:
    labels = mapping(obj, "spec", "selector")
    return ",".join(f"{k}={labels[k]}" for k in sorted(labels)) or "<none>"


def endpoints(obj: Obj) -> str:
    found = [
        f"{text(address, 'ip')}:{port.get('port')}"
        for subset in mappings(obj, "subsets")
        for port in mappings(subset, "ports")
        for address in mappings(subset, "addresses")
    ]
    return _first(found)


def _first(found: list[str], limit: int = 3) -> str:
    more = f" + {len(found) - limit} more..." if len(found) > limit else ""
    return (",".join(found[:limit]) + more) or "<none>"


def slice_ports(obj: Obj) -> str:
    return (
        _first([str(p.get("port")) for p in mappings(obj, "ports")])
        if items(obj, "ports")
        else "<unset>"
    )


def slice_endpoints(obj: Obj) -> str:
    found = [str(a) for e in mappings(obj, "endpoints") for a in items(e, "addresses")]
    return _first(found) if found else "<unset>"


def ingress_hosts(obj: Obj) -> str:
    return _first(
        [text(r, "host") for r in mappings(obj, "spec", "rules") if r.get("host")]
    ).replace("<none>", "*")


def ingress_address(obj: Obj) -> str:
    found = mappings(obj, "status", "loadBalancer", "ingress")
    return ",".join(text(i, "ip") or text(i, "hostname") for i in found)


def ingress_ports(obj: Obj) -> str:
    return "80, 443" if items(obj, "spec", "tls") else "80"


# others


def hpa_reference(obj: Obj) -> str:
    target = mapping(obj, "spec", "scaleTargetRef")
    return f"{text(target, 'kind')}/{text(target, 'name')}"


def hpa_targets(obj: Obj) -> str:
    current = mappings(obj, "status", "currentMetrics")
    found = []
    for index, metric in enumerate(mappings(obj, "spec", "metrics")):
        source = text(metric, "type")
        body = mapping(metric, source[:1].lower() + source[1:])
        now = mapping(
            current[index] if index < len(current) else {}, source[:1].lower() + source[1:]
        )
        wanted = dig(body, "target", "averageUtilization")
        if wanted is not None:
            have = dig(now, "current", "averageUtilization")
            shown = f"{'<unknown>' if have is None else f'{have}%'}/{wanted}%"
            found.append(f"{text(body, 'name')}: {shown}")
        else:
            limit = text(body, "target", "averageValue") or text(body, "target", "value")
            have = text(now, "current", "averageValue") or text(now, "current", "value")
            found.append(f"{have or '<unknown>'}/{limit}")
    more = f" + {len(found) - 2} more..." if len(found) > 2 else ""
    return (", ".join(found[:2]) + more) or "<none>"


def hpa_min(obj: Obj) -> str:
    return text(obj, "spec", "minReplicas") or "<unset>"


def data_count(obj: Obj) -> int:
    return len(mapping(obj, "data")) + len(mapping(obj, "binaryData"))


def node_status(obj: Obj) -> str:
    for condition in mappings(obj, "status", "conditions"):
        if condition.get("type") == "Ready":
            word = "Ready" if condition.get("status") == "True" else "NotReady"
            return word + (",SchedulingDisabled" if flag(obj, "spec", "unschedulable") else "")
    return "Unknown"


def node_roles(obj: Obj) -> str:
    prefix = "node-role.kubernetes.io/"
    labels = mapping(obj, "metadata", "labels")
    return (
        ",".join(sorted(k.removeprefix(prefix) for k in labels if k.startswith(prefix))) or "<none>"
    )


def access_modes(obj: Obj) -> str:
    short = {
        "ReadWriteOnce": "RWO",
        "ReadOnlyMany": "ROX",
        "ReadWriteMany": "RWX",
        "ReadWriteOncePod": "RWOP",
    }
    return ",".join(short.get(str(m), str(m)) for m in items(obj, "spec", "accessModes"))


def role(obj: Obj) -> str:
    return f"{text(obj, 'roleRef', 'kind')}/{text(obj, 'roleRef', 'name')}"


def event_last_seen(obj: Obj, now: datetime) -> str:
    moment = (
        text(obj, "series", "lastObservedTime")
        or text(obj, "lastTimestamp")
        or text(obj, "eventTime")
        or text(obj, "firstTimestamp")
    )
    return age(moment, now) if moment else "<unknown>"


def event_object(obj: Obj) -> str:
    return f"{text(obj, 'involvedObject', 'kind').lower()}/{text(obj, 'involvedObject', 'name')}"


def event_source(obj: Obj) -> str:
    component = text(obj, "source", "component") or text(obj, "reportingComponent")
    host = text(obj, "source", "host")
    return f"{component}, {host}" if host else component


def event_message(obj: Obj) -> str:
    return text(obj, "message").strip()


def event_count(obj: Obj) -> int:
    return number(obj, "series", "count") or number(obj, "count") or 1
