"""`python -m sandbox.broker`: the broker as a separate process, until SIGTERM."""

import asyncio
import signal
from typing import Annotated

import typer

from inventory.core.logging import configure
from sandbox.broker.control import control_server
from sandbox.broker.message import QueueSettings
from sandbox.broker.server import Broker
from sandbox.stack.ports import CannotListen, require_free

DEFAULT_QUEUES = ["work-items", "work-done", "consolidate"]


async def run(broker: Broker, control_port: int | None) -> None:
    """Serve until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    asked_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked_to_stop.set)
    async with broker:
        if control_port is None:
            await asked_to_stop.wait()
            return
        control = control_server(broker, broker.host, control_port)
        serving = asyncio.create_task(control.serve())
        stopping = asyncio.create_task(asked_to_stop.wait())
        # A control server that can't start ends the process; half a broker is useless.
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        control.should_exit = True
        await serving


def main(
    port: Annotated[int, typer.Option(help="Where to listen for AMQP; 0 takes a free port.")] = 5672,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    queue: Annotated[list[str] | None, typer.Option(help="A queue; give it once for each.")] = None,
    lock_seconds: Annotated[float, typer.Option(min=0.01, help="How long a receiver holds a message.")] = 60,
    max_delivery_count: Annotated[int, typer.Option(min=1, help="Deliveries until a message is a dead letter.")] = 10,
    ttl_seconds: Annotated[
        float | None, typer.Option(help="How long a message lives; without limit if not given.")
    ] = None,
    max_messages: Annotated[int, typer.Option(min=1, help="How many messages a queue holds.")] = 100_000,
    max_connections: Annotated[
        int | None,
        typer.Option(min=1, help="Connections at once; Microsoft's emulator allows 10. No limit if not given."),
    ] = None,
    control_port: Annotated[int | None, typer.Option(help="Where to listen for HTTP: queues, faults, drop.")] = None,
    log_level: Annotated[str, typer.Option(help="DEBUG, INFO, WARNING or ERROR.")] = "INFO",
) -> None:
    """A Service Bus for this machine, in memory: its messages are gone when it stops."""
    configure(log_level, "auto", "broker")
    settings = QueueSettings(
        lock_seconds=lock_seconds,
        max_delivery_count=max_delivery_count,
        ttl_seconds=ttl_seconds,
        max_messages=max_messages,
    )
    names = queue or DEFAULT_QUEUES
    for number, name in ((port, "--port"), (control_port, "--control-port")):
        try:
            require_free(number or 0, f"choose another with {name}", host=host)
        except CannotListen as error:
            raise SystemExit(error.message) from error
    broker = Broker(dict.fromkeys(names, settings), host, port, max_connections=max_connections)
    asyncio.run(run(broker, control_port))


if __name__ == "__main__":
    typer.run(main)
