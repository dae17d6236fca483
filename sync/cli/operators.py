"""Commands of operators: runs, quarantine, watermark, dead letters, rebuild, doctor. `--help` lists the roles among them."""

import typer

from sync.cli import control, dead_letters, doctor, feed_check, quarantine, rebuild, roles, runs, scheduling, watermark

app = typer.Typer(
    help="The sync: its roles (one process, one role), runs, watermark and dead letters.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.command()(scheduling.schedule)
for role in roles.ROLES.values():
    app.command()(role)
app.add_typer(runs.app, name="runs")
app.add_typer(watermark.app, name="watermark")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(feed_check.app, name="feeds")
app.command()(control.retry)
app.command()(control.consolidate)
app.command()(control.reconcile)
app.command()(rebuild.rebuild)
app.command()(doctor.doctor)
