"""History of pricing rules: record a change with its author, list changes, and undo one."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from inventory.core.database import Connection
from inventory.core.errors import Conflict, NotFound
from inventory.pricing import repository
from inventory.pricing.draft import StoredRule
from inventory.pricing.repository import sql


class RuleChange(msgspec.Struct, frozen=True):
    """A change of a rule. `before` is None if the rule was created, `after` if it was deleted.

    `undoes`: the change that this one has undone. `undone_by`: the change that has undone this one.
    """

    id: int
    rule_id: UUID
    at: datetime
    client_id: str
    before: StoredRule | None
    after: StoredRule | None
    undoes: int | None
    undone_by: int | None


async def record(
    connection: Connection,
    before: StoredRule | None,
    after: StoredRule | None,
    *,
    at: datetime,
    client_id: str,
    undoes: int | None = None,
) -> None:
    """Record a change in the caller's transaction, unless nothing has changed.

    Raises:
        Conflict: the change `undoes` was undone already.
    """
    rule = after or before
    if rule is None or before == after:
        return
    values = (msgspec.to_builtins(before), msgspec.to_builtins(after))
    if await connection.fetchval(sql.record_change, rule.id, at, client_id, *values, undoes) is None:
        raise Conflict("The change was undone already.")


async def changes(connection: Connection, before_id: int | None, limit: int) -> Sequence[RuleChange]:
    """List changes, newest first, from the one before `before_id`."""
    rows = await connection.fetch(sql.rule_changes, before_id, limit)
    return [msgspec.convert(dict(row), RuleChange) for row in rows]


async def undo(connection: Connection, change_id: int, *, at: datetime, client_id: str) -> StoredRule | None:
    """Restore the rule as it was before a change, in the caller's transaction. Returns None if it was created by the change.

    Raises:
        NotFound: there is no such change.
        Conflict: the change was undone already, or a later change of the rule follows it.
    """
    row = await connection.fetchrow(sql.rule_change, change_id)
    if row is None:
        raise NotFound(f"There is no change {change_id}.")
    change = msgspec.convert(dict(row), RuleChange)
    present = await repository.lock(connection, change.rule_id)
    if change.undone_by is not None:
        raise Conflict("The change was undone already.")
    if present != change.after:
        raise Conflict("The rule was changed again. Undo the later change first.")
    restored = await _restore(connection, change, at)
    await record(connection, present, restored, at=at, client_id=client_id, undoes=change.id)
    return restored


async def _restore(connection: Connection, change: RuleChange, at: datetime) -> StoredRule | None:
    if change.before is None:
        await repository.remove(connection, change.rule_id, at)
        return None
    if change.after is not None:
        return await repository.change(connection, change.rule_id, change.before, at)
    restored = await repository.restore(connection, change.before, at)
    if restored is None:
        raise Conflict("The rule was restored already.")
    return restored
