"""`opsconsole notifications test`: templates and triggers against an application, nothing sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from opsconsole.cli import dispatch

CONFIG = r"""
apiVersion: v1
kind: ConfigMap
metadata: {name: argocd-notifications-cm, namespace: argocd}
data:
  context: "team: shop"
  service.slack: "token: $slack-token"
  service.webhook.hook: |
    url: https://hooks.example/x
    headers: [{name: Authorization, value: Bearer $hook-token}]
  template.hello: |
    message: "{{.app.metadata.name}} of {{.context.team}}"
    webhook:
      hook: {method: POST, path: /in, body: '{"app": "{{.app.metadata.name}}"}'}
  template.odd: |
    message: "{{.app.nothing | upper | trunc \"x\"}}"
  trigger.on-sync: |
    - when: app.status.sync.status == 'Synced'
      oncePer: app.status.sync.revision
      send: [hello]
    - when: app.status.sync.status == 'OutOfSync'
      send: [absent]
"""
APP = """
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: shop
  namespace: argocd
  annotations:
    notifications.argoproj.io/subscribe.on-sync.slack: dev;ops
    notifications.argoproj.io/subscribe.on-sync.hook: ""
spec: {}
status: {sync: {status: Synced, revision: abc}}
"""


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def go(*words: str, config: str = CONFIG, app: str = APP) -> tuple[int, str, str]:
        (tmp_path / "all.yaml").write_text(f"{config}---\n{app}")
        code = dispatch.run(["notifications", "test", *words, "-f", str(tmp_path / "all.yaml")])
        told = capsys.readouterr()
        return code, told.out, told.err

    return go


def test_a_template_for_those_who_are_subscribed(run: Any) -> None:
    code, out, err = run("hello")
    assert (code, err) == (0, "")
    assert out.splitlines()[:3] == [
        "application argocd/shop", "template hello", "  message: shop of shop",
    ]  # fmt: skip
    assert "to slack:dev (slack): POST dev" in out
    assert "to slack:ops (slack): POST ops" in out
    assert "to hook: (webhook): POST https://hooks.example/x/in" in out


def test_the_project_is_seen(run: Any) -> None:
    project = "kind: AppProject\nmetadata: {name: default, labels: {team: a-team}}\n---\n"
    config = CONFIG.replace("of {{.context.team}}", "of {{.appProject.metadata.labels.team}}")
    assert "message: shop of a-team" in run("hello", config=config, app=project + APP)[1]


def test_no_credential_is_shown(run: Any) -> None:
    for output in ("text", "json"):
        _, out, _ = run("hello", "-o", output)
        assert "token" not in out
        assert "Bearer" not in out


def test_a_trigger_tells_which_condition_holds(run: Any) -> None:
    code, out, err = run("on-sync", "-o", "json")
    told = json.loads(out)
    assert code == 1
    assert "template 'absent' is not configured" in err
    assert [c["triggered"] for c in told["conditions"]] == [True, False]
    assert told["conditions"][0]["oncePerValue"] == "abc"
    assert [d["recipient"] for d in told["deliveries"]] == ["hook:", "slack:dev", "slack:ops"]


def test_a_chosen_recipient(run: Any) -> None:
    _, out, _ = run("hello", "--recipient", "hook:x", "-o", "json")
    made = json.loads(out)["deliveries"]
    assert [d["body"] for d in made] == ['{"app": "shop"}']
    code, _, err = run("hello", "--recipient", "teams:x")
    assert (code, "notification service 'teams' is not supported" in err) == (1, True)
    assert run("hello", "--recipient", "slack")[0] == 2


def test_what_cannot_be_rendered_names_the_template(run: Any) -> None:
    code, _, err = run("odd")
    assert code == 1
    assert "template: odd:1" in err


def test_one_broken_template_is_told_as_what_it_is(run: Any) -> None:
    broken = CONFIG.replace("{{.app.metadata.name}} of", "{{.app.metadata.name} of")
    code, _, err = run("odd", config=broken)
    assert code == 1
    assert (
        "argocd-notifications-cm cannot be used, and nothing is sent at all: template: hello" in err
    )


def test_names_that_are_not_there(run: Any) -> None:
    code, _, err = run("goodbye")
    assert code == 1
    assert "no template or trigger 'goodbye'" in err
    assert "there are hello, odd" in err
    code, _, err = run("hello", "--trigger")
    assert "no trigger 'hello'" in err


def test_from_the_cluster(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--sandbox", "notifications", "test", "app-sync-status", "payments"]
    assert dispatch.run(words) == 0
    assert "to slack:payments-team (slack)" in capsys.readouterr().out
