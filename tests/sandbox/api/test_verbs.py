"""What the API server answers to single requests."""

from __future__ import annotations

import io

import pytest

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


def test_create_get_replace_delete():
    async def play(api: Client) -> None:
        status, made = await api("POST", MAPS, config_map("x", a="1"))
        assert status == 201
        assert made["metadata"]["namespace"] == "default"
        assert made["metadata"]["uid"]
        made["data"]["a"] = "2"
        changed = await api.ok("PUT", f"{MAPS}/x", made)
        assert changed["metadata"]["resourceVersion"] != made["metadata"]["resourceVersion"]
        status, late = await api("PUT", f"{MAPS}/x", made)
        assert (status, late["reason"]) == (409, "Conflict")
        assert late["message"] == (
            'Operation cannot be fulfilled on configmaps "x": the object has been modified; please'
            " apply your changes to the latest version and try again"
        )
        gone = await api.ok("DELETE", f"{MAPS}/x")
        assert (gone["kind"], gone["status"], gone["details"]["name"]) == ("Status", "Success", "x")
        status, missing = await api("GET", f"{MAPS}/x")
        assert (status, missing["message"]) == (404, 'configmaps "x" not found')

    served(play)


def test_a_write_that_changes_nothing_moves_nothing():
    async def play(api: Client) -> None:
        made = await api.ok("POST", MAPS, config_map("x", a="1"))
        same = await api.ok("PATCH", f"{MAPS}/x", {"data": {"a": "1"}}, media=MERGE)
        assert same["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]

    served(play)


@pytest.mark.parametrize(
    ("path", "body", "code", "reason", "message"),
    [
        (MAPS, config_map("Bad_Name"), 422, "Invalid", "a lowercase RFC 1123 subdomain must consist"),
        (MAPS, {**config_map("x"), "kind": "Secret"}, 400, "BadRequest", "cannot be handled as a ConfigMap"),
        (MAPS, {**config_map("x"), "apiVersion": "v2"}, 400, "BadRequest", "does not match the expected API version"),
        (MAPS, {**config_map("x"), "data": {"a": 1}}, 400, "BadRequest", "json: cannot unmarshal number into Go struct field ConfigMap.data.a of type string"),
        (MAPS, {**config_map("x"), "metadata": {}}, 422, "Invalid", "name or generateName is required"),
        (MAPS, {**config_map("x"), "metadata": {"name": "x", "namespace": "other"}}, 400, "BadRequest", "the namespace of the provided object does not match"),
        (MAPS, {**config_map("x"), "metadata": {"name": "x", "labels": {"a": "b c"}}}, 422, "Invalid", "a valid label must be an empty string or consist of"),
        (MAPS.replace("default", "nowhere"), config_map("x"), 404, "NotFound", 'namespaces "nowhere" not found'),
        (DEPLOYMENTS, deployment("x", selector={"matchLabels": {"app": "y"}}), 422, "Invalid", "`selector` does not match template `labels`"),
        (DEPLOYMENTS, deployment("x", replicas="3"), 400, "BadRequest", "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"),
        (MAPS + "?dryRun=Some", config_map("x"), 422, "Invalid", "dryRun"),
        (DEPLOYMENTS + "?fieldValidation=Strict", {**deployment("x"), "spec": {**deployment("x")["spec"], "repicas": 1}}, 400, "BadRequest", 'strict decoding error: unknown field "spec.repicas"'),
    ],
)  # fmt: skip
def test_refusals_of_create(path, body, code, reason, message):
    async def play(api: Client) -> None:
        status, answer = await api("POST", path, body)
        assert (status, answer["reason"]) == (code, reason)
        assert answer["kind"] == "Status"
        assert message in answer["message"]

    served(play)


def test_bodies_that_are_no_objects():
    async def play(api: Client) -> None:
        for body in (b"{", b"[]", b"null", b"\xff\xfe", b"k8s\x00\xff\xff\xff"):
            status, answer = await api("POST", MAPS, body)
            assert (status, answer["reason"]) == (400, "BadRequest"), body
        status, answer = await api(
            "POST", MAPS, b"k8s\x00\xff\xff", media="application/vnd.kubernetes.protobuf"
        )
        assert status == 400
        status, answer = await api("POST", MAPS, io.BytesIO(b"x" * (3 * 1024 * 1024 + 1)))
        assert (status, answer["reason"]) == (413, "RequestEntityTooLarge")
        status, answer = await api("POST", MAPS, b"<a/>", media="application/xml")
        assert (status, answer["reason"]) == (415, "UnsupportedMediaType")

    served(play)


def test_generate_name_and_already_exists():
    async def play(api: Client) -> None:
        body = {**config_map("x"), "metadata": {"generateName": "job-"}}
        first, second = await api.ok("POST", MAPS, body), await api.ok("POST", MAPS, body)
        names = {first["metadata"]["name"], second["metadata"]["name"]}
        assert len(names) == 2
        assert all(n.startswith("job-") and len(n) == 9 for n in names)
        await api.ok("POST", MAPS, config_map("x"))
        status, answer = await api("POST", MAPS, config_map("x"))
        assert (status, answer["reason"]) == (409, "AlreadyExists")
        assert answer["message"] == 'configmaps "x" already exists'

    served(play)


def test_generation_and_status_are_apart():
    async def play(api: Client) -> None:
        made = await api.ok(
            "POST", ROLLOUTS, {**rollout("ro", replicas=1), "status": {"phase": "x"}}
        )
        assert made["metadata"]["generation"] == 1
        assert "status" not in made
        seen = await api.ok(
            "PATCH", f"{ROLLOUTS}/ro", {"status": {"phase": "Healthy"}}, media=MERGE
        )
        assert "status" not in seen
        seen = await api.ok(
            "PATCH",
            f"{ROLLOUTS}/ro/status",
            {"status": {"phase": "Healthy"}, "spec": {"replicas": 9}},
            media=MERGE,
        )
        assert seen["status"] == {"phase": "Healthy"}
        assert seen["spec"]["replicas"] == 1
        assert seen["metadata"]["generation"] == 1
        seen = await api.ok("PATCH", f"{ROLLOUTS}/ro", {"spec": {"replicas": 2}}, media=MERGE)
        assert seen["metadata"]["generation"] == 2

    served(play)


def test_kinds_without_status_subresource_take_it_with_the_object():
    async def play(api: Client) -> None:
        path = "/apis/argoproj.io/v1alpha1/namespaces/default/analysisruns"
        run = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "AnalysisRun",
            "metadata": {"name": "a"},
            "status": {"phase": "Running"},
        }
        made = await api.ok("POST", path, run)
        assert made["status"] == {"phase": "Running"}
        status, _ = await api("GET", f"{path}/a/status")
        assert status == 404

    served(play)


