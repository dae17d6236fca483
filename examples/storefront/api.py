"""GraphQL client: sends the named operations of the shop with its API key, and subscribes to events."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
from graphql import parse, print_ast, separate_operations

_DOCUMENT = Path(__file__).parent / "shop.graphql"
_TIMEOUT = aiohttp.ClientTimeout(total=40, sock_connect=5)
# The API sends keep-alive comments, so a connection without data for this time is broken.
_STREAM_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=90)

Json = dict[str, Any]


class ApiError(Exception):
    """The API did not respond, or responded with errors."""


class Api:
    """Client for the operations of `shop.graphql`. The key stays in this process."""

    def __init__(self, session: aiohttp.ClientSession, url: str, key: str) -> None:
        self._session = session
        self._url = f"{url}/graphql"
        self._headers = {"X-API-Key": key}
        separated = separate_operations(parse(_DOCUMENT.read_text(encoding="utf-8")))
        self._operations = {name: print_ast(document) for name, document in separated.items()}

    async def execute(self, name: str, variables: Mapping[str, Any]) -> Json:
        """Execute an operation. Returns its data.

        Raises:
            ApiError: the API did not respond, or responded with errors; the message is that of the first error.
        """
        body = {"query": self._operations[name], "operationName": name, "variables": variables}
        try:
            async with self._session.post(self._url, json=body, headers=self._headers, timeout=_TIMEOUT) as response:
                answer: Json = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ApiError("The inventory does not answer. Try again in a moment.") from error
        if answer.get("errors"):
            raise ApiError(str(answer["errors"][0].get("message")))
        data: Json = answer["data"]
        return data

    async def changes(self, after: str | None) -> AsyncIterator[Json]:
        """Yield events of diamonds after a cursor until the connection ends.

        Raises:
            ApiError: the API rejected the subscription, or the connection failed.
        """
        body = {"query": self._operations["Changes"], "operationName": "Changes", "variables": {"after": after}}
        headers = {**self._headers, "Accept": "text/event-stream"}
        try:
            async with self._session.post(self._url, json=body, headers=headers, timeout=_STREAM_TIMEOUT) as response:
                async for event in _events(response.content):
                    if event.get("errors"):
                        raise ApiError(str(event["errors"][0].get("message")))
                    yield event["data"]["diamondChanged"]
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ApiError(f"The events ended: {error!r}") from error


async def _events(stream: aiohttp.StreamReader) -> AsyncIterator[Json]:
    """Parse the `next` events of a stream of server-sent events (graphql-sse, distinct connections mode)."""
    kind, data = "", ""
    buffer = bytearray()
    while chunk := await stream.readany():
        buffer += chunk
        while (end := buffer.find(b"\n")) >= 0:
            line = bytes(buffer[:end]).decode().rstrip("\r")
            del buffer[: end + 1]
            field, _, value = line.partition(":")
            if field == "event":
                kind = value.strip()
            elif field == "data":
                data += value.strip()
            elif not line:
                if kind == "next" and data:
                    yield json.loads(data)
                if kind == "complete":
                    return
                kind, data = "", ""
        await asyncio.sleep(0)
