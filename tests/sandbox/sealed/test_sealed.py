from __future__ import annotations

import base64
import os
from typing import Any

import pytest

from opsconsole.argo import sealed as sealing
from opsconsole.argo.cd.plaintext import is_plaintext
from opsconsole.errors import InputError
from opsconsole.model.kinds import EVENT, NAMESPACE, SEALED_SECRET, SECRET
from opsconsole.sandbox import cluster as clusters
from opsconsole.sandbox.cluster import Cluster, ClusterOptions
from opsconsole.sandbox.sealed.controller import SealedSecretController

PLAIN: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "db", "namespace": "shop", "labels": {"a": "b"}},
    "stringData": {"password": "hunter2"},
}


def seal(controller: SealedSecretController, secret: Any, **how: str) -> dict[str, Any]:
    now = controller.store.simulation.now()
    return sealing.Sealer.of(controller.certificate(), now, os.urandom).seal(secret, **how)


@pytest.fixture(scope="module")
def started() -> tuple[Cluster, SealedSecretController]:
    cluster = clusters.build(ClusterOptions(without=frozenset(clusters.CONTROLLERS)))
    for name in ("shop", "other"):
        cluster.store.create(NAMESPACE, {"metadata": {"name": name}})
    controller = SealedSecretController(cluster.store)
    cluster.manager.start(controller)
    return cluster, controller


def put(cluster: Cluster, sealed: dict[str, Any], **meta: str) -> dict[str, Any]:
    sealed = {**sealed, "metadata": {**sealed["metadata"], **meta}}
    made = cluster.store.create(SEALED_SECRET, sealed)
    cluster.simulation.run_for(2)
    return cluster.store.get(SEALED_SECRET, made["metadata"]["namespace"], made["metadata"]["name"])


def said(cluster: Cluster) -> list[tuple[str, str]]:
    return [(e["reason"], e["message"]) for e in cluster.store.objects(EVENT)]


def clear(cluster: Cluster) -> None:
    for sealed in cluster.store.objects(SEALED_SECRET):
        meta = sealed["metadata"]
        cluster.store.delete(SEALED_SECRET, meta["namespace"], meta["name"])
    cluster.simulation.run_for(2)


def test_sealed_and_unsealed(started: tuple[Cluster, SealedSecretController]) -> None:
    cluster, controller = started
    sealed = seal(controller, PLAIN)
    assert "hunter2" not in str(sealed)
    found = put(cluster, sealed)
    assert found["status"]["conditions"][0]["status"] == "True"
    secret = cluster.store.get(SECRET, "shop", "db")
    assert base64.b64decode(secret["data"]["password"]) == b"hunter2"
    assert secret["metadata"]["labels"] == {"a": "b"}
    clear(cluster)
    assert cluster.store.find(SECRET, "shop", "db") is None


@pytest.mark.parametrize(
    ("scope", "meta", "good"),
    [
        ("strict", {"name": "x"}, False),
        ("strict", {"namespace": "other"}, False),
        ("namespace-wide", {"name": "x"}, True),
        ("namespace-wide", {"namespace": "other"}, False),
        ("cluster-wide", {"name": "x", "namespace": "other"}, True),
    ],
)
def test_scopes(
    started: tuple[Cluster, SealedSecretController],
    scope: str,
    meta: dict[str, str],
    good: bool,
) -> None:
    cluster, controller = started
    found = put(cluster, seal(controller, PLAIN, scope=scope), **meta)
    condition = found["status"]["conditions"][0]
    assert condition["status"] == str(good)
    if not good:
        assert condition["message"] == "no key could decrypt secret (password)"
    clear(cluster)


def test_older_keys_still_open(started: tuple[Cluster, SealedSecretController]) -> None:
    cluster, controller = started
    sealed = seal(controller, PLAIN)
    before = controller.certificate()
    cluster.simulation.run_for(5)
    controller.rotate()
    assert controller.certificate() != before
    assert put(cluster, sealed)["status"]["conditions"][0]["status"] == "True"
    clear(cluster)


def test_somebody_elses_secret_is_left_alone(
    started: tuple[Cluster, SealedSecretController],
) -> None:
    cluster, controller = started
    cluster.store.create(SECRET, PLAIN)
    found = put(cluster, seal(controller, PLAIN))
    message = found["status"]["conditions"][0]["message"]
    why = 'Resource "db" already exists and is not managed by SealedSecret'
    assert message == f"failed update: {why}"
    assert ("ErrUpdateFailed", why) in said(cluster)
    clear(cluster)
    cluster.store.delete(SECRET, "shop", "db")


def test_bad_values_are_refused_without_showing_them(
    started: tuple[Cluster, SealedSecretController],
) -> None:
    _, controller = started
    with pytest.raises(InputError, match=r"data\.k .* not base64") as fault:
        seal(controller, {**PLAIN, "data": {"k": "h!nter"}})
    assert "h!nter" not in str(fault.value)
    with pytest.raises(InputError, match="certificate"):
        sealing.Sealer.of(b"nothing", controller.store.simulation.now(), os.urandom)
    with pytest.raises(sealing.UnsealError, match="too short"):
        sealing.decrypt([], base64.b64encode(b"\xff\xff").decode(), b"")


