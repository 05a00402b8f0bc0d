"""The releases that stand: listed, shown one by one, and what differs between two of them and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from flows.published_output import network_and_output
from tasks.network import Network
from tasks.publishing import (
    Earlier,
    Kept,
    Output,
    held_releases,
    kept_releases,
    published_release,
    recorded_runs,
    withdrawals,
)
from tasks.release import plain_rows
from tasks.releasing.changes import changes
from tasks.rendering.words.change_sentences import word_for

_CATEGORY = ("comparison", "shown", "withheld", "no_figure")
_MOST_MONTHS = 6


def list_releases(network_file: Path) -> Iterator[str]:
    """The releases of a network, a line each, by period and edition.

    Raises:
        ClinicnetError: the network file or a release cannot be read.
    """
    network, output = network_and_output(network_file)
    kept = kept_releases(output)
    for held in held_releases(output):
        yield f"held      {held.name}, since {_at(held.since, network)}: {'; '.join(held.reasons)}"
    if not kept:
        yield f"Nothing is published in {output.directory}; report a month first: clinicnet run"
        return
    width = max(len(each.name) for each in kept)
    yield f"{'period':9} {'release':{width}}  {'published':16} {'edition':8} {'clinics shown':14} {'size':>8}"
    newest, taken_back = _newest(kept), withdrawals(output)
    for each in kept:
        note = "latest" if each.is_latest else "" if each in newest else "restated since"
        if each.name in taken_back:
            note = f"withdrawn: {taken_back[each.name].because}"
        line = (
            f"{each.period:9} {each.name:{width}}  {_at(each.published, network):16} "
            f"{f'{each.edition} of {each.n_editions}':8} {f'{each.n_shown} of {each.n_clinics}':14} "
            f"{_size(each.n_bytes):>8}  {note}"
        )
        yield line.rstrip()


def show_release(network_file: Path, name: str) -> Iterator[str]:
    """One release: where it stands, what it rests on, how it came about, and what it says of each outcome.

    Args:
        network_file: the network's file.
        name: the release's, or what it begins with.

    Raises:
        ClinicnetError: the network file or a release cannot be read, or there is no such release.
    """
    network, output = network_and_output(network_file)
    kept, release = _found(output, name)
    newest = _newest(kept_releases(output))
    stands = "latest leads to it" if kept.is_latest else "its period's newest edition"
    if kept.name not in {each.name for each in newest}:
        stands = "restated since: another edition of its period is newer"
    withdrawal = withdrawals(output).get(kept.name)
    if withdrawal is not None:
        stands = f"withdrawn by {withdrawal.by} on {withdrawal.when[:10]}: {withdrawal.because}"
    yield f"Release   {kept.name} of {network.network.name} ({stands})"
    yield f"Where     {kept.directory}"
    yield f"Records   {kept.window[0]} to {kept.window[1]}, with dates up to {kept.cut_off}"
    if kept.incomplete is not None:
        yield f"Early     records not complete: {kept.incomplete}"
    yield f"Edition   {kept.edition} of {kept.n_editions}; small numbers by {kept.policy}"
    decided = [run for run in recorded_runs(output.runs) if run.release == kept.name and run not in kept.runs]
    for run in sorted((*kept.runs, *decided), key=lambda each: each.finished):
        if run.by is None:
            yield f"Run       {_at(run.finished, network)}, {run.ended} in {run.seconds:,.0f} s"
        else:
            why = f": {run.because}" if run.because else ""
            yield f"Decided   {_at(run.finished, network)}, {run.ended} by {run.by}{why}"
    if not kept.runs:
        yield f"Run       no record of it is left; published {_at(kept.published, network)}"
    yield f"Program   {', '.join(f'{name} {version}' for name, version in kept.computed_with.items())}"
    yield f"Clinics   {kept.n_shown} of {kept.n_clinics} shown"
    for outcome in plain_rows(release.tables["outcomes"]):
        said = _comparisons(release, outcome["outcome"])
        verdict = _word(outcome["verdict"] or outcome["status"])
        yield f"Outcome   {outcome['label']}: {verdict}{f' ({said})' if said else ''}"


def difference(network_file: Path, before: str, after: str) -> Iterator[str]:
    """Which clinics changed category between two releases, and why, as far as both of them tell.

    Args:
        network_file: the network's file.
        before, after: the releases, or what their names begin with.

    Raises:
        ClinicnetError: the network file or a release cannot be read, or there is no such release.
    """
    network, output = network_and_output(network_file)
    (one, then), (other, now) = _found(output, before), _found(output, after)
    yield f"Before    {one.name}, published {_at(one.published, network)}"
    yield f"After     {other.name}, published {_at(other.published, network)}"
    if one.name == other.name:
        yield "They are the same release."
        return
    rows = list(plain_rows(changes(then.since, then.tables, now.tables)))
    yield from _everywhere(one, other)
    moved = _Moved(rows, one, other, then, now)
    yield from moved.outcomes()
    clinics = moved.clinics()
    yield (
        "No clinic changed category."
        if not clinics
        else f"{len(clinics)} {'clinic' if len(clinics) == 1 else 'clinics'} changed category:"
    )
    for lines in clinics.values():
        yield from lines


def _found(output: Output, name: str) -> tuple[Kept, Earlier]:
    directory, release, _ = published_release(output, name)
    return next(each for each in kept_releases(output) if each.name == directory.name), release


def _newest(kept: Sequence[Kept]) -> list[Kept]:
    """Of each period the edition that was published last."""
    newest: dict[str, Kept] = {}
    for each in sorted(kept, key=lambda each: each.last_published):
        newest[each.period] = each
    return list(newest.values())


def _at(when: datetime, network: Network) -> str:
    return f"{when.astimezone(ZoneInfo(network.network.time_zone)):%Y-%m-%d %H:%M}"


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1024**2:,.1f} MB"


def _comparisons(release: Earlier, outcome: str) -> str:
    """How many clinics are in each category of an outcome: "2 better, 3 not shown to differ"."""
    estimates = release.tables["clinic_estimates"]
    mine = estimates[(estimates["outcome"] == outcome) & (estimates["form"] == "shrunken")]
    withheld = mine["status"].str.startswith("suppressed")  # which are not compared either
    counts = mine["comparison"].mask(withheld, mine["status"]).map(_word).value_counts()
    return ", ".join(f"{n} {word}" for word, n in sorted(counts.items()))


def _word(word: str | None) -> str:
    return word_for(word) if word else "nothing"


def _everywhere(one: Kept, other: Kept) -> Iterator[str]:
    """What may have changed every figure: the window, the records' dates, the policy, the program."""
    if one.window != other.window:
        yield f"Window    {' to '.join(one.window)} → {' to '.join(other.window)}"
    if one.cut_off != other.cut_off:
        yield f"Records   dates up to {one.cut_off} → {other.cut_off}"
    if one.policy != other.policy:
        yield f"Policy    {one.policy} → {other.policy}"
    program = _versions(one.computed_with, other.computed_with)
    if program:
        yield f"Program   {program}"