def test_custom_resources_refuse_strategic_merge():
    async def play(api: Client) -> None:
        await api.ok("POST", ROLLOUTS, rollout("ro"))
        status, answer = await api("PATCH", f"{ROLLOUTS}/ro", {}, media=STRATEGIC)
        assert (status, answer["reason"]) == (415, "UnsupportedMediaType")
        assert answer["message"] == (
            "the body of the request was in an unknown format - accepted media types include:"
            " application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
        )

    served(play)


def test_custom_resources_need_a_version_to_be_replaced():
    async def play(api: Client) -> None:
        await api.ok("POST", ROLLOUTS, rollout("ro"))
        status, answer = await api("PUT", f"{ROLLOUTS}/ro", rollout("ro"))
        assert (status, answer["message"]) == (
            422,
            'Rollout.argoproj.io "ro" is invalid: metadata.resourceVersion: Invalid value: 0x0: must be specified for an update',
        )

    served(play)


def test_json_patch_with_a_failed_test_changes_nothing():
    async def play(api: Client) -> None:
        await api.ok("POST", MAPS, config_map("x", a="1"))
        operations = [
            {"op": "test", "path": "/data/a", "value": "2"},
            {"op": "replace", "path": "/data/a", "value": "3"},
        ]
        status, answer = await api("PATCH", f"{MAPS}/x", operations, media=JSON_PATCH)
        assert (status, answer["reason"]) == (422, "Invalid")
        assert (
            answer["details"]["causes"][0]["message"] == "testing value /data/a failed: test failed"
        )
        assert (await api.ok("GET", f"{MAPS}/x"))["data"] == {"a": "1"}

    served(play)


