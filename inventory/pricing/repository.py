"""Pricing rules in Postgres."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import asyncpg
import msgspec

from inventory.core.database import Connection
from inventory.core.sql import Statements
from inventory.pricing.draft import RuleDraft, StoredRule
from inventory.pricing.rules import DEFAULT_MARKUP

sql = Statements("inventory.pricing")


class PriceChange(msgspec.Struct, frozen=True):
    """A stone whose price would be another."""

    diamond_id: UUID
    old_cents: int
    new_cents: int


class PricePreview(msgspec.Struct, frozen=True):
    """What a rule would change. `affected`: stones that it decides now or would decide; `decided`: those that it would.

    `changed`: how many of the affected ones would have another price. Totals are of the affected ones, in US cents.
    """

    affected: int
    decided: int
    changed: int
    old_total: int
    new_total: int
    samples: Sequence[PriceChange]


async def rules(connection: Connection) -> list[StoredRule]:
    """All rules, in the order in which they are tried."""
    return [_rule_of(row) for row in await connection.fetch(sql.rules)]


async def rules_by_id(connection: Connection, ids: Collection[UUID]) -> Mapping[UUID, StoredRule]:
    """Those of the rules that there are."""
    return {row["id"]: _rule_of(row) for row in await connection.fetch(sql.rules_by_id, list(ids))}


async def add(
    connection: Connection, rule_id: UUID, draft: RuleDraft, now: datetime, request_hash: bytes
) -> StoredRule | None:
    """A new rule; None when there is one with this id."""
    row = await connection.fetchrow(sql.add_rule, rule_id, *_values(draft), now, request_hash)
    return _rule_of(row) if row else None


async def request_hash(connection: Connection, rule_id: UUID) -> bytes | None:
    """The hash of the request that made a rule."""
    value: bytes | None = await connection.fetchval(sql.request_of_rule, rule_id)
    return value


async def change(connection: Connection, rule_id: UUID, draft: RuleDraft, now: datetime) -> StoredRule | None:
    """The rule as it is now; None when there is none with this id."""
    row = await connection.fetchrow(sql.change_rule, rule_id, *_values(draft), now)
    return _rule_of(row) if row else None


async def remove(connection: Connection, rule_id: UUID, now: datetime) -> bool:
    """Delete a rule, and keep its id. Return whether there was such a rule."""
    return await connection.fetchval(sql.remove_rule, rule_id, now) is not None


async def is_deleted(connection: Connection, rule_id: UUID) -> bool:
    """Whether there was a rule with this id."""
    return bool(await connection.fetchval(sql.is_deleted, rule_id))


async def preview(
    connection: Connection,
    present: Sequence[RuleDraft],
    other: Sequence[RuleDraft],
    places: tuple[int | None, int],
    samples: int,
) -> PricePreview:
    """What prices would become by `other` rules. `places`: the one rule's among `present` (None: it is new) and `other`."""
    given = [_criteria(rule, place, present=True) for place, rule in enumerate(present)]
    given += [_criteria(rule, place, present=False) for place, rule in enumerate(other)]
    rows = await connection.fetch(sql.preview, given, *places, DEFAULT_MARKUP, samples)
    first = rows[0]
    return PricePreview(
        affected=first["affected"],
        decided=first["decided"],
        changed=first["changed"],
        old_total=first["old_total"],
        new_total=first["new_total"],
        samples=[PriceChange(row["id"], row["old_cents"], row["new_cents"]) for row in rows if row["id"]],
    )


def _values(draft: RuleDraft) -> list[object]:
    return [
        draft.name, draft.priority, draft.markup_ratio, draft.rating, draft.carat_min_milli, draft.carat_max_milli,
        None if draft.shapes is None else sorted(set(draft.shapes)), draft.lab_grown, draft.supplier,
    ]  # fmt: skip


def _criteria(rule: RuleDraft, place: int, *, present: bool) -> dict[str, object]:
    return {
        "present": present,
        "place": place,
        "markup_ratio": _number(rule.markup_ratio),
        "carat_min_milli": rule.carat_min_milli,
        "carat_max_milli": rule.carat_max_milli,
        "shapes": rule.shapes,
        "lab_grown": rule.lab_grown,
        "supplier": rule.supplier,
    }


def _number(ratio: Decimal) -> str:
    return format(ratio, "f")


def _rule_of(row: asyncpg.Record) -> StoredRule:
    return msgspec.convert(dict(row), StoredRule)
