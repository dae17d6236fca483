"""Reference of settings, by group."""

from app.reference.table import NOTE, code, page, table
from inventory.core.settings import Variable, by_title


def settings_page() -> str:
    """Each setting with its meaning, its default and an example."""
    lines = [
        "Every setting is a variable of the environment. A wrong value ends the process with one line that names the variable",
        f"(exit code 2). {NOTE}",
    ]
    for title, variables in by_title().items():
        rows = (
            (code(variable.name), variable.declared.description, _default(variable), _example(variable))
            for variable in variables
        )
        lines += ["", f"## {title}", "", *table(("variable", "meaning", "default", "example"), rows)]
    return page("Settings", *lines)


def _default(variable: Variable) -> str:
    default = variable.default
    if default is None or default == "":
        return "not set"
    return code(str(default).lower() if isinstance(default, bool) else str(default))


def _example(variable: Variable) -> str:
    return code(variable.declared.example)
