"""The broker's remote control, over HTTP: look at the queues, make mischief, drop everything."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.broker.errors import QueueNotFound
from sandbox.broker.faults import Faults
from sandbox.broker.server import Broker


class FaultOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /faults`: a queue and what shall befall its messages, see `Faults`."""

    queue: str
    duplicate: float = 0
    delay_seconds: float = 0
    reorder: bool = False
    seed: int = 0


class ControlServer(uvicorn.Server):
    """A server inside a process that has other things to do: signals are that process's business."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def control_server(broker: Broker, host: str, port: int) -> ControlServer:
    """The server for `create_app(broker)`; run its `serve()`, set `should_exit` to end it."""
    return ControlServer(uvicorn.Config(create_app(broker), host=host, port=port, log_config=None, log_level="warning"))


def create_app(broker: Broker) -> Starlette:
    """GET /queues, POST and DELETE /faults, POST /drop."""

    async def queues(_request: Request) -> Response:
        return _json(broker.counts())

    async def plan(request: Request) -> Response:
        try:
            order = msgspec.json.decode(await request.body(), type=FaultOrder)
            faults = Faults(order.duplicate, order.delay_seconds, order.reorder, order.seed)
            broker.plan(order.queue, faults)
        except (msgspec.DecodeError, ValueError) as error:
            return _json({"error": str(error)}, status=400)
        except QueueNotFound as error:
            return _json({"error": error.message}, status=404)
        return _json(faults)

    async def heal(_request: Request) -> Response:
        broker.heal()
        return Response(status_code=204)

    async def drop(_request: Request) -> Response:
        broker.drop()
        return Response(status_code=204)

    return Starlette(
        routes=[
            Route("/queues", queues),
            Route("/faults", plan, methods=["POST"]),
            Route("/faults", heal, methods=["DELETE"]),
            Route("/drop", drop, methods=["POST"]),
        ]
    )


def _json(value: object, *, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json")
