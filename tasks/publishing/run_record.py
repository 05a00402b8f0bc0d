"""The run's record: what ran, when, with which versions, how long each step took and how it ended.

Kept apart from the feed, because it is the one place where times stand. It holds no patient's data: steps
say how much, never what, and an unexpected error leaves its kind alone.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal


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
        ended: published, unchanged (the same files had been published before), failed, or stopped by whoever
            ran it.
        steps: the steps that were finished, in order.
        release: directory of the release; None where there is none.
        release_id: its id.
        not_estimated: outcome → why it could not be estimated.
        error: the sentence that ended a failed or stopped run.
        versions: package → version.
    """

    network: str
    network_file: str
    month: str
    started: datetime
    finished: datetime
    ended: Literal["published", "unchanged", "failed", "stopped"]
    steps: tuple[Step, ...] = ()
    release: str | None = None
    release_id: str | None = None
    not_estimated: Mapping[str, str] = field(default_factory=dict)
    error: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)


def write_run_record(record: RunRecord, directory: Path) -> Path:
    """Write `record` as JSON into `directory`, whole or not at all, and return the file."""
    directory.mkdir(parents=True, exist_ok=True)
    content = asdict(record)
    for moment in ("started", "finished"):
        content[moment] = getattr(record, moment).astimezone(UTC).isoformat(timespec="seconds")
    content["seconds"] = round((record.finished - record.started).total_seconds(), 2)
    stamp = record.started.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    target = directory / f"{stamp}-{record.month}-{record.ended}-{secrets.token_hex(2)}.json"
    fresh = target.with_suffix(f".{os.getpid()}.tmp")
    fresh.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    fresh.replace(target)
    return target