def test_scale():
    async def play(api: Client) -> None:
        await api.ok("POST", ROLLOUTS, rollout("ro", replicas=3))
        await api.ok(
            "PATCH",
            f"{ROLLOUTS}/ro/status",
            {"status": {"selector": "app=ro", "HPAReplicas": 3}},
            media=MERGE,
        )
        scale = await api.ok("GET", f"{ROLLOUTS}/ro/scale")
        assert (scale["kind"], scale["apiVersion"]) == ("Scale", "autoscaling/v1")
        assert scale["spec"] == {"replicas": 3}
        assert scale["status"] == {"replicas": 3, "selector": "app=ro"}
        scale["spec"]["replicas"] = 5
        await api.ok("PUT", f"{ROLLOUTS}/ro/scale", scale)
        seen = await api.ok("GET", f"{ROLLOUTS}/ro")
        assert seen["spec"]["replicas"] == 5
        assert seen["metadata"]["managedFields"][-1]["subresource"] == "scale"
        status, _ = await api("PUT", f"{ROLLOUTS}/ro/scale", scale)
        assert status == 409
        status, _ = await api(
            "PATCH", f"{ROLLOUTS}/ro/scale", {"spec": {"replicas": -1}}, media=MERGE
        )
        assert status == 422
        status, _ = await api("GET", f"{MAPS}/x/scale")
        assert status == 404

    served(play)


def test_dry_run_keeps_nothing():
    async def play(api: Client) -> None:
        before = api.cluster.store.version
        made = await api.ok("POST", f"{MAPS}?dryRun=All", config_map("x"))
        assert made["metadata"]["uid"]
        status, _ = await api("GET", f"{MAPS}/x")
        assert status == 404
        assert api.cluster.store.version == before
        await api.ok("POST", MAPS, config_map("y", a="1"))
        seen = await api.ok("PATCH", f"{MAPS}/y?dryRun=All", {"data": {"a": "2"}}, media=MERGE)
        assert seen["data"] == {"a": "2"}
        await api.ok("DELETE", f"{MAPS}/y?dryRun=All")
        await api.ok("DELETE", f"{MAPS}/y", {"dryRun": ["All"]})
        assert (await api.ok("GET", f"{MAPS}/y"))["data"] == {"a": "1"}
        await api.ok("DELETE", "/api/v1/namespaces/argocd?dryRun=All")
        assert (await api.ok("GET", "/api/v1/namespaces/argocd"))["status"]["phase"] == "Active"

    served(play)


def test_deletecollection_with_a_selector():
    async def play(api: Client) -> None:
        for name, label in (("a", "x"), ("b", "x"), ("c", "y")):
            body = config_map(name)
            body["metadata"]["labels"] = {"l": label}
            await api.ok("POST", MAPS, body)
        gone = await api.ok("DELETE", f"{MAPS}?labelSelector=l%3Dx")
        assert [o["metadata"]["name"] for o in gone["items"]] == ["a", "b"]
        left = await api.ok("GET", MAPS)
        assert [o["metadata"]["name"] for o in left["items"]] == ["c"]

    served(play)


def test_preconditions_of_a_delete():
    async def play(api: Client) -> None:
        await api.ok("POST", MAPS, config_map("x"))
        for wrong in ({"uid": "other"}, {"resourceVersion": "1"}):
            status, answer = await api("DELETE", f"{MAPS}/x", {"preconditions": wrong})
            assert (status, answer["reason"]) == (409, "Conflict")
            assert "Precondition failed" in answer["message"]
        status, answer = await api("DELETE", f"{MAPS}/x", {"propagationPolicy": "Sometimes"})
        assert (status, answer["reason"]) == (422, "Invalid")

    served(play)


def test_versions_of_one_group_serve_the_same_objects():
    async def play(api: Client) -> None:
        root = "/apis/networking.istio.io"
        service = {
            "apiVersion": "networking.istio.io/v1alpha3",
            "kind": "VirtualService",
            "metadata": {"name": "v"},
            "spec": {"hosts": ["a"]},
        }
        await api.ok("POST", f"{root}/v1alpha3/namespaces/default/virtualservices", service)
        for version in ("v1", "v1beta1", "v1alpha3"):
            seen = await api.ok("GET", f"{root}/{version}/namespaces/default/virtualservices/v")
            assert seen["apiVersion"] == f"networking.istio.io/{version}"
            assert seen["spec"] == {"hosts": ["a"]}

    served(play)


