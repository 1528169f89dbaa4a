"""The command line: argv, environment and clock become settings; then something is started.

Nothing heavy is imported here, so that `--version` and the first frame do not wait for it.
"""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; the exit status: 0, 1 for a failure, 2 for wrong use."""
    import sys

    words = list(sys.argv[1:] if argv is None else argv)
    if words in (["--version"], ["version"], ["version", "--short"]):
        from opsconsole import __version__

        print(__version__ if words[-1] == "--short" else f"opsconsole {__version__}")
        return 0
    from opsconsole.cli.dispatch import run

    return run(words)
