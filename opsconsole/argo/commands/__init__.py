"""The requests and printed layouts of `kubectl argo rollouts`: pure, for engine, CLI and player.

`requests` are the writes, `printing` the layouts, `parsing` the command lines; `programs.run`
makes a command a conversation that `asks.drive` plays.
"""

from __future__ import annotations

from opsconsole.argo.commands.asks import Outcome, drive, drive_async
from opsconsole.argo.commands.parsing import Command, parse
from opsconsole.argo.commands.programs import converse, run

__all__ = ["Command", "Outcome", "converse", "drive", "drive_async", "parse", "run"]
