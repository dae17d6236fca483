"""Generated files: schema.graphql, openapi.json, .env.example and the table of scopes."""

from collections.abc import Mapping
from pathlib import Path

from app.graphql.schema import schema
from app.reference.errors import errors_page
from app.reference.events import events_page
from app.reference.graphql import graphql_page
from app.reference.rest import rest_page
from app.reference.scopes import scopes_page
from app.reference.settings import settings_page
from app.rest.openapi import encoded
from app.rest.routes import DOCUMENTED
from inventory.core.settings import example_file

_REFERENCE = Path("docs/reference")


def generated_files() -> Mapping[Path, str]:
    """Return the text of each generated file by its path in the repository."""
    return {
        Path("schema.graphql"): f"{schema.as_str()}\n",
        Path(".env.example"): example_file(),
        Path("openapi.json"): encoded(DOCUMENTED).decode(),
        _REFERENCE / "errors.md": errors_page(),
        _REFERENCE / "events.md": events_page(),
        _REFERENCE / "graphql-schema.md": graphql_page(),
        _REFERENCE / "rest.md": rest_page(),
        _REFERENCE / "scopes.md": scopes_page(),
        _REFERENCE / "settings.md": settings_page(),
    }
