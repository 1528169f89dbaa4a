"""JSON Patch (RFC 6902) and JSON Merge Patch (RFC 7386) on decoded objects.

Pure: the original is never changed, the result shares what did not change. Error texts are
those of evanphx/json-patch, which the API server uses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from opsconsole.sandbox.apierrors import StatusError, bad_request

LIMIT = 10_000
"""Operations that one JSON patch may have."""

_NOWHERE = object()


def merge_patch(original: Any, patch: Any) -> Any:
    """`original` with `patch` merged in: null removes, lists are replaced whole."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(original) if isinstance(original, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def json_patch(original: Any, operations: Any) -> Any:
    """`original` after the operations. StatusError 400 for a malformed patch, 422 when one fails."""
    if not isinstance(operations, list) or not all(isinstance(o, Mapping) for o in operations):
        raise bad_request(
            "error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch"
        )
    if len(operations) > LIMIT:
        raise StatusError(
            413,
            "RequestEntityTooLarge",
            f"The allowed maximum operations in a JSON patch is {LIMIT}, got {len(operations)}",
        )
    document = original
    for operation in operations:
        document = _apply(document, operation)
    return document


def rejected(why: str) -> StatusError:
    """422 as the server answers for a patch that does not apply."""
    return StatusError(
        422,
        "Invalid",
        "the server rejected our request due to an error in our request",
        {"causes": [{"reason": "UnexpectedServerResponse", "message": why}]},
    )


def _apply(document: Any, operation: Mapping[str, Any]) -> Any:
    name, path = operation.get("op"), operation.get("path")
    if not isinstance(path, str):
        raise rejected("missing path: invalid operation")
    if name in ("add", "replace", "test") and "value" not in operation:
        if name == "test":
            operation = {**operation, "value": None}
        else:
            raise rejected(f"{name} operation missing value: {path}")
    if name == "test":
        found = _get(document, _steps(path))
        if (None if found is _NOWHERE else found) != operation["value"]:
            raise rejected(f"testing value {path} failed: test failed")
        return document
    if name in ("add", "replace", "remove"):
        return _change(document, path, str(name), operation.get("value"))
    if name in ("move", "copy"):
        origin = operation.get("from")
        found = _get(document, _steps(origin)) if isinstance(origin, str) else _NOWHERE
        if found is _NOWHERE:
            raise rejected(
                f"{name} operation does not apply: doc is missing from path: {origin}: missing value"
            )
        if name == "move":
            document = _change(document, str(origin), "remove", None)
        return _change(document, path, "add", found)
    raise rejected(f"Unexpected kind: {name}")


def _steps(path: str) -> list[str]:
    if not path:
        return []
    return [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:]]


def _get(document: Any, steps: Sequence[str]) -> Any:
    for step in steps:
        if isinstance(document, Mapping):
            document = document.get(step, _NOWHERE)
        elif isinstance(document, list) and step.isdigit() and int(step) < len(document):
            document = document[int(step)]
        else:
            return _NOWHERE
        if document is _NOWHERE:
            return _NOWHERE
    return document


def _change(document: Any, path: str, name: str, value: Any) -> Any:
    return _at(document, _steps(path), path, _Op(name, value))


class _Op(NamedTuple):
    name: str
    value: Any


def _at(document: Any, steps: list[str], path: str, operation: _Op) -> Any:
    name, value = operation
    if not steps:
        return None if name == "remove" else value
    step, rest = steps[0], steps[1:]
    if isinstance(document, Mapping):
        return _in_map(document, step, rest, path, operation)
    if isinstance(document, list):
        return _in_list(document, step, rest, path, operation)
    raise _missing(name, path)


def _in_map(
    document: Mapping[str, Any], step: str, rest: list[str], path: str, operation: _Op
) -> Any:
    name, value = operation
    if rest:
        if step not in document:
            raise _missing(name, path)
        return {**document, step: _at(document[step], rest, path, operation)}
    if name != "add" and step not in document:
        if name == "remove":
            raise rejected(
                f"remove operation does not apply: doc is missing path: {path}: missing value"
            )
        raise rejected(
            f"replace operation does not apply: doc is missing key: {path}: missing value"
        )
    if name == "remove":
        return {k: v for k, v in document.items() if k != step}
    return {**document, step: value}


def _in_list(document: list[Any], step: str, rest: list[str], path: str, operation: _Op) -> Any:
    name, value = operation
    last = len(document) if name == "add" and not rest else len(document) - 1
    if step == "-" and name == "add" and not rest:
        index = last
    elif step.lstrip("-").isdigit():
        index = int(step)
        if index < 0:
            index += len(document)
    else:
        raise rejected(
            f'{name} operation does not apply: strconv.Atoi: parsing "{step}": invalid syntax'
        )
    if not 0 <= index <= last:
        raise rejected(
            f"{name} operation does not apply: doc is missing path: {path}:"
            f" Unable to access invalid index: {step}: invalid index referenced"
        )
    if rest:
        inner = _at(document[index], rest, path, operation)
        return [*document[:index], inner, *document[index + 1 :]]
    if name == "add":
        return [*document[:index], value, *document[index:]]
    kept = [] if name == "remove" else [value]
    return [*document[:index], *kept, *document[index + 1 :]]


def _missing(name: str, path: str) -> StatusError:
    return rejected(f"{name} operation does not apply: doc is missing path: {path}: missing value")
