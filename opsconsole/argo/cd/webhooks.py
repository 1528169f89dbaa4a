"""What a push event of a git host says, and which Applications and sets it makes look again.

Pure: the listener is in `sandbox.argocd.webhook`. Source: Argo CD `util/webhook/webhook.go` and
`applicationset/webhook/webhook.go`; the words of refusals are go-playground/webhooks'.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import posixpath
import re
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opsconsole.model.objects import Object, annotations_of, items, mapping, mappings, text

PATHS = "argocd.argoproj.io/manifest-generate-paths"
LIMIT_MB = 50
"""`webhook.maxPayloadSizeMB`."""

_USER = r"[\w.][\w.-]{0,30}[\w.$-]?"
_TOO_LARGE = (
    "The payload is either too large or corrupted. Please check the payload size (must be under "
    f"{LIMIT_MB} MB) and ensure it is valid JSON"
)


class WebhookError(Exception):
    """A request that is refused; the message is the answer's body."""


@dataclass(frozen=True, slots=True)
class Push:
    """`revision` without refs/heads/; `files` empty when the host does not tell them."""

    urls: tuple[str, ...] = ()
    revision: str = ""
    touched_head: bool = False
    files: tuple[str, ...] = field(default=())


def revision_of(ref: str) -> str:
    """`ParseRevision`: refs/heads/a/b → a/b."""
    return ref.split("/", 2)[-1]


def parse(headers: Mapping[str, str], body: bytes, secrets: Mapping[str, str]) -> Push | None:
    """The push that a request tells; None for another event (a ping). Raises WebhookError.

    `headers` by lower-case name; `secrets` is the decoded argocd-secret.
    """
    for header, (reader, events, check) in _HOSTS.items():
        if header not in headers:
            continue
        # Bitbucket names the event in another header
        event = headers.get("x-event-key", "") if header == "x-hook-uuid" else headers[header]
        if event not in events:
            raise WebhookError("Webhook processing failed: event not defined to be parsed")
        why = check(headers, body, secrets)
        if why:
            raise WebhookError(f"Webhook processing failed: {why}")
        try:
            payload = json.loads(body)
        except ValueError as fault:
            raise WebhookError(f"Webhook processing failed: {_TOO_LARGE}") from fault
        if not isinstance(payload, dict):
            raise WebhookError(f"Webhook processing failed: {_TOO_LARGE}")
        return reader(payload) if events[event] else None
    raise WebhookError("Unknown webhook event")


# who sent it


def _signed(headers: Mapping[str, str], body: bytes, name: str, secret: str, kind: Any) -> str:
    if not secret:
        return ""
    given = headers.get(name.lower(), "").rpartition("=")[2]
    if not given:
        return f"missing {name} Header"
    wanted = hmac.new(secret.encode(), body, kind).hexdigest()
    return "" if hmac.compare_digest(wanted, given) else "HMAC verification failed"


def _github_check(headers: Mapping[str, str], body: bytes, secrets: Mapping[str, str]) -> str:
    secret = secrets.get("webhook.github.secret", "")
    return _signed(headers, body, "X-Hub-Signature-256", secret, hashlib.sha256)


def _gogs_check(headers: Mapping[str, str], body: bytes, secrets: Mapping[str, str]) -> str:
    secret = secrets.get("webhook.gogs.secret", "")
    return _signed(headers, body, "X-Gogs-Signature", secret, hashlib.sha256)


def _server_check(headers: Mapping[str, str], body: bytes, secrets: Mapping[str, str]) -> str:
    secret = secrets.get("webhook.bitbucketserver.secret", "")
    return _signed(headers, body, "X-Hub-Signature", secret, hashlib.sha256)


def _gitlab_check(headers: Mapping[str, str], _: bytes, secrets: Mapping[str, str]) -> str:
    secret = secrets.get("webhook.gitlab.secret", "")
    given = headers.get("x-gitlab-token", "")
    same = not secret or hmac.compare_digest(secret.encode(), given.encode())
    return "" if same else "X-Gitlab-Token validation failed"


def _bitbucket_check(headers: Mapping[str, str], _: bytes, secrets: Mapping[str, str]) -> str:
    wanted = secrets.get("webhook.bitbucket.uuid", "")
    same = not wanted or hmac.compare_digest(wanted.encode(), headers["x-hook-uuid"].encode())
    return "" if same else "UUID verification failed"


# what it says


def _changed(payload: Object) -> tuple[str, ...]:
    return tuple(
        str(name)
        for commit in mappings(payload, "commits")
        for how in ("added", "modified", "removed")
        for name in items(commit, how)
    )


def _pushed(payload: Object, url: str, default: str) -> Push:
    revision = revision_of(text(payload, "ref"))
    return Push((url,) if url else (), revision, default == revision, _changed(payload))


def _github(payload: Object) -> Push:
    repository = mapping(payload, "repository")
    return _pushed(payload, text(repository, "html_url"), text(repository, "default_branch"))


