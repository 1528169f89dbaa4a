"""Bare repositories over HTTP on loopback, through git's own `git http-backend` (CGI).

Separate so that the console and other clients clone, fetch and push as they would anywhere:
partial clones are allowed, pushes too. Everything runs on the caller's loop; the simulation
is not involved, so no virtual time passes for git.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from opsconsole.aio.tasks import cancel, supervise
from opsconsole.errors import SandboxError

if TYPE_CHECKING:
    from aiohttp import web

CHUNK = 64 * 1024

REQUEST_LIMIT = 64 * 1024 * 1024
"""Bytes that one push may have."""

TIMEOUT = 120.0
"""Seconds that one request may take."""

END_TIMEOUT = 2.0
"""Seconds that git gets to end after its output was read, or the client has gone."""


def git_program() -> str:
    """The path of git. SandboxError when it is not installed."""
    found = shutil.which("git")
    if found is None:
        raise SandboxError(
            "the sandbox needs git, which is not installed",
            hint="install git, at least version 2.38",
        )
    return found


class GitServer:
    """Serves the bare repositories below `root` at `/<name>.git`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = ""
        self._git = git_program()
        self._runner: web.AppRunner | None = None

    async def start(self) -> str:
        """Listen on a free loopback port; returns the base URL."""
        from aiohttp import web

        app = web.Application(client_max_size=REQUEST_LIMIT)
        app.router.add_route("*", "/{tail:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}"
        return self.url

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        from aiohttp import web

        if request.method not in ("GET", "POST"):
            return web.Response(status=405, text="git speaks GET and POST\n")
        if ".." in request.path.split("/"):
            return web.Response(status=404, text="no such repository\n")
        process = await asyncio.create_subprocess_exec(
            self._git, "http-backend",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=self._environment(request),
        )  # fmt: skip
        feeding = supervise(_feed(request, process), name="git http-backend input")
        try:
            async with asyncio.timeout(TIMEOUT):
                return await self._answer(request, process)
        except TimeoutError:
            return web.Response(status=504, text="git did not answer in time\n")
        finally:
            await cancel(feeding)
            await _end(process)

    async def _answer(
        self, request: web.Request, process: asyncio.subprocess.Process
    ) -> web.StreamResponse:
        from aiohttp import web

        assert process.stdout is not None
        status, headers = 200, {}
        while line := (await process.stdout.readline()).rstrip(b"\r\n"):
            name, _, value = line.decode("latin-1").partition(":")
            if name.lower() == "status":
                status = int(value.split()[0])
            else:
                headers[name] = value.strip()
        response = web.StreamResponse(status=status, headers=headers)
        await response.prepare(request)
        while chunk := await process.stdout.read(CHUNK):
            await response.write(chunk)
        await response.write_eof()
        return response

    def _environment(self, request: web.Request) -> dict[str, str]:
        """RFC 3875, and what git needs besides; nothing of the user's own configuration."""
        found = {
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "PATH_INFO": request.path,
            "QUERY_STRING": request.query_string,
            "REQUEST_METHOD": request.method,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "REMOTE_USER": "sandbox",
            "REMOTE_ADDR": "127.0.0.1",
            "PATH": str(Path(self._git).parent) + ":/usr/bin:/bin",
        }
        for header, name in (
            ("Content-Length", "CONTENT_LENGTH"),
            ("Content-Encoding", "HTTP_CONTENT_ENCODING"),
            ("Git-Protocol", "GIT_PROTOCOL"),
        ):
            if header in request.headers:
                found[name] = request.headers[header]
        return found


async def _end(process: asyncio.subprocess.Process) -> None:
    """Wait for a program whose output was read; one that does not end is killed.

    Not killed at once: `kill` would reap it under asyncio's own watcher, which then complains.
    """
    try:
        async with asyncio.timeout(END_TIMEOUT):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _feed(request: web.Request, process: asyncio.subprocess.Process) -> None:
    """Hand the body over; git may end before it has read all of it."""
    assert process.stdin is not None
    try:
        async for chunk in request.content.iter_chunked(CHUNK):
            process.stdin.write(chunk)
            await process.stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        return
    finally:
        process.stdin.close()


def make_bare(folder: Path) -> None:
    """Settings of a served bare repository: partial clones, any commit by hash, pushes."""
    config = folder / "config"
    text = config.read_text(encoding="utf-8")
    if "allowFilter" not in text:
        config.write_text(
            text
            + "[uploadpack]\n\tallowFilter = true\n\tallowAnySHA1InWant = true\n"
            + "[http]\n\treceivepack = true\n",
            encoding="utf-8",
        )
