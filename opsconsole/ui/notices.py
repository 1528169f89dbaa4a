"""The line above the keys: hints that pass, and operations that are followed.

Hints go after a while; a failed operation stays until it is dismissed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

from opsconsole.view.lines import Canvas, Line, clip, line

if TYPE_CHECKING:
    from opsconsole.model.plans import OperationRecord
    from opsconsole.ui.app import OpsApp

HINT_SECONDS = 8.0
DONE_SECONDS = 80.0
"""How long a success is spoken of, on the clock of the objects."""


class Told(Message):
    """Something for the notice line, from any thread."""

    def __init__(self, text: str, token: str) -> None:
        super().__init__()
        self.text = text
        self.token = token


class Notices:
    def __init__(self, app: OpsApp) -> None:
        self._app = app
        self._hint: Line = ()
        self._until = 0.0
        self._dismissed: set[str] = set()

    def tell(self, text: str, token: str) -> None:
        self._hint = line((f" {text}", token))
        self._until = self._app.monotonic() + HINT_SECONDS

    def tick(self) -> None:
        if self._hint and self._app.monotonic() > self._until:
            self._hint = ()

    @property
    def shown(self) -> bool:
        return bool(self._hint) or self._latest() is not None

    def line(self, canvas: Canvas) -> Line:
        if self._hint:
            return clip(self._hint, canvas.width, canvas.glyphs.ellipsis)
        record = self._latest()
        if record is None:
            return ()
        from opsconsole.view.plans import operation_line

        inner = Canvas(canvas.width - 2, 1, canvas.now, canvas.glyphs)
        return line(" ", *operation_line(record, inner))

    def dismiss(self) -> bool:
        """Take away what is shown, unless it is an operation that runs."""
        if self._hint:
            self._hint = ()
            return True
        record = self._latest()
        if record is None or record.status.value == "running":
            return False
        self._dismissed.add(record.id)
        return True

    def running(self) -> list[OperationRecord]:
        return [record for record in self._operations() if record.status.value == "running"]

    def _operations(self) -> tuple[OperationRecord, ...]:
        picture = self._app.main.picture
        return picture.operations if picture is not None else ()

    def _latest(self) -> OperationRecord | None:
        """The operation to speak of: the newest that is neither dismissed nor long over."""
        for record in reversed(self._operations()):
            if record.id in self._dismissed:
                continue
            done = record.finished_at
            if record.status.value != "succeeded" or done is None:
                return record
            if (self._app.environment.now() - done).total_seconds() < DONE_SECONDS:
                return record
        return None
