from __future__ import annotations

import pytest

from opsconsole.model.requests import PatchType, Verb
from tests.argo.commands.support import World, replica_set, rollout


def written(world):
    return [
        (r.verb.value, r.kind.plural, r.subresource, r.main_on_404, r.patch_type, r.body)
        for r in world.sent
    ]


MERGE = PatchType.MERGE


@pytest.mark.parametrize(
    ("line", "kind", "status", "body", "said"),
    [
        ("pause demo", "rollouts", False, {"spec": {"paused": True}}, "rollout 'demo' paused\n"),
        ("abort demo", "rollouts", True, {"status": {"abort": True}}, "rollout 'demo' aborted\n"),
        ("retry rollout demo", "rollouts", True, {"status": {"abort": False}}, "rollout 'demo' retried\n"),
        ("retry experiment e", "experiments", False, {"status": None}, "experiment 'e' retried\n"),
        ("terminate ar a", "analysisruns", False, {"spec": {"terminate": True}}, "analysisRun 'a' terminated\n"),
        ("terminate exp e", "experiments", False, {"spec": {"terminate": True}}, "experiment 'e' terminated\n"),
        ("restart demo", "rollouts", False, {"spec": {"restartAt": "2026-01-05T09:00:00Z"}}, "rollout 'demo' restarts in 0s\n"),
        ("restart demo -i 90s", "rollouts", False, {"spec": {"restartAt": "2026-01-05T09:01:30Z"}}, "rollout 'demo' restarts in 90s\n"),
    ],
)  # fmt: skip
def test_single_writes(line, kind, status, body, said):
    world = World(rollout())
    outcome = world.run(line)
    assert written(world) == [
        ("PATCH", kind, "status" if status else "", status, MERGE, body),
    ]
    assert (outcome.out, outcome.code) == (said, 0)


def promoted(strategy=None, line="promote demo", status=None, **spec):
    world = World(rollout(strategy, status=status, **spec))
    outcome = world.run(line)
    return [(r.subresource, r.body) for r in world.sent], outcome


BLUE_GREEN = {"blueGreen": {"activeService": "a"}}


@pytest.mark.parametrize(
    ("strategy", "line", "status", "spec", "expected"),
    [
        (None, "promote demo", {"currentStepIndex": 0}, {}, [("status", {"status": {"pauseConditions": None, "currentStepIndex": 1}})]),
        (None, "promote demo", {"currentStepIndex": 2}, {}, [("status", {"status": {"pauseConditions": None, "currentStepIndex": 2}})]),
        (None, "promote demo", {"currentStepIndex": 1, "pauseConditions": [{"reason": "CanaryPauseStep"}]}, {}, [("status", {"status": {"pauseConditions": None}})]),
        (None, "promote demo", {"currentStepIndex": 1, "controllerPause": True, "pauseConditions": [{"reason": "InconclusiveAnalysisRun"}],
                                "canary": {"currentStepAnalysisRunStatus": {"status": "Inconclusive"}}}, {},
         [("status", {"status": {"pauseConditions": None, "controllerPause": False, "currentStepIndex": 2}})]),
        (None, "promote demo", {"currentStepIndex": 0}, {"paused": True},
         [("status", {"status": {"pauseConditions": None, "currentStepIndex": 1}}), ("", {"spec": {"paused": False}})]),
        (None, "promote demo --full", {"currentPodHash": "a", "stableRS": "b"}, {}, [("status", {"status": {"promoteFull": True}})]),
        (None, "promote demo --full", {"currentPodHash": "a", "stableRS": "a"}, {}, []),
        (None, "promote demo --full", {"currentPodHash": "a", "stableRS": "a"}, {"paused": True}, [("", {"spec": {"paused": False}})]),
        (None, "promote demo -c", {"currentStepIndex": 0}, {}, [("status", {"status": {"currentStepIndex": 1}})]),
        (None, "promote demo -a", {"currentStepIndex": 0}, {}, [("status", {"status": {"currentStepIndex": 2}})]),
        (BLUE_GREEN, "promote demo", {"pauseConditions": [{"reason": "BlueGreenPause"}]}, {}, [("status", {"status": {"pauseConditions": None}})]),
        (BLUE_GREEN, "promote demo", {}, {}, []),
    ],
)  # fmt: skip
def test_promote(strategy, line, status, spec, expected):
    sent, outcome = promoted(strategy, line, status, **spec)
    assert sent == expected
    assert outcome.code == 0
    full = "fully promoted" if "--full" in line else "promoted"
    assert outcome.out == f"rollout 'demo' {full}\n"


@pytest.mark.parametrize(
    ("strategy", "line", "error"),
    [
        (BLUE_GREEN, "promote demo -c", "Cannot skip steps of a bluegreen rollout. Run without a flags"),
        ({"canary": {}}, "promote demo -a", "Cannot skip steps of a rollout without steps"),
        (None, "promote demo -a -c", "Cannot use skip-current-step and skip-all-steps flags at the same time"),
    ],
)  # fmt: skip
def test_promote_refuses(strategy, line, error):
    sent, outcome = promoted(strategy, line)
    assert sent == []
    assert outcome.code == 1
    assert outcome.err.endswith(f"Error: {error}\n")
    assert "has been deprecated" in outcome.err


def history():
    return [
        replica_set(1, "org/app:v1", "h1"),
        replica_set(4, "org/app:v2", "h4"),
        replica_set(3, "org/app:v3", "h3"),
    ]


