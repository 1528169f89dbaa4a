"""The table of sprig's functions (github.com/Masterminds/sprig v3).

Left out, as Argo leaves them out or because they have no place in a template: what reads the
environment, asks the network or makes keys.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from opsconsole.argo.golang.gotime import Time
from opsconsole.argo.gotemplate import sprig_data as data
from opsconsole.argo.gotemplate import sprig_more as more
from opsconsole.argo.gotemplate import sprig_numbers as numbers
from opsconsole.argo.gotemplate import sprig_text as texts
from opsconsole.argo.gotemplate.calls import Builtin, function

Clock = Callable[[], Time]

Bits = Callable[[int], int]
"""Number of bits → that many random ones."""


def epoch() -> Time:
    return Time.of(datetime(1970, 1, 1, tzinfo=UTC))


def counted_bits() -> Bits:
    """Bits that are the same in every process: for who injects no randomness."""
    count = 0

    def bits(size: int) -> int:
        nonlocal count
        count += 1
        out = b"".join(
            hashlib.sha256(f"{count}/{part}".encode()).digest() for part in range(size // 256 + 1)
        )
        return int.from_bytes(out, "big") % (1 << size)

    return bits


def sprig_functions(now: Clock, bits: Bits | None = None) -> dict[str, Builtin]:
    """Name → function. `now` is the clock of `now`, `ago` and `date`; `bits` the randomness."""
    random = bits or counted_bits()
    table: dict[str, tuple[str, Callable[..., Any]]] = {
        **texts.TABLE,
        **numbers.TABLE,
        **data.TABLE,
        **more.TABLE,
        **more.clock_table(now),
        **more.random_table(random),
    }
    return {name: function(signature, call) for name, (signature, call) in table.items()}
