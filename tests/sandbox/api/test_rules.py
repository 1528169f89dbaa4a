"""The pure parts: protobuf, patches, field sets, cells, OpenAPI; each without a server."""

from __future__ import annotations

import base64
import contextlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsconsole.argo.podstatus import pod_status
from opsconsole.model import kinds
from opsconsole.sandbox.api import cells, crdschema, fieldsets, gnostic, openapi, protobuf
from opsconsole.sandbox.api.logs import printed
from opsconsole.sandbox.api.patches import json_patch, merge_patch
from opsconsole.sandbox.api.schema import schema
from opsconsole.sandbox.api.strategic import strategic_merge
from opsconsole.sandbox.apierrors import StatusError
from opsconsole.sandbox.kernel import START
from opsconsole.sandbox.resources import Resources
from opsconsole.sandbox.validation import check_labels, check_name

PROTOBUF = json.loads(Path(__file__).with_name("protobuf.json").read_text(encoding="utf-8"))
"""Objects as client-go 0.35 encodes them, each with its JSON."""


def meaning(value: Any) -> Any:
    """JSON without zero values, which Go writes or leaves out field by field."""
    if isinstance(value, dict):
        found = {k: meaning(v) for k, v in value.items()}
        return {k: v for k, v in found.items() if v not in (None, {}, [], "", 0)}
    return [meaning(v) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize("row", PROTOBUF, ids=lambda r: r["json"]["kind"])
def test_protobuf_says_what_json_says(row):
    decoded = protobuf.decode(base64.b64decode(row["protobuf"]))
    assert meaning(decoded) == meaning(row["json"])


def test_empty_but_present_fields_stay():
    decoded = protobuf.decode(base64.b64decode(PROTOBUF[1]["protobuf"]))
    assert decoded["spec"]["replicas"] == 0
    assert decoded["spec"]["template"]["spec"]["volumes"][0] == {"name": "v", "emptyDir": {}}
    assert decoded["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 0
    secret = protobuf.decode(base64.b64decode(PROTOBUF[0]["protobuf"]))
    assert secret["metadata"]["labels"] == {"a": "b", "empty": ""}
    assert secret["immutable"] is False


@given(st.binary(max_size=200))
def test_any_bytes_are_answered_with_a_status(data):
    whole = base64.b64decode(PROTOBUF[1]["protobuf"])
    bodies = (b"k8s\x00" + data, whole[: len(data)], whole[:60] + data + whole[60 + len(data) :])
    for body in bodies:
        with contextlib.suppress(StatusError):
            protobuf.decode(body)


def test_kinds_without_a_table_are_refused():
    head = b"\n\x18\n\x0bexample.c/1\x12\x09Something"
    with pytest.raises(StatusError) as refused:
        protobuf.decode(b"k8s\x00" + head)
    assert refused.value.code in (400, 415)


# patches


@pytest.mark.parametrize(
    ("document", "operations", "result"),
    [
        ({"a": 1}, [{"op": "add", "path": "/b", "value": 2}], {"a": 1, "b": 2}),
        ({"a": [1, 3]}, [{"op": "add", "path": "/a/1", "value": 2}], {"a": [1, 2, 3]}),
        ({"a": [1]}, [{"op": "add", "path": "/a/-", "value": 2}], {"a": [1, 2]}),
        ({"a": 1}, [{"op": "move", "from": "/a", "path": "/b"}], {"b": 1}),
        (
            {"a": {"b": 1}},
            [{"op": "copy", "from": "/a", "path": "/c"}],
            {"a": {"b": 1}, "c": {"b": 1}},
        ),
        (
            {"a/b": 1, "c~d": 2},
            [{"op": "remove", "path": "/a~1b"}, {"op": "replace", "path": "/c~0d", "value": 3}],
            {"c~d": 3},
        ),
        ({"a": None}, [{"op": "test", "path": "/a"}], {"a": None}),
    ],
)
def test_json_patches(document, operations, result):
    before = json.dumps(document)
    assert json_patch(document, operations) == result
    assert json.dumps(document) == before


@pytest.mark.parametrize(
    ("operations", "code"),
    [
        ({}, 400), ([1], 400), ([{"op": "remove", "path": "/x"}], 422), ([{"op": "replace", "path": "/x", "value": 1}], 422),
        ([{"op": "add", "path": "/x/y", "value": 1}], 422), ([{"op": "dance", "path": "/a"}], 422), ([{"op": "add", "path": "/l/9", "value": 1}], 422),
        ([{"op": "add", "path": "/l/x", "value": 1}], 422), ([{"op": "test", "path": "/a", "value": 2}], 422), ([{"op": "add"}], 422),
        ([{"op": "test", "path": "/a", "value": 1}] * 10_001, 413),
    ],
)  # fmt: skip
def test_json_patches_that_do_not_apply(operations, code):
    with pytest.raises(StatusError) as refused:
        json_patch({"a": 1, "l": []}, operations)
    assert refused.value.code == code


def test_merge_patch():
    assert merge_patch({"a": {"b": 1, "c": 2}, "l": [1]}, {"a": {"b": None, "d": {"e": None}}, "l": [2]}) == {
        "a": {"c": 2, "d": {}}, "l": [2],
    }  # fmt: skip


def pod(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"spec": {"containers": list(containers), **spec}}


POD = schema().find("", "v1", "Pod")
A, B = {"name": "a", "image": "1"}, {"name": "b", "image": "1"}


@pytest.mark.parametrize(
    ("original", "patch", "result"),
    [
        (pod(A, B), pod({"name": "b", "image": "2"}), pod(A, {"name": "b", "image": "2"})),
        (pod(A), pod({"name": "c", "image": "1"}), pod(A, {"name": "c", "image": "1"})),
        (pod(A, B), pod({"name": "a", "$patch": "delete"}), pod(B)),
        (pod(A, B), pod({"$patch": "replace"}, {"name": "c"}), pod({"name": "c"})),
        (pod(A, B), {"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}}, pod(B, A)),
        (pod(A, nodeSelector={"x": "1", "y": "2"}), {"spec": {"nodeSelector": {"x": None}}}, pod(A, nodeSelector={"y": "2"})),
        (pod(A, nodeSelector={"x": "1"}), {"spec": {"nodeSelector": {"$patch": "replace", "z": "3"}}}, pod(A, nodeSelector={"z": "3"})),
        (pod({**A, "args": ["1", "2"]}), pod({"name": "a", "args": ["3"]}), pod({**A, "args": ["3"]})),
        (pod({**A, "ports": [{"containerPort": 80}]}), pod({"name": "a", "ports": [{"containerPort": 81}]}), pod({**A, "ports": [{"containerPort": 80}, {"containerPort": 81}]})),
        ({"metadata": {"finalizers": ["a", "b"]}}, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c"]}}, {"metadata": {"finalizers": ["b", "c"]}}),
        (pod(volumes=[{"name": "v", "emptyDir": {}}]), {"spec": {"volumes": [{"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/"}}]}}, pod(volumes=[{"name": "v", "hostPath": {"path": "/"}}])),
    ],
)  # fmt: skip
def test_strategic_merge(original, patch, result):
    before = json.dumps(original)
    assert strategic_merge(original, patch, POD) == result
    assert json.dumps(original) == before


def test_strategic_merge_wants_the_key():
    with pytest.raises(StatusError, match="does not contain declared merge key: name"):
        strategic_merge(pod(A), pod({"image": "2"}), POD)


# field sets


def test_field_sets_go_there_and_back():
    obj = {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "x", "uid": "u", "labels": {"a": "b"}, "finalizers": ["f"]},
        "spec": {"containers": [{"name": "c", "ports": [{"containerPort": 80}], "args": ["1"]}], "nodeSelector": {"k": "v"}},
    }  # fmt: skip
    paths = fieldsets.fields_of(obj, kinds.POD)
    shown = {fieldsets.readable(p) for p in paths}
    assert {
        ".metadata.labels.a", '.metadata.finalizers[="f"]', '.spec.containers[name="c"].args', ".spec.nodeSelector",
        '.spec.containers[name="c"].ports[containerPort=80,protocol="TCP"]',
    } <= shown  # fmt: skip
    assert not any("uid" in p for p in shown)
    assert frozenset(fieldsets.decode(fieldsets.encode(paths))) == paths
    assert fieldsets.value_at(obj, ("f:spec", "f:containers", 'k:{"name":"c"}', "f:args")) == ["1"]


def test_custom_resources_have_whole_lists():
    rollout = {"spec": {"strategy": {"canary": {"steps": [{"setWeight": 1}]}}}}
    shown = {fieldsets.readable(p) for p in fieldsets.fields_of(rollout, kinds.ROLLOUT)}
    assert shown == {".spec.strategy.canary.steps"}


# names, cells, documents


@pytest.mark.parametrize(
    ("kind", "name", "good"),
    [
        (kinds.CONFIG_MAP, "a.b-c", True), (kinds.CONFIG_MAP, "A", False), (kinds.CONFIG_MAP, "x" * 254, False), (kinds.NAMESPACE, "a.b", False),
        (kinds.SERVICE, "1a", False), (kinds.SERVICE, "a1", True),
        (kinds.Kind("rbac.authorization.k8s.io", "v1", "Role", "roles"), "system:x", True), (kinds.Kind("rbac.authorization.k8s.io", "v1", "Role", "roles"), "a/b", False),
    ],
)  # fmt: skip
def test_names(kind, name, good):
    assert (check_name(kind, name) == []) is good


def test_labels():
    assert check_labels({"app.kubernetes.io/name": "x", "a": ""}) == []
    for key, value in (
        ("a b", "x"),
        ("/x", "y"),
        ("a/b/c", "y"),
        ("a", "-x"),
        ("a", "x" * 64),
        ("a", 1),
        ("a" * 64, "x"),
    ):
        assert check_labels({key: value}), (key, value)


def test_an_age_is_the_time_since_an_instant():
    moment = (START - timedelta(seconds=11_000)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert cells.age(moment, START) == "3h3m"


@pytest.mark.parametrize(
    ("obj", "shown"),
    [
        ({"status": {"phase": "Pending"}}, "Pending"),
        ({"status": {"phase": "Pending", "conditions": [{"type": "PodScheduled", "reason": "SchedulingGated"}]}}, "SchedulingGated"),
        ({"metadata": {"deletionTimestamp": "x"}, "status": {"phase": "Running"}}, "Terminating"),
        ({"status": {"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff"}}}]}}, "ImagePullBackOff"),
        ({"status": {"phase": "Succeeded", "containerStatuses": [{"state": {"terminated": {"reason": "Completed"}}}]}}, "Completed"),
        ({"status": {"phase": "Failed", "containerStatuses": [{"state": {"terminated": {"exitCode": 3}}}]}}, "ExitCode:3"),
        ({"spec": {"initContainers": [{}, {}]}, "status": {"phase": "Pending", "initContainerStatuses": [{"state": {"terminated": {"exitCode": 0}}}, {"state": {"running": {}}}]}}, "Init:1/2"),
        ({"spec": {"initContainers": [{}]}, "status": {"initContainerStatuses": [{"state": {"terminated": {"exitCode": 1, "reason": "Error"}}}]}}, "Init:Error"),
    ],
)  # fmt: skip
def test_the_word_for_a_pod(obj, shown):
    assert pod_status(obj) == shown


