from __future__ import annotations

import base64
import os
from typing import Any

import pytest

from opsconsole.argo import sealed as sealing
from opsconsole.argo.cd.plaintext import is_plaintext
from opsconsole.errors import InputError
from opsconsole.model.kinds import NAMESPACE, SEALED_SECRET, SECRET
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
    assert message == 'Resource "db" already exists and is not managed by SealedSecret'
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
