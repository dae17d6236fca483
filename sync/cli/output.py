"""Output of the commands: tables for operators, one JSON document for scripts."""

from rich.console import Console
from rich.table import Table

from inventory.core.command_line import print_json, print_text
from inventory.runs.models import Run
from sync.planning.histogram import histogram
from sync.planning.partition import Plan
from sync.planning.window import ChangeWindow


def plan(window: ChangeWindow, made: Plan, *, as_json: bool) -> None:
    """Print a plan without a run: its window, and its partitions as a histogram."""
    if as_json:
        print_json({"window": window, "plan": made, "max_over_mean": made.max_over_mean})
        return
    console = Console()
    since = f"changes since {window.updated_from:%Y-%m-%d %H:%M:%S} UTC" if window.updated_from else "the whole feed"
    name = "An incremental run" if window.run_type == "incremental" else "A full run"
    console.print(f"{name} ({window.reason}): {since}, {made.total:,} stones.")
    table = Table("#", "price (USD)", "stones", "")
    for line, band in zip(histogram(made), made.bands, strict=True):
        table.add_row(str(band.ordinal), line.label, f"{line.count:,}", line.bar)
    console.print(table)
    console.print(
        f"{len(made.bands)} partitions, the largest {made.max_over_mean:.2f} times the mean, "
        f"found with {made.counts_used} counts. Nothing was started."
    )


def started(run: Run, made: Plan, unsent: int, *, as_json: bool) -> None:
    """Print a started run. `unsent`: partitions whose work items wait for the broker."""
    if as_json:
        print_json({"run_id": run.id, "run_type": run.run_type, "status": run.status, "partitions": len(made.bands),
                     "stones": made.total, "count_queries": made.counts_used, "max_over_mean": made.max_over_mean, "unsent": unsent})  # fmt: skip
        return
    print_text(
        f"Run {run.id} ({run.run_type}): {made.total:,} stones in {len(made.bands)} partitions, "
        f"found with {made.counts_used} counts."
    )
    if unsent:
        print_text(
            f"The broker does not answer: {unsent} work items wait. The jobs role sends them when it answers again; "
            "`diamonds-sync reconcile` sends them at once."
        )
