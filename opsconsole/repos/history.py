"""Reading `git log`: one format, one parser."""

from __future__ import annotations

from datetime import UTC, datetime

from opsconsole.model.revisions import Commit

_MARK = "\x01commit\x01"

FORMAT = (
    "-z",
    "--no-color",
    "--no-show-signature",
    "--name-only",
    "--diff-merges=first-parent",
    "--no-renames",
    f"--format={_MARK}%H%x00%P%x00%an%x00%ae%x00%aI%x00%s%x00",
)
"""Arguments of `git log` whose output `parse` reads."""


def parse(text: str) -> list[Commit]:
    """Commits in the order of the log. A date that git cannot have written is the epoch."""
    return [_commit(part) for part in text.split(_MARK) if part]


def _commit(text: str) -> Commit:
    sha, parents, author, email, date, subject, *names = text.split("\0")
    files = tuple(name.removeprefix("\n") for name in names if name.strip("\n"))
    try:
        when = datetime.fromisoformat(date).astimezone(UTC)
    except ValueError:
        when = datetime(1970, 1, 1, tzinfo=UTC)
    return Commit(
        sha=sha, author=author, email=email, date=when, subject=subject,
        files=files, parents=tuple(parents.split()),
    )  # fmt: skip
