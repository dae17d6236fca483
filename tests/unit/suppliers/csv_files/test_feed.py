"""Feed of files in a folder: selection, plan, pages, precedence and lookup."""

import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from inventory.core.errors import ColumnMapInvalid, FeedDamaged, SupplierUnavailable
from inventory.suppliers.csv_files.column_map import ColumnMap, decode_column_map
from inventory.suppliers.csv_files.feed import CsvFeed, open_csv_feed
from inventory.suppliers.csv_files.folder import Folder
from inventory.suppliers.csv_files.prepared_files import PreparedFiles
from inventory.suppliers.enumerated import EnumeratedFeed, Part, Snapshot
from inventory.suppliers.ports import ObservedItem
from tests.unit.suppliers.csv_files.price_lists import column_map, row, text_of, toml


class Delivery:
    """A folder of the supplier; every file is a minute newer than the one before."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._minute = 0

    def put(self, name: str, rows: Sequence[Sequence[str]] | str | bytes) -> None:
        content = rows if isinstance(rows, (str, bytes)) else text_of(rows)
        (self.path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        self._minute += 1
        os.utime(self.path / name, (self._minute * 60, self._minute * 60))


@pytest.fixture
def delivery(tmp_path: Path) -> Delivery:
    (tmp_path / "supplier").mkdir()
    return Delivery(tmp_path / "supplier")


@asynccontextmanager
async def opened(
    delivery: Delivery, found: ColumnMap | None = None, *, settle_seconds: float = 0, now: float | None = None
) -> AsyncIterator[CsvFeed]:
    cache = delivery.path.parent / f"cache-{len([*delivery.path.parent.iterdir()])}"
    cache.mkdir()
    options = {} if now is None else {"now": lambda: now}
    source = Folder(delivery.path, settle_seconds=settle_seconds, **options)
    feed: EnumeratedFeed = CsvFeed("list", source, found or column_map(), cache)  # the type compares the signatures
    assert isinstance(feed, CsvFeed)
    yield feed


async def snapshot_of(feed: CsvFeed, consumed: Sequence[str] = ()) -> Snapshot:
    found = await feed.available(consumed)
    assert found is not None
    return found


async def read_all(
    feed: CsvFeed, snapshot: Snapshot, *, parts: int = 3, limit: int = 2
) -> tuple[list[ObservedItem], int, int]:
    """Items, rows and rejected records of all parts."""
    items: list[ObservedItem] = []
    rows = rejected = 0
    for part in await feed.plan(snapshot, parts):
        position = 0
        while (page := await feed.read(snapshot, part, position, limit)).rows:
            assert page.rows == len(page.items) + page.rejected
            items += page.items
            position += page.rows
            rejected += page.rejected
        assert position == part.rows
        rows += part.rows
    return items, rows, rejected


def names(snapshot: Snapshot) -> list[str]:
    return [file.name for file in snapshot.files]


def stocks(items: Sequence[ObservedItem]) -> list[str]:
    return [item.supplier_stone_id.partition("#")[0] for item in items]


async def test_full_snapshot_has_newest_full_and_later_partial_files(delivery: Delivery) -> None:
    for name in ("full-1", "delta-1", "full-2", "delta-2", "delta-3", "other.csv"):
        delivery.put(name, [row(name)])
    async with opened(delivery) as feed:
        snapshot = await snapshot_of(feed)
        assert (names(snapshot), snapshot.full) == (["full-2", "delta-2", "delta-3"], True)


async def test_each_file_is_selected_until_it_is_consumed(delivery: Delivery) -> None:
    delivery.put("full-1", [row("A")])
    async with opened(delivery) as feed:
        first = await snapshot_of(feed)
        consumed = [file.digest for file in first.files]
        assert await feed.available(consumed) is None
        delivery.put("delta-1", [row("B")])
        second = await snapshot_of(feed, consumed)
        assert (names(second), second.full) == (["delta-1"], False)
        consumed += [file.digest for file in second.files]
        delivery.put("delta-2", [row("C")])
        assert names(await snapshot_of(feed, consumed)) == ["delta-2"]
        delivery.put("full-1", [row("A"), row("B")])  # the same name with another content
        third = await snapshot_of(feed, consumed)
        assert (names(third), third.full) == (["full-1"], True)
        assert await feed.available([*consumed, third.files[0].digest]) is None


async def test_late_partial_file_is_read_with_the_files_after_it(delivery: Delivery) -> None:
    for name in ("full-1", "delta-1", "delta-2"):
        delivery.put(name, [row("A", Price=name.partition("-")[2] + "00")])
    async with opened(delivery) as feed:
        files = {file.name: file.digest for file in (await snapshot_of(feed)).files}
        snapshot = await snapshot_of(feed, [files["full-1"], files["delta-2"]])
        assert names(snapshot) == ["delta-1", "delta-2"]
        items, _, rejected = await read_all(feed, snapshot)
        assert ([item.price_cents for item in items], rejected) == ([20000], 1)


async def test_copy_of_a_consumed_file_is_consumed(delivery: Delivery) -> None:
    delivery.put("full-1", [row("A")])
    async with opened(delivery) as feed:
        consumed = [file.digest for file in (await snapshot_of(feed)).files]
        shutil.copy2(delivery.path / "full-1", delivery.path / "full-2")
        assert await feed.available(consumed) is None


async def test_return_to_an_earlier_content_is_read_again(delivery: Delivery) -> None:
    consumed: list[str] = []
    async with opened(delivery) as feed:
        for price in ("1", "2", "1"):
            delivery.put("full-1", [row("A", Price=price)])
            consumed += [file.digest for file in (await snapshot_of(feed, consumed)).files]
    assert len({*consumed}) == 3


async def test_order_by_name(delivery: Delivery) -> None:
    for name in ("full-20261102", "full-20261101"):
        delivery.put(name, [row(name)])
    async with opened(delivery) as feed:
        assert names(await snapshot_of(feed)) == ["full-20261101"]
    async with opened(delivery, column_map(head='order = "name"')) as feed:
        assert names(await snapshot_of(feed)) == ["full-20261102"]


def two_kinds() -> ColumnMap:
    second = toml(lab_grown='{ constant = "LAB GROWN" }').replace("version = 1", "")
    for old, new in (('"list"', '"lab-grown"'), ("full-*", "lab-*"), ("delta-*", "lab-delta-*")):
        second = second.replace(old, new)
    return decode_column_map(toml() + second.replace('full = ["lab-*"]', 'full = ["lab-full-*"]'), "map.toml")


async def test_full_snapshot_needs_every_kind(delivery: Delivery) -> None:
    delivery.put("full-1", [row("A")])
    async with opened(delivery, two_kinds()) as feed:
        first = await snapshot_of(feed)
        assert (names(first), first.full) == (["full-1"], False)
        assert "no full price list of kind lab-grown" in first.reason
        delivery.put("lab-full-1", [row("L")])
        second = await snapshot_of(feed, [file.digest for file in first.files])
        assert (names(second), second.full) == (["full-1", "lab-full-1"], True)
        items, rows, _ = await read_all(feed, second)
        assert [(item.stone.lab_grown if item.stone else None) for item in items] == [False, True]
        assert rows == 2


async def test_name_of_two_rules_is_rejected(delivery: Delivery) -> None:
    delivery.put("full-1", [row("A")])
    found = decode_column_map(toml().replace("delta-*", "*"), "map.toml")
    async with opened(delivery, found) as feed:
        with pytest.raises(ColumnMapInvalid, match="'full-1' matches full of kind list and partial of kind list"):
            await feed.available(())


async def test_incomplete_files_are_not_selected(delivery: Delivery) -> None:
    delivery.put("full-1", [row("A")])
    changed = (delivery.path / "full-1").stat().st_ctime
    for name in ("full-2.part", ".full-3", "full-4.filepart", "full-5~"):
        delivery.put(name, [row("B")])
    (delivery.path / "full-folder").mkdir()
    async with opened(delivery, settle_seconds=60, now=changed + 59) as feed:
        assert await feed.available(()) is None
    async with opened(delivery, settle_seconds=60, now=changed + 61) as feed:
        assert names(await snapshot_of(feed)) == ["full-1"]


async def test_marker_completes_a_file(delivery: Delivery) -> None:
    delivery.put("full-1", [row("A")])
    found = column_map(head='marker = ".done"')
    async with opened(delivery, found) as feed:
        assert await feed.available(()) is None
        delivery.put("full-1.done", "")
        assert names(await snapshot_of(feed)) == ["full-1"]


async def test_changed_file_fails_the_run(delivery: Delivery) -> None:
    delivery.put("full-1", [row("A")])
    async with opened(delivery) as feed:
        snapshot = await snapshot_of(feed)
        delivery.put("full-1", [row("B")])
        with pytest.raises(FeedDamaged, match="full-1: the content has changed since the run started"):
            await feed.plan(snapshot, 1)
        (delivery.path / "full-1").unlink()
        with pytest.raises(FeedDamaged, match="full-1: the file is no longer in the folder"):
            await feed.plan(snapshot, 1)


async def test_missing_folder_is_unavailable(delivery: Delivery) -> None:
    delivery.path.rmdir()
    async with opened(delivery) as feed:
        with pytest.raises(SupplierUnavailable, match=r"cannot be read .No such file or directory"):
            await feed.available(())


@pytest.mark.parametrize("content", ["", "Access denied\n", text_of([])])
async def test_unusable_full_file_fails_the_run(delivery: Delivery, content: str) -> None:
    delivery.put("full-1", content)
    async with opened(delivery) as feed:
        with pytest.raises(FeedDamaged, match="full-1: "):
            await feed.plan(await snapshot_of(feed), 1)


async def test_partial_file_may_have_no_row(delivery: Delivery) -> None:
    delivery.put("full-1", [row("A")])
    delivery.put("delta-1", [])
    async with opened(delivery) as feed:
        items, rows, _ = await read_all(feed, await snapshot_of(feed))
        assert (stocks(items), rows) == (["A"], 1)


@pytest.mark.parametrize("parts", [1, 2, 3, 7, 100])
async def test_parts_and_pages_cover_every_record_once(delivery: Delivery, parts: int) -> None:
    delivery.put("full-1", [row(f"A{number}", Notes="two\nlines") for number in range(7)])
    delivery.put("delta-1", [row(f"B{number}") for number in range(5)])
    async with opened(delivery) as feed:
        snapshot = await snapshot_of(feed)
        plan = await feed.plan(snapshot, parts)
        assert len(plan) <= parts + 1
        items, rows, rejected = await read_all(feed, snapshot, parts=parts)
        assert (rows, rejected) == (12, 0)
        assert sorted(stocks(items)) == sorted(
            [f"A{number}" for number in range(7)] + [f"B{number}" for number in range(5)]
        )
    async with opened(delivery) as other:  # another process reads the same pages
        for part in plan:
            assert (await other.read(snapshot, part, 1, 2)).items == (await feed.read(snapshot, part, 1, 2)).items


async def test_repeated_stock_numbers(delivery: Delivery) -> None:
    delivery.put(
        "full-1",
        [
            row("A"),
            row("same"), row("same"),
            row("differs", Report="1"), row("differs", Report="1", Price="1"),
            row("recut", Report="1"), row("recut", Report="2"),
        ],
    )  # fmt: skip
    async with opened(delivery) as feed:
        items, rows, rejected = await read_all(feed, await snapshot_of(feed))
        assert (rows, rejected) == (7, 2)
        assert [(item.supplier_stone_id, item.problem) for item in items[2:]] == [
            ("differs#1", "stock_number: is in several rows that differ (line 5)"),
            ("recut#1", "stock_number: is in several rows that differ (line 7)"),
            ("recut#2", "stock_number: is in several rows that differ (line 8)"),
        ]
        assert [item.problem for item in items[:2]] == [None, None]
        assert [feed.observe(item.payload) for item in items] == items


async def test_newest_file_replaces_a_stock_number(delivery: Delivery) -> None:
    delivery.put("full-1", [row("A", Report="1"), row("B")])
    delivery.put("delta-1", [row("A", Report="2"), row("C")])
    async with opened(delivery) as feed:
        snapshot = await snapshot_of(feed)
        items, _, rejected = await read_all(feed, snapshot)
        assert (min(item.supplier_stone_id for item in items), rejected) == ("A#2", 1)
        found = await feed.lookup(snapshot, ["A#1"])
        assert found.absent == {"A#1"}


async def test_lookup(delivery: Delivery) -> None:
    lines = text_of([row("A", Report="1"), row("B", Report="1E+9"), row("C")]).splitlines()
    lines.append("D,short")
    delivery.put("full-1", "\n".join(lines) + "\n")
    async with opened(delivery) as feed:
        snapshot = await snapshot_of(feed)
        result = await feed.lookup(snapshot, ["A#1", "A#2", "B#5", "D#5", "E#5"])
        assert [item.supplier_stone_id for item in result.found] == ["A#1"]
        assert result.absent == {"A#2", "E#5"}
        assert result.unclear == {"B#5", "D#5"}


async def test_lookup_is_unclear_in_a_damaged_file(delivery: Delivery) -> None:
    delivery.put("full-1", text_of([row("A", Report="1"), row("B")]) + 'C,"never closed\n')
    async with opened(delivery) as feed:
        result = await feed.lookup(await snapshot_of(feed), ["A#1", "E#5"])
        assert ([item.supplier_stone_id for item in result.found], result.absent) == (["A#1"], frozenset())
        assert result.unclear == {"E#5"}


async def test_part_of_another_snapshot_is_rejected(delivery: Delivery) -> None:
    delivery.put("full-1", [row("A")])
    async with opened(delivery) as feed:
        with pytest.raises(FeedDamaged, match="not in the run's snapshot"):
            await feed.read(await snapshot_of(feed), Part(digest="0", first_row=0, rows=1), 0, 1)


async def test_prepared_files_are_bounded(delivery: Delivery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inventory.suppliers.csv_files.prepared_files._MAX_FILES", 1)
    for name in ("full-1", "delta-1"):
        delivery.put(name, [row(name)])
    cache = tmp_path / "prepared"
    cache.mkdir()
    async with opened(delivery) as feed:
        snapshot = await snapshot_of(feed)
    files = PreparedFiles(cache, column_map(), Folder(delivery.path, settle_seconds=0).fetch)
    first = await files.get(snapshot.files[0])
    await files.get(snapshot.files[1])
    assert not first.path.exists()
    assert len([*cache.iterdir()]) == 1


async def test_open_csv_feed_of_a_folder(delivery: Delivery, tmp_path: Path) -> None:
    delivery.put("full-1", [row("A")])
    (tmp_path / "map.toml").write_text(toml())
    settings = SimpleNamespace(source=str(delivery.path), map=str(tmp_path / "map.toml"), settle_seconds=0.0)
    async with open_csv_feed("gems", settings) as feed:
        snapshot = await snapshot_of(feed)
        items, _, _ = await read_all(feed, snapshot)
        assert items[0].stone is not None
        assert str(items[0].stone.offer_id).startswith("gems/A#")
        assert await feed.identity() == f"the folder {delivery.path} with the column map {tmp_path / 'map.toml'}"
    settings.map = str(tmp_path / "missing.toml")
    with pytest.raises(ColumnMapInvalid, match=r"missing\.toml: the map cannot be read"):
        async with open_csv_feed("gems", settings):
            pass


async def test_missing_space_is_unavailable(delivery: Delivery) -> None:
    delivery.put("full-1", [row("A")])
    async with opened(delivery) as feed:
        snapshot = await snapshot_of(feed)
    files = PreparedFiles(delivery.path / "missing", column_map(), Folder(delivery.path, settle_seconds=0).fetch)
    with pytest.raises(SupplierUnavailable, match="full-1: the file cannot be"):
        await files.get(snapshot.files[0])


async def test_open_csv_feed_needs_a_temporary_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "map.toml").write_text(toml())
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    settings = SimpleNamespace(source=".", map=str(tmp_path / "map.toml"), settle_seconds=0.0)
    with pytest.raises(SupplierUnavailable, match="Set TMPDIR"):
        async with open_csv_feed("gems", settings):
            pass
