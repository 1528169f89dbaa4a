"""`POST /api/webhook` over real HTTP on loopback, as argocd-server and the ApplicationSet
controller have it.

Separate from the controllers, which learn of a push by the annotation that it leaves. Runs on the
loop that owns the simulation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsconsole.argo.cd.identity import with_annotations
from opsconsole.argo.cd.webhooks import LIMIT_MB, Push, WebhookError, concerns, concerns_set, parse
from opsconsole.model.kinds import APPLICATION, APPLICATION_SET, SECRET
from opsconsole.sandbox.argocd.environment import HOME
from opsconsole.sandbox.argocd.secrets import decoded

if TYPE_CHECKING:
    from aiohttp import web

    from opsconsole.sandbox.store import Store

PATH = "/api/webhook"
REFRESH = "argocd.argoproj.io/refresh"
SET_REFRESH = "argocd.argoproj.io/application-set-refresh"


def refresh(store: Store, push: Push) -> int:
    """Ask for a look at everything that a push concerns; how many Applications and sets."""
    apps = [app for app in store.objects(APPLICATION, HOME) if concerns(app, push)]
    for app in apps:
        store.update(APPLICATION, with_annotations(app, {REFRESH: "normal"}))
    sets = [one for one in store.objects(APPLICATION_SET, HOME) if concerns_set(one, push)]
    for one in sets:
        store.update(APPLICATION_SET, with_annotations(one, {SET_REFRESH: "true"}))
    return len(apps) + len(sets)


class WebhookServer:
    """`start` listens on a free loopback port and returns the URL of the route."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._runner: web.AppRunner | None = None

    async def start(self) -> str:
        from aiohttp import web

        app = web.Application(client_max_size=LIMIT_MB * 1024 * 1024)
        app.router.add_route("*", PATH, self._handle)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}{PATH}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _handle(self, request: web.Request) -> web.Response:
        from aiohttp import web

        secret = self._store.find(SECRET, HOME, "argocd-secret")
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            if request.method != "POST" and "x-github-event" in headers:
                return web.Response(
                    status=405, text="Webhook processing failed: invalid HTTP Method\n"
                )
            try:
                body = await request.read()
            except web.HTTPRequestEntityTooLarge:
                body = b""
            push = parse(headers, body, decoded(secret) if secret is not None else {})
        except WebhookError as fault:
            return web.Response(status=400, text=f"{fault}\n")
        if push is not None:
            refresh(self._store, push)
        return web.Response()
