"""Cross-origin requests (CORS)."""

from starlette.middleware.cors import CORSMiddleware
from starlette.types import Receive, Scope, Send

from app.http.vary import varying


class Cors(CORSMiddleware):
    """Starlette's middleware for requests with an origin. Others are passed on; their responses vary by it, too."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or any(name == b"origin" for name, _ in scope["headers"]):
            await super().__call__(scope, receive, send)
            return
        await self.app(scope, receive, varying(send, b"Origin"))
