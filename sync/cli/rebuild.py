"""`rebuild`: compare the inventory with its payloads, or rebuild it from them."""

from typing import Annotated, Any

import msgspec
import typer

from inventory.core.clock import utc_now
from inventory.core.command_line import print_json, print_text, run_command
from inventory.core.command_options import AsJson
from inventory.core.counts import count_text
from inventory.core.database import Database
from inventory.core.records import Record, print_records
from inventory.suppliers.registry import supplier_of
from sync.cli.feeds import FeedName, start_feed_command
from sync.operations.rebuild import Comparison, Difference, Rebuild


def rebuild(
    apply: Annotated[
        bool, typer.Option("--apply", help="Replace the differing stones. Without it, only compare.")
    ] = False,
    feed: FeedName = None,
    as_json: AsJson = False,
) -> None:
    """Compare the inventory with its payloads by the present mapping and prices. With --apply, replace the differences."""
    settings = start_feed_command("rebuild", feed)

    async def command() -> None:
        async with Database.open(settings.database) as database:
            rebuilding = Rebuild(settings.sync, database, supplier_of(settings).remap(settings), utc_now)
            found = await rebuilding.compare()
            # Printed before the replacement, so that the terminal keeps the old values.
            if not as_json:
                _print(found)
            applied = await rebuilding.apply(found) if apply and found.outcomes else None
        if as_json:
            print_json(_plain(applied or found))
        elif applied is not None:
            replaced = sum(applied.outcomes.values()) - applied.outcomes.get("waiting", 0)
            print_text(f"{count_text(replaced, 'stone')} replaced.")

    run_command(command())


def _plain(found: Comparison) -> object:
    """Convert to JSON types. Hashes, the only bytes among the fields, become hexadecimal digits."""
    return msgspec.to_builtins(found, enc_hook=str, builtin_types=(bytes,)) | {
        "differences": [
            {
                "supplier_stone_id": difference.supplier_stone_id,
                "outcome": difference.outcome,
                "fields": {name: [_text(value) for value in pair] for name, pair in difference.fields.items()},
            }
            for difference in found.differences
        ]
    }


def _print(found: Comparison) -> None:
    if found.differences:
        print_records(("stone", "outcome"), [_record(difference) for difference in found.differences])
        hidden = sum(found.outcomes.values()) - len(found.differences)
        if hidden > 0:
            print_text(f"... and {hidden:,} more.")
    parts = [f"{count:,} {outcome}" for outcome, count in sorted(found.outcomes.items())]
    print_text(f"{count_text(found.stones, 'stone')}: {', '.join([f'{found.equal:,} equal', *parts])}.")
    if found.outcomes.get("waiting"):
        print_text(
            "Waiting stones belong to a run that was not consolidated. Consolidate it, or wait for the next run."
        )
    if found.without_payload:
        print_text(f"Without a payload, and not changed: {count_text(found.without_payload, 'stone')}.")


def _record(difference: Difference) -> Record:
    fields = [
        f"{name}: holds {_text(holds) or 'nothing'}, should hold {_text(should) or 'nothing'}"
        for name, (holds, should) in difference.fields.items()
    ]
    return Record((difference.supplier_stone_id, difference.outcome), fields)


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return value.hex() if isinstance(value, bytes) else str(value)
