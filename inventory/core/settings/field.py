"""Declaration of a setting: a typed field with its section, its description and an example."""

from typing import Any, Literal

from pydantic import Field

Section = Literal[
    "General",
    "API",
    "Access",
    "Events",
    "Database",
    "Redis",
    "Service Bus",
    "Watermark",
    "Supplier",
    "Trading",
    "Sync",
    "Alerts",
]


def setting(section: Section, description: str, *, example: str = "", **constraints: Any) -> Any:
    """Declare a field of `Settings`. `section`: its section in `.env.example`. `example`: needed without a default."""
    return Field(description=description, json_schema_extra={"section": section, "example": example}, **constraints)
