"""HTTP protocol implementations: a small response of a Starlette route by this project's protocol and by uvicorn's."""

from contextlib import AsyncExitStack
from typing import Annotated

import msgspec

from benchmarks.client import HttpRequest
from benchmarks.figures import Figure, Pace, Report
from benchmarks.servers import Servers, program
from sandbox.stack.ports import free_ports
from sandbox.stack.scratch import scratch_directory

_CONTENT = b'{"data": [%b]}' % b", ".join([b'{"id": 1, "carats": 1.01}'] * 20)
_BODY = b'{"query": "{ diamonds { totalCount } }"}'
# Typical headers of a client behind a proxy.
_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate, br",
    "User-Agent": "benchmark/1.0",
    "X-API-Key": "k" * 48,
    "X-Forwarded-For": "192.0.2.1",
    "X-Forwarded-Proto": "https",
    "Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
}


class Options(msgspec.Struct, frozen=True):
    """Options of the benchmark."""

    seconds: Annotated[float, msgspec.Meta(gt=0, description="Seconds of each measurement.")] = 3.0
    connections: Annotated[int, msgspec.Meta(ge=1, description="Concurrent requests.")] = 8
    rounds: Annotated[int, msgspec.Meta(ge=1, description="Measurements of each row; the median is reported.")] = 3


async def measure(options: Options, servers: Servers) -> Report:
    """Send requests to the same application through each protocol alternately."""
    names = ("own", "httptools", "h11")
    del servers
    paces: dict[str, list[Pace]] = {name: [] for name in names}
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(scratch_directory())
        file = directory / "answer.json"
        file.write_bytes(_CONTENT)
        calls = {}
        for name, port in zip(names, free_ports(len(names)), strict=True):
            command = ("-m", "benchmarks.route", str(port), str(file), name)
            served = await stack.enter_async_context(program(directory, command, port, "/", {}))
            calls[name] = HttpRequest.post(f"{served.address}/", _BODY, _HEADERS)
        for _ in range(options.rounds):
            for name, call in calls.items():
                durations, elapsed = await call.send_repeatedly(options.seconds, options.connections)
                paces[name].append(Pace.of(durations, elapsed=elapsed))
    return Report(
        figures=[
            Figure(
                name="small answer",
                unit="requests/s",
                ours=Pace.middle(paces["own"]),
                beside=f"through uvicorn's {name}",
                other=Pace.middle(paces[name]),
                is_peer=True,
            )
            for name in names[1:]
        ]
    )
