"""ETag and If-None-Match support (304)."""

import hashlib
from collections.abc import Awaitable, Callable
from functools import lru_cache

from starlette.requests import Request
from starlette.responses import Response

from app.auth.scopes import Principal
from app.http import compression
from app.services import State
from inventory.core.build import fingerprint

_MAX_CALLERS = 10_000
_MAX_TAGS = 1000
_MAX_REMEMBERED_BYTES = 1000
# The fields of a response depend on the credentials.
_VARY = "Accept-Encoding, X-API-Key, Authorization, X-Client-Id"
_CONDITIONS = {"Cache-Control": "private, no-cache", "Vary": _VARY}
_RAW_CONDITIONS = [(name.lower().encode("ascii"), value.encode("ascii")) for name, value in _CONDITIONS.items()]


async def data_etag(request: Request[State], principal: Principal) -> str:
    """Compute the ETag of a response that depends on diamonds and holds only, before the response is built.

    The tag depends on the data version, the request target, the client (which sees its own holds), its scopes and the
    build. Read it before the data: a change in between then changes the next tag. The version may be
    DATA_VERSION_SECONDS old.

    Raises:
        DatabaseUnavailable: the database does not answer.
    """
    version = await request.state["services"].data_version.recent()
    path, query = request.scope["raw_path"], request.scope["query_string"]
    tag_of = _remembered_tag if len(path) + len(query) <= _MAX_REMEMBERED_BYTES else _versioned_tag
    return tag_of(fingerprint(), version, path, query, principal)


def _versioned_tag(build: str, version: str, path: bytes, query: bytes, principal: Principal) -> str:
    parts = (build, version, path.decode("latin-1"), query.decode("latin-1"), _caller(principal))
    return _tag("\n".join(parts).encode())


# Clients repeat requests until the data change.
_remembered_tag = lru_cache(_MAX_TAGS)(_versioned_tag)


@lru_cache(_MAX_CALLERS)
def _caller(principal: Principal) -> str:
    return "\n".join((principal.client_id, *sorted(principal.scopes)))


def matches_etag(request: Request[State], tag: str) -> bool:
    """Whether If-None-Match lists a tag. `*` does not match: whether the resource exists is not known yet."""
    return tag in _if_none_match(request)


class NotModified(Response):
    """304 (Not Modified), with the headers in the form in which they are sent: there is neither content nor its type."""

    def __init__(self, tag: str) -> None:
        # `Response.__init__` would build the headers from texts, for each request.
        self.status_code = 304
        self.background = None
        self.body = b""
        self.raw_headers = [(b"etag", tag.encode("latin-1")), *_RAW_CONDITIONS]


def not_modified(tag: str) -> Response:
    """Return 304 (Not Modified)."""
    return NotModified(tag)


async def stored_response(request: Request[State], tag: str, make: Callable[[], Awaitable[Response]]) -> Response:
    """Return the response of an ETag: its stored body, or a new one, which is stored.

    A new body may contain data that are newer than its ETag: the version of the ETag is no longer computed soon after.
    """
    bodies = request.state["services"].bodies
    body = bodies.get(tag)
    if body is not None:
        response = _repeated(request, tag, body)
    else:
        response = await make()
        if response.status_code == 200:  # noqa: PLR2004 - the status of success
            bodies.put(tag, bytes(response.body))
    response.headers["ETag"] = tag
    return response


def _repeated(request: Request[State], tag: str, body: bytes) -> Response:
    """The response of a stored body, whose compressed form is stored as well."""
    if not compression.MINIMUM_BYTES <= len(body) < compression.INLINE_BYTES or not compression.accepts_gzip(
        request.headers.get("accept-encoding", "")
    ):
        return Response(body, media_type="application/json")
    bodies = request.state["services"].bodies
    key = f"{tag} gzip"
    packed = bodies.get(key)
    if packed is None:
        packed = compression.compressed(body)
        bodies.put(key, packed)
    return Response(packed, media_type="application/json", headers={"Content-Encoding": "gzip"})


def conditional(request: Request[State], response: Response) -> Response:
    """Return the response with an ETag, or 304 if the client has it. A response with Cache-Control is not changed.

    The default tag is a hash of the response body. Tags are weak, because the response is compressed afterwards.
    """
    if response.status_code == 304 or "cache-control" in response.headers:  # noqa: PLR2004 - the status of `not_modified`
        return response
    if request.method not in {"GET", "HEAD"} or response.status_code != 200:  # noqa: PLR2004 - the status of success
        response.headers["Cache-Control"] = "no-store"
        return response
    tag = response.headers.get("etag") or _tag(response.body)
    if not {tag, "*"}.isdisjoint(_if_none_match(request)):
        return not_modified(tag)
    response.headers.update(_headers(tag))
    return response


def _tag(material: bytes | memoryview) -> str:
    return f'W/"{hashlib.sha256(material).hexdigest()[:32]}"'


def _headers(tag: str) -> dict[str, str]:
    return {"ETag": tag, **_CONDITIONS}


def _if_none_match(request: Request[State]) -> set[str]:
    """Return the tags of If-None-Match as weak tags, for weak comparison."""
    given = [value for name, value in request.scope["headers"] if name == b"if-none-match"]
    if not given:
        return set()
    texts = b",".join(given).decode("latin-1").split(",")
    return {text if text in {"", "*"} else f"W/{text.removeprefix('W/')}" for text in map(str.strip, texts)}
