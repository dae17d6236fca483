"""Response compression (gzip) by Accept-Encoding."""

from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import Receive, Scope, Send


class Compression(GZipMiddleware):
    """Gzip middleware that respects `gzip;q=0`, which Starlette's middleware treats as acceptance."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            texts = [value for name, value in scope["headers"] if name == b"accept-encoding"]
            # Without the header, and with "gzip" alone, Starlette decides the same.
            if texts and texts != [b"gzip"]:
                headers = MutableHeaders(raw=list(scope["headers"]))
                headers["accept-encoding"] = "gzip" if accepts_gzip(texts[0].decode("latin-1")) else "identity"
                scope = {**scope, "headers": headers.raw}
        await super().__call__(scope, receive, send)


def accepts_gzip(text: str) -> bool:
    """Whether an Accept-Encoding header accepts gzip: it names gzip with a quality above zero."""
    for part in text.lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() == "gzip":
            _, _, digits = weight.partition("q=")
            return not digits.strip() or digits.strip(" 0.") != ""
    return False
