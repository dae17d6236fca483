"""Commands `purchases list|show|examine|resolve|confirm|decline`."""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar
from uuid import UUID

import msgspec
import typer
from redis.asyncio import Redis

from inventory.core.command_line import print_json, run_command, start_command
from inventory.core.command_options import AsJson
from inventory.core.database import Database
from inventory.core.durations import instant_text
from inventory.core.errors import NotFound
from inventory.core.operator import operator_identity
from inventory.core.records import Record, print_facts, print_records
from inventory.core.settings import Settings
from inventory.suppliers.registry import open_trading_client
from inventory.trading.models import Purchase
from inventory.trading.outcomes import Outcome, OutcomeService
from inventory.trading.queries import PurchaseFilter, TradingRecords
from inventory.trading.states import PurchaseState

T = TypeVar("T")

app = typer.Typer(
    no_args_is_help=True, help="Purchases: list and show them, record their outcome and the supplier's answer."
)

_COMMAND_SECONDS = 60
_HIDDEN_FIELDS = ("request_hash", "idempotency_key", "snapshot")  # of use to the client only

PurchaseId = Annotated[
    UUID, typer.Argument(metavar="PURCHASE_ID", help="Id of the purchase: the customer order number on the invoice.")
]
Reason = Annotated[str, typer.Option(help="Evidence: the person who was asked, or the message that states it.")]
By = Annotated[str | None, typer.Option(help="Operator who records it; default: account and machine.")]
OrderId = Annotated[str | None, typer.Option(help="Id of the order at the supplier.")]


@app.command(name="list")
def list_purchases(
    state: Annotated[
        list[PurchaseState] | None, typer.Option(help="Only purchases in this state; may be repeated.")
    ] = None,
    client: Annotated[str | None, typer.Option(help="Only purchases of this client.")] = None,
    diamond: Annotated[UUID | None, typer.Option(metavar="DIAMOND_ID", help="Only purchases of this diamond.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Maximum number of purchases.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List purchases, newest first."""
    criteria = PurchaseFilter(client_id=client, diamond_id=diamond, states=state or None)
    found, _ = _with_database(lambda _, database: TradingRecords(database).page_of_purchases(criteria, None, limit))
    if as_json:
        print_json([_public(purchase) for purchase in found])
    else:
        print_records(("purchase", "state", "requested", "price"), [_list_entry(purchase) for purchase in found])


@app.command()
def show(purchase_id: PurchaseId, as_json: AsJson = False) -> None:
    """Show a purchase."""
    found = _with_database(lambda _, database: TradingRecords(database).purchases([purchase_id]))
    if purchase_id not in found:
        raise NotFound(f"There is no purchase {purchase_id}.")
    _print(found[purchase_id], as_json=as_json)


@app.command(name="examine")
def examine_purchase(purchase_id: PurchaseId, as_json: AsJson = False) -> None:
    """Search the supplier for evidence of an order of unknown outcome. Changes neither the order nor the purchase."""

    async def examine(settings: Settings, database: Database) -> Purchase:
        async with (
            Redis.from_url(settings.redis.need("url")) as redis,
            open_trading_client(settings, redis) as supplier,
        ):
            return await OutcomeService(settings.sync, database, supplier).examine(purchase_id)

    _print(_with_database(examine), as_json=as_json)


@app.command()
def resolve(
    purchase_id: PurchaseId,
    outcome: Annotated[
        Outcome, typer.Option(help="ordered: the supplier has the order; failed: it has no such order.")
    ],
    reason: Reason,
    by: By = None,
    order_id: OrderId = None,
    as_json: AsJson = False,
) -> None:
    """Settle a purchase of unknown outcome. Check the supplier account first."""
    _print(
        _record(
            lambda found: found.resolve(
                purchase_id, outcome, who=by or operator_identity(), reason=reason, order_id=order_id
            )
        ),
        as_json=as_json,
    )


@app.command()
def confirm(
    purchase_id: PurchaseId, reason: Reason, by: By = None, order_id: OrderId = None, as_json: AsJson = False
) -> None:
    """Record that the supplier confirmed an accepted order."""
    _print(
        _record(
            lambda found: found.confirm(purchase_id, who=by or operator_identity(), reason=reason, order_id=order_id)
        ),
        as_json=as_json,
    )


@app.command()
def decline(purchase_id: PurchaseId, reason: Reason, by: By = None, as_json: AsJson = False) -> None:
    """Record that the supplier declined an accepted order. The diamond stays unavailable until a sync reads it again."""
    _print(
        _record(lambda found: found.decline(purchase_id, who=by or operator_identity(), reason=reason)), as_json=as_json
    )


def _record(work: Callable[[OutcomeService], Awaitable[Purchase]]) -> Purchase:
    async def with_outcomes(settings: Settings, database: Database) -> Purchase:
        return await work(OutcomeService(settings.sync, database, None))

    return _with_database(with_outcomes)


def _with_database(work: Callable[[Settings, Database], Awaitable[T]]) -> T:
    settings = start_command("purchases")

    async def run() -> T:
        async with Database.open(settings.database) as database:
            return await work(settings, database)

    return run_command(run(), timeout_seconds=_COMMAND_SECONDS)


def _print(purchase: Purchase, *, as_json: bool) -> None:
    fields = _public(purchase)
    if as_json:
        print_json(fields)
        return
    print_facts((name.replace("_", " "), str(value)) for name, value in fields.items() if value is not None)


def _public(purchase: Purchase) -> dict[str, object]:
    fields = msgspec.structs.asdict(purchase)
    return {name: value for name, value in fields.items() if name not in _HIDDEN_FIELDS}


def _list_entry(purchase: Purchase) -> Record:
    order = f", order {purchase.supplier_order_id}" if purchase.supplier_order_id else ""
    return Record(
        (
            str(purchase.id),
            purchase.state,
            instant_text(purchase.requested_at),
            f"{purchase.price_cents / 100:,.2f}",
        ),
        (f"client {purchase.client_id}{order}", purchase.answer_reason or purchase.failure or ""),
    )
