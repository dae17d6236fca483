"""Pricing service: list, add, change, remove and preview pricing rules; undo changes."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID, uuid5

import msgspec

from inventory.core.clock import Clock, utc_now
from inventory.core.database import Database
from inventory.core.errors import Conflict, NotFound, ValidationFailed
from inventory.core.logging import get_logger
from inventory.pricing import history, repository
from inventory.pricing.draft import RuleDraft, StoredRule, position_of
from inventory.pricing.history import RuleChange
from inventory.pricing.repository import PricePreview

log = get_logger()

# Repricing compares every diamond with every rule.
RULE_LIMIT = 200
_SAMPLES = 10
_NAMESPACE = UUID("2d1f7a3c-6a0e-5f0b-9f2e-7b9f0c3a51d4")


class PricingService:
    """Manages pricing rules. Prices change when the inventory is repriced, or with the next run."""

    def __init__(self, database: Database, *, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def all_rules(self) -> list[StoredRule]:
        """Read all rules in the order of their evaluation."""
        async with self._database.bounded() as connection:
            return await repository.rules(connection)

    async def find(self, ids: Collection[UUID]) -> Mapping[UUID, StoredRule]:
        """Read rules by id. Unknown ids are omitted."""
        async with self._database.bounded() as connection:
            return await repository.rules_by_id(connection, ids)

    async def add(self, draft: RuleDraft, *, client_id: str, key: str) -> StoredRule:
        """Add a rule. A repeated request with the client's idempotency `key` returns the rule of the first request.

        Raises:
            ValidationFailed: a value is out of range; one entry for each such field.
            Conflict: the key was used for another or a deleted rule, or the limit of rules is reached.
        """
        _check(draft)
        rule_id = uuid5(_NAMESPACE, f"{client_id}\n{key}")
        request = hashlib.sha256(msgspec.json.encode(draft)).digest()
        async with self._database.bounded() as connection, connection.transaction():
            known = (await repository.rules_by_id(connection, [rule_id])).get(rule_id)
            if known is None:
                # Read after the rule. A rule is deleted in one statement, so one of the two reads finds it.
                if await repository.is_deleted(connection, rule_id):
                    raise _deleted()
                if len(await repository.rules(connection)) >= RULE_LIMIT:
                    raise Conflict(f"The limit of {RULE_LIMIT} pricing rules is reached. Remove a rule first.")
                added = await repository.add(connection, rule_id, draft, self._clock(), request)
                if added:
                    await history.record(connection, None, added, at=added.created_at, client_id=client_id)
                    log.info("pricing_rule_added", rule_id=str(rule_id), client_id=client_id)
                    return added
                # A concurrent request with the same key has added the rule.
                known = (await repository.rules_by_id(connection, [rule_id])).get(rule_id)
            if known is None:
                raise _deleted()
            if await repository.request_hash(connection, rule_id) != request:
                raise Conflict("The idempotency key was used for another rule.")
            return known

    async def change(self, rule_id: UUID, draft: RuleDraft, *, client_id: str) -> StoredRule:
        """Replace all values of a rule. A repeated request changes nothing.

        Raises:
            ValidationFailed: a value is out of range; one entry for each such field.
            NotFound: no rule has this id.
        """
        _check(draft)
        now = self._clock()
        async with self._database.bounded() as connection, connection.transaction():
            before = await repository.lock(connection, rule_id)
            changed = await repository.change(connection, rule_id, draft, now)
            if changed is None:
                raise _rule_not_found(rule_id)
            await history.record(connection, before, changed, at=now, client_id=client_id)
        log.info("pricing_rule_changed", rule_id=str(rule_id), client_id=client_id)
        return changed

    async def remove(self, rule_id: UUID, *, client_id: str) -> None:
        """Delete a rule.

        Raises:
            NotFound: no rule has this id.
        """
        now = self._clock()
        async with self._database.bounded() as connection, connection.transaction():
            before = await repository.lock(connection, rule_id)
            if before is None:
                raise _rule_not_found(rule_id)
            await repository.remove(connection, rule_id, now)
            await history.record(connection, before, None, at=now, client_id=client_id)
        log.info("pricing_rule_removed", rule_id=str(rule_id), client_id=client_id)

    async def changes(self, before_id: int | None, limit: int) -> Sequence[RuleChange]:
        """List changes of rules, newest first, from the one before `before_id`."""
        async with self._database.bounded() as connection:
            return await history.changes(connection, before_id, limit)

    async def undo(self, change_id: int, *, client_id: str) -> StoredRule | None:
        """Restore a rule as it was before a change. Returns None if the change had created the rule.

        Raises:
            NotFound: there is no such change.
            Conflict: the change was undone already, or a later change of the rule follows it.
        """
        async with self._database.bounded() as connection, connection.transaction():
            restored = await history.undo(connection, change_id, at=self._clock(), client_id=client_id)
        log.info("pricing_rule_change_undone", change_id=change_id, client_id=client_id)
        return restored

    async def preview(self, draft: RuleDraft, rule_id: UUID | None = None) -> PricePreview:
        """Preview the prices with a new rule, or with the rule `rule_id` changed to the draft. Writes nothing.

        Raises:
            ValidationFailed: a value is out of range; one entry for each such field.
            NotFound: no rule has this id.
        """
        _check(draft)
        async with (
            self._database.bounded() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            present = await repository.rules(connection)
            replaced = next((rule for rule in present if rule.id == rule_id), None)
            if rule_id is not None and replaced is None:
                raise _rule_not_found(rule_id)
            others = [rule for rule in present if rule is not replaced]
            position = position_of(others, draft, replaced)
            changed: list[RuleDraft] = [*others[:position], draft, *others[position:]]
            positions = (present.index(replaced) if replaced else None, position)
            return await repository.preview(connection, present, changed, positions, _SAMPLES)


def _check(draft: RuleDraft) -> None:
    problems = draft.problems()
    if problems:
        raise ValidationFailed(problems)


def _deleted() -> Conflict:
    return Conflict(
        "The rule that was added under this idempotency key has been deleted. Use a new key for a new rule."
    )


def _rule_not_found(rule_id: UUID) -> NotFound:
    return NotFound(f"There is no pricing rule {rule_id}.")
