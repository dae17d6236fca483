"""Exchange rates of display currencies: query and mutations."""

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated

import strawberry

from app.auth.scopes import Scope
from app.graphql.context import Info
from app.graphql.permissions import field
from app.graphql.user_errors import UserError, attempt, error_type, errors_field, typed_errors
from inventory.core.errors import ValidationFailed
from inventory.pricing.exchange_rates import ExchangeRate as Row

_argument = strawberry.argument
_CURRENCY = "The currency, ISO 4217, such as `EUR`."


@strawberry.type(description="Exchange rate of a display currency, as an operator set it.")
class ExchangeRate:
    currency: str = strawberry.field(description=_CURRENCY)
    rate: str = strawberry.field(description="Units of the currency for one US dollar.")
    rate_at: datetime = strawberry.field(description="When it was set.")


@strawberry.input(description="An exchange rate to set.")
class ExchangeRateSetInput:
    currency: str = strawberry.field(description=_CURRENCY)
    rate: str = strawberry.field(description="Units of the currency for one US dollar, such as `0.9215`.")


@strawberry.input(description="An exchange rate to delete.")
class ExchangeRateDeleteInput:
    currency: str = strawberry.field(description=_CURRENCY)


ExchangeRateSetUserError = error_type("ExchangeRateSet")
ExchangeRateDeleteUserError = error_type("ExchangeRateDelete")


@strawberry.type(description="Result of `exchangeRateSet`.")
class ExchangeRateSetPayload:
    exchange_rate: ExchangeRate | None = strawberry.field(description="The rate; null if it was rejected.")
    user_errors: list[UserError] = errors_field(ExchangeRateSetUserError)


@strawberry.type(description="Result of `exchangeRateDelete`.")
class ExchangeRateDeletePayload:
    deleted_currency: str | None = strawberry.field(description="The currency; null if none was deleted.")
    user_errors: list[UserError] = errors_field(ExchangeRateDeleteUserError)


@strawberry.type
class ExchangeRateQueries:
    """Fields of `Query` for exchange rates."""

    @field(description="Exchange rates of display currencies, by currency.", scope=Scope.DIAMONDS_READ)
    async def exchange_rates(self, info: Info) -> list[ExchangeRate] | None:
        return [_to_graphql(rate) for rate in (await info.context.services.exchange_rates.all_rates()).values()]


@strawberry.type
class ExchangeRateMutations:
    """Fields of `Mutation` for exchange rates."""

    @field(
        description="Sets the exchange rate of a display currency. Every process shows it within half a minute. Repeated, it "
        "changes nothing but the time.",
        scope=Scope.PRICING_WRITE,
    )
    async def exchange_rate_set(
        self,
        info: Info,
        input: Annotated[ExchangeRateSetInput, _argument(description="The rate.")],  # noqa: A002 - GraphQL convention
    ) -> ExchangeRateSetPayload | None:
        async def set_rate() -> ExchangeRate:
            try:
                rate = Decimal(input.rate)
            except InvalidOperation:
                raise ValidationFailed({"rate": "should be a number, such as 0.9215"}) from None
            client_id = info.context.caller.client_id
            return _to_graphql(
                await info.context.services.exchange_rates.set_rate(input.currency, rate, client_id=client_id)
            )

        rate, problems = await attempt(set_rate())
        return ExchangeRateSetPayload(exchange_rate=rate, user_errors=typed_errors(ExchangeRateSetUserError, problems))

    @field(description="Deletes the exchange rate of a display currency.", scope=Scope.PRICING_WRITE)
    async def exchange_rate_delete(
        self,
        info: Info,
        input: Annotated[ExchangeRateDeleteInput, _argument(description="The currency.")],  # noqa: A002 - GraphQL convention
    ) -> ExchangeRateDeletePayload | None:
        async def delete() -> str:
            client_id = info.context.caller.client_id
            await info.context.services.exchange_rates.remove_rate(input.currency, client_id=client_id)
            return input.currency

        currency, problems = await attempt(delete(), subject=("input", "currency"))
        return ExchangeRateDeletePayload(
            deleted_currency=currency, user_errors=typed_errors(ExchangeRateDeleteUserError, problems)
        )


def _to_graphql(rate: Row) -> ExchangeRate:
    return ExchangeRate(currency=rate.currency, rate=f"{rate.rate.normalize():f}", rate_at=rate.rate_at)
