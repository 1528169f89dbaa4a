from __future__ import annotations

from datetime import timedelta

from tests.argo.commands.support import NOW, World, replica_set, rollout


def pod(owner, name, ready=True, **more):
    state = (
        {"running": {}}
        if ready
        else {"waiting": {"reason": more.pop("reason", "ImagePullBackOff")}}
    )
    return {
        "kind": "Pod",
        "metadata": {
            "name": name, "uid": name, "creationTimestamp": more.pop("created", "2026-01-05T08:59:30Z"),
            "ownerReferences": [{"uid": owner["metadata"]["uid"]}],
        },
        "spec": {"containers": [{}]},
        "status": {"phase": "Running" if ready else "Pending",
                   "containerStatuses": [{"ready": ready, "state": state, "restartCount": more.pop("restarts", 0)}]},
    }  # fmt: skip


def run(name, phase, **counts):
    revision = counts.pop("revision", 2)
    measurements = counts.pop("measurements", [])
    return {
        "kind": "AnalysisRun",
        "metadata": {
            "name": name, "uid": name, "creationTimestamp": "2026-01-05T08:59:50Z",
            "annotations": {"rollout.argoproj.io/revision": str(revision)},
            "ownerReferences": [{"uid": "u1"}],
        },
        "status": {"phase": phase, "metricResults": [{**counts, "measurements": measurements}]},
    }  # fmt: skip


def degraded():
    ro = rollout(
        status={
            "phase": "Degraded", "message": "ProgressDeadlineExceeded: x", "currentStepIndex": 0,
            "stableRS": "877894d5b", "currentPodHash": "65fb5ffc84", "replicas": 6,
            "updatedReplicas": 1, "readyReplicas": 5, "availableReplicas": 5,
        },
    )  # fmt: skip
    new = replica_set(31, "org/app:does-not-exist", "65fb5ffc84", replicas=1)
    new["status"]["replicas"] = 1
    old = replica_set(30, "org/app:green", "877894d5b", replicas=5)
    old["status"] |= {"replicas": 5, "availableReplicas": 5}
    gone = replica_set(29, "org/app:red", "859c99b45c", replicas=0)
    pods = [
        pod(new, "demo-65fb5ffc84-9wf5r", ready=False),
        *(pod(old, f"demo-877894d5b-{c}") for c in "bacde"),
    ]
    return [ro, new, old, gone, *pods]


GOLDEN = """\
Name:            demo
Namespace:       ns
Status:          ✖ Degraded
Message:         ProgressDeadlineExceeded: x
Strategy:        Canary
  Step:          0/2
  SetWeight:     20
  ActualWeight:  0
Images:          org/app:does-not-exist (canary)
                 org/app:green (stable)
Replicas:
  Desired:       5
  Current:       6
  Updated:       1
  Ready:         5
  Available:     5

NAME                              KIND        STATUS              AGE  INFO
⟳ demo                            Rollout     ✖ Degraded          60s
├──# revision:31
│  ├──⧉ demo-65fb5ffc84           ReplicaSet  ◌ Progressing       60s  canary
│  │  └──□ demo-65fb5ffc84-9wf5r  Pod         ⚠ ImagePullBackOff  30s  ready:0/1
│  └──α demo-65fb5ffc84-31        AnalysisRun ? Inconclusive      10s  ✔ 4,✖ 4,? 1,⚠ 1
├──# revision:30
"""


def stripped(words):
    return "\n".join(line.rstrip() for line in words.split("\n"))


def test_tree_like_the_plugins_own_golden_text():
    out = stripped(World(*degraded()).run("get rollout demo --no-color").out)
    assert "\x1b" not in out
    head = GOLDEN.split("NAME ", maxsplit=1)[0]
    assert out.startswith(head)
    tree = out[len(head) :].split("\n")
    assert tree[0] == "NAME                              KIND        STATUS              AGE  INFO"
    assert (
        tree[3] == "│  └──⧉ demo-65fb5ffc84           ReplicaSet  ◌ Progressing       60s  canary"
    )
    assert (
        tree[4]
        == "│     └──□ demo-65fb5ffc84-9wf5r  Pod         ⚠ ImagePullBackOff  30s  ready:0/1"
    )
    assert (
        tree[7]
        == "│     ├──□ demo-877894d5b-a       Pod         ✔ Running           30s  ready:1/1"
    )
    assert tree[-2] == "   └──⧉ demo-859c99b45c           ReplicaSet  • ScaledDown        60s"


