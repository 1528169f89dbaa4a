from __future__ import annotations

import itertools
import math

import pytest

from opsconsole.argo.podstatus import pod_status
from opsconsole.model.kinds import EVENT, POD
from opsconsole.sandbox.workloads.events import Recorder
from opsconsole.sandbox.workloads.kubelet import Kubelet
from opsconsole.sandbox.workloads.profile import REALISTIC
from opsconsole.sandbox.workloads.shell import Outcome, outcome
from tests.sandbox.workloads.support import Bench, template


def start(*, name="web", pod=None, annotations=None, **container):
    bench = Bench(REALISTIC)
    made = template(annotations=annotations, pod=pod, **container)
    bench.create(POD, name, made["spec"], **made["metadata"])
    return bench


def word(bench):
    return pod_status(bench.get(POD, "web"))


def container(bench, index=0):
    return bench.get(POD, "web")["status"]["containerStatuses"][index]


def conditions(bench):
    return {c["type"]: c["status"] for c in bench.get(POD, "web")["status"]["conditions"]}


def events(bench):
    return {e["reason"]: e for e in bench.store.objects(EVENT)}


def until(bench, wanted, limit=60.0, step=0.1):
    """Seconds until kubectl would print that word."""
    for count in range(int(limit / step)):
        if bench.store.find(POD, "default", "web") is None:
            return None if wanted != "gone" else count * step
        if word(bench) == wanted:
            return count * step
        bench.run(step)
    pytest.fail(f"never {wanted}, but {word(bench)}")


def test_a_pod_goes_from_pending_to_running():
    bench = start()
    assert word(bench) == "Pending"
    until(bench, "ContainerCreating", 2)
    assert conditions(bench)["PodScheduled"] == "True"
    assert conditions(bench)["Ready"] == "False"
    until(bench, "Running", 5)
    assert set(conditions(bench).values()) == {"True"}
    assert container(bench)["ready"] is True
    status = bench.get(POD, "web")["status"]
    assert status["podIP"].startswith("10.244.")
    assert status["qosClass"] == "BestEffort"
    assert [
        e
        for e in ("Scheduled", "Pulling", "Pulled", "Created", "Started")
        if e not in events(bench)
    ] == []


def test_a_second_pod_finds_the_image_on_its_node():
    bench = start()
    bench.run(10)
    for name in ("b", "c", "d", "e"):
        bench.create(POD, name, bench.get(POD, "web")["spec"])
    bench.run(10)
    said = [e["message"] for e in bench.store.objects(EVENT) if e["reason"] == "Pulled"]
    assert sum("already present" in m for m in said) >= 1


@pytest.mark.parametrize(
    ("image", "first", "then"),
    [
        ("org/app:broken", "ErrImagePull", "ImagePullBackOff"),
        ("org/app:does-not-exist", "ErrImagePull", "ImagePullBackOff"),
        ("nonexistent-image:latest", "ErrImagePull", "ImagePullBackOff"),
        ("Org/App:v1", "InvalidImageName", "InvalidImageName"),
        ("org/app:v1:v2", "InvalidImageName", "InvalidImageName"),
    ],
)
def test_images_that_cannot_be_pulled(image, first, then):
    bench = start(image=image)
    until(bench, first, 10)
    until(bench, then, 30)
    assert bench.get(POD, "web")["status"]["phase"] == "Pending"
    bench.run(600)
    assert bench.get(POD, "web")["status"]["phase"] == "Pending"


def test_pulling_backs_off_to_five_minutes():
    bench = start(image="org/app:broken")
    bench.run(1800)
    pulls = events(bench)["Pulling"]["count"]
    assert 7 <= pulls <= 11


def test_the_image_is_fixed_in_place():
    bench = start(image="org/app:broken")
    bench.run(20)
    pod = bench.get(POD, "web")
    fixed = {**pod["spec"], "containers": [{"name": "app", "image": "org/app:v2"}]}
    bench.store.update(POD, {**pod, "spec": fixed})
    bench.run(10)
    assert word(bench) == "Running"
    assert container(bench)["image"] == "org/app:v2"