def test_what_counts_as_plaintext() -> None:
    assert is_plaintext(PLAIN)
    assert not is_plaintext({**PLAIN, "stringData": {}})
    assert not is_plaintext({**PLAIN, "sops": {"version": "3"}})
    assert not is_plaintext({**PLAIN, "stringData": {"a": "ENC[AES256_GCM,data:x]"}})
    assert not is_plaintext({"kind": "SealedSecret", "spec": {"encryptedData": {"a": "b"}}})


def test_a_secret_to_be_patched_keeps_its_own(
    started: tuple[Cluster, SealedSecretController],
) -> None:
    cluster, controller = started
    notes = {"sealedsecrets.bitnami.com/patch": "true"}
    meta = {**PLAIN["metadata"], "annotations": notes, "labels": {"own": "x"}}
    cluster.store.create(SECRET, {**PLAIN, "metadata": meta, "stringData": {"user": "me"}})
    put(cluster, seal(controller, PLAIN))
    secret = cluster.store.get(SECRET, "shop", "db")
    assert {k: base64.b64decode(v) for k, v in secret["data"].items()} == {
        "user": b"me",
        "password": b"hunter2",
    }
    assert secret["metadata"]["labels"] == {"own": "x", "a": "b"}
    assert not secret["metadata"].get("ownerReferences")
    clear(cluster)
    cluster.store.delete(SECRET, "shop", "db")


def test_a_deleted_secret_comes_back_and_a_changed_one_stays(
    started: tuple[Cluster, SealedSecretController],
) -> None:
    cluster, controller = started
    put(cluster, seal(controller, PLAIN))
    secret = cluster.store.get(SECRET, "shop", "db")
    cluster.store.update(SECRET, {**secret, "data": {"password": "eA=="}})
    cluster.simulation.run_for(2)
    assert cluster.store.get(SECRET, "shop", "db")["data"] == {"password": "eA=="}
    cluster.store.delete(SECRET, "shop", "db")
    cluster.simulation.run_for(2)
    assert cluster.store.get(SECRET, "shop", "db")["data"] == secret["data"]
    clear(cluster)


def test_template_data_is_rendered_over_the_values(
    started: tuple[Cluster, SealedSecretController],
) -> None:
    cluster, controller = started
    sealed = seal(controller, PLAIN)
    data = {"url": "{{ .user }}:{{ .password }}@db", "user": "me", "password": "covered"}
    sealed["spec"]["template"]["data"] = data
    skip = {"sealedsecrets.bitnami.com/skip-set-owner-references": "true"}
    sealed["spec"]["template"]["metadata"]["annotations"] = skip
    put(cluster, sealed)
    secret = cluster.store.get(SECRET, "shop", "db")
    assert {k: base64.b64decode(v) for k, v in secret["data"].items()} == {
        "url": b"me:hunter2@db",
        "user": b"me",
        "password": b"hunter2",
    }
    assert not secret["metadata"].get("ownerReferences")
    clear(cluster)
    cluster.store.delete(SECRET, "shop", "db")


def test_what_cannot_be_opened_is_told_by_field_and_nothing_else(
    started: tuple[Cluster, SealedSecretController],
) -> None:
    cluster, controller = started
    sealed = seal(controller, {**PLAIN, "stringData": {"a": "x", "b": "y", "c": "z"}})
    values = sealed["spec"]["encryptedData"]
    values |= {"a": values["a"][:40], "b": "not base64!"}
    found = put(cluster, sealed)
    condition = found["status"]["conditions"][0]
    assert condition["status"] == "False"
    assert condition["message"].startswith("no key could decrypt secret (a); illegal base64 data")
    assert condition["message"].endswith(" (b)")
    assert found["status"]["observedGeneration"] == 1
    assert any(reason == "ErrUnsealFailed" for reason, _ in said(cluster))
    assert cluster.store.find(SECRET, "shop", "db") is None
    clear(cluster)


def test_an_immutable_secret_is_not_changed(
    started: tuple[Cluster, SealedSecretController],
) -> None:
    cluster, controller = started
    put(cluster, seal(controller, {**PLAIN, "immutable": True}))
    now = cluster.store.get(SEALED_SECRET, "shop", "db")
    other = seal(controller, {**PLAIN, "immutable": True, "stringData": {"password": "other"}})
    cluster.store.update(SEALED_SECRET, {**now, "spec": other["spec"]})
    cluster.simulation.run_for(2)
    told = [message for reason, message in said(cluster) if reason == "ErrUpdateFailed"]
    assert any("shop/db: the target Secret is immutable." in message for message in told)
    secret = cluster.store.get(SECRET, "shop", "db")
    assert base64.b64decode(secret["data"]["password"]) == b"hunter2"
    clear(cluster)
