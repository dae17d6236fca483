"""Declaration of fields with resolvers, and the only place that checks their scopes."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import strawberry
from strawberry.extensions.field_extension import AsyncExtensionResolver, FieldExtension, SyncExtensionResolver
from strawberry.types.field import StrawberryField

from app.auth.scopes import Scope
from app.graphql.context import Info

F = TypeVar("F", bound=Callable[..., Any])


class RequireScope(FieldExtension):
    """Field extension that requires a scope and adds it to the description of the field."""

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


def field(*, description: str, scope: Scope | None = None) -> Callable[[F], F]:
    """Declare a method as the resolver of a field, for callers with `scope`."""

    def declare(resolver: F) -> F:
        extensions: list[FieldExtension] = [RequireScope(scope)] if scope else []
        return cast("F", strawberry.field(resolver, description=description, extensions=extensions))

    return declare


def subscription(*, description: str, scope: Scope) -> Callable[[F], F]:
    """Declare a coroutine that returns a `Topic` as a subscription. Every subscription requires a scope."""

    def declare(resolver: F) -> F:
        return cast("F", strawberry.subscription(resolver, description=description, extensions=[RequireScope(scope)]))

    return declare