def test_undo_goes_to_the_second_highest_revision():
    world = World(rollout(), *history())
    outcome = world.run("undo demo")
    (request,) = world.sent
    assert (request.verb, request.patch_type) == (Verb.PATCH, PatchType.JSON)
    (operation,) = request.body
    assert operation["op"] == "replace"
    assert operation["path"] == "/spec/template"
    assert operation["value"]["spec"]["containers"][0]["image"] == "org/app:v3"
    assert operation["value"]["metadata"]["labels"] == {"app": "demo"}
    assert outcome.out == "rollout 'demo' undo\n"


def test_undo_texts():
    world = World(rollout(), *history())
    assert world.run("undo demo --to-revision=4").out == (
        "skipped rollback (current template already matches revision 4)"
    )
    assert world.run("undo demo --to-revision=9").err == (
        "Error: unable to find specified revision 9 in history\n"
    )
    assert World(rollout()).run("undo demo").err == 'Error: no revision found for rollout "demo"\n'
    assert world.sent == []


def test_undo_of_another_rollouts_sets_is_not_offered():
    foreign = replica_set(3, "org/app:v3", "h3")
    foreign["metadata"]["ownerReferences"][0]["uid"] = "somebody"
    world = World(rollout(), replica_set(4, "org/app:v2", "h4"), foreign)
    assert world.run("undo demo").code == 1


def test_undo_and_set_image_follow_the_workload_ref():
    deployment = {**rollout(name="web"), "kind": "Deployment", "apiVersion": "apps/v1"}
    ro = rollout(
        workloadRef={"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, template={}
    )
    world = World(ro, deployment, *history())
    world.run("undo demo --to-revision 1")
    world.run("set image demo app=org/app:v9")
    assert [(r.verb.value, r.kind.plural, r.name) for r in world.sent] == [
        ("PATCH", "deployments", "web"),
        ("PUT", "deployments", "web"),
    ]


def test_set_image():
    world = World(rollout())
    assert (
        world.run("set image demo app=reg:5000/x@sha256:ab").out == 'rollout "demo" image updated\n'
    )
    (request,) = world.sent
    assert request.verb is Verb.PUT
    assert (
        request.body["spec"]["template"]["spec"]["containers"][0]["image"] == "reg:5000/x@sha256:ab"
    )
    assert request.body["metadata"]["resourceVersion"] == "7"
    assert world.objects[0]["spec"]["template"]["spec"]["containers"][0]["image"] == "org/app:v2"
    assert (
        world.run("set image demo nope=x:y").err == 'Error: unable to find container named "nope"\n'
    )
    assert world.run("set image demo *=x:y").code == 0


def test_create_analysis_run_from_a_template():
    template = {
        "kind": "AnalysisTemplate",
        "metadata": {"name": "check"},
        "spec": {"metrics": [{"name": "m"}], "args": [{"name": "a"}, {"name": "b", "value": "1"}]},
    }
    world = World(template)
    assert world.run("create analysisrun --from check").err == "Error: args.a was not resolved\n"
    outcome = world.run("create ar --from check -a a=x=y -a other=1 --instance-id i")
    assert outcome.out == "analysisrun.argoproj.io/made-x1 created\n"
    (request,) = world.sent
    assert request.body["metadata"] == {
        "namespace": "ns", "generateName": "check-",
        "labels": {"argo-rollouts.argoproj.io/controller-instance-id": "i"},
    }  # fmt: skip
    assert request.body["spec"]["args"] == [
        {"name": "a", "value": "x=y"},
        {"name": "b", "value": "1"},
    ]
    assert world.run("create ar").err == "Error: one of --from or --from-file must be specified\n"
    assert (
        world.run("create ar --from check -a x").err
        == "Error: arguments must be in the form NAME=VALUE\n"
    )


def test_create_from_a_file():
    world = World()
    world.files["f.yaml"] = (
        "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: demo}\n"
    )
    world.files["g.yaml"] = "apiVersion: v1\nkind: Pod\n"
    assert world.run("create -f f.yaml").out == "rollout.argoproj.io/demo created\n"
    assert world.sent[0].path == "/apis/argoproj.io/v1alpha1/namespaces/ns/rollouts"
    assert world.run("create -f g.yaml").err == "Error: creates of /Pod unsupported\n"
    assert (
        world.run("create -f gone.yaml").err == "Error: open gone.yaml: no such file or directory\n"
    )


@pytest.mark.parametrize(
    ("line", "start"),
    [
        ("", "Usage:"), ("promote", "Usage:"), ("promote a b", "Usage:"), ("get", "Usage:"),
        ("nonsense", 'Error: unknown command "nonsense"'), ("promote demo --what", "Error: unknown flag: --what"),
        ("undo demo --to-revision x", 'Error: invalid argument "x"'), ("restart demo -i", "Error: flag needs an argument"),
        ("promote demo --full=perhaps", "Error: invalid argument"), ("restart demo -i soon", "Error: time: invalid duration"),
    ],
)  # fmt: skip
def test_wrong_use(line, start):
    outcome = World(rollout()).run(line)
    assert outcome.code == 1
    assert outcome.err.startswith(start)


def test_missing_objects():
    world = World()
    assert world.run("promote nowhere").err == 'Error: rollouts.argoproj.io "nowhere" not found\n'
    assert (
        world.run("get rollout nowhere").err == 'Error: rollout.argoproj.io "nowhere" not found\n'
    )
    assert world.run("status nowhere").err == 'Error: rollout.argoproj.io "nowhere" not found\n'
    assert world.run("list rollouts").err == "No resources found.\n"
    assert world.run("list rollouts").code == 0