def test_autoscalers_in_both_versions():
    async def play(api: Client) -> None:
        spec = {
            "scaleTargetRef": {"kind": "Deployment", "name": "x"},
            "maxReplicas": 3,
            "targetCPUUtilizationPercentage": 60,
        }
        old = {
            "apiVersion": "autoscaling/v1",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "h"},
            "spec": spec,
        }
        path = "/namespaces/default/horizontalpodautoscalers"
        made = await api.ok("POST", f"/apis/autoscaling/v1{path}", old)
        assert made["spec"]["targetCPUUtilizationPercentage"] == 60
        new = await api.ok("GET", f"/apis/autoscaling/v2{path}/h")
        target = {"type": "Utilization", "averageUtilization": 60}
        assert new["spec"]["metrics"] == [
            {"type": "Resource", "resource": {"name": "cpu", "target": target}}
        ]

    served(play)


def test_what_is_not_there():
    async def play(api: Client) -> None:
        for path in (
            "/apis/none/v1/things",
            "/nothing",
            "/api/v1/namespaces/default/things",
            f"{MAPS}/x/y/z",
        ):
            status, answer = await api("GET", path)
            assert (status, answer) == (404, "404 page not found\n")
        status, answer = await api("PUT", MAPS, config_map("x"))
        assert (status, answer["reason"]) == (405, "MethodNotAllowed")
        status, answer = await api("GET", MAPS, Accept="application/vnd.kubernetes.protobuf")
        assert (status, answer["reason"]) == (406, "NotAcceptable")

    served(play)


def test_eviction_asks_the_budget():
    async def play(api: Client) -> None:
        await api.ok("POST", DEPLOYMENTS, deployment("web", replicas=2))
        budget = {
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b"},
            "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
        }  # fmt: skip
        await api.ok("POST", "/apis/policy/v1/namespaces/default/poddisruptionbudgets", budget)
        api.run(30)
        pods = [p["metadata"]["name"] for p in (await api.ok("GET", PODS))["items"]]
        assert len(pods) == 2
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pods[0]}}
        status, _ = await api("POST", f"{PODS}/{pods[0]}/eviction", eviction)
        assert status == 201
        eviction["metadata"]["name"] = pods[1]
        status, answer = await api("POST", f"{PODS}/{pods[1]}/eviction", eviction)
        assert (status, answer["reason"]) == (429, "TooManyRequests")
        assert (
            answer["message"] == "Cannot evict pod as it would violate the pod's disruption budget."
        )
        assert answer["details"]["causes"][0]["reason"] == "DisruptionBudget"

    served(play, workloads=True)


def test_definitions_serve_their_kind():
    async def play(api: Client) -> None:
        crd = {
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "toys.example.com"},
            "spec": {
                "group": "example.com", "scope": "Namespaced",
                "names": {"kind": "Toy", "plural": "toys", "shortNames": ["ty"]},
                "versions": [
                    {"name": "v1", "served": True, "storage": True, "subresources": {"status": {}},
                     "schema": {"openAPIV3Schema": {"properties": {"spec": {"properties": {"size": {"type": "integer", "default": 3}}}}}},
                     "additionalPrinterColumns": [{"name": "Color", "type": "string", "jsonPath": ".spec.color"}]},
                    {"name": "v1beta1", "served": True, "storage": False},
                ],
            },
        }  # fmt: skip
        root = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        made = await api.ok("POST", f"{root}?dryRun=All", crd)
        # readers index the status of a definition that is not served yet
        names = {"kind": "", "plural": ""}
        assert made["status"] == {"acceptedNames": names, "storedVersions": ["v1"]}
        made = await api.ok("POST", root, crd)
        assert {c["type"] for c in made["status"]["conditions"]} == {"NamesAccepted", "Established"}
        toy = {
            "apiVersion": "example.com/v1",
            "kind": "Toy",
            "metadata": {"name": "t"},
            "spec": {"color": "red"},
        }
        path = "/apis/example.com/v1/namespaces/default/toys"
        await api.ok("POST", path, toy)
        seen = await api.ok("GET", path.replace("/v1/", "/v1beta1/") + "/t")
        assert seen["apiVersion"] == "example.com/v1beta1"
        assert seen["spec"] == {"color": "red", "size": 3}
        table = await api.ok("GET", path, Accept="application/json;as=Table;v=v1;g=meta.k8s.io")
        assert [c["name"] for c in table["columnDefinitions"]] == ["Name", "Color"]
        assert table["rows"][0]["cells"] == ["t", "red"]
        await api.ok("DELETE", f"{root}/toys.example.com")
        status, _ = await api("GET", path)
        assert status == 404

    served(play)


