"""Push events: what they say, who may send them, whom they make look again."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from typing import Any

import aiohttp
import pytest

from opsconsole.argo.cd.webhooks import Push, WebhookError, concerns, concerns_set, parse
from opsconsole.model.kinds import APPLICATION, APPLICATION_SET, SECRET
from opsconsole.sandbox import cluster as clusters
from opsconsole.sandbox.argocd.webhook import WebhookServer
from opsconsole.sandbox.cluster import ClusterOptions

GITHUB = {
    "ref": "refs/heads/main",
    "repository": {"html_url": "https://github.com/org/repo", "default_branch": "main"},
    "commits": [{"added": ["apps/a/x.yaml"], "modified": ["y"], "removed": []}],
}
PUSH = Push(("https://github.com/org/repo",), "main", True, ("apps/a/x.yaml", "y"))


def app(url: str = "https://github.com/org/repo.git", **more: Any) -> dict[str, Any]:
    notes = more.pop("annotations", {})
    source = {"repoURL": url, "path": "apps/a", "targetRevision": "main", **more}
    return {"metadata": {"name": "a", "namespace": "argocd", "annotations": notes}, "spec": {"source": source}}  # fmt: skip


@pytest.mark.parametrize(
    ("headers", "payload", "found"),
    [
        ({"x-github-event": "push"}, GITHUB, PUSH),
        ({"x-gogs-event": "push", "x-github-event": "push"}, GITHUB, PUSH),
        ({"x-github-event": "ping"}, {}, None),
        (
            {"x-gitlab-event": "Tag Push Hook"},
            {"ref": "refs/tags/v1", "project": {"web_url": "https://g/r", "default_branch": "main"}},
            Push(("https://g/r",), "v1", touched_head=False),
        ),
        (
            {"x-hook-uuid": "u", "x-event-key": "repo:push"},
            {"repository": {"links": {"html": {"href": "https://b/r"}}}, "push": {"changes": [{"new": {"name": "dev"}}]}},
            Push(("https://b/r",), "dev", touched_head=True),
        ),
        (
            {"x-event-key": "repo:refs_changed"},
            {"repository": {"links": {"clone": [{"name": "ssh", "href": "ssh://git@b/r.git"}]}}, "changes": [{"ref": {"id": "refs/heads/x/y"}}]},
            Push(("ssh://git@b/r.git",), "x/y", touched_head=True),
        ),
    ],
)  # fmt: skip
def test_what_hosts_say(headers: dict[str, str], payload: Any, found: Push | None) -> None:
    assert parse(headers, json.dumps(payload).encode(), {}) == found


def test_only_who_knows_the_secret_is_heard() -> None:
    body = json.dumps(GITHUB).encode()
    secrets = {"webhook.github.secret": "s3cret", "webhook.gitlab.secret": "t"}
    signed = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    headers = {"x-github-event": "push"}
    assert parse({**headers, "x-hub-signature-256": f"sha256={signed}"}, body, secrets) == PUSH
    for given, said in (
        (headers, "missing X-Hub-Signature-256 Header"),
        ({**headers, "x-hub-signature-256": "sha256=00"}, "HMAC verification failed"),
        ({"x-gitlab-event": "Push Hook", "x-gitlab-token": "no"}, "X-Gitlab-Token validation"),
        ({"x-github-event": "issues"}, "event not defined to be parsed"),
    ):
        with pytest.raises(WebhookError, match=said) as fault:
            parse(given, body, secrets)
        assert "s3cret" not in str(fault.value)


@pytest.mark.parametrize(
    ("one", "hit"),
    [
        (app(), True),
        (app("git@github.com:org/repo.git"), True),
        (app("ssh://git@github.com:22/org/repo"), True),
        (app("https://GITHUB.com/Org/Repo"), True),
        (app("https://github.com/org/repo2"), False),
        (app("https://evil.com/https://github.com/org/repo"), False),
        (app(targetRevision="HEAD"), True),
        (app(targetRevision="refs/heads/main"), True),
        (app(targetRevision="dev"), False),
        (app(annotations={"argocd.argoproj.io/manifest-generate-paths": "."}), True),
        (app(annotations={"argocd.argoproj.io/manifest-generate-paths": "../b;/shared"}), False),
        (app(annotations={"argocd.argoproj.io/manifest-generate-paths": "/apps/*/x.yaml"}), True),
    ],
)
def test_whom_a_push_concerns(one: dict[str, Any], hit: bool) -> None:
    assert concerns(one, PUSH) is hit


def test_sets_look_at_their_git_generators() -> None:
    git = {"git": {"repoURL": "https://github.com/org/repo", "revision": "HEAD"}}
    nested = {"matrix": {"generators": [{"list": {}}, git]}}
    assert concerns_set({"spec": {"generators": [nested]}}, PUSH)
    assert not concerns_set({"spec": {"generators": [{"list": {}}]}}, PUSH)


def test_over_http() -> None:
    without = frozenset({"argocd", "applicationset", "notifications"})
    store = clusters.build(ClusterOptions(without=without)).store
    store.create(APPLICATION, app())
    meta = {"name": "s", "namespace": "argocd"}
    git = {"git": {"repoURL": "https://github.com/org/repo"}}
    store.create(APPLICATION_SET, {"metadata": meta, "spec": {"generators": [git]}})

    async def play() -> None:
        server = WebhookServer(store)
        url = await server.start()
        event = {"X-GitHub-Event": "push"}
        async with aiohttp.ClientSession() as session:
            for headers, data, code, said in (
                ({}, "{}", 400, "Unknown webhook event"),
                (event, "{", 400, "too large or corrupted"),
                (event, "[]", 400, "too large or corrupted"),
                (event, json.dumps(GITHUB), 200, ""),
            ):
                async with session.post(url, headers=headers, data=data) as reply:
                    assert reply.status == code
                    assert said in await reply.text()
            async with session.get(url, headers=event) as reply:
                assert reply.status == 405
            secret = {"name": "argocd-secret", "namespace": "argocd"}
            store.create(SECRET, {"metadata": secret, "stringData": {"webhook.github.secret": "x"}})
            async with session.post(url, headers=event, data=json.dumps(GITHUB)) as reply:
                assert reply.status == 400
        await server.stop()

    asyncio.run(play())
    notes = store.get(APPLICATION, "argocd", "a")["metadata"]["annotations"]
    assert notes["argocd.argoproj.io/refresh"] == "normal"
    notes = store.get(APPLICATION_SET, "argocd", "s")["metadata"]["annotations"]
    assert notes["argocd.argoproj.io/application-set-refresh"] == "true"
