"""Local mail service with Resend's API. It records the mails."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web


class MailService:
    """Handles `POST /emails`. First returns the queued `answers`, then accepts every mail, once per idempotency key."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[tuple[dict[str, str], dict[str, object]]] = []
        self.sent: dict[str, dict[str, object]] = {}
        self.answers: list[web.Response] = []
        self.silent = False
        self.asked = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.requests.append((dict(request.headers), body))
        self.asked.set()
        if self.silent:
            await asyncio.Event().wait()
        if self.answers:
            return self.answers.pop(0)
        key = request.headers["Idempotency-Key"]
        self.sent.setdefault(key, body)
        return web.json_response({"id": f"mail-{list(self.sent).index(key) + 1}"})


@asynccontextmanager
async def mail_service() -> AsyncIterator[MailService]:
    """Run the service."""
    service = MailService()
    application = web.Application()
    application.router.add_post("/emails", service.take)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield service
    finally:
        await runner.cleanup()


def refusal(status: int, name: str, message: str) -> web.Response:
    """An error in Resend's format."""
    return web.json_response({"statusCode": status, "name": name, "message": message}, status=status)
