"""Start: CPU time of a worker and the API to import their code and parse their command line.

The limit is a process that imports only the required libraries of the role.
"""

from typing import Annotated

import msgspec

from benchmarks.figures import Figure, Pace, Report
from benchmarks.processes import cpu_of
from benchmarks.servers import Servers

_COMMANDS = {
    "worker": (
        ("-m", "sync", "worker", "--help"),
        "import asyncpg, azure.servicebus.aio, msgspec, redis.asyncio, structlog, uvloop",
    ),
    "API": (
        ("-m", "app", "serve", "--help"),
        (
            "import asyncpg, msgspec, redis.asyncio, starlette.applications, strawberry, structlog, "
            "uvicorn, uvloop, websockets"
        ),
    ),
}


class Options(msgspec.Struct, frozen=True):
    """Options of the benchmark."""

    rounds: Annotated[int, msgspec.Meta(ge=1, description="Starts of each process; the median is reported.")] = 5


QUICK = Options(rounds=1)


async def measure(options: Options, servers: Servers) -> Report:
    """Start the processes alternately."""
    del servers
    paces: dict[str, tuple[list[Pace], list[Pace]]] = {name: ([], []) for name in _COMMANDS}
    for _ in range(options.rounds):
        for name, (command, imports) in _COMMANDS.items():
            ours, other = paces[name]
            ours.append(Pace(cpu_of(*command)))
            other.append(Pace(cpu_of("-c", imports)))
    return Report(
        figures=[
            Figure(
                name=f"{name}, CPU time",
                unit="s",
                ours=Pace.middle(ours),
                beside="its libraries alone",
                other=Pace.middle(other),
                smaller_is_better=True,
            )
            for name, (ours, other) in paces.items()
        ]
    )
