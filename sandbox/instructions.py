"""Instructions for a running installation: addresses, keys of a shop and an operator, and requests to paste."""

import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import msgspec

from app.auth.api_key_service import ApiKeyService
from app.auth.scopes import Scope
from inventory.core.database import Database
from sandbox.installation import Installation

SHOP_SCOPES = (Scope.DIAMONDS_READ, Scope.SEARCHES_WRITE, Scope.HOLDS_WRITE, Scope.PURCHASES_WRITE, Scope.SCHEMA_READ)

_TIMEOUT = aiohttp.ClientTimeout(total=30)
# The second one is for an inventory without lab-grown ovals.
_FILTERS = (
    "{shapes: [OVAL], labGrown: true, carat: {min: 1, max: 2}, availability: [AVAILABLE]}",
    "{availability: [AVAILABLE]}",
)
_HOLD = (
    "mutation ($id: ID!) { holdCreate(input: {diamondId: $id}) "
    "{ hold { id state expiresAt price { formatted } } userErrors { code field message } } }"
)


class Keys(msgspec.Struct, frozen=True):
    """API keys of a shop and of an operator. The operator has all scopes."""

    shop: str
    operator: str


async def create_keys(database: Database) -> Keys:
    """Create both keys."""
    service = ApiKeyService(database)
    shop = await service.create("Shop of the sandbox", "shop", SHOP_SCOPES)
    operator = await service.create("Operator of the sandbox", "operator", list(Scope))
    return Keys(shop.key.text, operator.key.text)


async def print_instructions(
    installation: Installation, keys: Keys, environment: Path, *, database_given: bool
) -> None:
    """Print the instructions. A database address from the caller's environment is not repeated.

    `environment`: see `environment_file`. The keys are shown: they open only the data of this sandbox.
    """
    url = str(installation.url)
    search, diamond = await _search_with_results(url, keys.shop)
    requests = [_curl(url, keys.shop, {"query": search})]
    if diamond is not None:
        requests.append(_curl(url, keys.shop, {"query": _HOLD, "variables": {"id": diamond}}))
    address = "as given" if database_given else installation.settings.database.need("url")
    sys.stdout.write(
        f"""
Shop          {url}/shop
Dashboard     {url}/dashboard
GraphiQL      {url}/graphql
REST          {url}/api-docs
Ready         {url}/ready
Shop key      {keys.shop}
              {" ".join(SHOP_SCOPES)}
Operator key  {keys.operator}
              all scopes
DATABASE_URL  {address}

Commands of an operator, in another terminal:

. {environment}
diamonds-app doctor
diamonds-sync runs list

{"The first request searches, the second one holds a diamond:" if diamond else "A request that searches:"}

{(chr(10) * 2).join(requests)}

Create more keys:

{"" if database_given else f"DATABASE_URL='{address}' "}.venv/bin/diamonds-app keys create 'My front end' --scope diamonds:read --scope holds:write

"""
    )
    sys.stdout.flush()


@contextmanager
def environment_file(installation: Installation) -> Iterator[Path]:
    """Write a file for a shell, with the PATH of the commands and the environment of this installation, and remove it at the end.

    CONTROL is the address of the simulated supplier's control API (sandbox/supplier/README.md).
    """
    path = Path(".local") / f"sandbox-{urlsplit(str(installation.url)).port}.env"
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    values = dict(installation.shared)
    if (supplier := installation.stack.supplier) is not None:
        values["CONTROL"] = supplier.control_url
    variables = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())
    commands = shlex.quote(str(Path(sys.executable).parent))
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(f"export PATH={commands}:$PATH\n{variables}")
        yield path
    finally:
        path.unlink(missing_ok=True)


async def _search_with_results(url: str, key: str) -> tuple[str, str | None]:
    """Return the first search that has results, and the id of its first diamond; None in an empty inventory."""
    query = ""
    async with aiohttp.ClientSession(headers={"X-API-Key": key}, timeout=_TIMEOUT) as session:
        for criteria in _FILTERS:
            query = _search(criteria)
            async with session.post(f"{url}/graphql", json={"query": query}) as answer:
                for node in (await answer.json())["data"]["diamonds"]["nodes"]:
                    return query, str(node["id"])
    return query, None


def _search(criteria: str) -> str:
    return (
        f"{{ diamonds(filter: {criteria}, first: 3) "
        "{ totalCount nodes { id shape carat color clarity imageUrl price { formatted } } } }"
    )


def _curl(url: str, key: str, body: Mapping[str, object]) -> str:
    text = msgspec.json.encode(body).decode()
    return f"curl -s -H 'X-API-Key: {key}' -H 'Content-Type: application/json' -d '{text}' {url}/graphql"
