"""SQL of pricing rules and of the price preview."""

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
    """A diamond whose price would change."""

    diamond_id: UUID
    old_cents: int
    new_cents: int


class PricePreview(msgspec.Struct, frozen=True):
    """Effect of a rule change. `affected`: diamonds that the rule prices now or would price; `decided`: would price.

    `changed`: affected diamonds whose price would change. Totals: of the affected diamonds, in US cents.
    """

    affected: int
    decided: int
    changed: int
    old_total: int
    new_total: int
    samples: Sequence[PriceChange]


async def rules(connection: Connection) -> list[StoredRule]:
    """Read all rules in the order of their evaluation."""
    return [_rule_of(row) for row in await connection.fetch(sql.rules)]


async def rules_by_id(connection: Connection, ids: Collection[UUID]) -> Mapping[UUID, StoredRule]:
    """Read rules by id. Unknown ids are omitted."""
    return {row["id"]: _rule_of(row) for row in await connection.fetch(sql.rules_by_id, list(ids))}


async def add(
    connection: Connection, rule_id: UUID, draft: RuleDraft, now: datetime, request_hash: bytes
) -> StoredRule | None:
    """Insert a rule. Returns None if a rule has this id."""
    row = await connection.fetchrow(sql.add_rule, rule_id, *_values(draft), now, request_hash)
    return _rule_of(row) if row else None


async def request_hash(connection: Connection, rule_id: UUID) -> bytes | None:
    """Read the hash of the request that created a rule."""
    value: bytes | None = await connection.fetchval(sql.request_of_rule, rule_id)
    return value


async def change(connection: Connection, rule_id: UUID, draft: RuleDraft, now: datetime) -> StoredRule | None:
    """Replace the values of a rule. Returns None if no rule has this id."""
    row = await connection.fetchrow(sql.change_rule, rule_id, *_values(draft), now)
    return _rule_of(row) if row else None


async def lock(connection: Connection, rule_id: UUID) -> StoredRule | None:
    """Read and lock a rule for its change. Returns None if no rule has this id."""
    row = await connection.fetchrow(sql.lock_rule, rule_id)
    return _rule_of(row) if row else None


async def restore(connection: Connection, rule: StoredRule, now: datetime) -> StoredRule | None:
    """Insert a deleted rule again with its id and age. Returns None if a rule has this id."""
    row = await connection.fetchrow(sql.restore_rule, rule.id, *_values(rule), rule.created_at, now)
    return _rule_of(row) if row else None


async def remove(connection: Connection, rule_id: UUID, now: datetime) -> bool:
    """Delete a rule and record its id as deleted. Returns False if no rule has this id."""
    return await connection.fetchval(sql.remove_rule, rule_id, now) is not None


async def is_deleted(connection: Connection, rule_id: UUID) -> bool:
    """Whether a rule with this id was deleted."""
    return bool(await connection.fetchval(sql.is_deleted, rule_id))


async def preview(
    connection: Connection,
    present: Sequence[RuleDraft],
    other: Sequence[RuleDraft],
    positions: tuple[int | None, int],
    samples: int,
) -> PricePreview:
    """Compute the prices by `other` rules. `positions`: of the changed rule in `present` (None: a new rule) and in `other`."""
    criteria = [_criteria(rule, position, present=True) for position, rule in enumerate(present)]
    criteria += [_criteria(rule, position, present=False) for position, rule in enumerate(other)]
    rows = await connection.fetch(sql.preview, criteria, *positions, DEFAULT_MARKUP, samples)
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


def _criteria(rule: RuleDraft, position: int, *, present: bool) -> dict[str, object]:
    return {
        "present": present,
        "place": position,
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
