"""Routes of the operator dashboard, the landing page and the favicon."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from app.dashboard import session_endpoint
from app.dashboard.assets import FILES, Asset, assets, page, policy
from app.dashboard.landing import landing_page, landing_policy
from app.http.routing import Route
from app.rest.guard import public
from app.services import State
from inventory.core.errors import NotFound
from inventory.core.settings.general import GeneralSettings

_VENDORED = "vendored/"


def routes(settings: GeneralSettings) -> Sequence[BaseRoute]:
    """The routes. The page holds no data: it reads everything by GraphQL after sign-in."""
    landing = landing_page(graphiql=settings.environment == "development")

    async def show_landing(_request: Request[State]) -> Response:
        return Response(landing, headers={"Content-Security-Policy": landing_policy()}, media_type="text/html")

    return (
        Route("/", public(show_landing), methods=["GET"]),
        Route("/favicon.ico", public(_show_favicon), methods=["GET"]),
        Route("/dashboard", public(_show_page), methods=["GET"]),
        Route("/dashboard/session", public(session_endpoint.show_session), methods=["GET"]),
        Route("/dashboard/session", public(session_endpoint.sign_in), methods=["POST"]),
        Route("/dashboard/session", public(session_endpoint.sign_out), methods=["DELETE"]),
        Route("/dashboard/{file:path}", public(_show_asset), methods=["GET"]),
    )


async def _show_page(_request: Request[State]) -> Response:
    return Response(page(), headers={"Content-Security-Policy": policy()}, media_type="text/html")


async def _show_asset(request: Request[State]) -> Response:
    name = request.path_params["file"]
    if name.startswith(_VENDORED) and (response := FILES.respond(request, name.removeprefix(_VENDORED))):
        return response
    return _serve(assets().get(name))


async def _show_favicon(_request: Request[State]) -> Response:
    return _serve(assets().get("favicon.ico"))


def _serve(asset: Asset | None) -> Response:
    if asset is None:
        raise NotFound("There is nothing at this address.")
    return Response(asset.content, media_type=asset.media_type)
