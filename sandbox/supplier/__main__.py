"""`python -m sandbox.supplier`: run the supplier simulator until SIGTERM."""

import asyncio
import json
import signal
from typing import Annotated

import typer
import uvloop

from inventory.core.logging import configure, get_logger
from sandbox.stack.ports import CannotListen, require_free
from sandbox.supplier.accounts import Account
from sandbox.supplier.behaviour import Behaviour, Unit
from sandbox.supplier.served_schema import SchemaOptions, ServedSchema, Version
from sandbox.supplier.server import DEFAULT_ACCOUNT, Options, Simulator
from sandbox.supplier.spread import Spread

_DEFAULT = Options()
Port = Annotated[int, typer.Option(min=0, max=65_535)]


def main(
    host: Annotated[str, typer.Option(help="address to listen on")] = Options().host,
    port: Port = 0,
    control_port: Port = 0,
    stones: Annotated[int, typer.Option(min=0, max=5_000_000)] = Options().stones,
    seed: int = 1,
    spread: Annotated[
        Spread, typer.Option(help="real: the real stones first; density: all prices drawn from the price distribution")
    ] = "real",
    bad_data: Annotated[
        float, typer.Option(min=0, max=1, help="share of stones with bad values")
    ] = Options().bad_data_share,
    generated: Annotated[
        int,
        typer.Option(
            min=0, max=1_000_000, help="further stones: other shapes, lab-grown, fancy colours; none with bad values"
        ),
    ] = 0,
    media_url: Annotated[
        str, typer.Option(help="URL prefix of media; the API port serves them below /media")
    ] = _DEFAULT.media_url,
    username: str = DEFAULT_ACCOUNT.username,
    password: str = DEFAULT_ACCOUNT.password,
    pro: Annotated[bool, typer.Option(help="whether the account may place holds and orders")] = True,
    account: Annotated[list[str] | None, typer.Option(help="additional account with Pro access, USER:PASSWORD")] = None,
    token_seconds: Annotated[float, typer.Option(min=0)] = Options().token_seconds,
    hold_seconds: Annotated[float, typer.Option(min=0)] = Options().hold_seconds,
    schema: Annotated[Version, typer.Option(help="version of the published schema")] = _DEFAULT.schema.version,
    without: Annotated[list[str] | None, typer.Option(help="member to remove from the schema, Type.member")] = None,
    rename: Annotated[list[str] | None, typer.Option(help="member to rename, Type.member=name")] = None,
    introspection: Annotated[bool, typer.Option(help="whether introspection is allowed")] = True,
    until: Annotated[Unit, typer.Option(help="unit of Hold.until, counted from 1970")] = _DEFAULT.behaviour.until,
    expires: Annotated[
        Unit, typer.Option(help="Session.expires: seconds until expiry, or milliseconds since 1970")
    ] = _DEFAULT.behaviour.expires,
) -> None:
    """Serve the supplier's API and the control API. Write their addresses to stdout as one line of JSON."""
    configure("INFO", "auto", "supplier")
    others = (text.partition(":") for text in account or ())
    options = Options(
        host=host,
        port=port,
        control_port=control_port,
        stones=stones,
        seed=seed,
        spread=spread,
        bad_data_share=bad_data,
        generated=generated,
        media_url=media_url,
        accounts=(Account(username, password, pro), *(Account(name, secret) for name, _, secret in others)),
        token_seconds=token_seconds,
        hold_seconds=hold_seconds,
        schema=SchemaOptions(schema, tuple(without or ()), tuple(rename or ()), introspection),
        behaviour=Behaviour(until=until, expires=expires),
    )
    try:
        ServedSchema(options.schema)
    except ValueError as error:
        raise SystemExit(f"--without or --rename: {error}") from error
    for number, name in ((port, "--port"), (control_port, "--control-port")):
        try:
            require_free(number, f"choose another with {name}", host=host)
        except CannotListen as error:
            raise SystemExit(error.message) from error
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(options))


async def _serve(options: Options) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    log = get_logger()
    async with Simulator(options) as simulator:
        print(json.dumps({"endpoint": simulator.endpoint, "control": simulator.control}), flush=True)
        log.info("simulator_started", endpoint=simulator.endpoint, control=simulator.control, stones=options.stones)
        await stop.wait()
    log.info("simulator_stopped")


if __name__ == "__main__":
    typer.run(main)
