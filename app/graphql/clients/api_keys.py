"""API keys of all clients: list, rotate and revoke."""

from datetime import datetime, timedelta
from enum import Enum
from typing import Annotated

import strawberry

from app.auth.repository import StoredKey
from app.auth.scopes import Scope
from app.graphql.context import Info
from app.graphql.permissions import field
from app.graphql.user_errors import UserError, attempt, error_type, errors_field, typed_errors
from inventory.core.clock import utc_now
from inventory.core.errors import NotFound, ValidationFailed
from inventory.core.logging import get_logger

log = get_logger()

_argument = strawberry.argument
_value = strawberry.enum_value

_MAX_KEEP_HOURS_LENGTH = 24 * 365
_MAX_ID_LENGTH = 100


@strawberry.enum(description="Status of an API key.")
class ApiKeyStatus(Enum):
    VALID = _value("valid", description="It is accepted.")
    EXPIRED = _value("expired", description="Its lifetime is over, or that of a rotated key.")
    REVOKED = _value("revoked", description="An operator revoked it.")


@strawberry.type(description="An API key. The key itself is not stored.")
class ApiKey:
    id: strawberry.ID = strawberry.field(description="Public id, the part of the key after its prefix.")
    client_id: str = strawberry.field(description="Id of the client.")
    name: str = strawberry.field(description="Purpose.")
    scopes: list[str] = strawberry.field(description="Scopes in alphabetical order.")
    status: ApiKeyStatus = strawberry.field(description="Status.")
    signature_v1: bool = strawberry.field(description="Whether the client may sign requests with version 1.")
    created_at: datetime = strawberry.field(description="Time of creation.")
    expires_at: datetime | None = strawberry.field(description="End of its lifetime; null if it has none.")
    revoked_at: datetime | None = strawberry.field(description="Time of its revocation.")
    last_used_at: datetime | None = strawberry.field(description="Last use, to the minute; null if it was never used.")


@strawberry.input(description="An API key to replace.")
class ApiKeyRotateInput:
    id: strawberry.ID = strawberry.field(description="Id of the key.")
    keep_hours: float = strawberry.field(default=24, description="Hours for which the old key stays valid.")


ApiKeyRotateUserError = error_type("ApiKeyRotate")


@strawberry.type(description="Result of `apiKeyRotate`.")
class ApiKeyRotatePayload:
    key: str | None = strawberry.field(description="The new key. It cannot be shown again. Null if it was rejected.")
    api_key: ApiKey | None = strawberry.field(description="The new key without its secret.")
    user_errors: list[UserError] = errors_field(ApiKeyRotateUserError)


ApiKeyRevokeUserError = error_type("ApiKeyRevoke")


@strawberry.type(description="Result of `apiKeyRevoke`.")
class ApiKeyRevokePayload:
    revoked_id: strawberry.ID | None = strawberry.field(description="Id of the key; null if it was rejected.")
    user_errors: list[UserError] = errors_field(ApiKeyRevokeUserError)


@strawberry.type
class ApiKeyQueries:
    """Fields of `Query` for API keys."""

    @field(description="API keys of all clients, oldest first.", scope=Scope.KEYS_ADMIN)
    async def api_keys(self, info: Info) -> list[ApiKey] | None:
        now = utc_now()
        return [_key_to_graphql(key, now) for key in await info.context.services.api_keys.list()]


@strawberry.type
class ApiKeyMutations:
    """Fields of `Mutation` for API keys."""

    @field(
        description="Replaces an API key by a new one with the same client, name, scopes and lifetime. The caller needs all "
        "scopes of the key.",
        scope=Scope.KEYS_ADMIN,
    )
    async def api_key_rotate(
        self,
        info: Info,
        input: Annotated[ApiKeyRotateInput, _argument(description="The key.")],  # noqa: A002 - GraphQL convention
    ) -> ApiKeyRotatePayload | None:
        issued, errors = await attempt(_rotate(input, info), subject=("input", "id"))
        return issued or ApiKeyRotatePayload(
            key=None, api_key=None, user_errors=typed_errors(ApiKeyRotateUserError, errors)
        )

    @field(
        description="Revokes an API key. All processes reject it within ten seconds. Repeating it changes nothing.",
        scope=Scope.KEYS_ADMIN,
    )
    async def api_key_revoke(
        self,
        info: Info,
        id: Annotated[strawberry.ID, _argument(description="Id of the key.")],  # noqa: A002
    ) -> ApiKeyRevokePayload | None:
        revoked, errors = await attempt(_revoke(id, info), subject=("id",))
        return ApiKeyRevokePayload(revoked_id=revoked, user_errors=typed_errors(ApiKeyRevokeUserError, errors))


async def _rotate(given: ApiKeyRotateInput, info: Info) -> ApiKeyRotatePayload:
    if not 0 <= given.keep_hours <= _MAX_KEEP_HOURS_LENGTH:
        raise ValidationFailed({"keep_hours": f"should be between 0 and {_MAX_KEEP_HOURS_LENGTH}"})
    caller, key_id = info.context.caller, _key_id(given.id)
    issued = await info.context.services.api_keys.rotate(
        key_id, keep=timedelta(hours=given.keep_hours), granted=caller.scopes
    )
    log.warning("api_key_rotated", rotated_id=key_id, new_id=issued.key.id, client_id=caller.client_id)
    return ApiKeyRotatePayload(key=issued.key.text, api_key=_key_to_graphql(issued.stored, utc_now()), user_errors=[])


async def _revoke(given: str, info: Info) -> strawberry.ID:
    key_id = _key_id(given)
    await info.context.services.api_keys.revoke(key_id)
    log.warning("api_key_revoked", revoked_id=key_id, client_id=info.context.caller.client_id)
    return strawberry.ID(key_id)


def _key_id(text: str) -> str:
    if len(text) > _MAX_ID_LENGTH or "\x00" in text:
        raise NotFound("There is no key with this id.")
    return text


def _key_to_graphql(key: StoredKey, now: datetime) -> ApiKey:
    live = ApiKeyStatus.VALID if key.live_at(now) else ApiKeyStatus.EXPIRED
    return ApiKey(
        id=strawberry.ID(key.id),
        client_id=key.client_id,
        name=key.name,
        scopes=sorted(key.scopes),
        status=ApiKeyStatus.REVOKED if key.revoked_at else live,
        signature_v1=key.signature_v1,
        created_at=key.created_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        last_used_at=key.last_used_at,
    )
