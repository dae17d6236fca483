"""SQL statements of trading, with their common parts inserted."""

from inventory.catalog.snapshot import select_list
from inventory.catalog.statements import AVAILABILITY
from inventory.core.sql import Statements

_statements = Statements("inventory.trading")
_PURCHASE_STATE = _statements.part("purchase_state")
_PARTS = {
    "hold_columns": _statements.part("hold_columns"),
    "purchase_state": _PURCHASE_STATE,
    "purchase_columns": _statements.part("purchase_columns").format(purchase_state=_PURCHASE_STATE),
    "availability": AVAILABILITY,
    "snapshot": select_list(),
}


class _TradingStatements:
    def __getattr__(self, name: str) -> str:
        text: str = getattr(_statements, name).format_map(_PARTS)
        setattr(self, name, text)
        return text


sql = _TradingStatements()