def test_runs_and_jobs_in_the_tree():
    jobs = [
        {
            "phase": "Successful",
            "startedAt": "2026-01-05T08:59:55Z",
            "metadata": {"job-name": "x.job.1"},
        }
    ]
    found = run("demo-65fb5ffc84-31", "Inconclusive", revision=31, successful=4, failed=4, inconclusive=1,
                error=1, measurements=jobs)  # fmt: skip
    out = stripped(World(*degraded(), found).run("get ro demo --no-color").out)
    assert (
        "│  └──α demo-65fb5ffc84-31        AnalysisRun  ? Inconclusive      10s  ✔ 4,✖ 4,? 1,⚠ 1"
        in out
    )
    assert "│     └──⊞ x.job.1                Job          ✔ Successful        5s" in out


def test_colours_do_not_move_columns():
    out = World(*degraded()).run("get rollout demo", color=True).out
    assert "\x1b[33mcanary\x1b[0m" in out
    assert "\x1b[31m✖\x1b[0m Degraded" in out
    import re

    plain = re.sub(r"\x1b\[\d+m", "", out)
    assert plain == World(*degraded()).run("get rollout demo --no-color").out


def test_experiment():
    experiment = {
        "kind": "Experiment",
        "metadata": {"name": "exp", "namespace": "ns", "uid": "e1", "creationTimestamp": "2026-01-05T08:00:00Z"},
        "status": {"phase": "Running"},
        "spec": {"duration": "2h"},
    }  # fmt: skip
    rs = replica_set(0, "org/app:blue", "abc", replicas=1,
                     notes={"rollout.argoproj.io/experiment-template-name": "baseline"})  # fmt: skip
    rs["metadata"]["ownerReferences"] = [{"uid": "e1"}]
    rs["status"] |= {"replicas": 1, "availableReplicas": 1}
    out = stripped(World(experiment, rs, pod(rs, "p")).run("get experiment exp --no-color").out)
    assert "Images:          org/app:blue (Σ:baseline)" in out
    assert "Σ exp          Experiment  ◌ Running  60m" in out
    assert "└──⧉ demo-abc  ReplicaSet  ✔ Healthy  60s" in out
    assert "   └──□ p      Pod         ✔ Running  30s  ready:1/1" in out
    listed = stripped(World(experiment).run("list experiments").out)
    assert (
        listed
        == "NAME        STATUS   DURATION  REMAINING  AGE\nexp         Running  120m      -          60m\n"
    )


def test_list_columns():
    out = World(*degraded()).run("list rollouts").out
    assert stripped(out) == (
        "NAME        STRATEGY   STATUS        STEP  SET-WEIGHT  READY  DESIRED  UP-TO-DATE  AVAILABLE\n"
        "demo        Canary     Degraded      0/2   20          5/6    5        1           5\n"
    )
    wide = World(*degraded()).run("list rollouts -A").out
    assert wide.startswith("NAMESPACE  NAME ")


def test_status_exit_codes():
    paused = rollout(status={"phase": "Paused", "message": "CanaryPauseStep"})
    assert World(paused).run("status demo --watch=false").text == "Paused - CanaryPauseStep\n"
    outcome = World(*degraded()).run("status demo --watch=false")
    assert (outcome.code, outcome.text) == (
        1,
        "Degraded\nError: The rollout is in a degraded state with message: ProgressDeadlineExceeded: x\n",
    )
    healthy = World(rollout(status={"phase": "Healthy"})).run("status demo")
    assert (healthy.code, healthy.text) == (0, "Healthy\n")


def test_status_watches_until_healthy_and_times_out():
    world = World(rollout(status={"phase": "Paused", "message": "CanaryPauseStep"}))

    def wait():
        world.now += timedelta(seconds=1)
        if world.now >= NOW + timedelta(seconds=3):
            world.objects[0] = rollout(status={"phase": "Healthy"})
        return True

    world.on_wait = wait
    assert world.run("status demo").text == "Paused - CanaryPauseStep\nHealthy\n"
    world.objects[0] = rollout(status={"phase": "Paused", "message": "CanaryPauseStep"})
    world.now = NOW - timedelta(seconds=60)
    outcome = world.run("status demo --timeout 10s")
    assert outcome.code == 1
    assert outcome.err == "Error: Rollout status watch exceeded timeout\n"
