"""The pricing rules as those who run the shop handle them: list, add, change, remove, and try out."""

import hashlib
from collections.abc import Collection, Mapping
from uuid import UUID, uuid5

import msgspec

from inventory.core.clock import Clock, utc_now
from inventory.core.database import Database
from inventory.core.errors import Conflict, NotFound, ValidationFailed
from inventory.core.logging import get_logger
from inventory.pricing import repository
from inventory.pricing.draft import RuleDraft, StoredRule, place_of
from inventory.pricing.repository import PricePreview

log = get_logger()

# Every stone is held against every rule in turn.
MOST_RULES = 200
_SAMPLES = 10
_NAMESPACE = UUID("2d1f7a3c-6a0e-5f0b-9f2e-7b9f0c3a51d4")


class PricingService:
    """Rules change here and nowhere else. Prices follow when the inventory is repriced, or with the next run."""

    def __init__(self, database: Database, *, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def every(self) -> list[StoredRule]:
        """All rules, in the order in which they are tried."""
        async with self._database.bounded() as connection:
            return await repository.rules(connection)

    async def find(self, ids: Collection[UUID]) -> Mapping[UUID, StoredRule]:
        """Those of the rules that there are."""
        async with self._database.bounded() as connection:
            return await repository.rules_by_id(connection, ids)

    async def add(self, draft: RuleDraft, *, client_id: str, key: str) -> StoredRule:
        """A new rule. The same request again, by the client's `key`, answers the rule that the first one made.

        Raises:
            ValidationFailed: by the draft's fields.
            Conflict: the key was used for another rule or a deleted one, or there are too many rules.
        """
        _check(draft)
        rule_id = uuid5(_NAMESPACE, f"{client_id}\n{key}")
        request = hashlib.sha256(msgspec.json.encode(draft)).digest()
        async with self._database.bounded() as connection, connection.transaction():
            known = (await repository.rules_by_id(connection, [rule_id])).get(rule_id)
            if known is None:
                # Looked up after the rule: a rule is deleted in one statement, so one of the two is seen.
                if await repository.is_deleted(connection, rule_id):
                    raise _deleted()
                if len(await repository.rules(connection)) >= MOST_RULES:
                    raise Conflict(f"There are {MOST_RULES} rules already; remove one first.")
                added = await repository.add(connection, rule_id, draft, self._clock(), request)
                if added:
                    log.info("pricing rule added", rule_id=str(rule_id), client_id=client_id)
                    return added
                # Someone sent the same request at the same time, and was faster.
                known = (await repository.rules_by_id(connection, [rule_id])).get(rule_id)
            if known is None:
                raise _deleted()
            if await repository.request_hash(connection, rule_id) != request:
                raise Conflict("The idempotency key was used for another rule.")
            return known

    async def change(self, rule_id: UUID, draft: RuleDraft, *, client_id: str) -> StoredRule:
        """The rule with all of its values replaced. The same change again changes nothing.

        Raises:
            ValidationFailed: by the draft's fields.
            NotFound: there is no such rule.
        """
        _check(draft)
        async with self._database.bounded() as connection:
            changed = await repository.change(connection, rule_id, draft, self._clock())
        if changed is None:
            raise _no_rule(rule_id)
        log.info("pricing rule changed", rule_id=str(rule_id), client_id=client_id)
        return changed

    async def remove(self, rule_id: UUID, *, client_id: str) -> None:
        """There is no such rule any more.

        Raises:
            NotFound: there was none.
        """
        async with self._database.bounded() as connection:
            removed = await repository.remove(connection, rule_id, self._clock())
        if not removed:
            raise _no_rule(rule_id)
        log.info("pricing rule removed", rule_id=str(rule_id), client_id=client_id)

    async def preview(self, draft: RuleDraft, rule_id: UUID | None = None) -> PricePreview:
        """What prices would become with a new rule, or with the rule `rule_id` changed to the draft. Writes nothing.

        Raises:
            ValidationFailed: by the draft's fields.
            NotFound: there is no such rule.
        """
        _check(draft)
        async with (
            self._database.bounded() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            present = await repository.rules(connection)
            replaced = next((rule for rule in present if rule.id == rule_id), None)
            if rule_id is not None and replaced is None:
                raise _no_rule(rule_id)
            others = [rule for rule in present if rule is not replaced]
            place = place_of(others, draft, replaced)
            changed: list[RuleDraft] = [*others[:place], draft, *others[place:]]
            places = (present.index(replaced) if replaced else None, place)
            return await repository.preview(connection, present, changed, places, _SAMPLES)


def _check(draft: RuleDraft) -> None:
    problems = draft.problems()
    if problems:
        raise ValidationFailed(problems)


def _deleted() -> Conflict:
    return Conflict(
        "The rule that was created under this idempotency key has been deleted. Use a new key for a new rule."
    )


def _no_rule(rule_id: UUID) -> NotFound:
    return NotFound(f"There is no pricing rule {rule_id}.")
