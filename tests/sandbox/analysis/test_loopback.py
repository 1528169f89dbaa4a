"""Measurements over real HTTP on loopback: time is held, and every way to fail is an error."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable

import pytest

from opsconsole.model.kinds import ANALYSIS_RUN
from opsconsole.sandbox.cluster import ClusterOptions, build
from opsconsole.sandbox.pacing import FASTEST, Pacer


class Server:
    """A raw TCP server: `script(connection, request)` answers each connection."""

    def __init__(self, script: Callable[[socket.socket, bytes], None]) -> None:
        self.script = script
        self.requests: list[bytes] = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                try:
                    request = connection.recv(65536)
                    self.requests.append(request)
                    self.script(connection, request)
                except OSError:
                    continue

    def close(self) -> None:
        self.over.set()
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(5)


@pytest.fixture
def serve():
    servers = []

    def start(script):
        servers.append(Server(script))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def reply(body: bytes, status: str = "200 OK", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return (
        f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n".encode() + body
    )


def web(url, **more):
    return {
        "name": "m",
        "consecutiveErrorLimit": 0,
        "successCondition": "result.ok",
        "provider": {"web": {"url": url, **more}},
    }


def measured(metric):
    """The only measurement of a run, taken without any event loop, and the virtual seconds."""
    cluster = build(ClusterOptions(profile="recorded"))
    cluster.start()
    cluster.store.create(
        ANALYSIS_RUN,
        {"metadata": {"name": "run", "namespace": "default"}, "spec": {"metrics": [metric]}},
    )
    cluster.simulation.run_for(2)
    assert not cluster.manager.faults
    assert not cluster.simulation.held
    run = cluster.store.get(ANALYSIS_RUN, "default", "run")
    return run["status"]["metricResults"][0]["measurements"][0]


def test_an_answer(serve):
    server = serve(lambda connection, _: connection.sendall(reply(b'{"ok": true}')))
    found = measured(
        web(server.url + "/check", method="POST", body="hi", headers=[{"key": "X-A", "value": "b"}])
    )
    assert (found["phase"], found["value"]) == ("Successful", '{"ok":true}')
    request = server.requests[0].decode()
    assert request.startswith("POST /check HTTP/1.1")
    assert "X-A: b" in request


def test_prometheus_over_http(serve):
    data = {"resultType": "vector", "result": [{"metric": {}, "value": [1, "3"]}]}
    body = json.dumps({"status": "success", "data": data}).encode()
    server = serve(lambda connection, _: connection.sendall(reply(body)))
    metric = {
        "name": "m",
        "successCondition": "result[0] == 3",
        "provider": {"prometheus": {"address": server.url, "query": "up"}},
    }
    assert measured(metric)["value"] == "[3]"
    assert server.requests[0].startswith(b"POST /api/v1/query")


def test_statuses(serve):
    server = serve(lambda connection, _: connection.sendall(reply(b"no", "503 Unavailable")))
    assert measured(web(server.url))["message"] == "received non 2xx response code: 503"


def test_nobody_there():
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    assert measured(web(f"http://127.0.0.1:{port}/"))["message"] == (
        f'Get "http://127.0.0.1:{port}/": dial tcp 127.0.0.1:{port}: connect: connection refused'
    )


def test_a_body_that_breaks_off(serve):
    server = serve(lambda connection, _: connection.sendall(reply(b'{"ok": tr', length=100)))
    assert measured(web(server.url))["message"] == "Received no bytes in response: unexpected EOF"


def test_a_connection_that_closes_without_an_answer(serve):
    server = serve(lambda connection, _: None)
    assert measured(web(server.url))["message"] == f'Get "{server.url}": EOF'


def test_an_answer_that_is_no_http(serve):
    server = serve(lambda connection, _: connection.sendall(b"hello\r\n\r\n"))
    assert "malformed HTTP response" in measured(web(server.url))["message"]


def test_an_endpoint_that_never_answers(serve):
    server = serve(lambda connection, _: server.over.wait(10))
    begin = time.monotonic()
    found = measured(web(server.url, timeoutSeconds=1))
    assert found["message"] == (
        f'Get "{server.url}": context deadline exceeded'
        " (Client.Timeout exceeded while awaiting headers)"
    )
    assert time.monotonic() - begin < 5


def test_a_body_that_never_ends(serve):
    def script(connection, _):
        connection.sendall(reply(b"{", length=1000))
        server.over.wait(10)

    server = serve(script)
    assert measured(web(server.url, timeoutSeconds=1))["message"] == (
        "Received no bytes in response: context deadline exceeded"
        " (Client.Timeout or context cancellation while reading body)"
    )


def test_ten_megabytes(serve):
    server = serve(lambda connection, _: connection.sendall(reply(b"x" * 10_000_000)))
    assert measured(web(server.url))["message"] == (
        "Received no bytes in response: response body is larger than 4194304 bytes"
    )


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://127.0.0.1/", 'Get "ftp://127.0.0.1/": unsupported protocol scheme "ftp"'),
        ("127.0.0.1", 'Get "127.0.0.1": unsupported protocol scheme ""'),
        ("http://", 'Get "http://": http: no Host in request URL'),
    ],
)
def test_bad_addresses(url, message):
    assert measured(web(url))["message"] == message


def test_on_the_pacer_time_stands_still_and_the_thread_stays_free(serve):
    asked = threading.Event()
    go = threading.Event()

    def script(connection, _):
        asked.set()
        go.wait(10)
        connection.sendall(reply(b'{"ok": true}'))

    server = serve(script)
    cluster = build(ClusterOptions(profile="recorded"))
    cluster.start()
    pacer = Pacer(cluster.simulation, speed=FASTEST)
    pacer.start()
    try:
        run = {
            "metadata": {"name": "run", "namespace": "default"},
            "spec": {"metrics": [web(server.url)]},
        }
        pacer.call(lambda: cluster.store.create(ANALYSIS_RUN, run)).result(5)
        assert asked.wait(5)
        held = pacer.call(lambda: cluster.simulation.elapsed).result(5)
        assert pacer.call(lambda: cluster.simulation.held).result(5)
        assert pacer.call(lambda: cluster.simulation.elapsed).result(5) == held
        go.set()

        def phase():
            live = cluster.store.get(ANALYSIS_RUN, "default", "run")
            return live.get("status", {}).get("phase", "")

        until = time.monotonic() + 5
        while pacer.call(phase).result(5) != "Successful":
            assert time.monotonic() < until
        assert not pacer.call(lambda: cluster.simulation.held).result(5)
    finally:
        pacer.stop()
