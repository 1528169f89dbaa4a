"""The language behind `/`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsconsole.view.applications import order
from opsconsole.view.filters import parse_filter
from tests.ui import world


def names(source):
    return [key.name for key in order(world.applications(), source)]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("", ["checkout", "inventory", "my-app", "my-app-canary", "pricing", "search"]),
        ("my-app", ["my-app", "my-app-canary"]),
        ("my-app -canary", ["my-app"]),
        ("CANARY", ["my-app-canary"]),
        ("sync:out", ["inventory", "search"]),
        ("health:degraded", ["pricing"]),
        ("project:payments sync:synced health:healthy", ["checkout"]),
        ("ns:production name:search", ["search"]),
        ("-sync:synced", ["inventory", "search"]),
        ("!", ["inventory", "my-app", "pricing", "search"]),
        ("! health:susp", ["my-app"]),
        ("aborted", ["pricing"]),
        ("nothing:here", []),
        ("cluster:us-east", []),
        ("cluster:in-cluster my-app -canary", ["my-app"]),
    ],
)
def test_filter(source, found):
    assert names(source) == found


@given(st.text(max_size=30))
def test_any_text_is_a_filter(source):
    keep = parse_filter(source)
    assert [keep(app) for app in world.applications().values()]


def test_equal_names_are_ordered_by_namespace():
    from dataclasses import replace

    app = world.application("same", world.Sync.SYNCED, world.Health.HEALTHY)
    twins = [replace(app, key=app.key._replace(namespace=ns)) for ns in ("b", "a")]
    assert [k.namespace for k in order({a.key: a for a in twins})] == ["a", "b"]


def test_the_cluster_is_a_field():
    from opsconsole.model.status import Health, Sync

    far = world.application("far", Sync.SYNCED, Health.HEALTHY, elsewhere="https://us-east:6443")
    assert parse_filter("cluster:us-east")(far)
    assert not parse_filter("cluster:in-cluster")(far)
