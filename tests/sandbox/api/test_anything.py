"""Whatever a client sends, the answer is an object or a Status that says what was wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opsconsole.sandbox.api.subresources import scale
from opsconsole.sandbox.api.target import Call, locate
from opsconsole.sandbox.api.verbs import Verbs
from opsconsole.sandbox.apierrors import StatusError
from opsconsole.sandbox.cluster import build
from tests.sandbox.api.support import (
    APPLY,
    DEPLOYMENTS,
    JSON_PATCH,
    MAPS,
    MERGE,
    PODS,
    ROLLOUTS,
    STRATEGIC,
    Client,
    config_map,
    deployment,
    rollout,
    served,
)  # fmt: skip

SERVICES = MAPS.replace("configmaps", "services")
JOBS = "/apis/batch/v1/namespaces/default/jobs"
HPAS = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers"
PATHS = (MAPS, PODS, DEPLOYMENTS, ROLLOUTS, SERVICES, JOBS, HPAS, "/api/v1/namespaces")

WORDS = st.sampled_from((
    "metadata", "name", "labels", "annotations", "finalizers", "ownerReferences", "managedFields", "spec", "status", "replicas",
    "selector", "matchLabels", "template", "containers", "ports", "data", "stringData", "strategy", "type", "metrics", "$patch",
    "$setElementOrder/containers", "$retainKeys", "$deleteFromPrimitiveList/finalizers", "delete", "replace", "x", "kind", "apiVersion", "uid",
    "image", "app", "port", "resourceVersion", "deletionTimestamp", "spec.replicas", "/spec/replicas", "op", "path", "value", "add", "remove", "generateName",
))  # fmt: skip
SCALAR = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False), WORDS
)
JSON = st.recursive(
    SCALAR,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=4)),
    max_leaves=12,
)


def play(
    method: str, path: str, body: Any, media: str, query: dict[str, str] | None = None
) -> None:
    cluster = build()
    verbs = Verbs(cluster.store)
    objects = (
        (MAPS, config_map("x", a="1")),
        (DEPLOYMENTS, deployment("x")),
        (ROLLOUTS, rollout("x")),
    )
    for place, obj in objects:
        ask(verbs, "POST", place, json.dumps(obj).encode(), "application/json", {})
    ask(verbs, method, path, json.dumps(body).encode(), media, query or {})
    cluster.simulation.run_for(5)


def ask(
    verbs: Verbs, method: str, path: str, body: bytes, media: str, query: dict[str, str]
) -> None:
    target = locate(verbs.store.resources, path)
    assert target is not None
    call = Call(method, path, query, {"Content-Type": media}, body)
    try:
        reply = (
            scale(verbs, call, target)
            if target.subresource == "scale"
            else verbs.answer(call, target)
        )
    except StatusError as refused:
        error = refused
    else:
        json.dumps(reply.value)
        return
    assert 400 <= error.code <= 504
    assert error.message
    json.dumps(error.body())


quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(st.sampled_from(PATHS), JSON, st.dictionaries(WORDS, JSON, max_size=3))
def test_create(path, body, spec):
    play("POST", path, body, "application/json")
    play("POST", path, {"metadata": {"name": "y"}, "spec": spec, "data": spec}, "application/json")
    play("POST", path, {"metadata": {"name": "y", **spec}}, "application/json")


@quick
@given(
    st.sampled_from((MAPS, DEPLOYMENTS, ROLLOUTS)), st.sampled_from((MERGE, STRATEGIC, APPLY)), JSON
)
def test_patch(path, media, body):
    play("PATCH", f"{path}/x", body, media, {"fieldManager": "m", "force": "true"})
    play("PATCH", f"{path}/x", {"spec": body}, media, {"fieldManager": "m"})
    play("PATCH", f"{path}/x", {"metadata": body}, media, {"fieldManager": "m"})


@quick
@given(
    st.sampled_from((MAPS, DEPLOYMENTS, ROLLOUTS)),
    st.lists(st.fixed_dictionaries({"op": st.sampled_from(("add", "remove", "replace", "test", "move", "copy")),
                                    "path": st.sampled_from(("", "/", "/spec", "/metadata", "/spec/replicas", "/metadata/labels/a", "/metadata/name", "/spec/template/spec/containers/0")),
                                    "value": JSON, "from": st.sampled_from(("/spec", "/metadata/name", ""))}), max_size=3),
)  # fmt: skip
def test_json_patch(path, operations):
    play("PATCH", f"{path}/x", operations, JSON_PATCH)


@quick
@given(
    st.sampled_from(("PUT", "DELETE")), st.sampled_from((MAPS, DEPLOYMENTS, ROLLOUTS)), JSON, JSON
)
def test_replace_and_delete(method, path, body, more):
    play(method, f"{path}/x", body, "application/json")
    play(
        method,
        f"{path}/x",
        {"metadata": {"name": "x"}, "spec": more, "preconditions": more},
        "application/json",
    )


@quick
@given(st.sampled_from(("PUT", "PATCH")), JSON)
def test_scale(method, body):
    media = MERGE if method == "PATCH" else "application/json"
    play(method, f"{DEPLOYMENTS}/x/scale", body, media)
    play(method, f"{ROLLOUTS}/x/scale", {"spec": {"replicas": body}}, media)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"metadata": {"name": "y"}, "data": {"a": "\\ud800"}}', 201),
        (b'{"metadata": {"name": "y"}, "data": {"a": "\\ud83d\\ude00"}}', 201),
        (b'{"metadata": {"name": "y"}, "spec": NaN}', 400),
        (b'{"metadata": {"name": "y"}, "spec": -Infinity}', 400),
        (b'{"metadata": {"name": "y"}, "spec": ' + b"[" * 300 + b"]" * 300 + b"}", 400),
        (b"[" * 100_000, 400),
        (b'{"metadata": {"name": "y"}, "spec": "\xff"}', 400),
    ],
)
def test_bodies_that_could_not_be_written_again(body, code):
    async def check(api: Client) -> None:
        status, _ = await api("POST", MAPS, body)
        assert status == code
        assert (await api("GET", MAPS))[0] == 200

    served(check)
