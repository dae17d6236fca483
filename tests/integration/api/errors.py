"""REST errors in tests."""

from typing import Any

import httpx


def error(response: httpx.Response) -> tuple[int, dict[str, Any]]:
    """The status and the error. The body contains nothing else."""
    body = response.json()
    assert set(body) == {"error"}
    return response.status_code, body["error"]
