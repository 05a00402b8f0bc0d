"""The run's record: what ran, when, with which versions, how long each step took and how it ended.

Kept apart from the feed, because it is the one place where times stand. It holds no patient's data: steps
say how much, never what, and an unexpected error leaves its kind alone.

A run has a record from its start, which says the step that it is in. Of a run that was killed, the next one
closes the record.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

Ended = Literal[
    "published", "unchanged", "held", "approved", "refused", "withdrawn", "restored",
    "failed", "stopped", "running",
]  # fmt: skip
_RUNNING, _KILLED = "running", "killed"
_PUBLISHED = ("published", "unchanged", "approved")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a run: its name as people see it, what it did, and how long it took."""

    name: str
    did: str
    seconds: float


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run, whole.

    Attributes:
        network: the network's name.
        network_file: where its description is.
        month: the label of the reported period.
        started: when the run began.
        finished: when it ended.
        ended: published, unchanged (the same files had been published before), held for a person to decide,
            approved or refused by one, withdrawn or restored later, failed, stopped by whoever ran it, or
            killed; running while it is under way.
        steps: the steps that were finished, in order.
        release: directory of the release; None where there is none.
        release_id: its id.
        not_estimated: outcome → why it could not be estimated.
        step: the step that a run is in, or was killed in.
        error: the sentence that ended a failed or stopped run, or says why a release is held.
        by, because: who approved or refused it, and why.
        versions: package → version.
    """

    network: str
    network_file: str
    month: str
    started: datetime
    finished: datetime
    ended: Ended
    steps: tuple[Step, ...] = ()
    release: str | None = None
    release_id: str | None = None
    not_estimated: Mapping[str, str] = field(default_factory=dict)
    step: str | None = None
    error: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    by: str | None = None
    because: str | None = None


def write_run_record(record: RunRecord, directory: Path, token: str | None = None) -> Path:
    """Write `record` as JSON into `directory`, whole or not at all, and return the file.

    Args:
        record: the record.
        directory: where runs are recorded.
        token: what tells this run from others; the record of a run under way is replaced by its next.
    """
    token = token or secrets.token_hex(2)
    directory.mkdir(parents=True, exist_ok=True)
    content = asdict(record)
    for moment in ("started", "finished"):
        content[moment] = getattr(record, moment).astimezone(UTC).isoformat(timespec="milliseconds")
    content["seconds"] = round((record.finished - record.started).total_seconds(), 2)
    # to the millisecond: which of two editions came first is told by the order of names
    stamp = record.started.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%f")[:-3] + "Z"
    target = directory / f"{stamp}-{record.month}-{record.ended}-{token}.json"
    _write(content, target)
    if record.ended != _RUNNING:
        for begun in _running(directory, token):
            begun.unlink()
    return target


def close_killed(directory: Path, token: str) -> None:
    """Close the record of a run that ended without doing so: killed, or lost with its machine."""
    for begun in _running(directory, token):
        content = json.loads(begun.read_text(encoding="utf-8"))
        content |= _killed(content)
        _write(content, begun.with_name(begun.name.replace(f"-{_RUNNING}-", f"-{_KILLED}-")))
        begun.unlink()


def _killed(content: Mapping[str, object]) -> dict[str, object]:
    """What the record of a killed run says instead of running."""
    where = f" in the step {content['step']!r}" if content.get("step") else ""
    return {"ended": _KILLED, "error": f"killed{where}; the last good release is as it was"}


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a run's record says of it; see `RunRecord`.

    Attributes:
        period: the label of the period it reports.
        started, finished: when it began, and when its record was last written.
        ended: how it ended; running: not yet.
        release: name of the release's directory; None where there is none.
        error: the sentence that ended it; None where none did.
        seconds: how long it took.
        by, because: who approved or refused a release that was held, and why.
        steps: the steps that were finished, in order; none where a person decided.
    """

    period: str
    started: datetime
    finished: datetime
    ended: str
    release: str | None
    error: str | None
    seconds: float
    by: str | None = None
    because: str | None = None
    steps: tuple[Step, ...] = ()

    @property
    def published(self) -> bool:
        """Whether its release stood at its end."""
        return self.ended in _PUBLISHED


def recorded_runs(directory: Path, killed: Collection[str] = ()) -> list[Recorded]:
    """The runs that are recorded in a directory, as they began; what is no record is passed over.

    Args:
        directory: where runs are recorded.
        killed: tokens of runs that are known to have ended without closing their records.
    """
    found: list[Recorded] = []
    for file in sorted(directory.glob("*.json")):
        try:
            said = json.loads(file.read_text(encoding="utf-8"))
            if said["ended"] == _RUNNING and file.stem.rpartition("-")[2] in killed:
                said |= _killed(said)
            release = said.get("release")
            found.append(
                Recorded(
                    period=str(said["month"]),
                    started=datetime.fromisoformat(said["started"]),
                    finished=datetime.fromisoformat(said["finished"]),
                    ended=str(said["ended"]),
                    release=None if release is None else Path(str(release)).name,
                    error=said.get("error"),
                    seconds=float(said["seconds"]),
                    by=said.get("by"),
                    because=said.get("because"),
                    steps=tuple(
                        Step(str(each["name"]), str(each["did"]), float(each["seconds"]))
                        for each in said.get("steps", ())
                    ),
                )
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return sorted(found, key=lambda each: each.started)


def _running(directory: Path, token: str) -> list[Path]:
    return list(directory.glob(f"*-{_RUNNING}-{token}.json"))


def _write(content: Mapping[str, object], target: Path) -> None:
    fresh = target.with_suffix(f".{os.getpid()}.tmp")
    try:
        fresh.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        fresh.replace(target)
    except OSError:
        fresh.unlink(missing_ok=True)  # half a record, of a full disk
        raise