def _versions(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    return ", ".join(
        f"{name} {before.get(name, 'none')} → {after.get(name, 'none')}"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    )


@dataclass(frozen=True)
class _Moved:
    """What two releases say otherwise, put together by clinic.

    Attributes:
        rows: the rows of the table `changes` between them.
        one, other: the releases.
        then, now: what they say.
    """

    rows: Sequence[Mapping[str, Any]]
    one: Kept
    other: Kept
    then: Earlier
    now: Earlier

    def outcomes(self) -> Iterator[str]:
        """What changed of outcomes as a whole."""
        for row in self.rows:
            if row["outcome"] and not row["clinic"] and not row["month"]:
                turned = f"{_word(row['before'])} → {_word(row['after'])}"
                yield f"Outcome   {self._label(row['outcome'])}: {turned}"
                for outcome in plain_rows(self.now.tables["outcomes"]):
                    if outcome["outcome"] == row["outcome"] and outcome["verdict_reason"]:
                        yield f"          now: {outcome['verdict_reason']}"

    def clinics(self) -> dict[str, list[str]]:
        """Clinic → the lines about it; of those whose category changed."""
        found: dict[str, list[str]] = {}
        for row in self.rows:
            if not row["clinic"] or row["month"] or (row["outcome"] and row["change"] not in _CATEGORY):
                continue
            found.setdefault(row["clinic"], []).extend(self._lines(row))
        return found

    def _lines(self, row: Mapping[str, Any]) -> Iterator[str]:
        clinic, outcome = row["clinic"], row["outcome"]
        about = f"{clinic}, {self._label(outcome)}" if outcome else clinic
        yield f"  {about}: {_word(row['before'])} → {_word(row['after'])}"
        if not outcome:
            return
        figures = [_figure(each, outcome, clinic) for each in (self.then, self.now)]
        if any(figures):
            yield f"    best estimate {figures[0] or 'none'} → {figures[1] or 'none'}"
        yield f"    why: {'; '.join(self._reasons(outcome, clinic))}"

    def _reasons(self, outcome: str, clinic: str) -> Iterator[str]:
        restated = [
            _restated(each)
            for each in self.rows
            if each["change"] == "restated" and (each["outcome"], each["clinic"]) == (outcome, clinic)
        ]
        if restated:
            more = f" and {len(restated) - _MOST_MONTHS} more" if len(restated) > _MOST_MONTHS else ""
            yield f"late or corrected records in {', '.join(restated[:_MOST_MONTHS])}{more}"
        if self.one.window != self.other.window:
            yield "the window moved"
        if self.one.policy != self.other.policy:
            yield "another small-number policy"
        if dict(self.one.computed_with) != dict(self.other.computed_with):
            yield "computed with other versions"
        if not restated and self.one.window == self.other.window:
            yield "its own months are the same, so it is what it is compared with that changed"
        for row in plain_rows(_shrunken(self.now, outcome, clinic)):
            if row["reason"]:
                yield f"now {row['reason']}"

    def _label(self, outcome: str) -> str:
        for release in (self.now, self.then):
            for row in plain_rows(release.tables["outcomes"]):
                if row["outcome"] == outcome:
                    return str(row["label"])
        return outcome


def _figure(release: Earlier, outcome: str, clinic: str) -> str:
    """A clinic's best estimate with its interval; empty where none is shown."""
    for row in plain_rows(_shrunken(release, outcome, clinic)):
        if row["value"] is not None:
            return f"{row['value']:.4g} ({row['lower']:.4g} to {row['upper']:.4g})"
    return ""


def _shrunken(release: Earlier, outcome: str, clinic: str) -> pd.DataFrame:
    """A clinic's row of best estimates, if there is one."""
    rows = release.tables["clinic_estimates"]
    mine = (rows["outcome"] == outcome) & (rows["clinic"] == clinic) & (rows["form"] == "shrunken")
    return rows[mine]


def _restated(row: Mapping[str, Any]) -> str:
    """A month with what it was and is: "2023-09 (27 of 80 → 147 of 200)"."""
    numbers = [
        f"{row[f'numerator_{when}']:g} of {row[f'denominator_{when}']:g}"
        if row[f"numerator_{when}"] is not None and row[f"denominator_{when}"] is not None
        else f"{row[f'value_{when}']:.4g}"
        for when in ("before", "after")
    ]
    return f"{row['month']} ({' → '.join(numbers)})"
