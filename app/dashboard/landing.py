"""The landing page at `/`: name, version and links."""

from collections.abc import Iterator
from html import escape
from importlib.metadata import version

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


def landing_policy() -> str:
    """The page's Content-Security-Policy."""
    return _POLICY


def landing_page(*, graphiql: bool) -> str:
    """The page. `graphiql`: whether this server offers GraphiQL."""
    items = "".join(
        f'<li><a href="{escape(address)}">{escape(name)}</a><span>{escape(text)}</span></li>'
        for address, name, text in _links(graphiql=graphiql)
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Diamond Inventory</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">'
        '<link rel="icon" href="/favicon.ico" sizes="any"><link rel="stylesheet" href="/dashboard/style.css"></head>'
        '<body class="landing"><main><h1>Diamond Inventory</h1>'
        f"<p>Version {escape(version('diamond-inventory'))}</p><ul>{items}</ul></main></body></html>"
    )


def _links(*, graphiql: bool) -> Iterator[tuple[str, str, str]]:
    yield "/dashboard", "Dashboard", "For operators: runs, quarantine, holds, purchases, pricing."
    if graphiql:
        yield "/graphql", "GraphiQL", "Explore the GraphQL API in this development environment."
    yield "/api-docs", "REST reference", "Every operation of REST, with a form to try it."
    yield "/openapi.json", "OpenAPI document", "The REST contract for generators."
    yield "/ready", "Readiness", "Whether the servers that this one needs answer."