def test_server_side_apply_and_its_conflicts():
    async def play(api: Client) -> None:
        path = f"{DEPLOYMENTS}/web"
        mine = deployment("web", replicas=2)
        status, made = await api("PATCH", f"{path}?fieldManager=one", mine, media=APPLY)
        assert status == 201
        entry = made["metadata"]["managedFields"][0]
        assert (entry["manager"], entry["operation"], entry["fieldsType"]) == (
            "one",
            "Apply",
            "FieldsV1",
        )
        assert entry["fieldsV1"]["f:spec"]["f:replicas"] == {}
        assert (
            'k:{"name":"c"}' in entry["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:containers"]
        )
        other = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 5}}
        status, answer = await api("PATCH", f"{path}?fieldManager=two", other, media=APPLY)
        assert (status, answer["reason"]) == (409, "Conflict")
        assert (
            answer["message"] == 'Apply failed with 1 conflict: conflict with "one": .spec.replicas'
        )
        assert answer["details"]["causes"] == [
            {
                "reason": "FieldManagerConflict",
                "message": 'conflict with "one"',
                "field": ".spec.replicas",
            }
        ]
        taken = await api.ok("PATCH", f"{path}?fieldManager=two&force=true", other, media=APPLY)
        assert taken["spec"]["replicas"] == 5
        del mine["spec"]["replicas"]
        mine["spec"]["template"]["spec"]["containers"].append({"name": "d", "image": "x:1"})
        seen = await api.ok("PATCH", f"{path}?fieldManager=one", mine, media=APPLY)
        assert seen["spec"]["replicas"] == 5
        assert len(seen["spec"]["template"]["spec"]["containers"]) == 2
        mine["spec"]["template"]["spec"]["containers"].pop()
        seen = await api.ok("PATCH", f"{path}?fieldManager=one", mine, media=APPLY)
        assert [c["name"] for c in seen["spec"]["template"]["spec"]["containers"]] == ["c"]
        status, _ = await api("PATCH", path, mine, media=APPLY)
        assert status == 422

    served(play)


def test_an_update_takes_the_fields_it_changes():
    async def play(api: Client) -> None:
        path = f"{MAPS}/x"
        await api.ok(
            "PATCH", f"{path}?fieldManager=one", config_map("x", a="1", b="1"), media=APPLY
        )
        await api.ok("PATCH", f"{path}?fieldManager=two", {"data": {"a": "2"}}, media=MERGE)
        status, answer = await api(
            "PATCH", f"{path}?fieldManager=one", config_map("x", a="1", b="1"), media=APPLY
        )
        assert status == 409
        assert (
            answer["message"]
            == 'Apply failed with 1 conflict: conflict with "two" using v1: .data.a'
        )

    served(play)


def test_a_definition_of_a_known_kind_can_go_and_come_back():
    async def play(api: Client) -> None:
        crd = {
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "rollouts.argoproj.io"},
            "spec": {"group": "argoproj.io", "scope": "Namespaced", "names": {"kind": "Rollout", "plural": "rollouts"},
                     "versions": [{"name": "v1alpha1", "served": True, "storage": True}]},
        }  # fmt: skip
        root = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        await api.ok("POST", ROLLOUTS, rollout("ro"))
        await api.ok("POST", root, crd)
        assert (await api.ok("GET", f"{ROLLOUTS}/ro/scale"))["kind"] == "Scale"
        await api.ok("DELETE", f"{root}/rollouts.argoproj.io")
        assert (await api("GET", ROLLOUTS))[0] == 404
        await api.ok("POST", root, crd)
        assert (await api.ok("GET", ROLLOUTS))["items"] == []

    served(play)
