"""Names and labels that no font here can draw: a report would leave a gap where the name should be."""

from __future__ import annotations

from collections.abc import Iterator

from reports.fonts.drawable import MORE_FONTS, code_points, undrawable
from tasks.network.schema import Network
from tasks.records.questions.column_uses import Misfit
from tasks.records.questions.contract import Contract

_MOST_NAMED = 3


def undrawable_names(contract: Contract, network: Network) -> Iterator[Misfit]:
    """Where the network file or the records name something in letters that reports cannot show."""
    now = network.clinics.now
    names = sorted({now.get(each, each) for each in contract.named})
    missing = {name: letters for name in names if (letters := undrawable(name))}
    if missing:
        listed = ", ".join(repr(name) for name in list(missing)[:_MOST_NAMED])
        more = f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
        letters = "".join(dict.fromkeys("".join(missing.values())))
        which = f"the name {listed} has" if len(missing) == 1 else f"the names {listed}{more} have"
        yield Misfit(
            ("records", "source"),
            f"{which} letters that no font of this machine can draw ({code_points(letters[:_MOST_NAMED])}); "
            f"{_way_out()}, or write other names under [clinics] renamed",
        )
    for place, text in _labels(network):
        if letters := undrawable(text):
            yield Misfit(
                place,
                f"{place[-1]} has letters that no font of this machine can draw "
                f"({code_points(letters[:_MOST_NAMED])}); {_way_out()}, or write it otherwise",
            )


def _way_out() -> str:
    return f"install fonts that have them (Debian and Ubuntu: {MORE_FONTS})"


def _labels(network: Network) -> Iterator[tuple[tuple[str, ...], str]]:
    yield ("network", "name"), network.network.name
    for name, outcome in network.outcomes.items():
        yield ("outcomes", name, "label"), outcome.label
        if outcome.unit is not None:
            yield ("outcomes", name, "unit"), outcome.unit
    if network.program is not None:
        yield ("program", "label"), network.program.label
