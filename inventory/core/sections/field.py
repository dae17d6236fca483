"""What a setting is: a typed field with its section, its meaning and an example."""

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
    """A field of `Settings`: its section in `.env.example`, what it means, and an example where the default is none."""
    return Field(description=description, json_schema_extra={"section": section, "example": example}, **constraints)
