"""The option `--feed` of commands that concern one feed."""

from typing import Annotated

import typer

from inventory.core.command_line import start_command
from inventory.core.settings import Settings, SettingsError

FeedName = Annotated[
    str | None, typer.Option("--feed", metavar="FEED", help="The feed; the first one of FEEDS by default.")
]
RunFeed = Annotated[
    str | None,
    typer.Option("--feed", metavar="FEED", help="`latest` is the newest run of this feed; of all feeds by default."),
]
FeedFilter = Annotated[str | None, typer.Option("--feed", metavar="FEED", help="Only this feed; all by default.")]


def start_feed_command(name: str, feed: str | None, *, log_level: str | None = None) -> Settings:
    """Start a command, and return the settings of the feed that it concerns."""
    settings = start_command(name, log_level=log_level) if log_level else start_command(name)
    try:
        return settings.of_feed(feed or settings.sync.feed)
    except SettingsError as error:
        raise typer.BadParameter(str(error), param_hint="--feed") from None
