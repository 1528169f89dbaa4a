"""What expressions and templates of notifications can see: the application, time, text, git."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote_plus

from opsconsole.argo import gotemplate
from opsconsole.argo.expr import Function
from opsconsole.argo.expr.types import ANY, STRING, TIME, function
from opsconsole.argo.golang.gotime import Duration, Time, parse_time
from opsconsole.argo.golang.values import decode_json
from opsconsole.model.objects import Object

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
    app: Object,
    now: Time,
    context: Mapping[str, Any],
    commits: Metadata | None = None,
    project: Object | None = None,
) -> dict[str, Any]:
    """The variables of one application; `serviceType` and `recipient` are added on sending.

    The real controller also has `secrets`; here it is empty, since what is rendered is shown.
    """
    return {
        "app": decode_json(json.dumps(app)),
        "appProject": decode_json(json.dumps(project or {})),
        "context": dict(context),
        "secrets": {},
        "time": _time(now),
        "strings": _strings(),
        "repo": _repo(commits),
    }


_DURATIONS = {
    "Nanosecond": 1,
    "Microsecond": 1_000,
    "Millisecond": 1_000_000,
    "Second": 1_000_000_000,
    "Minute": 60_000_000_000,
    "Hour": 3_600_000_000_000,
}
_LAYOUTS = {
    "Layout": "01/02 03:04:05PM '06 -0700",
    "ANSIC": "Mon Jan _2 15:04:05 2006",
    "UnixDate": "Mon Jan _2 15:04:05 MST 2006",
    "RubyDate": "Mon Jan 02 15:04:05 -0700 2006",
    "RFC822": "02 Jan 06 15:04 MST",
    "RFC822Z": "02 Jan 06 15:04 -0700",
    "RFC850": "Monday, 02-Jan-06 15:04:05 MST",
    "RFC1123": "Mon, 02 Jan 2006 15:04:05 MST",
    "RFC1123Z": "Mon, 02 Jan 2006 15:04:05 -0700",
    "RFC3339": RFC3339,
    "RFC3339Nano": "2006-01-02T15:04:05.999999999Z07:00",
    "Kitchen": "3:04PM",
    "Stamp": "Jan _2 15:04:05",
    "StampMilli": "Jan _2 15:04:05.000",
    "StampMicro": "Jan _2 15:04:05.000000",
    "StampNano": "Jan _2 15:04:05.000000000",
}


def _time(now: Time) -> dict[str, Any]:
    """`util/notification/expression/time`: functions, durations, layouts."""
    return {
        "Now": Function("Now", function(out=TIME), lambda: now),
        "Parse": Function(
            "Parse", function(STRING, out=TIME), lambda source: parse_time(RFC3339, source)
        ),
        **{name: Duration(length) for name, length in _DURATIONS.items()},
        **_LAYOUTS,
    }


def _strings() -> dict[str, Any]:
    one = function(STRING, out=STRING)
    return {
        "ReplaceAll": Function(
            "ReplaceAll",
            function(STRING, STRING, STRING, out=STRING),
            lambda source, old, new: source.replace(old, new),
        ),
        "ToUpper": Function("ToUpper", one, str.upper),
        "ToLower": Function("ToLower", one, str.lower),
    }


def _split(url: str) -> tuple[str, str]:
    """(host with port, path) of a git URL, scp's form and local paths included."""
    scheme, sep, rest = url.partition("://")
    if sep and re.fullmatch(r"[\w+.-]+", scheme):
        host, slash, path = rest.partition("/")
        return host.rpartition("@")[2], slash + path
    found = re.fullmatch(r"(?:[\w.-]+@)?([\w.-]+):(?!//)(.*)", url)
    return (found[1], found[2]) if found else ("", url)


def _https(url: str) -> str:
    """`repo.RepoURLToHTTPS`."""
    host, path = _split(url)
    return f"https://{host}{'/' if host and not path.startswith('/') and path else ''}{path}"


def _full_name(url: str) -> str:
    """`repo.FullNameByRepoURL`: the first two words of the path, OWNER/NAME."""
    path = _split(url)[1].partition("?")[0].removesuffix(".git")
    words = [word for word in path.split("/") if word]
    return "/".join(words[:2]) if len(words) > 1 else path


def _repo(commits: Metadata | None) -> dict[str, Any]:
    def metadata(revision: str) -> Any:
        found = commits(revision) if commits is not None else {}
        return {"Author": "", "Message": "", "Date": "", "Tags": [], **found}

    one = function(STRING, out=STRING)
    return {
        "GetCommitMetadata": Function("GetCommitMetadata", function(STRING, out=ANY), metadata),
        "RepoURLToHTTPS": Function("RepoURLToHTTPS", one, _https),
        "FullNameByRepoURL": Function("FullNameByRepoURL", one, _full_name),
        "QueryEscape": Function("QueryEscape", one, lambda source: quote_plus(source, safe="~")),
    }
