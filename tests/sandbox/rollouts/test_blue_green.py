"""Blue-green in a cluster: services, previews, promotions, delays; and workload references."""

from __future__ import annotations

from opsconsole.model.kinds import DEPLOYMENT
from tests.sandbox.rollouts.support import Stand, rollout, service


def updated(*, replicas=2, **blue_green):
    strategy = {"blueGreen": {"activeService": "active", "previewService": "preview", **blue_green}}
    stand = Stand(service("active"), service("preview"), rollout(strategy, replicas=replicas))
    stand.until("Healthy").run("set image demo app=shop:2")
    return stand


def test_a_promotion_by_hand():
    stand = updated(autoPromotionEnabled=False).until("Paused")
    assert stand.message == "BlueGreenPause"
    assert stand.selector("active") == stand.hash_of(1)
    assert stand.selector("preview") == stand.hash_of(2)
    stand.go(3600)
    assert stand.selector("active") == stand.hash_of(1)
    stand.run("promote demo")
    stand.go(5)
    assert stand.selector("active") == stand.hash_of(2)
    assert stand.sizes() == {1: 2, 2: 2}
    stand.go(40)
    assert stand.sizes() == {1: 0, 2: 2}
    assert stand.phase == "Healthy"


def test_a_promotion_by_the_clock():
    stand = updated(autoPromotionSeconds=30).until("Paused").go(20)
    assert stand.selector("active") == stand.hash_of(1)
    stand.go(15)
    assert stand.selector("active") == stand.hash_of(2)


def test_a_small_preview_grows_before_the_switch():
    stand = updated(replicas=4, autoPromotionEnabled=False, previewReplicaCount=1).until("Paused")
    assert stand.sizes() == {1: 4, 2: 1}
    stand.run("promote demo")
    stand.go(10).until("Healthy")
    assert stand.sizes() == {1: 4, 2: 4}


def test_an_abort_before_the_switch():
    stand = updated(autoPromotionEnabled=False).until("Paused")
    stand.run("abort demo")
    stand.go(5)
    assert stand.phase == "Degraded"
    assert stand.selector("active") == stand.hash_of(1)
    stand.go(60)
    assert stand.sizes() == {1: 2, 2: 0}


def test_a_quick_way_back():
    stand = updated(autoPromotionEnabled=False).until("Paused")
    stand.run("promote demo")
    stand.go(5).run("undo demo")
    stand.go(5)
    assert stand.phase == "Healthy"
    assert stand.selector("active") == stand.hash_of(3)
    assert stand.sizes()[3] == 2


def test_a_rollout_takes_over_a_deployment():
    template = rollout({}, replicas=3)["spec"]
    deployment = {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "old"},
        "spec": {k: template[k] for k in ("replicas", "selector", "template")},
    }  # fmt: skip
    ro = rollout({"canary": {}}, replicas=3)
    del ro["spec"]["template"], ro["spec"]["selector"]
    ro["spec"]["workloadRef"] = {
        "apiVersion": "apps/v1", "kind": "Deployment", "name": "old", "scaleDown": "onsuccess",
    }  # fmt: skip
    stand = Stand(deployment).go(10)
    stand.apply(ro)
    stand.until("Healthy").go(10)
    assert list(stand.sizes().values()) == [3]
    assert stand.store.get(DEPLOYMENT, "default", "old")["spec"]["replicas"] == 0

    def new_image(obj):
        obj["spec"]["template"]["spec"]["containers"][0]["image"] = "shop:2"

    stand.change(DEPLOYMENT, "old", new_image)
    stand.go(30).until("Healthy")
    assert stand.status["workloadObservedGeneration"] == str(
        stand.store.get(DEPLOYMENT, "default", "old")["metadata"]["generation"]
    )
    images = {pod["spec"]["containers"][0]["image"] for pod in stand.pods()}
    assert images == {"shop:2"}