def _gitlab(payload: Object) -> Push:
    project = mapping(payload, "project")
    return _pushed(payload, text(project, "web_url"), text(project, "default_branch"))


def _bitbucket(payload: Object) -> Push:
    """It tells neither the files nor whether the default branch moved."""
    url = text(payload, "repository", "links", "html", "href")
    changes = mappings(payload, "push", "changes")
    revision = text(changes[0], "new", "name") if changes else ""
    return Push((url,) if url else (), revision, touched_head=True)


def _bitbucket_server(payload: Object) -> Push:
    links = mappings(payload, "repository", "links", "clone")
    urls = tuple(text(one, "href") for one in links if text(one, "name") in ("http", "ssh"))
    changes = mappings(payload, "changes")
    revision = revision_of(text(changes[0], "ref", "id")) if changes else ""
    return Push(urls, revision, touched_head=True)


_HOSTS: dict[str, tuple[Any, dict[str, bool], Any]] = {
    # Gogs and Gitea send GitHub's header too
    "x-gogs-event": (_github, {"push": True}, _gogs_check),
    "x-github-event": (_github, {"push": True, "ping": False}, _github_check),
    "x-gitlab-event": (
        _gitlab,
        {"Push Hook": True, "Tag Push Hook": True, "System Hook": True},
        _gitlab_check,
    ),
    "x-hook-uuid": (_bitbucket, {"repo:push": True}, _bitbucket_check),
    "x-event-key": (
        _bitbucket_server,
        {"repo:refs_changed": True, "diagnostics:ping": False},
        _server_check,
    ),
}
"""Header of a host → reader, its events (whether one is a push), the check of the sender."""


# whom it concerns


def _repository(url: str) -> re.Pattern[str] | None:
    """`GetWebURLRegex`: every way to write the repository of a web URL."""
    try:
        parsed = urllib.parse.urlsplit(url)
        host = parsed.hostname or ""
    except ValueError:
        return None
    place, path = re.escape(host), re.escape(parsed.path.removeprefix("/"))
    if parsed.scheme == "file":
        return re.compile(rf"^{re.escape(url.removesuffix('.git'))}(\.git)?$", re.IGNORECASE)
    return re.compile(
        rf"^((https?|ssh)://)?({_USER}@)?((alt)?ssh\.)?{place}(:\d+)?[:/]{path}(\.git)?$",
        re.IGNORECASE,
    )


def _uses(url: str, push: Push) -> bool:
    patterns = (_repository(one.removesuffix(".git")) for one in push.urls)
    return any(p is not None and p.match(url) for p in patterns)


def _moved(target: str, push: Push) -> bool:
    """`sourceRevisionHasChanged`."""
    short = revision_of(target)
    if short in ("", "HEAD"):
        return push.touched_head
    if target.startswith(("refs/heads/", "refs/tags/")):
        return push.revision == short
    return target == push.revision


def _refresh_paths(app: Object, sources: Sequence[Object]) -> list[str]:
    raw = annotations_of(app).get(PATHS)
    found = []
    for item in str(raw or "").split(";"):
        if not item:
            continue
        if item.startswith("/"):
            found.append(item[1:])
        else:
            found += [posixpath.normpath(posixpath.join(text(s, "path"), item)) for s in sources]
    return found


def _touches(paths: Sequence[str], files: Sequence[str]) -> bool:
    """`AppFilesHaveChanged`: without paths, or without a list of files, everything counts."""
    if not paths or not files:
        return True

    def hit(path: str, name: str) -> bool:
        path, name = posixpath.join("/", path), posixpath.join("/", name)
        glob = re.sub(r"\\\*", "[^/]*", re.escape(path)).replace(r"\?", "[^/]")
        below = name.startswith(path.rstrip("/") + "/")
        return name == path or below or re.fullmatch(glob, name) is not None

    return any(hit(path, name) for name in files for path in paths)


def concerns(app: Object, push: Push) -> bool:
    """Whether an Application is refreshed by a push."""
    sources = mappings(app, "spec", "sources") or [mapping(app, "spec", "source")]
    return any(
        _uses(text(source, "repoURL"), push)
        and _moved(text(source, "targetRevision"), push)
        and _touches(_refresh_paths(app, sources), push.files)
        for source in sources
    )


def concerns_set(appset: Object, push: Push) -> bool:
    """Whether an ApplicationSet is: a git generator of it, within matrix and merge too."""
    return any(_generates(one, push) for one in mappings(appset, "spec", "generators"))


def _generates(generator: Object, push: Push) -> bool:
    git = mapping(generator, "git")
    if git and _uses(text(git, "repoURL"), push) and _moved(text(git, "revision"), push):
        return True
    inner = mappings(generator, "matrix", "generators")
    inner = inner + mappings(generator, "merge", "generators")
    return any(_generates(one, push) for one in inner)
