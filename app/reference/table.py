"""Markdown tables."""

from collections.abc import Iterable, Sequence

NOTE = "Printed from the code by `make schema`; `make check` compares."


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table. A cell may hold any text."""
    return [line(heads), line(["---"] * len(heads)), *(line(row) for row in rows)]


def line(cells: Sequence[str]) -> str:
    """One row; a bar or a line break in a cell would end it."""
    return f"| {' | '.join(_cell(text) for text in cells)} |"


def code(text: str) -> str:
    """Text in the style of code; nothing for an empty text."""
    return f"`{text}`" if text else ""


def page(title: str, *lines: str) -> str:
    """The text of a page."""
    return "\n".join([f"# {title}", "", *lines, ""])


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
