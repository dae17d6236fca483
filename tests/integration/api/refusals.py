"""How REST refuses, as tests look at it."""

from typing import Any

import httpx


def error(response: httpx.Response) -> tuple[int, dict[str, Any]]:
    """The status and what went wrong; there is nothing else in such an answer."""
    body = response.json()
    assert set(body) == {"error"}
    return response.status_code, body["error"]
