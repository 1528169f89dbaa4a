"""sprig: dates, encodings, regular expressions, versions, URLs and paths."""

from __future__ import annotations

import base64
import binascii
import hashlib
import posixpath
import re
import urllib.parse
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from opsconsole.argo.expr.errors import Panic
from opsconsole.argo.expr.texts import decode_base64
from opsconsole.argo.golang.gotime import (
    Duration,
    Time,
    load_location,
    parse_go_duration,
    parse_time,
)
from opsconsole.argo.golang.strconv import parse_int, quote
from opsconsole.argo.golang.values import Strings
from opsconsole.argo.gotemplate import versions
from opsconsole.argo.gotemplate.errors import CallError
from opsconsole.argo.gotemplate.sprig_text import bounded
from opsconsole.errors import RuleError
from opsconsole.model import regex

Row = tuple[str, Callable[..., Any]]

_EPOCH = Time.of(datetime(1970, 1, 1, tzinfo=UTC))
_ZERO = Time.of(datetime(1, 1, 1, tzinfo=UTC))


def _quietly(call: Callable[[], Any], fallback: Any) -> Any:
    try:
        return call()
    except RuleError:
        return fallback


def modified(amount: str, date: Time) -> Time:
    return date.add(int(parse_go_duration(amount)))


def duration_text(value: Any) -> str:
    if isinstance(value, str):
        return str(Duration(_quietly(lambda: parse_int(value), 0) * 10**9))
    return str(Duration((int(value) if getattr(value, "go_type", "") == "int64" else 0) * 10**9))


_HOUR = 3600 * 10**9
_UNITS = (
    (_HOUR * 24 * 365, "y"), (_HOUR * 24 * 30, "mo"), (_HOUR * 24, "d"), (_HOUR, "h"),
    (60 * 10**9, "m"), (10**9, "s"),
)  # fmt: skip


def clock_table(now: Callable[[], Time]) -> dict[str, Row]:
    """Functions that look at the time."""

    def moment(value: Any) -> Time:
        if isinstance(value, Time):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return _EPOCH.add(int(value) * 10**9)
        return now()

    def in_zone(layout: str, value: Any, zone: str) -> str:
        name = "UTC" if zone == "Local" else zone
        location = _quietly(lambda: load_location(name), load_location("UTC"))
        return moment(value).inside(location).format(layout)

    def ago(value: Any) -> str:
        seconds = round((now().unix_nanos - moment(value).unix_nanos) / 1e9)
        return str(Duration(seconds * 10**9))

    def rounded(value: Any) -> str:
        nanos = 0
        if isinstance(value, str):
            nanos = int(_quietly(lambda: parse_go_duration(value), 0))
        elif isinstance(value, Time):
            nanos = now().unix_nanos - value.unix_nanos
        elif getattr(value, "go_type", "") == "int64":
            nanos = int(value)
        for size, mark in _UNITS:
            if abs(nanos) > size:
                return f"{abs(nanos) // size}{mark}"
        return "0s"

    return {
        "now": ("", now),
        "ago": ("any", ago),
        "date": ("string any", lambda layout, value: in_zone(layout, value, "UTC")),
        "dateInZone": ("string any string", in_zone),
        "date_in_zone": ("string any string", in_zone),
        "htmlDate": ("any", lambda value: in_zone("2006-01-02", value, "UTC")),
        "htmlDateInZone": ("any string", lambda value, z: in_zone("2006-01-02", value, z)),
        "durationRound": ("any", rounded),
    }


def random_table(bits: Callable[[int], int]) -> dict[str, Row]:
    """Functions that make something up."""

    def picked(alphabet: str) -> Callable[[int], str]:
        def call(count: int) -> str:
            bounded(count)
            return "".join(alphabet[bits(32) % len(alphabet)] for _ in range(max(count, 0)))

        return call

    def uuid4() -> str:
        text = f"{bits(128):032x}"
        variant = "89ab"[int(text[16], 16) % 4]
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"

    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    digits = "0123456789"

    def between(low: int, high: int) -> int:
        if high <= low:
            raise CallError("invalid argument to Intn")
        return low + bits(63) % (high - low)

    def shuffled(text: str) -> str:
        return "".join(char for _, char in sorted((bits(64), char) for char in text))

    def random_bytes(count: int) -> str:
        bounded(count)
        raw = bits(8 * max(count, 1)).to_bytes(max(count, 1), "big")[: max(count, 0)]
        return base64.b64encode(raw).decode()

    return {
        "uuidv4": ("", uuid4),
        "randAlphaNum": ("int", picked(letters + digits)),
        "randAlpha": ("int", picked(letters)),
        "randNumeric": ("int", picked(digits)),
        "randAscii": ("int", picked("".join(map(chr, range(32, 127))))),
        "randInt": ("int int", between),
        "randBytes": ("int", random_bytes),
        "shuffle": ("string", shuffled),
    }


