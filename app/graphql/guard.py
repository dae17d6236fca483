"""How a field with a resolver is declared, and the one place where it asks for a scope."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import strawberry
from strawberry.extensions.field_extension import AsyncExtensionResolver, FieldExtension, SyncExtensionResolver
from strawberry.types.field import StrawberryField

from app.auth.scopes import Scope
from app.graphql.context import Info

F = TypeVar("F", bound=Callable[..., Any])


class Needs(FieldExtension):
    """Lets only callers with a scope resolve the field, and says so in its description."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def apply(self, field: StrawberryField) -> None:
        field.description = f"{field.description} Needs the scope `{self.scope}`."

    def resolve(self, next_: SyncExtensionResolver, source: Any, info: Info, **kwargs: Any) -> Any:  # type: ignore[override]
        info.context.require(self.scope)
        return next_(source, info, **kwargs)

    async def resolve_async(  # type: ignore[override]  # the schema's own Info
        self, next_: AsyncExtensionResolver, source: Any, info: Info, **kwargs: Any
    ) -> Any:
        info.context.require(self.scope)
        return await next_(source, info, **kwargs)


def field(*, says: str, needs: Scope | None = None) -> Callable[[F], F]:
    """Makes a method the resolver of a field that `says` what it is, for callers who have what it `needs`."""

    def declare(resolver: F) -> F:
        return cast("F", strawberry.field(resolver, description=says, extensions=[Needs(needs)] if needs else []))

    return declare


def subscription(*, says: str, needs: Scope) -> Callable[[F], F]:
    """The same for a subscription, whose resolver is a coroutine that gives a `Topic`. None is open to everyone."""

    def declare(resolver: F) -> F:
        return cast("F", strawberry.subscription(resolver, description=says, extensions=[Needs(needs)]))

    return declare
