"""Conditional requests: an answer bears a tag of what it says, and who has it already is spared the rest."""

import hashlib

from starlette.requests import Request
from starlette.responses import Response

from app.auth.scopes import Principal
from app.services import State
from inventory.core.build import fingerprint
from inventory.events.log import data_version

# A caller with other credentials may see other fields.
_VARY = "Accept-Encoding, X-API-Key, Authorization, X-Client-Id"


async def tag_of_data(request: Request[State], principal: Principal) -> str:
    """The tag of an answer that is made of stones and holds only, known before the answer is.

    It moves with the data, and differs for another request, for another client (which sees its own holds), for a caller
    who may do something else, and for a build that may answer differently. Ask for it before the data: what changes in
    between makes the next tag another one.

    Raises:
        DatabaseUnavailable: the data's version can't be known now.
    """
    async with request.state["services"].database.bounded() as connection:
        version = await data_version(connection)
    target = (request.scope["raw_path"], request.scope["query_string"])
    caller = (principal.client_id, *sorted(principal.scopes))
    parts = (fingerprint(), version, *(part.decode("latin-1") for part in target), *caller)
    return _tag("\n".join(parts).encode())


def spares(request: Request[State], tag: str) -> bool:
    """Whether the caller has the answer of this tag already. That there is one at all is not known yet."""
    return tag in _listed(request)


def unchanged(tag: str) -> Response:
    """The answer to a caller who has it already."""
    return Response(status_code=304, headers=_headers(tag))


def tagged(response: Response, tag: str) -> Response:
    """The answer with a tag that it was given."""
    response.headers["ETag"] = tag
    return response


def conditional(request: Request[State], response: Response) -> Response:
    """The answer with its tag, or 304 when the caller has it. A handler that says how to cache decides alone.

    A response without a tag gets one of its bytes: that moves whenever anything that the caller sees does, whatever
    changed it. Tags are weak, because compression comes afterwards.
    """
    if "cache-control" in response.headers:
        return response
    if request.method not in {"GET", "HEAD"} or response.status_code != 200:  # noqa: PLR2004 - the status of success
        response.headers["Cache-Control"] = "no-store"
        return response
    tag = response.headers.get("etag") or _tag(response.body)
    if not {tag, "*"}.isdisjoint(_listed(request)):
        return unchanged(tag)
    response.headers.update(_headers(tag))
    return response


def _tag(material: bytes | memoryview) -> str:
    return f'W/"{hashlib.sha256(material).hexdigest()[:32]}"'


def _headers(tag: str) -> dict[str, str]:
    return {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": _VARY}


def _listed(request: Request[State]) -> set[str]:
    """The tags of `If-None-Match`, as weak ones: they are compared weakly."""
    texts = ",".join(request.headers.getlist("if-none-match")).split(",")
    return {text if text in {"", "*"} else f"W/{text.removeprefix('W/')}" for text in map(str.strip, texts)}
