"""At real speed virtual time makes good what it lost; faster than real it may stay behind."""

from __future__ import annotations

import pytest

from opsconsole.sandbox.kernel import Simulation
from opsconsole.sandbox.pacing import Pacer


class Clock:
    def time(self) -> float:
        return 0.0


@pytest.mark.parametrize(("speed", "elapsed"), [(1.0, 30.0), (10.0, 20.0)])
def test_what_is_owed_after_a_long_stop(speed: float, elapsed: float) -> None:
    simulation = Simulation()
    pacer = Pacer(simulation, speed=speed)
    pacer._loop = Clock()  # type: ignore[assignment]
    pacer._slice(0.0, 30.0)
    assert simulation.elapsed == elapsed


@pytest.mark.parametrize(("speed", "elapsed"), [(1.0, 5.0), (10.0, 0.0)])
def test_what_is_owed_after_time_was_held(speed: float, elapsed: float) -> None:
    simulation = Simulation()
    pacer = Pacer(simulation, speed=speed)
    pacer._loop = Clock()  # type: ignore[assignment]
    simulation.hold()
    pacer._slice(0.0, 5.0)
    assert simulation.elapsed == 0.0
    simulation.release()
    pacer._slice(0.0, 0.0)
    assert simulation.elapsed == elapsed
