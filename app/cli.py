"""Command line of the API: serve, migrate, keys, documents, purchases, destinations, schema, doctor."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, TypeVar

import asyncpg
import msgspec
import typer
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from app.auth.api_key_service import ApiKeyService, IssuedKey
from app.auth.repository import StoredKey
from app.auth.scopes import Scope
from app.commands import purchases
from app.commands.destinations import destinations
from app.doctor.command import app as doctor
from app.generated import generated_files
from app.graphql.execution.document_manifest import read_file
from app.graphql.execution.persisted_documents import PersistedDocuments
from app.serve import serve
from inventory.core.clock import utc_now
from inventory.core.command_line import FAILURE_EXIT, exit_on_error, exit_with, print_json, run_command, start_command
from inventory.core.command_options import AsJson
from inventory.core.database import Database
from inventory.core.durations import instant_text
from inventory.core.migrate import create_raw_tables, upgrade
from inventory.core.records import Record, print_records
from inventory.core.settings import Settings

T = TypeVar("T")

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, help=__doc__
)
keys = typer.Typer(no_args_is_help=True, help="API keys of clients and their scopes.")
app.add_typer(keys, name="keys")
documents = typer.Typer(no_args_is_help=True, help="Persisted GraphQL documents.")
app.add_typer(documents, name="documents")
app.add_typer(doctor, name="doctor")
app.add_typer(purchases.app, name="purchases")
app.command()(destinations)
app.command()(serve)

_KEY_COMMAND_SECONDS = 30
_ANY_CLIENT = "unnamed"  # the client of documents that were registered for no client in particular


def main() -> None:
    """Run a command. Print an error on one line. Exit code 2: a wrong setting; 1: other errors."""
    with exit_on_error():
        try:
            app()
        except asyncpg.PostgresError as error:
            exit_with(
                f"The database rejected a statement: {error}. Apply the migrations: diamonds-app migrate", FAILURE_EXIT
            )


@app.command()
def migrate(
    revision: Annotated[str, typer.Option(help="Revision to upgrade to.")] = "head", as_json: AsJson = False
) -> None:
    """Apply the database migrations, and create the raw tables of the feeds (FEEDS)."""
    settings = Settings.read()
    url = settings.database.need("direct_url" if settings.database.direct_url else "url")

    async def command() -> None:
        await upgrade(url, revision, schema=settings.database.schema_name)
        if revision == "head":
            await create_raw_tables(url, settings.by_feed, schema=settings.database.schema_name)

    try:
        asyncio.run(command())
    except (OSError, asyncpg.PostgresError, SQLAlchemyError, CommandError) as error:
        exit_with(f"The migration failed: {error}", FAILURE_EXIT)
    if as_json:
        print_json({"schema": settings.database.schema_name, "revision": revision})
    else:
        typer.echo(f"The schema {settings.database.schema_name} is at {revision}.")


@app.command()
def schema(
    check: Annotated[
        bool, typer.Option("--check", help="Only compare; exit code 1 if a file is not up to date.")
    ] = False,
) -> None:
    """Write the files that are generated from the code: schema.graphql, openapi.json, .env.example, docs/reference."""
    generated = generated_files()
    stale = [path for path, text in generated.items() if not path.is_file() or path.read_text("utf-8") != text]
    if check and stale:
        names = " and ".join(str(path) for path in stale)
        exit_with(f"Not up to date: {names}. Run `make schema` and commit the result.", FAILURE_EXIT)
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(generated[path], "utf-8")
        typer.echo(f"{path} written.")


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="Purpose of the key.")],
    scope: Annotated[list[Scope], typer.Option(help="Scope of the key; may be repeated.")],
    client: Annotated[str | None, typer.Option(help="Client of the key; default: NAME.")] = None,
    expires_in_days: Annotated[
        int | None, typer.Option(min=1, max=36_500, help="Lifetime; default: unlimited.")
    ] = None,
    v1: Annotated[bool, typer.Option("--v1", help="Allow the client to sign requests with version 1.")] = False,
    as_json: AsJson = False,
) -> None:
    """Create a key and print it. The key cannot be shown again."""
    lifetime = timedelta(days=expires_in_days) if expires_in_days else None
    issued = _key_service(
        lambda key_service: key_service.create(name, client or name, scope, lifetime=lifetime, signature_v1=v1)
    )
    _show(issued, as_json=as_json)


@keys.command(name="list")
def list_keys(as_json: AsJson = False) -> None:
    """List all keys."""
    stored = _key_service(ApiKeyService.list)
    if as_json:
        print_json([_public(key) for key in stored])
    else:
        print_records(("id", "client", "state"), [_record(key) for key in stored])


@keys.command()
def revoke(key_id: Annotated[str, typer.Argument(metavar="ID")], as_json: AsJson = False) -> None:
    """Revoke a key. All processes reject it within ten seconds."""
    _key_service(lambda key_service: key_service.revoke(key_id))
    if as_json:
        print_json({"id": key_id, "revoked": True})
    else:
        typer.echo(f"The key {key_id} is revoked.")


@keys.command(name="v1")
def allow_v1(
    client: Annotated[str, typer.Argument(help="Id of the client.")],
    allowed: Annotated[bool, typer.Option("--allow/--forbid", help="Allow or forbid version 1.")],
    as_json: AsJson = False,
) -> None:
    """Allow or forbid signature version 1, that of the previous system, for a client."""
    _key_service(lambda key_service: key_service.allow_v1(client, allowed=allowed))
    if as_json:
        print_json({"client": client, "signature_v1": allowed})
    else:
        typer.echo(f"{client} {'may' if allowed else 'may no longer'} sign version 1.")


@keys.command()
def rotate(
    key_id: Annotated[str, typer.Argument(metavar="ID")],
    keep_hours: Annotated[
        float, typer.Option(min=0, max=24 * 365, help="Hours for which the old key stays valid.")
    ] = 24,
    as_json: AsJson = False,
) -> None:
    """Replace a key and print the new key, which cannot be shown again. The old key stays valid for some hours."""
    keep = timedelta(hours=keep_hours)
    _show(_key_service(lambda key_service: key_service.rotate(key_id, keep=keep)), as_json=as_json)


@documents.command()
def register(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", help="GraphQL files with one document each, or .json files that map ids to documents."
        ),
    ],
    client: Annotated[
        str | None, typer.Option(help="Client that sends the documents: the client of a key; default: any client.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Register GraphQL documents, which clients then send by id. If a document is invalid, none is registered."""
    named_documents = [document for path in files for document in read_file(path)]
    settings = start_command("documents")

    async def run() -> list[str]:
        async with Database.open(settings.database) as database:
            if client is not None:
                await ApiKeyService(database).require_client(client)
            registry = PersistedDocuments(database)
            return [
                await registry.register(each.text, client_id=client or _ANY_CLIENT, name=each.name)
                for each in named_documents
            ]

    ids = run_command(run(), timeout_seconds=_KEY_COMMAND_SECONDS)
    if as_json:
        print_json({each.name: key for each, key in zip(named_documents, ids, strict=True)})
        return
    for each, key in zip(named_documents, ids, strict=True):
        typer.echo(f"{key}  {each.name}")


