"""Output of the commands: tables for operators, one JSON document for scripts."""

from inventory.core.command_line import print_json, print_text
from inventory.core.counts import count_text
from inventory.core.durations import instant_text
from inventory.core.records import Record, print_records
from inventory.runs.models import Run
from sync.planning.file_plan import FilePlan
from sync.planning.histogram import histogram
from sync.planning.partition import Plan
from sync.planning.window import ChangeWindow


def plan(window: ChangeWindow, made: Plan | FilePlan, *, as_json: bool) -> None:
    """Print a plan without a run: its window, and its partitions as a histogram."""
    if as_json:
        print_json({"window": window, "plan": made, "max_over_mean": made.max_over_mean})
        return
    if isinstance(made, FilePlan):
        _files(window, made)
        return
    from rich.console import Console  # noqa: PLC0415 - a scheduler that prints JSON starts without it
    from rich.table import Table  # noqa: PLC0415

    console = Console()
    since = f"changes since {window.updated_from:%Y-%m-%d %H:%M:%S} UTC" if window.updated_from else "the whole feed"
    name = "An incremental run" if window.run_type == "incremental" else "A full run"
    console.print(f"{name} ({window.reason}): {since}, {count_text(made.total, 'stone')}.")
    table = Table("#", "price (USD)", "stones", "")
    for line, band in zip(histogram(made), made.bands, strict=True):
        table.add_row(str(band.ordinal), line.label, f"{line.count:,}", line.bar)
    console.print(table)
    console.print(
        f"{count_text(len(made.bands), 'partition')}, the largest {made.max_over_mean:.2f} times the mean, "
        f"found with {count_text(made.counts_used, 'count')}. Nothing was started."
    )


def _files(window: ChangeWindow, made: FilePlan) -> None:
    print_text(
        f"{'A full' if window.run_type == 'full' else 'An incremental'} run ({window.reason}): {count_text(made.total, 'row')}."
    )
    rows = {digest: sum(part.rows for part in made.parts if part.digest == digest) for digest in made.digests}
    print_records(
        ("file", "list", "changed", "rows"),
        [
            Record(
                (file.name, "full" if file.full else "changes", instant_text(file.modified), f"{rows[file.digest]:,}")
            )
            for file in made.snapshot.files
        ],
    )
    print_text(f"{count_text(len(made.parts), 'partition')}. Nothing was started.")


def started(run: Run, made: Plan | FilePlan, unsent: int, *, as_json: bool) -> None:
    """Print a started run. `unsent`: partitions whose work items wait for the broker."""
    if as_json:
        print_json({"run_id": run.id, "run_type": run.run_type, "status": run.status, "partitions": made.size,
                     "stones": made.total, "count_queries": made.counts_used, "max_over_mean": made.max_over_mean, "unsent": unsent})  # fmt: skip
        return
    noun = "row" if isinstance(made, FilePlan) else "stone"
    counts = "" if isinstance(made, FilePlan) else f", found with {count_text(made.counts_used, 'count')}"
    print_text(
        f"Run {run.id} of {run.feed} ({run.run_type}): {count_text(made.total, noun)} in {count_text(made.size, 'partition')}{counts}."
    )
    if unsent:
        print_text(
            f"The broker does not answer. Waiting: {count_text(unsent, 'work item')}. The jobs role sends what waits when it "
            "answers again; `diamonds-sync reconcile` sends it at once."
        )
