"""The pipeline knows kinds of feeds, and no supplier."""

import re
from pathlib import Path

import pytest

import sync

_SUPPLIER = re.compile("nivoda", re.IGNORECASE)
_ROOT = Path(sync.__file__).parent
# The table keeps its name; it is a partition that no statement names.
_FILES = sorted(path for path in _ROOT.rglob("*") if path.suffix in {".py", ".sql"} and path.parent.name != "adapters")


def mentions(path: Path) -> list[str]:
    return [f"{path.name}:{number}: {line.strip()}" for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
            if _SUPPLIER.search(line)]  # fmt: skip


@pytest.mark.parametrize("path", _FILES, ids=lambda path: str(path.relative_to(_ROOT)))
def test_module_mentions_no_supplier(path: Path) -> None:
    assert mentions(path) == []


def test_mentions_finds_names_of_settings_and_modules(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("from inventory.suppliers.nivoda import feed\nNIVODA_ENDPOINT = 1\n")
    assert len(mentions(module)) == 2
