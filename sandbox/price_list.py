"""Price list of a second supplier: a CSV file of generated stones, for the feed `csv` of the sandbox."""

import csv
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

FEED = "csv"
_MAP = Path(__file__).parents[1] / "examples" / "column-maps" / "ritani.toml"
_SEED_OFFSET = 1_000_003  # other stones than the API's
_COLUMNS = (
    "vendor_sku", "shape", "carat", "color", "clarity", "cut", "polish", "symmetry", "fluorescence", "lab", "cert_number",
    "cost", "cost_per_carat", "lab_grown", "length", "width", "depth_mm", "depth", "table", "days_to_ship", "image_url",
    "video_url",
)  # fmt: skip


def deliver(folder: Path, stones: int, *, seed: int) -> dict[str, str]:
    """Write a price list to a folder. Returns the settings of its feed."""
    folder.mkdir(mode=0o700)
    target = folder / "ritani-sandbox.csv"
    # Renamed when it is complete, as a supplier does.
    part = folder / ".ritani-sandbox.csv.part"
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows(_rows(stones, seed))
    part.replace(target)
    return {
        "FEED_CSV_KIND": "csv",
        "FEED_CSV_SOURCE": str(folder),
        "FEED_CSV_MAP": str(_MAP),
        "FEED_CSV_SETTLE_SECONDS": "0",
    }


def _rows(stones: int, seed: int) -> Iterator[tuple[object, ...]]:
    from sandbox.supplier.inventory import Inventory  # noqa: PLC0415 - imports graphql-core, and most sandboxes have no price list

    inventory = Inventory(count=stones, seed=seed + _SEED_OFFSET, spread_of="real", bad_data_share=0)
    for ordinal in range(stones):
        yield _row(ordinal, inventory.clean_item(ordinal))


def _row(ordinal: int, item: Any) -> tuple[object, ...]:
    certificate = item["diamond"]["certificate"]
    cents, carats = item["price"], Decimal(str(certificate["carats"]))
    return (
        f"P-{ordinal + 1:06d}", certificate["shape"], carats, certificate["color"], certificate["clarity"],
        certificate["cut"], certificate["polish"], certificate["symmetry"], certificate["floInt"], certificate["lab"],
        certificate["certNumber"], f"{Decimal(cents) / 100:.2f}", f"{Decimal(cents) / 100 / carats:.2f}",
        int(certificate["labgrown"]), certificate["length"], certificate["width"], certificate["depth"],
        certificate["depthPercentage"], certificate["table"], item["diamond"]["delivery_time"]["max_business_days"], "", "",
    )  # fmt: skip
