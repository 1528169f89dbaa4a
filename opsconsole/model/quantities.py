"""Kubernetes quantities ("500m", "1.5Gi", "1e3"): read, compared, written canonically.

The rules are those of k8s.io/apimachinery/pkg/api/resource: values are exact, anything finer
than a billionth is rounded away from zero, and the suffix family of the text is kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from opsconsole.errors import RuleError

_SHAPE = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(.*)", re.ASCII | re.DOTALL)
_EXPONENT = re.compile(r"[eE]([+-]?[0-9]{1,9})", re.ASCII)
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_DECIMAL_NAMES = {power: name for name, power in _DECIMAL.items()}
_BINARY_NAMES = {power: name for name, power in _BINARY.items()}

MAX_DIGITS = 64
_FAULT = (
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)
_CAP = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Quantity:
    """`value` is exact; `family` is how it was written: DecimalSI, BinarySI or DecimalExponent."""

    value: Fraction
    family: str = "DecimalSI"

    def __str__(self) -> str:
        """The canonical form: no fraction, the largest suffix that keeps the value exact."""
        whole = self.value.denominator == 1
        if self.family == "BinarySI" and abs(self.value) >= 1024 and whole:
            number, power = int(self.value), 0
            while number % 1024 == 0 and power < 6:
                number, power = number // 1024, power + 1
            return f"{number}{_BINARY_NAMES.get(power, '')}"
        return self._decimal()

    def _decimal(self) -> str:
        if self.value == 0:
            return "0"
        number, power = int(self.value * 10**9), -9
        while number % 1000 == 0 and (power < 18 or self.family == "DecimalExponent"):
            number, power = number // 1000, power + 3
        if self.family == "DecimalExponent":
            return f"{number}e{power}" if power else str(number)
        return f"{number}{_DECIMAL_NAMES[power]}"


def parse(text: str | float) -> Quantity:
    """A quantity from what a manifest holds (a string or a number). Raises RuleError."""
    body = str(text)
    found = _SHAPE.fullmatch(body)
    if found is None or len(body) > MAX_DIGITS:
        raise RuleError(_FAULT)
    scale, family = _suffix(found[2])
    value = Fraction(found[1].rstrip(".") if found[1] != "." else "0") * scale
    nanos = value * 10**9
    if nanos.denominator != 1:
        away = (
            -(-nanos.numerator // nanos.denominator)
            if nanos > 0
            else nanos.numerator // nanos.denominator
        )
        value = Fraction(away, 10**9)
    if abs(value) > _CAP:
        value = Fraction(_CAP if value > 0 else -_CAP)
    return Quantity(value, family)


def _suffix(text: str) -> tuple[Fraction, str]:
    if text in _DECIMAL:
        return Fraction(10) ** _DECIMAL[text], "DecimalSI"
    if text in _BINARY:
        return Fraction(1024) ** _BINARY[text], "BinarySI"
    found = _EXPONENT.fullmatch(text)
    if found is None or abs(int(found[1])) > 100:
        raise RuleError("unable to parse quantity's suffix")
    return Fraction(10) ** int(found[1]), "DecimalExponent"


def compare(left: str | float, right: str | float) -> int:
    """-1, 0 or 1."""
    a, b = parse(left).value, parse(right).value
    return (a > b) - (a < b)


def same(left: str | float, right: str | float) -> bool:
    """Whether two texts mean one amount ("1" and "1000m"); texts that do not parse differ unless equal."""
    try:
        return compare(left, right) == 0
    except RuleError:
        return left == right


def canonical(text: str | float) -> str:
    return str(parse(text))
