"""`make up`: all processes after one sync, with a file of addresses and keys for scripts."""

import asyncio
import secrets
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack

import msgspec

from app.auth.api_key_service import ApiKeyService
from app.auth.scopes import Scope
from inventory.core.database import Database
from sandbox.document import Document
from sandbox.installation import Installation, InstallationOptions, install, watched
from sandbox.instructions import Keys, create_keys, environment_file, print_instructions
from sandbox.progress import Display, display

_OTHER_CLIENTS = 8
_SIGNER = "signer"
_TRADING = (Scope.DIAMONDS_READ, Scope.HOLDS_WRITE, Scope.PURCHASES_WRITE)


class Hmac(msgspec.Struct, frozen=True):
    """Client that signs its requests."""

    client_id: str
    secret: str


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses and keys of a running installation. Contains secrets.

    `shop`, `shop_key`: address and API key of the shop. `api_key`: reads diamonds. `admin_key`: has all scopes. `client_keys`:
    each trades as a separate client. `hmac`: a client that signs with version 1 or 2, None without one. `supplier_control`: None for
    a supplier outside this installation. `env`: settings for another process of this installation.
    """

    api: str
    graphql: str
    graphql_ws: str
    shop: str
    shop_key: str
    api_key: str
    admin_key: str
    client_keys: list[str]
    hmac: Hmac | None
    postgres: str
    redis: str
    servicebus: str
    supplier: str
    supplier_control: str | None
    env: dict[str, str]


async def run_stack(
    options: InstallationOptions, given: Mapping[str, str], document: Document | None, ready: asyncio.Event
) -> None:
    """Start the installation, print its addresses, and keep it running until this task is cancelled.

    Raises:
        SyncFailed: the first sync did not succeed.
        ProcessFailed: a restart of a process or server does not help.
    """
    async with AsyncExitStack() as exit_stack:
        with display() as shown:
            installation = await exit_stack.enter_async_context(install(options, _with_signer(given), shown))
            bringing = _bring_up(installation, shown)
            address, keys = await watched(bringing, installation.watch(shown.message))
        if document:
            document.write(address)
        environment = exit_stack.enter_context(environment_file(installation))
        await print_instructions(installation, keys, environment, database_given=bool(given.get("DATABASE_URL")))
        sys.stdout.write(f"Ready: {address.api}\n")
        sys.stdout.flush()
        ready.set()
        await installation.watch(shown.message)


async def _bring_up(installation: Installation, shown: Display) -> tuple[Address, Keys]:
    await installation.sync(shown)
    await installation.ready()
    keys = await create_keys(installation.database)
    await installation.open_shop(keys.shop)
    return await _address(installation, keys), keys


async def _address(installation: Installation, keys: Keys) -> Address:
    settings, stack, api = installation.settings, installation.stack, str(installation.url)
    database = installation.database
    bus = settings.service_bus.connection_string
    return Address(
        api=api,
        graphql=f"{api}/graphql",
        shop=f"{api}/shop",
        shop_key=keys.shop,
        graphql_ws=f"{api.replace('http', 'ws', 1)}/graphql",
        api_key=await _key(database, "reader", Scope.DIAMONDS_READ),
        admin_key=await _key(database, "admin", *Scope),
        client_keys=[await _key(database, f"client-{number}", *_TRADING) for number in range(1, _OTHER_CLIENTS + 1)],
        hmac=await _signer(installation),
        postgres=settings.database.need("url"),
        redis=settings.redis.need("url"),
        servicebus=bus.get_secret_value() if bus else settings.service_bus.need("namespace"),
        supplier=settings.nivoda.need("endpoint"),
        supplier_control=stack.supplier.control_url if stack.supplier else None,
        env=installation.shared,
    )


def _with_signer(given: Mapping[str, str]) -> Mapping[str, str]:
    """Return the environment with a client that signs, if it has none."""
    if given.get("HMAC_SECRETS"):
        return given
    return {**given, "HMAC_SECRETS": msgspec.json.encode({_SIGNER: secrets.token_urlsafe(32)}).decode()}


async def _signer(installation: Installation) -> Hmac | None:
    """Admit the first client that signs, for both versions."""
    for client, valid in installation.settings.auth.signing_secrets().items():
        await ApiKeyService(installation.database).create(client, client, _TRADING, signature_v1=True)
        return Hmac(client_id=client, secret=valid[0].decode())
    return None


async def _key(database: Database, client: str, *scopes: Scope) -> str:
    issued = await ApiKeyService(database).create(client, client, scopes)
    return issued.key.text
