from __future__ import annotations

from opsconsole.model.kinds import JOB
from opsconsole.sandbox.workloads.profile import RECORDED
from tests.sandbox.workloads.support import Bench, template


def job(bench, *, command=("true",), policy="Never", annotations=None, image="busybox", **spec):
    pod = template(
        annotations=annotations, pod={"restartPolicy": policy}, image=image, command=list(command)
    )
    return bench.create(JOB, "task", {"template": pod, **spec})


def status(bench):
    return bench.get(JOB, "task").get("status", {})


def held(bench):
    return {
        c["type"]: c.get("reason", "")
        for c in status(bench).get("conditions", ())
        if c["status"] == "True"
    }


def test_it_completes():
    bench = Bench()
    job(bench, command=["sh", "-c", "sleep 5 && exit 0"])
    bench.run(5)
    assert status(bench)["active"] == 1
    bench.run(10)
    assert held(bench) == {
        "SuccessCriteriaMet": "CompletionsReached",
        "Complete": "CompletionsReached",
    }
    assert status(bench)["succeeded"] == 1
    assert "completionTime" in status(bench)


def test_backoff_limit():
    bench = Bench()
    job(bench, command=["sh", "-c", "exit 3"], backoffLimit=2)
    bench.run(20)
    assert held(bench) == {}
    assert 1 <= status(bench)["failed"] <= 2
    bench.run(60)
    assert held(bench) == {
        "FailureTarget": "BackoffLimitExceeded",
        "Failed": "BackoffLimitExceeded",
    }
    assert status(bench)["failed"] == 3
    assert len(bench.pods()) == 3


def test_restart_on_failure_counts_restarts():
    bench = Bench()
    job(bench, command=["false"], policy="OnFailure", backoffLimit=1)
    bench.run(60)
    assert held(bench)["Failed"] == "BackoffLimitExceeded"


def test_deadline():
    bench = Bench()
    job(bench, command=["sleep", "3600"], activeDeadlineSeconds=20, backoffLimit=0)
    bench.run(19)
    assert held(bench) == {}
    bench.run(60)
    assert held(bench) == {"FailureTarget": "DeadlineExceeded", "Failed": "DeadlineExceeded"}
    assert bench.pods() == []


def test_ttl():
    bench = Bench()
    job(bench, ttlSecondsAfterFinished=30)
    bench.run(20)
    assert "Complete" in held(bench)
    bench.run(40)
    assert bench.store.objects(JOB) == []
    assert bench.pods() == []


def test_parallelism_and_completions():
    bench = Bench()
    job(bench, command=["sleep", "5"], parallelism=2, completions=5)
    bench.run(4)
    assert len(bench.pods()) == 2
    bench.run(60)
    assert status(bench)["succeeded"] == 5
    assert len(bench.pods()) == 5


def test_indexed():
    bench = Bench()
    job(bench, completions=3, parallelism=3, completionMode="Indexed")
    bench.run(30)
    assert status(bench)["completedIndexes"] == "0,1,2"
    assert "Complete" in held(bench)


def test_suspend_and_resume():
    bench = Bench()
    job(bench, suspend=True)
    bench.run(10)
    assert held(bench) == {"Suspended": "JobSuspended"}
    assert bench.pods() == []
    bench.patch(JOB, "task", suspend=False)
    bench.run(20)
    assert "Complete" in held(bench)


def test_an_image_that_cannot_be_pulled_never_ends():
    bench = Bench()
    job(bench, image="nonexistent-image-that-does-not-exist:latest", backoffLimit=0)
    bench.run(300)
    assert held(bench) == {}
    assert status(bench)["active"] == 1


def test_recorded_stand():
    bench = Bench(RECORDED)
    job(bench)
    bench.run(0.9)
    assert held(bench) == {}
    bench.run(0.2)
    assert list(held(bench)) == ["Complete"]


def test_recorded_stand_fails_by_annotation():
    bench = Bench(RECORDED)
    job(bench, annotations={"test/job": "fail"})
    bench.run(1.1)
    assert held(bench) == {"Failed": "BackoffLimitExceeded"}