def test_a_binary_that_does_not_exist():
    bench = start(command=["/bad-command"])
    until(bench, "RunContainerError", 10)
    assert "stat /bad-command: no such file" in container(bench)["state"]["waiting"]["message"]
    until(bench, "CrashLoopBackOff", 20)
    last = container(bench)["lastState"]["terminated"]
    assert (last["reason"], last["exitCode"]) == ("StartError", 128)
    assert conditions(bench)["Ready"] == "False"


def test_crash_loop_backs_off_and_doubles():
    bench = start(command=["sh", "-c", "sleep 1; exit 3"])
    bench.run(8)
    starts = []
    for _ in range(1200):
        bench.run(0.5)
        count = container(bench)["restartCount"]
        if count > len(starts):
            starts.append(bench.simulation.elapsed)
    gaps = [b - a for a, b in itertools.pairwise(starts)]
    assert len(starts) >= 5
    for before, after in itertools.pairwise(gaps[1:]):
        assert 1.5 < after / before < 2.4 or after > 290
    last = container(bench)["lastState"]["terminated"]
    assert last["exitCode"] == 3
    assert events(bench)["BackOff"]["count"] >= 4


def test_back_off_stops_growing_at_five_minutes():
    bench = start(command=["false"])
    bench.run(3600)
    message = container(bench)["state"].get("waiting", {}).get("message", "back-off 5m0s")
    assert "back-off 5m0s" in message
    assert 12 <= container(bench)["restartCount"] <= 22


def test_oom():
    bench = start(annotations={"sandbox.opsconsole/oom-after": "5s"})
    bench.run(12)
    ended = (
        container(bench)["state"].get("terminated") or container(bench)["lastState"]["terminated"]
    )
    assert (ended["reason"], ended["exitCode"]) == ("OOMKilled", 137)


@pytest.mark.parametrize(
    ("policy", "command", "phase", "reason", "code"),
    [
        ("Never", ["sh", "-c", "sleep 2 && exit 0"], "Succeeded", "Completed", 0),
        ("Never", ["sh", "-c", "sleep 2 && exit 4"], "Failed", "Error", 4),
        ("OnFailure", ["true"], "Succeeded", "Completed", 0),
        ("Never", ["/missing"], "Failed", "StartError", 128),
    ],
)
def test_pods_that_end(policy, command, phase, reason, code):
    bench = start(pod={"restartPolicy": policy}, command=command)
    bench.run(15)
    assert bench.get(POD, "web")["status"]["phase"] == phase
    ended = container(bench)["state"]["terminated"]
    assert (ended["reason"], ended["exitCode"]) == (reason, code)
    assert conditions(bench)["Ready"] == "False"


def test_readiness_probe_delays():
    bench = start(
        readinessProbe={
            "httpGet": {"port": 80},
            "initialDelaySeconds": 10,
            "periodSeconds": 5,
            "successThreshold": 3,
        }
    )
    running = until(bench, "Running", 10)
    bench.run(19)
    assert container(bench)["ready"] is False
    bench.run(2.5)
    assert container(bench)["ready"] is True
    assert running < 5


def test_ready_after_and_unhealthy_events():
    bench = start(
        annotations={"sandbox.opsconsole/ready-after": "25s"},
        readinessProbe={"httpGet": {"port": 80}, "periodSeconds": 5},
    )
    bench.run(20)
    assert container(bench)["ready"] is False
    assert events(bench)["Unhealthy"]["count"] >= 3
    bench.run(15)
    assert container(bench)["ready"] is True


def test_never_ready_without_a_probe():
    bench = start(annotations={"test/ready": "never"})
    bench.run(600)
    assert word(bench) == "Running"
    assert conditions(bench)["Ready"] == "False"


def test_exec_probes_say_what_their_command_says():
    good = start(readinessProbe={"exec": {"command": ["cat", "/tmp/ok"]}})
    bad = start(readinessProbe={"exec": {"command": ["sh", "-c", "exit 1"]}})
    slow = start(readinessProbe={"exec": {"command": ["sleep", "5"]}, "timeoutSeconds": 2})
    for bench in (good, bad, slow):
        bench.run(30)
    assert [container(b)["ready"] for b in (good, bad, slow)] == [True, False, False]


