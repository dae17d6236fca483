"""Response compression (gzip) by Accept-Encoding."""

import zlib

from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.vary import varying

# Bodies from this size on are compressed.
MINIMUM_BYTES = 1024
# From this size on, Starlette compresses in a thread.
INLINE_BYTES = 128 * 1024
_LEVEL = 5


class Compression(GZipMiddleware):
    """Gzip middleware that respects `gzip;q=0`, which Starlette's middleware treats as acceptance.

    A client that does not accept gzip gets the messages of the application as they are, with `Vary: Accept-Encoding`.
    """

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app, MINIMUM_BYTES, _LEVEL, INLINE_BYTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        texts = [value for name, value in scope["headers"] if name == b"accept-encoding"]
        if not texts or not accepts_gzip(texts[0].decode("latin-1")):
            await self.app(scope, receive, varying(send, b"Accept-Encoding"))
            return
        if texts != [b"gzip"]:
            headers = MutableHeaders(raw=list(scope["headers"]))
            headers["accept-encoding"] = "gzip"
            scope = {**scope, "headers": headers.raw}
        await super().__call__(scope, receive, send)


def compressed(body: bytes) -> bytes:
    """Compress a body as the middleware does."""
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return compressor.compress(body) + compressor.flush()


def accepts_gzip(text: str) -> bool:
    """Whether an Accept-Encoding header accepts gzip: it names gzip with a quality above zero."""
    for part in text.lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() == "gzip":
            _, _, digits = weight.partition("q=")
            return not digits.strip() or digits.strip(" 0.") != ""
    return False
