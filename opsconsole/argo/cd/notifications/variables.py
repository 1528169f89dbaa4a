"""What expressions and templates of notifications can see: the application, time, text, git."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from opsconsole.argo import gotemplate
from opsconsole.argo.expr import Function
from opsconsole.argo.expr.types import ANY, STRING, TIME, function
from opsconsole.argo.golang.gotime import Time, parse_time
from opsconsole.argo.golang.values import decode_json
from opsconsole.model.objects import Object, mappings, text

RFC3339 = "2006-01-02T15:04:05Z07:00"

Metadata = Callable[[str], Mapping[str, Any]]
"""Revision → `{Author, Date, Message, Tags}` of the commit."""


@lru_cache(maxsize=1)
def template_functions() -> dict[str, gotemplate.Builtin]:
    """Sprig without what reads the environment."""
    table = dict(gotemplate.functions())
    for name in ("env", "expandenv"):
        table.pop(name, None)
    return table


def variables(
    app: Object, now: Time, context: Mapping[str, Any], commits: Metadata | None = None
) -> dict[str, Any]:
    """The variables of one application; `serviceType` and `recipient` are added on sending."""
    return {
        "app": decode_json(json.dumps(app)),
        "context": dict(context),
        "secrets": {},
        "time": _time(now),
        "strings": _strings(),
        "sync": {"GetInfoItem": Function("GetInfoItem", function(ANY, STRING, out=ANY), _info)},
        "repo": _repo(commits),
    }


def _time(now: Time) -> dict[str, Any]:
    return {
        "Now": Function("Now", function(out=TIME), lambda: now),
        "Parse": Function(
            "Parse", function(STRING, out=TIME), lambda source: parse_time(RFC3339, source)
        ),
    }


def _strings() -> dict[str, Any]:
    one, two = function(STRING, out=STRING), function(STRING, STRING, out=STRING)
    return {
        "ReplaceAll": Function(
            "ReplaceAll",
            function(STRING, STRING, STRING, out=STRING),
            lambda source, old, new: source.replace(old, new),
        ),
        "ToUpper": Function("ToUpper", one, str.upper),
        "ToLower": Function("ToLower", one, str.lower),
        "TrimSpace": Function("TrimSpace", one, str.strip),
        "TrimPrefix": Function("TrimPrefix", two, str.removeprefix),
        "TrimSuffix": Function("TrimSuffix", two, str.removesuffix),
    }


def _info(app: Any, name: str) -> Any:
    """`sync.GetInfoItem`: a value of the operation's `info` list."""
    for path in (("operation", "info"), ("status", "operationState", "operation", "info")):
        for entry in mappings(app, *path):
            if text(entry, "name") == name:
                return text(entry, "value")
    return ""


def _https(url: str) -> str:
    """`repo.RepoURLToHTTPS`."""
    if url.startswith("git@"):
        host, _, path = url.removeprefix("git@").partition(":")
        return f"https://{host}/{path}"
    scheme, sep, rest = url.partition("://")
    return f"https://{rest.partition('@')[2] or rest}" if sep and scheme == "ssh" else url


def _full_name(url: str) -> str:
    """`repo.FullNameByRepoURL`: OWNER/NAME."""
    parts = _https(url).removesuffix(".git").rstrip("/").split("/")
    return "/".join(parts[-2:])


def _repo(commits: Metadata | None) -> dict[str, Any]:
    def metadata(revision: str) -> Any:
        found = commits(revision) if commits is not None else {}
        return {"Author": "", "Message": "", "Date": "", "Tags": [], **found}

    one = function(STRING, out=STRING)
    return {
        "GetCommitMetadata": Function("GetCommitMetadata", function(STRING, out=ANY), metadata),
        "RepoURLToHTTPS": Function("RepoURLToHTTPS", one, _https),
        "FullNameByRepoURL": Function("FullNameByRepoURL", one, _full_name),
    }
