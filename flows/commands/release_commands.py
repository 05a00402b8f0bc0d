"""`clinicnet releases`: the commands about what stands, and what each asks for on the line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from flows.commands.options import TO_LOOK_AT, NetworkFile, NetworkOption, ReleaseName


class _ListsByDefault(TyperGroup):
    """A group of commands of which `list` may be left out: `releases network.toml`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the word there."""
        given = args[:1]
        if not given or (given[0] not in self.commands and given[0] != "--help"):
            args = ["list", *args]
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed


releases = typer.Typer(cls=_ListsByDefault, rich_markup_mode=None)


@releases.command("list")
def list_(network: NetworkFile = Path("network.toml")) -> None:
    """List the releases (also without this word)."""
    from flows.commands.releases import list_releases

    print(*list_releases(network), sep="\n")


@releases.command()
def show(release: ReleaseName, network: NetworkOption = Path("network.toml")) -> None:
    """Say what one release rests on, and what it says."""
    from flows.commands.releases import show_release

    print(*show_release(network, release), sep="\n")


@releases.command()
def rebuild(release: ReleaseName, network: NetworkOption = Path("network.toml")) -> None:
    """Make a release once more, and say what comes out otherwise."""
    from flows.commands.rebuild import rebuild_release

    rebuilt = rebuild_release(network, release)
    print(*rebuilt.lines, sep="\n")
    if not rebuilt.same:
        raise typer.Exit(TO_LOOK_AT)


@releases.command()
def diff(before: ReleaseName, after: ReleaseName, network: NetworkOption = Path("network.toml")) -> None:
    """Say which clinics changed category between two releases, and why."""
    from flows.commands.releases import difference

    print(*difference(network, before, after), sep="\n")


@releases.command("prune")
def prune_(
    network: NetworkFile = Path("network.toml"),
    keep_periods: Annotated[
        int | None, typer.Option(min=1, help="Keep the releases of so many of the last periods.")
    ] = None,
    keep_months: Annotated[
        int | None,
        typer.Option(min=0, help="Keep those of periods that ended in so many months before the last."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would go.")] = False,
) -> None:
    """Take out old releases that no release to come is held against."""
    from flows.commands.prune import prune_releases

    for line in prune_releases(network, keep_periods, keep_months, dry_run=dry_run):
        print(line)
