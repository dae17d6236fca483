"""The REST routes, each with the scope that it needs."""

from starlette.routing import Route

from app.access.scopes import Scope
from app.rest import diamonds, health
from app.rest.guard import everyone, needs

ROUTES = (
    Route("/health", everyone(health.health), methods=["GET"]),
    Route("/ready", everyone(health.ready), methods=["GET"]),
    Route("/api/v2/diamonds", needs(Scope.DIAMONDS_READ, diamonds.list_diamonds), methods=["GET"]),
    Route("/api/v2/diamonds/{id}", needs(Scope.DIAMONDS_READ, diamonds.show_diamond), methods=["GET"]),
)
