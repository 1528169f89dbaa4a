"""Arguments, templates, validation, verdicts and schedule of analyses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsconsole.argo.analysis import (
    arguments,
    assessment,
    limits,
    schedule,
    templates,
    validation,
)
from opsconsole.argo.analysis.phases import ERROR, FAILED, INCONCLUSIVE, SUCCESSFUL, worst
from opsconsole.errors import RuleError
from opsconsole.model.times import format_instant

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
PROVIDER = {"prometheus": {"address": "http://p", "query": "x"}}


def metric(name="m", **more):
    return {"name": name, "provider": PROVIDER, **more}


def refusal(call, *args, **kwargs):
    with pytest.raises(RuleError) as caught:
        call(*args, **kwargs)
    return caught.value.message


# limits


@pytest.mark.parametrize(
    ("value", "number"),
    [(3, 3), ("3", 3), ("-1", -1), ("x", 0), (None, 0), (True, 0), ("{{args.n}}", 0)],
)
def test_int_or_string(value, number):
    assert limits.int_value(value) == number


@pytest.mark.parametrize(
    ("spec", "count"),
    [
        ({}, 1),
        ({"interval": "5s"}, None),
        ({"count": 0, "interval": "5s"}, None),
        ({"count": "4"}, 4),
    ],
)
def test_effective_count(spec, count):
    assert limits.effective_count(spec) == count


# validation


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ([], "no metrics specified"),
        ([metric(), metric()], "metrics[1]: duplicate name 'm'"),
        ([metric(consecutiveSuccessLimit=-1)], "metrics[0]: consecutiveSuccessLimit must be >= 0"),
        ([metric(failureLimit=-2)], "metrics[0]: failureLimit must be >= 0, or -1 to be disabled"),
        (
            [metric(failureLimit=-1)],
            "metrics[0]: failureLimit and consecutiveSuccessLimit cannot both be disabled",
        ),
        ([metric(inconclusiveLimit=-1)], "metrics[0]: inconclusiveLimit must be >= 0"),
        ([metric(consecutiveErrorLimit=-1)], "metrics[0]: consecutiveErrorLimit must be >= 0"),
        ([metric(count=1, inconclusiveLimit=2)], "metrics[0]: count must be >= inconclusiveLimit"),
        (
            [metric(count=1, failureLimit=-1, consecutiveSuccessLimit=2)],
            "metrics[0]: count must be >= consecutiveSuccessLimit",
        ),
        ([metric(count=2)], "metrics[0]: interval must be specified when count > 1"),
        (
            [metric(interval="5 minutes")],
            'metrics[0]: invalid interval string: time: unknown unit " minutes" in duration "5 minutes"',
        ),
        (
            [metric(initialDelay="x")],
            'metrics[0]: invalid startDelay string: time: invalid duration "x"',
        ),
        ([{"name": "m"}], "metrics[0]: no provider specified"),
        (
            [{"name": "m", "provider": {**PROVIDER, "web": {}}}],
            "metrics[0]: multiple providers specified",
        ),
        (
            [{"name": "m", "provider": {"plugin": {"a": {}, "b": {}}}}],
            "metrics[0]: multiple providers specified",
        ),
    ],
)
def test_refused(metrics, message):
    assert refusal(validation.validate_metrics, metrics) == message


def test_a_count_that_limits_exceed_is_refused():
    wrong = refusal(validation.validate_metrics, [metric(count=2, interval="1s", failureLimit=3)])
    assert wrong.startswith(
        "metrics[0]: count (2) must be >= failureLimit + consecutiveSuccessLimit"
    )


def test_dry_run_rules_are_unanchored_patterns():
    metrics = [metric("error-rate"), metric("p99")]
    assert validation.dry_run_metrics({"dryRun": [{"metricName": "err"}]}, metrics) == {
        "error-rate"
    }
    assert validation.dry_run_metrics({"dryRun": [{"metricName": ".*"}]}, metrics) == {
        "error-rate",
        "p99",
    }
    wrong = refusal(validation.dry_run_metrics, {"dryRun": [{"metricName": "*"}]}, metrics)
    assert wrong == "dryRun[0]: Rule didn't match any metric name(s)"


# arguments

ROLLOUT = {
    "metadata": {"name": "demo", "labels": {"team": "pay"}},
    "spec": {
        "replicas": 3,
        "template": {"spec": {"containers": [{"image": "a:1", "ready": True}]}},
    },
}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ({"value": "v"}, "v"),
        ({"valueFrom": {"podTemplateHashValue": "Latest"}}, "new"),
        ({"valueFrom": {"podTemplateHashValue": "Stable"}}, "old"),
        ({"valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}, "demo"),
        ({"valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['team']"}}}, "pay"),
        ({"valueFrom": {"fieldRef": {"fieldPath": "metadata.labels"}}}, 'team="pay"'),
        ({"valueFrom": {"fieldRef": {"fieldPath": "spec.replicas"}}}, "3"),
        (
            {"valueFrom": {"fieldRef": {"fieldPath": "spec.template.spec.containers[0].image"}}},
            "a:1",
        ),
        (
            {"valueFrom": {"fieldRef": {"fieldPath": "spec.template.spec.containers[0].ready"}}},
            "true",
        ),
    ],
)
def test_built_arguments(source, value):
    built = arguments.build_arguments(
        [{"name": "x", **source}], ROLLOUT, stable_hash="old", latest_hash="new"
    )
    assert built == [{"name": "x", "value": value}]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("spec.nope", "invalid path spec.nope in rollout"),
        ("spec.nope.deep", "invalid path spec.nope.deep in rollout"),
        ("spec.template", "path spec.template in rollout must terminate in a primitive value"),
        ("spec.template.spec.containers[x]", "invalid index 'x'"),
        ("spec.template.spec.containers[7].image", "index 7 out of range"),
        ("metadata.finalizers", "unsupported fieldPath: metadata.finalizers"),
    ],
)
def test_field_references_that_lead_nowhere(path, message):
    assert refusal(arguments.field_value, ROLLOUT, path) == message


def test_merging_keeps_the_templates_names_only():
    merged = arguments.merge_arguments(
        [{"name": "a", "value": "mine"}, {"name": "unknown", "value": "x"}],
        [{"name": "a", "value": "default"}, {"name": "b", "value": "kept"}],
    )
    assert merged == [{"name": "a", "value": "mine"}, {"name": "b", "value": "kept"}]
    assert refusal(arguments.merge_arguments, [], [{"name": "a"}]) == "args.a was not resolved"


def test_substitution_escapes_for_json():
    resolved = arguments.resolve_metric(
        metric(successCondition='result == "{{ args.x }}"', count="{{args.n}}"),
        [{"name": "x", "value": 'a"b\\c\n'}, {"name": "n", "value": "3"}],
    )
    assert resolved["successCondition"] == 'result == "a"b\\c\n"'
    assert resolved["count"] == "3"


def test_substitution_faults():
    spec = metric(successCondition="{{args.x}}")
    assert refusal(arguments.resolve_metric, spec, []) == "failed to resolve {{args.x}}"
    assert (
        refusal(arguments.resolve_metric, spec, [{"name": "x"}]) == 'argument "x" was not supplied'
    )


def test_secrets_have_a_stand_in_while_validating():
    spec = {
        "metrics": [metric(successCondition="'{{args.token}}'")],
        "args": [{"name": "token", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
    }
    found = arguments.resolve_metrics_without_secrets(spec)
    assert found[0]["successCondition"] == "'temp-for-secret'"
    assert arguments.redact("got hunter2!", ["hunter2", ""]) == "got *****!"


@given(st.text(max_size=30))
def test_any_value_survives_substitution(value):
    found = arguments.resolve_metric(
        metric(successCondition="{{args.x}}"), [{"name": "x", "value": value}]
    )
    assert found["successCondition"] == value


# templates


def template(name, metrics=(), args=(), refs=()):
    return {
        "metadata": {"name": name},
        "spec": {
            "metrics": [metric(m) for m in metrics],
            "args": list(args),
            "templates": [{"templateName": ref} for ref in refs],
        },
    }


def collect(*refs, **known):
    def missing(name):
        raise RuleError(f"{name} not found")

    return templates.collect_templates(
        [{"templateName": ref} for ref in refs],
        lambda name: known.get(name) or missing(name),
        missing,
    )[0]


def test_nested_templates_appear_once_outer_first():
    known = {
        "a": template("a", refs=["b", "c"]),
        "b": template("b", refs=["c"]),
        "c": template("c"),
    }
    assert [t["metadata"]["name"] for t in collect("a", "c", **known)] == ["a", "b", "c"]


@pytest.mark.parametrize(
    "known",
    [
        {"a": template("a", refs=["a"])},
        {"a": template("a", refs=["b"]), "b": template("b", refs=["a"])},
        {
            "a": template("a", refs=["b"]),
            "b": template("b", refs=["c"]),
            "c": template("c", refs=["b"]),
        },
    ],
)
def test_templates_that_refer_to_themselves_are_refused(known):
    assert refusal(collect, "a", **known).startswith("analysis templates refer to themselves")


def test_conflicts_between_templates():
    twice = [template("a", ["m"]), template("b", ["m"])]
    assert refusal(templates.flatten_templates, twice, []) == "two metrics have the same name 'm'"
    args = [
        template("a", ["m"], [{"name": "x", "value": "1"}]),
        template("b", ["n"], [{"name": "x", "value": "2"}]),
    ]
    assert refusal(templates.flatten_templates, args, []) == (
        "Argument `x` specified multiple times with different values: '1', '2'"
    )


def test_a_value_of_one_template_serves_another():
    flat = templates.flatten_templates(
        [
            template("a", ["m"], [{"name": "x"}]),
            template("b", ["n"], [{"name": "x", "value": "1"}]),
        ],
        [],
    )
    assert flat["args"] == [{"name": "x", "value": "1"}]


def new_run(name="r", value="1"):
    return templates.new_analysis_run(
        [template("a", ["m"], [{"name": "x"}])],
        [],
        [{"name": "x", "value": value}],
        name=name,
        namespace="ns",
        labels={"rollout-type": "Step"},
        owner={"kind": "Rollout", "uid": "u", "controller": True},
    )


def test_a_taken_name_gets_a_counter_unless_it_is_the_same_run():
    store = {}

    def create(run):
        store[run["metadata"]["name"]] = run
        return run

    def make(**more):
        return templates.create_with_collision_counter(new_run(**more), create, store.get)

    assert make()["metadata"]["name"] == "r"
    assert make()["metadata"]["name"] == "r"
    assert make(value="2")["metadata"]["name"] == "r.1"
    store["r"] = {**store["r"], "status": {"phase": "Failed"}}
    assert make()["metadata"]["name"] == "r.2"


# measurements and verdicts


def record(*phases, **more):
    result = None
    for phase in phases:
        result = assessment.record_measurement(result, {"phase": phase, **more}, name="m")
    return result


def test_counters():
    result = record(SUCCESSFUL, SUCCESSFUL, ERROR, ERROR, FAILED, INCONCLUSIVE, SUCCESSFUL)
    kept = {k: v for k, v in result.items() if k not in ("measurements", "name", "phase")}
    assert kept == {
        "successful": 3,
        "count": 5,
        "error": 2,
        "failed": 1,
        "inconclusive": 1,
        "consecutiveSuccess": 1,
    }
    assert record(SUCCESSFUL, ERROR)["consecutiveError"] == 1


@pytest.mark.parametrize(
    ("spec", "phases", "phase"),
    [
        ({}, [SUCCESSFUL], SUCCESSFUL),
        ({}, [FAILED], FAILED),
        ({}, [INCONCLUSIVE], INCONCLUSIVE),
        ({}, [ERROR] * 4, "Running"),
        ({}, [ERROR] * 5, ERROR),
        ({"consecutiveErrorLimit": 0}, [ERROR], ERROR),
        ({"interval": "1s"}, [SUCCESSFUL] * 9, "Running"),
        ({"interval": "1s", "count": 3}, [SUCCESSFUL] * 3, SUCCESSFUL),
        (
            {"interval": "1s", "count": 3, "failureLimit": 1},
            [FAILED, SUCCESSFUL, SUCCESSFUL],
            SUCCESSFUL,
        ),
        ({"interval": "1s", "count": 3, "failureLimit": 1}, [FAILED, FAILED], FAILED),
        ({"interval": "1s", "consecutiveSuccessLimit": 2}, [SUCCESSFUL, SUCCESSFUL], SUCCESSFUL),
        (
            {"interval": "1s", "count": 3, "consecutiveSuccessLimit": 2, "failureLimit": -1},
            [SUCCESSFUL, FAILED, SUCCESSFUL],
            FAILED,
        ),
        (
            {"interval": "1s", "count": 3, "consecutiveSuccessLimit": 2, "failureLimit": 1},
            [SUCCESSFUL, FAILED, SUCCESSFUL],
            INCONCLUSIVE,
        ),
    ],
)
def test_metric_phase(spec, phases, phase):
    assert assessment.assess_metric(metric(**spec), record(*phases), terminating=False) == phase


def test_later_limits_overrule_earlier_ones():
    result = {"failed": 1, "inconclusive": 1, "consecutiveError": 5}
    assert assessment.exceeded_limit(metric(), result) == (
        ERROR,
        "consecutiveErrors (5) > consecutiveErrorLimit (4)",
    )


def run(**spec):
    return {"spec": spec, "status": {}}


def test_run_message_names_the_metric_and_its_last_error():
    result = record(*[ERROR] * 5, message="boom")
    found = assessment.assess_run(run(), [metric()], [result], ())
    assert (found.phase, found.message) == (
        ERROR,
        (
            'Metric "m" assessed Error due to consecutiveErrors (5) > consecutiveErrorLimit (4):'
            ' "Error Message: boom"'
        ),
    )
    assert found.run_summary == {"count": 1, "error": 1}


def test_terminated_runs():
    assert assessment.assess_run(run(terminate=True), [metric()], [], ()).phase == SUCCESSFUL
    found = assessment.assess_run(
        run(terminate=True), [metric(interval="1s")], [record(SUCCESSFUL)], ()
    )
    assert (found.phase, found.message) == (SUCCESSFUL, "Run Terminated")


def test_dry_run_metrics_do_not_count():
    found = assessment.assess_run(run(), [metric()], [{**record(FAILED), "dryRun": True}], {"m"})
    assert (found.phase, found.message) == (SUCCESSFUL, "")
    assert found.dry_run_summary == {"count": 1, "failed": 1}
    assert (
        found.results[0]["message"] == "Metric assessed Failed due to failed (1) > failureLimit (0)"
    )


def test_a_metric_that_waits_keeps_the_run_running():
    found = assessment.assess_run(run(), [metric("m"), metric("n")], [record(SUCCESSFUL)], ())
    assert (found.phase, found.message) == ("Running", "")


def test_old_measurements_go():
    result = record(*[SUCCESSFUL] * 15)
    kept, cut = assessment.trim_measurements([result], {})
    assert (len(kept[0]["measurements"]), cut) == (10, {"m": 10})
    kept, cut = assessment.trim_measurements([result], {"m": 12})
    assert (len(kept[0]["measurements"]), cut) == (12, {"m": 12})


@given(
    st.lists(st.sampled_from([SUCCESSFUL, FAILED, ERROR, INCONCLUSIVE]), min_size=1, max_size=20)
)
def test_counts_add_up(phases):
    result = record(*phases)
    judged = sum(result.get(name, 0) for name in ("successful", "failed", "inconclusive"))
    assert result.get("count", 0) == judged
    assert judged + result.get("error", 0) == len(phases)


def test_worst():
    assert worst(SUCCESSFUL, FAILED) == FAILED
    assert worst(FAILED, ERROR) == FAILED
    assert worst(ERROR, INCONCLUSIVE) == ERROR


# schedule


def at(seconds):
    return format_instant(NOW + timedelta(seconds=seconds))


def scheduled(spec, last=None, **status):
    results = [] if last is None else [{**record(last["phase"]), "measurements": [last]}]
    return {"spec": {}, "status": {"startedAt": at(0), "metricResults": results, **status}}


def due(spec, last, seconds):
    one = scheduled(spec, last)
    return bool(schedule.due_tasks(one, [metric(**spec)], NOW + timedelta(seconds=seconds)))


def test_the_first_measurement_waits_for_the_initial_delay():
    assert due({}, None, 0)
    assert not due({"initialDelay": "10s"}, None, 9)
    assert due({"initialDelay": "10s"}, None, 10)


def test_intervals_and_retries():
    done = {"phase": SUCCESSFUL, "finishedAt": at(0)}
    assert not due({"interval": "60s"}, done, 59)
    assert due({"interval": "60s"}, done, 60)
    assert not due({}, done, 1000)
    erred = {"phase": ERROR, "finishedAt": at(0)}
    assert not due({"interval": "60s"}, erred, 9)
    assert due({"interval": "60s"}, erred, 10)


def test_next_look_is_the_earliest_metric():
    one = scheduled({}, {"phase": SUCCESSFUL, "finishedAt": at(0)})
    found = schedule.next_reconcile(
        one, [metric(interval="30s"), metric("late", initialDelay="20s")], NOW
    )
    assert found == NOW + timedelta(seconds=20)


def test_an_open_measurement_is_resumed_and_ended_at_once_when_terminating():
    open_ = {"phase": "Running", "startedAt": at(0), "resumeAt": at(30)}
    one = scheduled({}, open_)
    assert schedule.due_tasks(one, [metric()], NOW) == []
    assert (
        schedule.due_tasks({**one, "spec": {"terminate": True}}, [metric()], NOW)[0].unfinished
        == open_
    )


@pytest.mark.parametrize(
    ("phase", "strategy", "seconds"),
    [
        (SUCCESSFUL, {"secondsAfterSuccess": 5, "secondsAfterCompletion": 50}, 5),
        (FAILED, {"secondsAfterFailure": 6}, 6),
        (ERROR, {"secondsAfterFailure": 6}, None),
        (ERROR, {"secondsAfterCompletion": 7}, 7),
        (SUCCESSFUL, {}, None),
        ("Running", {"secondsAfterCompletion": 7}, None),
    ],
)
def test_time_to_live(phase, strategy, seconds):
    one = {"spec": {"ttlStrategy": strategy}, "status": {"phase": phase, "completedAt": at(0)}}
    assert schedule.expires_in(one, NOW) == seconds
