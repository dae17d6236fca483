"""`destinations`: the locations of the supplier's account, which purchases name."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import msgspec
import typer
from redis.asyncio import Redis
from rich.console import Console
from rich.table import Table

from inventory.core import logging
from inventory.core.settings import Settings
from inventory.suppliers.nivoda.trading import open_limited_trading
from inventory.suppliers.ports import Destination
from inventory.trading.destinations import Destinations

_COMMAND_SECONDS = 60


def destinations(as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False) -> None:
    """List the destinations of orders: the locations of the supplier's account, the default first."""
    settings = Settings.read()
    logging.configure(settings.log_level, settings.log_format, "destinations")

    async def run() -> Sequence[Destination]:
        async with (
            asyncio.timeout(_COMMAND_SECONDS),
            Redis.from_url(settings.need("redis_url")) as redis,
            open_limited_trading(settings, redis) as supplier,
        ):
            return await Destinations(supplier).listed()

    found = asyncio.run(run())
    if as_json:
        typer.echo(msgspec.json.encode(found))
        return
    table = Table("id", "name", "address", "default")
    for one in found:
        parts = (*one.address, one.postal_code, one.city, one.state, one.country)
        table.add_row(one.id, one.name, ", ".join(part for part in parts if part), "yes" if one.default else "")
    Console().print(table)
