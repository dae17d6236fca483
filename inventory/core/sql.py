"""Named SQL statements, loaded from the `queries.sql` of a package.

A statement begins with a line `-- name --`, may continue with comment lines, and ends at the next one. Values are always
parameters ($1, $2, ...), never text.
"""

import re
from collections.abc import Callable, Iterator
from importlib.resources import files

_HEADING = re.compile(r"^-- (?P<name>[a-z][a-z0-9_]*) --$", re.MULTILINE)


class Statements:
    """Statements of a file, as attributes: `sql.open_hold`."""

    def __init__(
        self, package: str, file: str = "queries.sql", *, compose: Callable[[str], str] = lambda statement: statement
    ) -> None:
        """Read `file` of `package`. `compose` completes each statement with generated parts, such as columns.

        Raises:
            ValueError: the file has no statement, or two statements with the same name.
        """
        text = files(package).joinpath(file).read_text(encoding="utf-8")
        parts = _HEADING.split(text)[1:]
        self._source = f"{package}/{file}"
        self._texts = {name: compose(body.strip()) for name, body in zip(parts[::2], parts[1::2], strict=True)}
        if not self._texts or len(self._texts) * 2 != len(parts):
            raise ValueError(f"{self._source} has no statements, or two statements with the same name")

    def __getattr__(self, name: str) -> str:
        try:
            return self._texts[name]
        except KeyError:
            raise AttributeError(f"{self._source} has no statement {name!r}") from None

    def part(self, name: str) -> str:
        """Return a fragment for other statements, without its comment lines."""
        lines = getattr(self, name).splitlines()
        return "\n".join(line for line in lines if not line.startswith("--"))

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)
