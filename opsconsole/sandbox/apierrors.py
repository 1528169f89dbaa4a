"""The Status errors of the Kubernetes API, with the real reasons and texts.

Separate from HTTP so that controllers meet the same conflicts in-process as clients do.
"""

from __future__ import annotations

from typing import Any

from opsconsole.model.kinds import Kind


class StatusError(Exception):
    """A `metav1.Status` failure: HTTP `code`, `reason`, `message`, optional `details`."""

    def __init__(
        self, code: int, reason: str, message: str, details: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.metadata: dict[str, Any] = {}

    def body(self) -> dict[str, Any]:
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": self.metadata,
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        if self.details:
            status["details"] = self.details
        return status


def _details(kind: Kind, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "kind": kind.plural}
    if kind.group:
        found["group"] = kind.group
    return found


def not_found(kind: Kind, name: str) -> StatusError:
    return StatusError(404, "NotFound", f'{kind.resource} "{name}" not found', _details(kind, name))


def already_exists(kind: Kind, name: str) -> StatusError:
    return StatusError(
        409, "AlreadyExists", f'{kind.resource} "{name}" already exists', _details(kind, name)
    )


def conflict(kind: Kind, name: str, why: str = "") -> StatusError:
    why = why or (
        "the object has been modified; please apply your changes to the latest version and try again"
    )
    return StatusError(
        409,
        "Conflict",
        f'Operation cannot be fulfilled on {kind.resource} "{name}": {why}',
        _details(kind, name),
    )


def invalid(kind: Kind, name: str, causes: list[tuple[str, str]]) -> StatusError:
    """422. `causes` are (field path, message) pairs, the message as field.Error prints it."""
    listed = [f"{field}: {message}" for field, message in causes]
    body = listed[0] if len(listed) == 1 else "[" + ", ".join(listed) + "]"
    group = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    details = {
        "name": name,
        "kind": kind.kind,
        "causes": [
            {"reason": "FieldValueInvalid", "message": message, "field": field}
            for field, message in causes
        ],
    }
    if kind.group:
        details["group"] = kind.group
    return StatusError(422, "Invalid", f'{group} "{name}" is invalid: {body}', details)


def bad_request(message: str) -> StatusError:
    return StatusError(400, "BadRequest", message)


def forbidden(kind: Kind, name: str, why: str) -> StatusError:
    return StatusError(
        403, "Forbidden", f'{kind.resource} "{name}" is forbidden: {why}', _details(kind, name)
    )


def expired(message: str = "The provided continue parameter is too old") -> StatusError:
    return StatusError(410, "Expired", message)
