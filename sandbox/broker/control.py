"""HTTP control API of the broker: queue counts, fault injection, drop."""

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


class FaultRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /faults`: a queue and its faults, see `Faults`."""

    queue: str
    duplicate: float = 0
    delay_seconds: float = 0
    reorder: bool = False
    seed: int = 0


class ControlServer(uvicorn.Server):
    """uvicorn server that leaves signal handling to its process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def control_server(broker: Broker, host: str, port: int) -> ControlServer:
    """Return the server of `create_app(broker)`. Run its `serve()`; set `should_exit` to stop it."""
    return ControlServer(uvicorn.Config(create_app(broker), host=host, port=port, log_config=None, log_level="warning"))


def create_app(broker: Broker) -> Starlette:
    """Create the control API: GET /queues, POST and DELETE /faults, POST /drop."""

    async def queues(_request: Request) -> Response:
        return _json(broker.counts())

    async def set_faults(request: Request) -> Response:
        try:
            body = msgspec.json.decode(await request.body(), type=FaultRequest)
            faults = Faults(body.duplicate, body.delay_seconds, body.reorder, body.seed)
            broker.set_faults(body.queue, faults)
        except (msgspec.DecodeError, ValueError) as error:
            return _json({"error": str(error)}, status=400)
        except QueueNotFound as error:
            return _json({"error": error.message}, status=404)
        return _json(faults)

    async def clear_faults(_request: Request) -> Response:
        broker.clear_faults()
        return Response(status_code=204)

    async def drop(_request: Request) -> Response:
        broker.drop()
        return Response(status_code=204)

    return Starlette(
        routes=[
            Route("/queues", queues),
            Route("/faults", set_faults, methods=["POST"]),
            Route("/faults", clear_faults, methods=["DELETE"]),
            Route("/drop", drop, methods=["POST"]),
        ]
    )


def _json(value: object, *, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json")
