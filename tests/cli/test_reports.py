"""`apps` and `snapshot` without a cluster: what the lines say."""

from __future__ import annotations

from opsconsole.cli.reports import plain, table
from opsconsole.model.status import Health, Sync
from tests.ui import world


def test_the_destination_names_a_cluster_only_when_it_is_another() -> None:
    near = world.application("near", Sync.SYNCED, Health.HEALTHY)
    east = "https://us-east.example:6443"
    far = world.application("far", Sync.SYNCED, Health.HEALTHY, elsewhere=east)
    named = world.application("named", Sync.SYNCED, Health.HEALTHY, elsewhere="us-west")
    head, *rows = [line.split() for line in table([near, far, named], world.NOW).splitlines()]
    at = head.index("DESTINATION")
    assert [row[at] for row in rows] == [
        "production",
        "production@us-east.example:6443",
        "production@us-west",
    ]


def test_json_tells_it_too() -> None:
    far = world.application("far", Sync.SYNCED, Health.HEALTHY, elsewhere="us-west")
    assert plain(far)["elsewhere"] == "us-west"
