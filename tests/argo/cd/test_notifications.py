"""Notifications' configuration, subscriptions and messages, against notifications-engine's sources."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from opsconsole.argo.cd.notifications import (
    Config,
    ConfigError,
    Delivery,
    Destination,
    Ledger,
    Result,
    SendError,
    deliveries,
    parse,
    subscriptions,
)
from opsconsole.argo.cd.notifications.variables import variables
from opsconsole.argo.golang.gotime import Time

NOW = Time.of(datetime(2026, 8, 1, 12, tzinfo=UTC))
PREFIX = "notifications.argoproj.io/"
URL = "https://hooks.example/x/"
BASE = {
    "service.slack": "token: $slack-token\nusername: argo\nicon: ':rocket:'\n",
    "service.email": "host: mail\nfrom: a@b.c\nhtml: true\n",
    "service.webhook.hook": f"url: {URL}\nheaders:\n- {{name: content-type, value: text/plain}}\n",
    "service.webhook.open": "url: $hook-url\nbasicAuth: {username: u, password: $pass}\nretryMax: 1\n",
    "template.plain": "message: hello {{.app.metadata.name}}\n",
}


def app(notes: dict[str, str] | None = None, **labels: str) -> dict[str, Any]:
    named = {PREFIX + key: value for key, value in (notes or {}).items()}
    return {"metadata": {"name": "shop", "annotations": named, "labels": labels}}


def made(config: dict[str, str], service: str, *templates: str, to: str = "") -> Delivery:
    read = parse({**BASE, **config}, {"hook-url": URL, "pass": "word", "slack-token": "xoxb"})
    seen = variables(app(), NOW, read.context)
    return deliveries(read, templates or ("plain",), Destination(service, to), seen)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("service.smoke", "a: b", "service type 'smoke' is not supported"),
        (
            "service.webhook.a.b", "url: x",
            "invalid service key; expected 'service.<type>(.<name>)' but got 'service.webhook.a.b'",
        ),
        ("trigger.t", "when: x", "failed to unmarshal trigger t: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal object into Go value of type []triggers.Condition"),
        ("trigger.t", "- send: x", "failed to unmarshal trigger t: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal string into Go struct field Condition.send of type []string"),
        ("trigger.t", "- {when: app.a, oncePer: 'app ='}", "unexpected token Operator"),
        ("template.t", "[]", "failed to unmarshal template t: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type services.Notification"),
        ("template.t", "webhook: {hook: {body: '{{ .a'}}", "template: thook:1: unclosed action"),
        ("template.t", "slack: {icon: '{{ nothing }}'}", 'template: t:1: function "nothing" not defined'),
        ("template.t", "teams: {title: '{{ .a'}", "template: t:1: unclosed action"),
        ("defaultTriggers", "a: b", "cannot unmarshal object into Go value of type []string"),
        ("subscriptions", "- {selector: 'a in (', recipients: [slack:x]}", ""),
        ("context", "a: {b: c}", "cannot unmarshal object into Go value of type string"),
    ],
)  # fmt: skip
def test_what_silences_everything(key: str, value: str, message: str) -> None:
    with pytest.raises(ConfigError) as fault:
        parse({**BASE, key: value}, {})
    assert message in str(fault.value)


def test_scalars_become_the_texts_that_fields_ask_for() -> None:
    read = parse({"trigger.t": "- {when: true, send: [1]}", "context": "a: 1\nb: true", "trigger.u": ""}, {})  # fmt: skip
    assert read.triggers["t"][0].when == "true"
    assert read.triggers["t"][0].send == ("1",)
    assert read.triggers["u"] == ()
    assert read.context == {"a": "1", "b": "true"}
    assert read.evaluate("t", {}, NOW)[0].triggered


def test_a_value_of_the_secret_cannot_become_yaml() -> None:
    read = parse({"service.slack": "token: $t\n"}, {"t": "x\nusername: other: [1]"})
    assert read.services["slack"][1] == {"token": "x\nusername: other: [1]"}
    assert read.references["slack"] == {"token": "$t"}


DEFAULTS = {
    "defaultTriggers": "[on-all]",
    "defaultTriggers.email": "[on-mail]",
    "defaultTriggers.hook": "[]",
}


@pytest.mark.parametrize(
    ("notes", "wanted"),
    [
        ({"subscribe.on-a.slack": "x; y;;"}, {"on-a": ["slack x", "slack y"]}),
        ({"subscribe.on-a.slack": ""}, {"on-a": ["slack "]}),
        ({"subscribe.on-a.slack": " ; "}, {}),
        ({"subscribe.slack": "x"}, {"on-all": ["slack x"]}),
        ({"subscribe.email": "x"}, {"on-mail": ["email x"]}),
        ({"subscribe.hook": ""}, {}),
        ({"subscribe.on-a.slack.more": "x"}, {"on-a": ["slack x"]}),
        (
            {"subscriptions": "[{trigger: [a, b], destinations: [{service: slack, recipients: [x]}]}]"},
            {"a": ["slack x"], "b": ["slack x"]},
        ),
        ({"subscriptions": "[{destinations: [{service: email, recipients: [x]}]}]"}, {"on-mail": ["email x"]}),
        ({"subscriptions": "[{trigger: [a], destinations: [{service: hook}]}]"}, {}),
        ({"subscriptions": "[{trigger: [a]}]"}, {}),
        ({"subscriptions": "[{trigger: a, destinations: [{service: slack, recipients: [x]}]}]"}, {"on-all": ["slack x"]}),
        ({"subscriptions": "[{", "subscribe.on-a.slack": "x"}, {"on-a": ["slack x"]}),
    ],
)  # fmt: skip
def test_subscriptions_of_an_application(
    notes: dict[str, str], wanted: dict[str, list[str]]
) -> None:
    found = subscriptions(app(notes), None, parse({**BASE, **DEFAULTS}, {}))
    assert {t: [f"{d.service} {d.recipient}" for d in to] for t, to in found.items()} == wanted


def test_subscriptions_of_the_configuration_and_the_project() -> None:
    listed = "- {recipients: ['slack:a:b', email], triggers: [on-a], selector: team=x}\n- {recipients: [hook]}"
    config = parse({**BASE, **DEFAULTS, "subscriptions": listed}, {})
    assert subscriptions(app(team="y"), None, config) == {"on-all": [Destination("hook", "")]}
    found = subscriptions(app({"subscribe.on-a.email": ""}, team="x"), None, config)
    assert found["on-a"] == [Destination("slack", "a"), Destination("email", "")]
    project = app({"subscribe.on-p.slack": "p"})
    legacy = "recipients.argocd-notifications.argoproj.io"
    project["metadata"]["annotations"] |= {f"on-l.{legacy}": "slack:l,email:m", legacy: "slack:n"}
    found = subscriptions(app(), project, config)
    assert found["on-p"] == [Destination("slack", "p")]
    assert found["on-l"] == [Destination("slack", "l")]
    assert found["on-mail"] == [Destination("email", "m")]
    assert found["on-all"] == [Destination("hook", ""), Destination("slack", "n")]


def test_a_webhook() -> None:
    body = "webhook: {hook: {method: '{{put}}', path: '/a/{{.recipient}}', body: '{{.context.notificationType}}'}}"
    sent = made({"template.t": f"message: m\n{body}"}, "hook", "t", to="me")
    assert (sent.method, sent.address, sent.body) == ("{{put}}", f"{URL}a/me", "hook")
    assert sent.headers == {"Content-Type": "text/plain"}
    assert sent.tries == 4
    sent = made({}, "open")
    assert (sent.method, sent.address, sent.shown, sent.body, sent.tries) == ("GET", URL, "$hook-url", "hello shop", 2)  # fmt: skip
    assert sent.headers == {"Authorization": "Basic dTp3b3Jk"}
    assert "word" not in repr(sent)


def test_slack() -> None:
    slack = "slack: {attachments: '[{}]', groupingKey: '{{.app.metadata.name}}', notifyBroadcast: true, icon: 'http://i/{{.recipient}}', deliveryPolicy: Post}"
    sent = made({"template.t": f"message: m\n{slack}"}, "slack", "t", to="c")
    assert sent.body == "m\n[{}]"
    assert dict(sent.options) == {
        "username": "argo",
        "icon_url": "http://i/c",
        "groupingKey": "shop",
        "deliveryPolicy": "Post",
        "notifyBroadcast": "true",
    }
    assert made({}, "slack").options["icon_emoji"] == ":rocket:"
    with pytest.raises(SendError, match="failed to unmarshal blocks 'x' :"):
        made({"template.t": "slack: {blocks: x}"}, "slack", "t")


def test_email_keeps_what_an_earlier_template_said() -> None:
    first, second = "email: {subject: s, body: b}", "message: m\nemail: {subject: '', body: c}"
    sent = made({"template.a": first, "template.b": second}, "email", "a", "b")
    assert (sent.subject, sent.body) == ("s", "c")
    assert dict(sent.options) == {"from": "a@b.c", "html": "true"}
    assert made({"template.a": "message: m\nemail: {subject: s}"}, "email", "a").body == "m"


def test_a_fault_in_a_part_for_another_service_stops_the_message() -> None:
    with pytest.raises(SendError, match="boom"):
        made({"template.t": "message: m\nemail: {body: '{{fail \"boom\"}}'}"}, "slack", "t")


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("repo.FullNameByRepoURL('https://u:p@h/a/b/c.git')", "a/b"),
        ("repo.FullNameByRepoURL('git@h:a/b.git')", "a/b"),
        ("repo.RepoURLToHTTPS('git@h.com:a/b.git')", "https://h.com/a/b.git"),
        ("repo.RepoURLToHTTPS('ssh://git@h:22/a/b')", "https://h:22/a/b"),
        ("repo.RepoURLToHTTPS('http://u:p@h/a')", "https://h/a"),
        ("repo.QueryEscape('a b&c')", "a+b%26c"),
        ("time.Now().Sub(time.Parse('2026-08-01T11:00:00Z')) == time.Hour", "true"),
        ("time.Now().Format(time.Kitchen)", "12:00PM"),
        ("strings.ToUpper('a')", "A"),
        ("appProject.metadata.name", "shop"),
        ("context.a", "b"),
    ],
)
def test_what_expressions_can_see(source: str, value: str) -> None:
    config = parse({"trigger.t": json.dumps([{"when": "true", "oncePer": source}])}, {})
    seen = variables(app(), NOW, {"a": "b"}, project=app())
    assert config.evaluate("t", seen, NOW)[0].once_per == value


@pytest.mark.parametrize("source", ["strings.TrimSpace('a')", "sync.GetInfoItem(app, 'a')"])
def test_what_the_controller_does_not_have_is_not_here(source: str) -> None:
    config = parse({"trigger.t": json.dumps([{"when": f"{source} != 'x'"}])}, {})
    assert not config.evaluate("t", variables(app(), NOW, {}), NOW)[0].triggered


TO = Destination("hook", "a")


def test_a_failed_delivery_with_once_per_stays_noted() -> None:
    for once, left in (("", set()), ("abc", {"abc:t:[0].k:hook:a"})):
        ledger = Ledger()
        result = Result("[0].k", triggered=True, once_per=once)
        assert ledger.note("t", result, TO, 7, sent=True)
        ledger.forget("t", result, TO)
        assert set(ledger.seen) == left


def test_the_annotation_is_written_as_go_writes_it() -> None:
    assert Ledger('{"b":2,"a&<é":1}').dumped() == '{"a\\u0026\\u003cé":1,"b":2}'
    for raw in ('{"a": 1.5, "b": 2}', '{"a": "x"}', "[]", "{", None, '{"a": true}'):
        assert Ledger(raw).dumped() is None
    many = {f"k{n}": n for n in range(130)}
    kept = json.loads(Ledger(json.dumps(many)).dumped() or "")
    assert sorted(kept.values()) == list(range(30, 130))


def test_an_empty_configuration_is_one() -> None:
    assert parse({}, {}) == Config()
