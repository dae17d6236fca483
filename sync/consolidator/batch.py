"""Consolidation batch: price its stones and classify them as changed, unchanged or bad."""

from collections.abc import Sequence

import asyncpg

from inventory.pricing.rules import PricingRule, price


class Batch:
    """A batch of a supplier's stones. `ids`: the changed ones, parallel to their prices; `bad`: those that cannot be mapped."""

    def __init__(self, rows: Sequence[asyncpg.Record], rules: Sequence[PricingRule], supplier: str) -> None:
        self.bad: list[str] = []
        self.ids: list[str] = []
        self.retail: list[int] = []
        self.ratios: list[object] = []
        self.ratings: list[int | None] = []
        self.revived = 0
        for row in rows:
            if row["problem"] is not None:
                self.bad.append(row["supplier_stone_id"])
                continue
            priced = price(
                rules, row["supplier_price_cents"], row["carat_milli"], row["shape"], row["lab_grown"], supplier
            )
            if (
                row["same_source"]
                and row["status"] == "active"
                and row["markup_ratio"] == priced.ratio
                and row["rating"] == priced.rating
            ):
                continue
            self.ids.append(row["supplier_stone_id"])
            self.retail.append(priced.retail_cents)
            self.ratios.append(priced.ratio)
            self.ratings.append(priced.rating)
            self.revived += row["status"] == "deleted"
