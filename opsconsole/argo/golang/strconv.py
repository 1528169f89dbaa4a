"""`strconv`: numbers and quoted strings in and out, with its errors.

Separate from formatting because conditions and templates call these by themselves.
"""

from __future__ import annotations

import math
import re

from opsconsole.errors import RuleError

_FLOAT = re.compile(r"[+-]?(\d+(_\d+)*\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_SPECIAL = re.compile(r"([+-]?)(inf|infinity|nan)", re.IGNORECASE)
_HEX_FLOAT = re.compile(r"[+-]?0[xX]([0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?\d+")
_INT = re.compile(r"[+-]?\d+", re.ASCII)


def format_float(value: float, verb: str = "g", precision: int = -1) -> str:
    """`strconv.FormatFloat(value, verb, precision, 64)` for verbs e, E, f, g, G."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if precision < 0:
        return _shortest(value, verb)
    if verb in "fF":
        return f"{value:.{precision}f}"
    text = f"{value:.{precision}{verb}}" if verb in "eE" else f"{value:.{max(precision, 1)}{verb}}"
    return _two_digits(text)


def _digits(value: float) -> tuple[str, str, int]:
    """Sign, shortest digits, and the decimal point's place after the first digit."""
    mantissa, _, exponent = repr(float(value)).partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = whole + ("" if fraction == "0" else fraction)
    point = len(whole) + int(exponent or 0)
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    stripped = stripped.rstrip("0")
    return sign, stripped or "0", point - 1 if stripped else 0


_EXPONENT_FROM = 6
"""`%g` of the shortest digits writes 1e+06 and 123456."""


def _shortest(value: float, verb: str) -> str:
    sign, digits, exponent = _digits(value)
    if value == 0 and math.copysign(1.0, value) < 0:
        sign = "-"
    if verb in "eE" or (verb in "gG" and (exponent < -4 or exponent >= _EXPONENT_FROM)):
        mark = "E" if verb in "EG" else "e"
        tail = digits[0] + (f".{digits[1:]}" if len(digits) > 1 else "")
        return f"{sign}{tail}{mark}{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    return sign + plain(digits, exponent)


def plain(digits: str, exponent: int) -> str:
    """Digits d.ddd × 10^exponent without an exponent."""
    if exponent < 0:
        return "0." + "0" * (-exponent - 1) + digits
    if len(digits) <= exponent + 1:
        return digits + "0" * (exponent + 1 - len(digits))
    return f"{digits[: exponent + 1]}.{digits[exponent + 1 :]}"


def format_float_json(value: float) -> str:
    """`encoding/json`: plain between 1e-6 and 1e21, else with an unpadded exponent."""
    size = abs(value)
    if size != 0 and (size < 1e-6 or size >= 1e21):
        text = format_float(value, "e")
        mantissa, _, exponent = text.partition("e")
        return f"{mantissa}e{exponent[0]}{int(exponent[1:])}" if exponent[0] == "-" else text
    return format_float(value, "f")


def _two_digits(text: str) -> str:
    return re.sub(r"([eE][+-])(\d)$", r"\g<1>0\2", text)


def parse_int(text: str, function: str = "ParseInt") -> int:
    """`strconv.ParseInt(text, 10, 64)` / `Atoi`. RuleError with its text."""
    if _INT.fullmatch(text) is None:
        raise RuleError(f"strconv.{function}: parsing {quote(text)}: invalid syntax")
    value = int(text) if len(text) < 40 else 2**64
    if not -(2**63) <= value < 2**63:
        raise RuleError(f"strconv.{function}: parsing {quote(text)}: value out of range")
    return value


def parse_float(text: str) -> float:
    """`strconv.ParseFloat(text, 64)`. RuleError with its text."""
    if _HEX_FLOAT.fullmatch(text):
        return float.fromhex(text)
    if _SPECIAL.fullmatch(text):
        return float(text)
    if _FLOAT.fullmatch(text) is None or "_" in text:
        raise RuleError(f"strconv.ParseFloat: parsing {quote(text)}: invalid syntax")
    value = float(text)
    if math.isinf(value):
        raise RuleError(f"strconv.ParseFloat: parsing {quote(text)}: value out of range")
    return value


_ESCAPES = {
    "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
    "\\": "\\\\",
}  # fmt: skip


def quote(text: str, mark: str = '"') -> str:
    """`strconv.Quote` (`%q`)."""
    out = []
    for char in text:
        if char == mark:
            out.append("\\" + char)
        elif char in _ESCAPES:
            out.append(_ESCAPES[char])
        elif char.isprintable():
            out.append(char)
        elif ord(char) < 0x80:
            out.append(f"\\x{ord(char):02x}")
        elif ord(char) < 0x10000:
            out.append(f"\\u{ord(char):04x}")
        else:
            out.append(f"\\U{ord(char):08x}")
    return mark + "".join(out) + mark