def _base64_decoded(text: str) -> str:
    try:
        return decode_base64(text)
    except Panic as wrong:
        return wrong.message


def _base32_decoded(text: str) -> str:
    try:
        return base64.b32decode(text).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return f"illegal base32 data at input byte {len(text) // 8 * 8}"


def _must(pattern: str) -> regex.Pattern:
    """`regexp.MustCompile`, whose panic names the pattern."""
    try:
        return regex.compile(pattern)
    except RuleError as fault:
        shown = f"`{pattern}`" if "`" not in pattern else quote(pattern)
        raise CallError(f"regexp: Compile({shown}): {fault.message}") from fault


def _panicking(call: Callable[..., Any]) -> Callable[..., Any]:
    """The function whose pattern has to compile: sprig's without `must` in its name."""

    def checked(pattern: str, *arguments: Any) -> Any:
        _must(pattern)
        return call(pattern, *arguments)

    return checked


def found_all(pattern: str, text: str, limit: int) -> Strings | None:
    spans = regex.compile(pattern).spans(text)
    if limit >= 0:
        spans = spans[:limit]
    return Strings(text[a:b] for a, b in spans) if spans else Strings()


def found_first(pattern: str, text: str) -> str:
    groups = regex.compile(pattern).groups(text)
    return groups[0] if groups else ""


def replaced(pattern: str, text: str, replacement: str) -> str:
    compiled = regex.compile(pattern)
    bounded(len(text) + len(compiled.spans(text)) * len(replacement))
    return compiled.replace(replacement, text)


def replaced_literally(pattern: str, text: str, replacement: str) -> str:
    spans = regex.compile(pattern).spans(text)
    bounded(len(text) + len(spans) * len(replacement))
    out, at = [], 0
    for begin, end in spans:
        out += [text[at:begin], replacement]
        at = end
    return "".join(out) + text[at:]


def split(pattern: str, text: str, limit: int) -> Strings:
    """`Regexp.Split`."""
    if limit == 0:
        return Strings()
    if pattern and not text:
        return Strings([""])
    out: list[str] = []
    at = end = 0
    for begin, end in regex.compile(pattern).spans(text):
        if limit > 0 and len(out) == limit - 1:
            break
        if end == 0:
            continue
        if begin == end == len(text):
            break
        out.append(text[at:begin])
        at = end
    return Strings([*out, text[at:]])


def quoted_meta(text: str) -> str:
    return "".join("\\" + char if char in "\\.+*?()|[]{}^$" else char for char in text)


def _url_fault(text: str) -> str:
    """What `net/url` says against a URL, "" for nothing."""
    if any(char < " " or char == "\x7f" for char in text):
        return "net/url: invalid control character in URL"
    if text.startswith(":"):
        return "missing protocol scheme"
    scheme, colon, _ = text.partition(":")
    if colon and scheme[:1] in "0123456789+-." and "/" not in scheme:
        return "first path segment in URL cannot contain colon"
    bad = re.search(r"%(?![0-9a-fA-F]{2})", text.partition("?")[0])
    if bad is not None:
        return f"invalid URL escape {quote(text[bad.start() : bad.start() + 3])}"
    host = re.match(r"(?:[a-zA-Z][\w+.-]*:)?//(?:[^/?#]*@)?(\[?)([^/?#]*)", text)
    if host is not None and host[1] and "]" not in host[2]:
        return "missing ']' in host"
    port = "" if host is None else host[2].rpartition("]")[2].partition(":")[2]
    if port and not port.isdecimal():
        return f"invalid port {quote(':' + port)} after host"
    if host is not None and not host[1] and re.search(r"[ <>\"]", host[2]):
        wrong = next(char for char in host[2] if char in ' <>"')
        return f"invalid character {quote(wrong)} in host name"
    return ""