def test_startup_probe_holds_readiness_back_and_kills():
    bench = start(
        startupProbe={"exec": {"command": ["false"]}, "periodSeconds": 5, "failureThreshold": 2}
    )
    bench.run(40)
    assert container(bench)["restartCount"] >= 1
    assert container(bench)["started"] is False
    assert "failed startup probe" in events(bench)["Killing"]["message"]


def test_liveness_probe_restarts():
    bench = start(
        livenessProbe={"exec": {"command": ["false"]}, "periodSeconds": 5, "failureThreshold": 3}
    )
    bench.run(30)
    assert container(bench)["restartCount"] == 1
    assert "failed liveness probe" in events(bench)["Killing"]["message"]


def test_init_containers_run_in_order():
    inits = [
        {"name": "a", "image": "x:v1", "command": ["sleep", "3"]},
        {"name": "b", "image": "x:v1", "command": ["sleep", "3"]},
    ]
    bench = start(pod={"initContainers": inits})
    until(bench, "Init:0/2", 5)
    until(bench, "Init:1/2", 10)
    assert container(bench)["state"]["waiting"]["reason"] == "PodInitializing"
    assert conditions(bench)["Initialized"] == "False"
    until(bench, "Running", 15)
    assert conditions(bench)["Initialized"] == "True"
    assert "containerStatuses" in bench.get(POD, "web")["status"]


def test_an_init_container_that_fails():
    inits = [{"name": "a", "image": "x:v1", "command": ["false"]}]
    bench = start(pod={"initContainers": inits})
    until(bench, "Init:CrashLoopBackOff", 30)
    bench = start(pod={"initContainers": inits, "restartPolicy": "Never"})
    until(bench, "Init:Error", 30)
    assert bench.get(POD, "web")["status"]["phase"] == "Failed"


def test_a_sidecar_is_started_first_and_never_awaited():
    inits = [{"name": "side", "image": "x:v1", "restartPolicy": "Always"}]
    bench = start(pod={"initContainers": inits, "restartPolicy": "Never"}, command=["sleep", "5"])
    until(bench, "Running", 10)
    bench.run(10)
    assert bench.get(POD, "web")["status"]["phase"] == "Succeeded"


def test_stopping_listens_to_signals_or_takes_the_grace_period():
    quick = start()
    deaf = start(command=["sleep", "infinity"], pod={"terminationGracePeriodSeconds": 7})
    hook = start(lifecycle={"preStop": {"exec": {"command": ["sleep", "5"]}}})
    took = []
    for bench in (quick, deaf, hook):
        bench.run(10)
        bench.store.delete(POD, "default", "web")
        assert word(bench) == "Terminating"
        took.append(until(bench, "gone", 40))
    assert took[0] < 1.5
    assert 6.5 < took[1] < 7.5
    assert 5 < took[2] < 6.5


def test_post_start_delays_the_start():
    bench = start(lifecycle={"postStart": {"exec": {"command": ["sleep", "5"]}}})
    assert 6 < until(bench, "Running", 20) < 9


def test_active_deadline():
    bench = start(pod={"activeDeadlineSeconds": 20})
    bench.run(30)
    status = bench.get(POD, "web")["status"]
    assert (status["phase"], status["reason"]) == ("Failed", "DeadlineExceeded")


def test_a_pod_that_fits_nowhere():
    bench = start(pod={"nodeSelector": {"disk": "ssd"}})
    bench.run(5)
    assert word(bench) == "Pending"
    assert conditions(bench) == {"PodScheduled": "False"}
    assert (
        "didn't match Pod's node affinity/selector" in events(bench)["FailedScheduling"]["message"]
    )
    bench = start(resources={"requests": {"cpu": "64"}})
    bench.run(5)
    assert "Insufficient cpu" in events(bench)["FailedScheduling"]["message"]


