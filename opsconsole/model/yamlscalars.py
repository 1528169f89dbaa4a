"""What a plain YAML scalar means to Kubernetes, and when a string must be quoted to stay one.

The rules are those of sigs.k8s.io/yaml (goyaml.v2's `resolve`, then its conversion to JSON):
YAML 1.1 words (`yes`, `on`), Go's integers (`0x1F`, `0o17`, `0777` octal, `1_000`), floats
without a sexagesimal form, dates as strings. Separate from the loader because the dumper
needs the same table.
"""

from __future__ import annotations

import math
import re
import struct
from datetime import date
from typing import Any

_WORDS: dict[str, Any] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}  # fmt: skip
OLD_WORDS = frozenset(
    word
    for word, value in _WORDS.items()
    if isinstance(value, bool) and word.lower() not in ("true", "false")
)
"""What was a boolean in YAML 1.1 and is none in 1.2."""

_MISSING = object()

_STARTS = frozenset("+-.0123456789")
_INT = re.compile(
    r"([+-]?)(?:0[xX]([0-9a-fA-F]+)|0[oO]([0-7]+)|0[bB]([01]+)|(0[0-7]*)|([1-9][0-9]*))", re.ASCII
)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?", re.ASCII)
_STAMP = re.compile(
    r"(\d{4})-(\d\d?)-(\d\d?)"
    r"(?:[Tt]\d\d?:\d\d?:\d\d?(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)| \d\d?:\d\d?:\d\d?(?:\.\d+)?)?",
    re.ASCII,
)

MAX_DIGITS = 4096
"""A longer number is a string: nothing that Kubernetes reads is one, and big integers cost."""


def resolve(text: str) -> Any:
    """The value of a plain scalar: bool, int, float, None or the string itself."""
    found = _WORDS.get(text, _MISSING)
    if found is not _MISSING:
        return found
    if text[0] not in _STARTS or len(text) > MAX_DIGITS:
        return text
    if text[0] == ".":
        return _as_float(text, text)
    if is_timestamp(text):
        return text
    plain = text.replace("_", "")
    number = _INT.fullmatch(plain)
    if number is not None:
        value = _as_int(number)
        if -(2**63) <= value < 2**64:
            return value
    return _as_float(plain, text)


def _as_int(found: re.Match[str]) -> int:
    sign, hexa, octal, binary, leading, decimal = found.groups()
    if hexa:
        value = int(hexa, 16)
    elif octal:
        value = int(octal, 8)
    elif binary:
        value = int(binary, 2)
    elif leading:
        value = int(leading, 8)
    else:
        value = int(decimal)
    return -value if sign == "-" else value


def _as_float(plain: str, text: str) -> float | str:
    if _FLOAT.fullmatch(plain) is None:
        return text
    value = float(plain)
    # strconv.ParseFloat: out of range is an error, and the scalar stays a string
    return text if math.isinf(value) else value


def is_timestamp(text: str) -> bool:
    """Whether goyaml sees a timestamp: it stays a string, and is written quoted."""
    found = _STAMP.fullmatch(text)
    if found is None:
        return False
    try:
        date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return False
    return True


def instant(text: str) -> str:
    """A timestamp as Go writes it into JSON: "2020-1-2" → "2020-01-02T00:00:00Z"."""
    day, _, clock = text.replace("T", " ").replace("t", " ").partition(" ")
    year, month, of_month = day.split("-")
    hours = clock or "00:00:00Z"
    zone = "" if hours.endswith("Z") or "+" in hours or "-" in hours else "Z"
    return f"{year}-{int(month):02d}-{int(of_month):02d}T{hours}{zone}"


def needs_quotes(text: str) -> bool:
    """Whether the string, written plain, would be read as something else."""
    return (
        not isinstance(resolve(text), str)
        or is_timestamp(text)
        or _BASE_60.fullmatch(text) is not None
    )


def json_number(value: float) -> int | float:
    """The number as it comes out of JSON again: whole numbers in int64 are ints, others floats.

    Raises ValueError for NaN and infinities, which JSON does not have.
    """
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else float(value)
    if not math.isfinite(value):
        raise ValueError(f"json: unsupported value: {go_float(value)}")
    if value.is_integer() and -(2**63) <= value < 2**63:
        return int(value)
    return value


def go_float(value: float, *, bits: int = 64) -> str:
    """`strconv.FormatFloat(value, 'g', -1, bits)`."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    digits, exponent = _shortest(value, bits)
    sign = "-" if value < 0 else ""
    if exponent < -4 or exponent >= 6:
        return sign + _scientific(digits, exponent)
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    whole = digits[: exponent + 1].ljust(exponent + 1, "0")
    rest = digits[exponent + 1 :]
    return f"{sign}{whole}.{rest}" if rest else f"{sign}{whole}"


def _scientific(digits: str, exponent: int) -> str:
    mantissa = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
    return f"{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def _shortest(value: float, bits: int) -> tuple[str, int]:
    """Shortest digits that read back as the same number, and the exponent of the first."""
    if bits != 32:
        return _exact(repr(abs(value)))
    try:
        single = struct.unpack("f", struct.pack("f", abs(value)))[0]
    except OverflowError:
        return _exact(repr(abs(value)))
    for precision in range(9):
        written = f"{single:.{precision}e}"
        if struct.unpack("f", struct.pack("f", float(written)))[0] == single:
            return _exact(written)
    return _exact(repr(single))


def _exact(written: str) -> tuple[str, int]:
    """Digits, and the exponent of the first, of a number that Python wrote."""
    body, _, exponent = written.partition("e")
    whole, _, rest = body.partition(".")
    digits = whole + rest
    stripped = digits.lstrip("0")
    shift = len(whole) - 1 + int(exponent or 0) - (len(digits) - len(stripped))
    return stripped.rstrip("0") or "0", shift
