"""Conditional requests: an answer bears a tag of what it says, and who has it already is spared the rest."""

import hashlib

from starlette.requests import Request
from starlette.responses import Response

from app.rest.state import State

# Whoever calls with other credentials may see something else.
_VARY = "Accept-Encoding, X-API-Key, Authorization, X-Client-Id"


def conditional(request: Request[State], response: Response) -> Response:
    """The answer with its tag, or 304 when the caller has it. A handler that says how to cache decides alone.

    The tag is of the bytes themselves: it moves whenever anything that the caller sees does, whatever changed it. It is
    weak, because compression comes afterwards.
    """
    if "cache-control" in response.headers:
        return response
    if request.method not in {"GET", "HEAD"} or response.status_code != 200:  # noqa: PLR2004 - the status of success
        response.headers["Cache-Control"] = "no-store"
        return response
    tag = hashlib.sha256(response.body).hexdigest()[:32]
    headers = {"ETag": f'W/"{tag}"', "Cache-Control": "private, no-cache", "Vary": _VARY}
    if _holds(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return response


def _holds(text: str, tag: str) -> bool:
    """Whether an `If-None-Match` names the tag, compared weakly."""
    known = (part.strip().removeprefix("W/") for part in text.split(","))
    return any(one in {"*", f'"{tag}"'} for one in known)