def url_parse(text: str) -> dict[str, Any]:
    fault = _url_fault(text)
    if fault:
        raise CallError(f"unable to parse url: parse {quote(text)}: {fault}")
    try:
        parsed = urllib.parse.urlsplit(text)
        host = parsed.hostname or ""
    except ValueError as wrong:
        raise CallError(f'unable to parse url: parse "{text}": {wrong}') from None
    netloc = parsed.netloc.rpartition("@")
    opaque = ""
    path = urllib.parse.unquote(parsed.path)
    if parsed.scheme and not parsed.netloc and path and not path.startswith("/"):
        opaque, path = path, ""
    return {
        "scheme": parsed.scheme,
        "host": netloc[2],
        "hostname": host,
        "path": path,
        "query": parsed.query,
        "opaque": opaque,
        "fragment": urllib.parse.unquote(parsed.fragment),
        "userinfo": netloc[0],
    }


def url_join(parts: dict[str, Any] | None) -> str:
    given = parts or {}
    for key in ("scheme", "host", "path", "query", "opaque", "fragment", "userinfo"):
        if not isinstance(given.get(key, ""), str):
            raise CallError(f"unable to parse {key} key, must be of type string")
    host = given.get("host", "")
    if given.get("userinfo"):
        host = f"{given['userinfo']}@{host}"
    path = given.get("opaque") or urllib.parse.quote(given.get("path", ""), safe="/%:@!$&'()*+,;=~")
    return str(
        urllib.parse.urlunsplit(
            (given.get("scheme", ""), host, path, given.get("query", ""), given.get("fragment", ""))
        )
    )


def clean(path: str) -> str:
    """`path.Clean`."""
    if not path:
        return "."
    cleaned = posixpath.normpath(path)
    return "/" + cleaned.lstrip("/") if path.startswith("/") else cleaned


def base(path: str) -> str:
    if not path:
        return "."
    return path.rstrip("/").rpartition("/")[2] or "/"


def directory(path: str) -> str:
    return clean(path.rpartition("/")[0] + ("/" if "/" in path else ""))


def extension(path: str) -> str:
    last = path.rpartition("/")[2]
    return "." + last.rpartition(".")[2] if "." in last else ""


_PATHS: dict[str, Callable[..., Any]] = {
    "base": base,
    "dir": directory,
    "clean": clean,
    "ext": extension,
    "isAbs": lambda path: path.startswith("/"),
}

_PATTERNS: dict[str, tuple[str, Callable[..., Any]]] = {
    "regexMatch": ("string string", lambda p, s: regex.compile(p).search(s)),
    "regexFindAll": ("string string int", found_all),
    "regexFind": ("string string", found_first),
    "regexReplaceAll": ("string string string", replaced),
    "regexReplaceAllLiteral": ("string string string", replaced_literally),
    "regexSplit": ("string string int", split),
}

TABLE: dict[str, Row] = {
    **{name: (words, _panicking(call)) for name, (words, call) in _PATTERNS.items()},
    **{f"must{name[0].upper()}{name[1:]}": row for name, row in _PATTERNS.items()},
    "regexMatch": (
        "string string",
        lambda p, s: _quietly(lambda: regex.compile(p).search(s), False),
    ),
    "hello": ("", lambda: "Hello!"),
    "regexQuoteMeta": ("string", quoted_meta),
    **{name: ("string", call) for name, call in _PATHS.items()},
    **{f"os{name[0].upper()}{name[1:]}": ("string", call) for name, call in _PATHS.items()},
    "dateModify": ("string time", lambda s, date: _quietly(lambda: modified(s, date), date)),
    "date_modify": ("string time", lambda s, date: _quietly(lambda: modified(s, date), date)),
    "mustDateModify": ("string time", modified),
    "must_date_modify": ("string time", modified),
    "toDate": ("string string", lambda layout, s: _quietly(lambda: parse_time(layout, s), _ZERO)),
    "mustToDate": ("string string", parse_time),
    "unixEpoch": ("time", lambda date: str(date.unix_nanos // 10**9)),
    "duration": ("any", duration_text),
    "b64enc": ("string", lambda s: base64.b64encode(s.encode()).decode()),
    "b64dec": ("string", _base64_decoded),
    "b32enc": ("string", lambda s: base64.b32encode(s.encode()).decode()),
    "b32dec": ("string", _base32_decoded),
    "sha1sum": ("string", lambda s: hashlib.sha1(s.encode(), usedforsecurity=False).hexdigest()),
    "sha256sum": ("string", lambda s: hashlib.sha256(s.encode()).hexdigest()),
    "sha512sum": ("string", lambda s: hashlib.sha512(s.encode()).hexdigest()),
    "adler32sum": ("string", lambda s: str(zlib.adler32(s.encode()))),
    "semver": ("string", versions.parse),
    "semverCompare": ("string string", versions.satisfies),
    "urlParse": ("string", url_parse),
    "urlJoin": ("map", url_join),
}