def _key_service(work: Callable[[ApiKeyService], Awaitable[T]]) -> T:
    settings = start_command("keys")

    async def run() -> T:
        async with Database.open(settings.database) as database:
            return await work(ApiKeyService(database))

    return run_command(run(), timeout_seconds=_KEY_COMMAND_SECONDS)


def _public(key: StoredKey) -> dict[str, object]:
    fields = msgspec.structs.asdict(key)
    del fields["key_hash"]
    return fields


def _show(issued: IssuedKey, *, as_json: bool) -> None:
    if as_json:
        print_json({"key": issued.key.text, **_public(issued.stored)})
        return
    typer.echo(issued.key.text)
    # On stderr, so that `KEY=$(diamonds-app keys create ...)` reads the key only.
    typer.echo(
        f"id {issued.stored.id}, scopes {' '.join(issued.stored.scopes)}. Keep it: it is not shown again.", err=True
    )


def _record(key: StoredKey) -> Record:
    state = "revoked" if key.revoked_at else "valid" if key.live_at(utc_now()) else "expired"
    instants = (
        ("created", key.created_at),
        ("last used", key.last_used_at),
        ("expires", key.expires_at),
        ("revoked", key.revoked_at),
    )
    times = ", ".join(f"{name} {instant_text(instant)}" for name, instant in instants if instant)
    return Record((key.id, key.client_id, state), (key.name, " ".join(key.scopes), times))
