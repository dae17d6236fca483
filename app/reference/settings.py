"""Reference of settings, by group."""

from itertools import groupby

from pydantic.fields import FieldInfo

from app.reference.table import NOTE, code, page, table
from inventory.core.settings import Settings


def settings_page() -> str:
    """Each setting with its meaning, its default and an example."""
    lines = [
        "Every setting is a variable of the environment. A wrong value ends the process with one line that names the variable",
        f"(exit code 2). {NOTE}",
    ]
    for section, fields in groupby(Settings.model_fields.items(), key=lambda item: _extra(item[1])["section"]):
        rows = (
            (code(name.upper()), str(field.description), _default(field), code(_extra(field).get("example", "")))
            for name, field in fields
        )
        lines += ["", f"## {section}", "", *table(("variable", "meaning", "default", "example"), rows)]
    return page("Settings", *lines)


def _extra(field: FieldInfo) -> dict[str, str]:
    extra = field.json_schema_extra
    return {name: str(value) for name, value in extra.items()} if isinstance(extra, dict) else {}


def _default(field: FieldInfo) -> str:
    if field.default is None or field.default == "":
        return "not set"
    return code(str(field.default).lower() if isinstance(field.default, bool) else str(field.default))