def test_readiness_gates():
    bench = start(pod={"readinessGates": [{"conditionType": "x/ok"}]})
    bench.run(10)
    assert conditions(bench)["Ready"] == "False"
    pod = bench.get(POD, "web")
    gate = {"type": "x/ok", "status": "True"}
    status = {**pod["status"], "conditions": [*pod["status"]["conditions"], gate]}
    bench.store.update(POD, {**pod, "status": status}, subresource="status")
    bench.run(1)
    assert conditions(bench)["Ready"] == "True"


def test_a_kubelet_started_anew_goes_on_from_the_objects():
    kinds = {
        "steady": {}, "crash": {"command": ["sh", "-c", "sleep 3; exit 1"]}, "pull": {"image": "org/app:broken"},
        "probe": {"readinessProbe": {"httpGet": {}, "initialDelaySeconds": 30}},
    }  # fmt: skip
    for name, spec in kinds.items():
        plain, restarted = start(**spec), start(**spec)
        for bench in (plain, restarted):
            for _ in range(20):
                bench.run(7)
                if bench is restarted:
                    bench.manager.stop("kubelet")
                    bench.manager.start(
                        Kubelet(bench.store, REALISTIC, Recorder(bench.store, "kubelet"))
                    )
        one, other = container(plain), container(restarted)
        assert one["ready"] == other["ready"], name
        assert abs(one["restartCount"] - other["restartCount"]) <= 1, name
        assert (
            plain.get(POD, "web")["status"]["phase"] == restarted.get(POD, "web")["status"]["phase"]
        )


def test_the_same_seed_gives_the_same_run():
    def run(seed):
        bench = Bench(REALISTIC, seed)
        bench.replica_set(replicas=5)
        bench.run(30)
        return [(p["metadata"]["name"], p["status"]) for p in bench.pods()]

    assert run(3) == run(3)
    assert run(3) != run(4)


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ((), Outcome()), (("sleep", "5"), Outcome(5.0, deaf=True)), (("sleep", "1m", "30s"), Outcome(90.0, deaf=True)),
        (("/bin/sleep", "infinity"), Outcome(math.inf, deaf=True)), (("sleep", "x"), Outcome(0.0, 1)),
        (("true",), Outcome(0.0)), (("false",), Outcome(0.0, 1)), (("exit", "3"), Outcome(0.0, 3)),
        (("sh", "-c", "sleep 5 && exit 1"), Outcome(5.0, 1, deaf=True)), (("sh", "-c", "-x", "sleep 2s; exit 0"), Outcome(2.0, 0, deaf=True)),
        (("bash", "-ec", "exit 7; sleep 100"), Outcome(0.0, 7)), (("sh", "-c", "false && sleep 9; exit 2"), Outcome(0.0, 2)),
        (("sh", "-c", "false || sleep 9"), Outcome(9.0, 0, deaf=True)), (("sh", "-c", "true || exit 9"), Outcome(0.0, 0)),
        (("sh", "-c", "while true; do sleep 1; done"), Outcome(math.inf, deaf=True)),
        (("sh", "-c", "trap 'exit 0' TERM; sleep infinity"), Outcome(math.inf, 0)),
        (("sh", "-c", "./run-tests.sh"), Outcome()), (("sh", "-c", "A=1 B=2 exit 4"), Outcome(0.0, 4)),
        (("sh", "-c", "exec sleep 3"), Outcome(3.0, 0, deaf=True)), (("sh", "-c", "unclosed 'quote"), Outcome(0.0, 2)),
        (("sh", "-c", "sleep 100 & exit 1"), Outcome(0.0, 1)), (("timeout", "3", "sleep", "10"), Outcome(3.0, 124)),
        (("/bad-command",), Outcome(0.0, 128, missing="/bad-command")), (("tail", "-f", "/dev/null"), Outcome(math.inf, deaf=True)),
        (("sh", "-c", "/no-such-binary"), Outcome(0.0, 127)), (("sh",), Outcome()), (("/app/server", "--port=1"), Outcome()),
        (("sh", "-c", "echo hi; sleep 1; false"), Outcome(1.0, 1)),
    ],
)  # fmt: skip
def test_shell(argv, expected):
    found = outcome(argv)
    assert (found.seconds, found.code, found.missing) == (
        expected.seconds,
        expected.code,
        expected.missing,
    )
