"""Declaration of fields that are computed from the columns of a diamond, with the columns that each field reads.

The declarations define the resolvers and the columns that a query selects.
"""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any

import msgspec
import strawberry

from app.auth.scopes import Scope
from app.graphql.diamonds.grades import grade_names, graded
from app.graphql.money import Money, money
from app.graphql.permissions import RequireScope
from app.graphql.selection_compiler import READ, Read
from inventory.catalog.diamond import Diamond as Row

SOURCE = "source"


class FieldSource(msgspec.Struct, frozen=True):
    """Columns and scope of a field."""

    columns: frozenset[str]
    scope: Scope | None


def computed(
    *columns: str,
    of: Callable[[Row], Any],
    description: str,
    scope: Scope | None = None,
    read: Read | None = None,
) -> Any:
    """Declare a field that `of` computes from `columns`."""

    def resolve(self: Any) -> Any:
        return of(self.row)

    # Strawberry reads the type from the class annotation.
    del resolve.__annotations__["return"], resolve.__annotations__["self"]
    return strawberry.field(
        resolver=resolve,
        description=description,
        metadata={SOURCE: FieldSource(frozenset(columns), scope), READ: read or Read("row", function=of)},
        extensions=[RequireScope(scope)] if scope else [],
    )


def grade(name: str, scale: type[Enum], description: str) -> Any:
    """Declare a field that is a grade: a member of `scale` with the text of a column."""
    return computed(
        name,
        of=lambda row: graded(scale, getattr(row, name)),
        description=description,
        read=Read("row", column=name, leaf=grade_names(scale).__getitem__),
    )


def column(name: str, description: str) -> Any:
    """Declare a field that is a column."""
    return computed(name, of=lambda row: getattr(row, name), description=description, read=Read("row", column=name))


def amount(cents: str, *, description: str, columns: Sequence[str] | None = None, scope: Scope | None = None) -> Any:
    """Declare a field that is an amount of money. `cents`: attribute of a row; `columns`: of others that it is computed from."""

    def of(row: Row) -> Money:
        return money(getattr(row, cents))

    read = Read("row", function=of, inline={"cents": cents})
    return computed(*(columns or (cents,)), of=of, description=description, scope=scope, read=read)
