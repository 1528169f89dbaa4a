"""Command lines of `kubectl argo rollouts` in a scenario: the plugin's own programs, in-process."""

from __future__ import annotations

import shlex
from typing import Any

from opsconsole.argo.commands import Outcome, converse, drive
from opsconsole.argo.commands.asks import Ask, Get, ListAll, ReadFile, Send, Wait
from opsconsole.errors import InputError
from opsconsole.model.kinds import Kind
from opsconsole.model.objects import labels_of, name_of
from opsconsole.sandbox.cluster import Cluster
from opsconsole.sandbox.rehearse.client import Client

ROUND_TRIP = 0.03
"""Virtual seconds between a command's write and its next question."""


def run(line: str, namespace: str, cluster: Cluster, client: Client) -> Outcome:
    """Play one command line, written without the words `kubectl argo rollouts`."""
    try:
        argv = shlex.split(line)
    except ValueError as error:
        raise InputError(f"`run` is not a command line: {error}") from error

    def answer(ask: Ask) -> Any:
        return _answer(ask, cluster, client)

    # the plugin colours unless told otherwise; what a scenario keeps is plain
    now = cluster.simulation.now
    return drive(converse(argv, namespace=namespace, now=now, color=False), answer)


def _answer(ask: Ask, cluster: Cluster, client: Client) -> Any:
    match ask:
        case Get():
            return client.get(ask.kind, ask.namespace, ask.name)
        case ListAll():
            return _listed(client, ask.kind, ask)
        case Send():
            done = client.send(ask.request)
            cluster.simulation.run_for(ROUND_TRIP)
            return done
        case Wait():
            cluster.simulation.run_for(ask.seconds)
            return True
        case ReadFile():
            raise FileNotFoundError(2, "No such file or directory", ask.path)
    raise InputError(f"a command asked for {type(ask).__name__}")


def _listed(client: Client, kind: Kind, ask: ListAll) -> list[Any]:
    found = client.store.objects(kind, ask.namespace)
    wanted = dict(term.partition("=")[::2] for term in ask.selector.split(",") if term)
    only = ask.field_selector.removeprefix("metadata.name=")
    return [
        obj
        for obj in sorted(found, key=name_of)
        if all(labels_of(obj).get(key) == value for key, value in wanted.items())
        and (not only or name_of(obj) == only)
    ]