def test_every_type_of_the_table_can_be_read():
    whole = schema()
    for name in whole.names():
        assert whole.struct(name).name


def test_openapi_in_both_encodings_names_the_same():
    document = openapi.v2(Resources().all_served())
    names = {}
    for number, value in protobuf._fields(gnostic.document(document)):
        if number == 9:
            for _, named in protobuf._fields(value):
                entry = dict(protobuf._fields(named))
                names[entry[1].decode()] = entry[2]
    assert set(names) == set(document["definitions"])
    container = document["definitions"]["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
    assert container["x-kubernetes-patch-merge-key"] == "name"
    assert container["x-kubernetes-list-map-keys"] == ["name"]


def test_every_reference_of_openapi_leads_somewhere():
    for document, place in ((openapi.v2(Resources().all_served()), "definitions"),):
        text = json.dumps(document)
        for part in text.split('"$ref": "#/definitions/')[1:]:
            assert part.partition('"')[0] in document[place]


@pytest.mark.parametrize(
    ("container", "query", "shown"),
    [
        ({"command": ["echo", "hello", "you"]}, {}, "hello you\n"),
        (
            {"command": ["sh", "-c"], "args": ["echo a && sleep 1; echo 'b c'; exit 1"]},
            {},
            "a\nb c\n",
        ),
        ({"command": ["sh", "-c", "echo a; echo b"]}, {"tailLines": "1"}, "b\n"),
        ({"command": ["sh", "-c", "echo abc"]}, {"limitBytes": "2"}, "ab"),
        ({"command": ["echo", "a"]}, {"timestamps": "true"}, "2026-01-05T09:00:00Z a\n"),
        ({"command": ["sh", "-c", "echo 'open"]}, {}, ""),
        ({"image": "nginx"}, {}, ""),
    ],
)
def test_logs_say_what_the_command_prints(container, query, shown):
    pod = {
        "spec": {"containers": [{"name": "c", **container}]},
        "status": {"startTime": "2026-01-05T09:00:00Z"},
    }
    assert printed(pod, query) == shown


TOY = {
    "type": "object",
    "required": ["spec"],
    "properties": {
        "spec": {
            "type": "object",
            "required": ["color"],
            "properties": {
                "color": {"type": "string", "enum": ["red", "blue"], "default": "red"},
                "size": {"type": "integer", "minimum": 1, "maximum": 5},
                "name": {"type": "string", "pattern": "^[a-z]+$", "minLength": 2, "maxLength": 4},
                "port": {"x-kubernetes-int-or-string": True},
                "parts": {"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": "object", "properties": {"n": {"type": "number", "default": 1.5}}}},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "none": {"type": "string", "nullable": True},
                "odd": {"type": "string", "pattern": "("},
            },
        }
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "field", "message"),
    [
        ({"color": "green"}, "spec.color", 'Unsupported value: "green": supported values: "red", "blue"'),
        ({"size": "big"}, "spec.size", 'Invalid value: "string": spec.size in body must be of type integer: "string"'),
        ({"size": True}, "spec.size", 'Invalid value: "boolean": spec.size in body must be of type integer: "boolean"'),
        ({"size": 0}, "spec.size", "Invalid value: 0: spec.size in body should be greater than or equal to 1"),
        ({"size": 6}, "spec.size", "Invalid value: 6: spec.size in body should be less than or equal to 5"),
        ({"name": "AB"}, "spec.name", "Invalid value: \"AB\": spec.name in body should match '^[a-z]+$'"),
        ({"name": "a"}, "spec.name", 'Invalid value: "a": spec.name in body should be at least 2 chars long'),
        ({"name": "abcde"}, "spec.name", "Too long: may not be more than 4 bytes"),
        ({"port": []}, "spec.port", 'Invalid value: "array": spec.port in body must be of type integer,string: "array"'),
        ({"parts": []}, "spec.parts", "Invalid value: 0: spec.parts in body should have at least 1 items"),
        ({"parts": [{}, {}, {}]}, "spec.parts", "Too many: 3: must have at most 2 items"),
        ({"parts": [{"n": "x"}]}, "spec.parts[0].n", 'Invalid value: "string": spec.parts[0].n in body must be of type number: "string"'),
        (None, "spec", "Required value"),
    ],
)  # fmt: skip
def test_what_a_definition_refuses(spec, field, message):
    kind = kinds.Kind("example.com", "v1", "Toy", "toys")
    obj = {"metadata": {"name": "t"}} | ({} if spec is None else {"spec": spec})
    with pytest.raises(StatusError) as refused:
        crdschema.prepare(kind, TOY)(obj, None)
    assert refused.value.message == f'Toy.example.com "t" is invalid: {field}: {message}'


def test_what_a_definition_fills_in():
    kind = kinds.Kind("example.com", "v1", "Toy", "toys")
    spec = {
        "size": 5,
        "name": "abc",
        "port": "http",
        "parts": [{}],
        "free": {"x": 1},
        "none": None,
        "odd": "x",
    }
    obj = {"metadata": {"name": "t"}, "spec": spec}
    made = crdschema.prepare(kind, TOY)(obj, None)
    assert made["spec"] == {**spec, "color": "red", "parts": [{"n": 1.5}]}
    assert "color" not in spec
