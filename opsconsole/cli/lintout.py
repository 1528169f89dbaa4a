"""Findings as text, JSON and SARIF 2.1.0; separate because each is a format of its own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from opsconsole import __version__
from opsconsole.argo.lint import ALL_RULES, Finding
from opsconsole.argo.lint.findings import SEVERITIES

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_ROOT = "SRCROOT"


def as_text(found: Sequence[Finding]) -> str:
    lines = []
    for one in found:
        subject = f"{one.object}: " if one.object else ""
        lines.append(f"{one.file}:{one.line}: {one.severity}: {subject}{one.message} [{one.rule}]")
        lines += [f"    also: {place.file}:{place.line}" for place in one.related]
        if one.hint:
            lines.append(f"    next: {one.hint}")
    return "\n".join([*lines, counted(found)])


def counted(found: Sequence[Finding]) -> str:
    """`3 findings (1 error, 2 warnings)`."""
    counts = [(s, sum(one.severity == s for one in found)) for s in reversed(SEVERITIES)]
    listed = ", ".join(f"{n} {word}{'' if n == 1 else 's'}" for word, n in counts if n)
    plural = "" if len(found) == 1 else "s"
    return f"{len(found)} finding{plural}" + (f" ({listed})" if listed else "")


def as_json(found: Sequence[Finding]) -> str:
    """A list of `{rule, severity, message, object, file, line, hint, related: [{file, line}]}`."""
    listed = [
        {**asdict(one), "related": [{"file": p.file, "line": p.line} for p in one.related]}
        for one in found
    ]
    return json.dumps(listed, indent=2)


def as_sarif(found: Sequence[Finding]) -> str:
    """SARIF 2.1.0; locations are relative to the directory that was linted."""
    order = {rule.id: index for index, rule in enumerate(ALL_RULES)}
    driver: dict[str, Any] = {
        "name": "opsconsole",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": [
            {
                "id": rule.id,
                "name": "".join(word.capitalize() for word in rule.id.split("-")),
                "shortDescription": {"text": rule.told},
                "fullDescription": {"text": f"{rule.told}."},
                "help": {"text": rule.hint},
                "defaultConfiguration": {"level": rule.severity},
            }
            for rule in ALL_RULES
        ],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The directory that was linted."}}},
        "results": [_result(one, order[one.rule]) for one in found],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _result(one: Finding, index: int) -> dict[str, Any]:
    said = f"{one.object}: {one.message}" if one.object else one.message
    result: dict[str, Any] = {
        "ruleId": one.rule,
        "ruleIndex": index,
        "level": one.severity,
        "message": {"text": f"{said} ({one.hint})" if one.hint else said},
        "locations": [{"physicalLocation": _physical(one.file, one.line)}],
    }
    if one.object:
        logical = {"fullyQualifiedName": one.object, "kind": "resource"}
        result["locations"][0]["logicalLocations"] = [logical]
    if one.related:
        result["relatedLocations"] = [
            {"id": number, "physicalLocation": _physical(place.file, place.line)}
            for number, place in enumerate(one.related, 1)
        ]
    return result


def _physical(file: str, line: int) -> dict[str, Any]:
    return {
        "artifactLocation": {"uri": quote(file), "uriBaseId": _ROOT},
        "region": {"startLine": line},
    }
