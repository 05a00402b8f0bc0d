"""How a network stands, as Prometheus reads it: the text exposition format, version 0.0.4.

Made for a file that node_exporter's textfile collector reads, so times are given as Unix seconds where
the file may be older than its reader.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from tasks.publishing import rows_set_aside

if TYPE_CHECKING:
    from flows.commands.status import Status
    from tasks.publishing import Recorded

Samples = Sequence[tuple[Mapping[str, str], float]]
"""Labels beside the network's, and the value."""

_ALONE: Mapping[str, str] = {}


def metrics(status: Status) -> str:
    """The network's figures as text, each labelled with the network; what is not known yet has no sample.

    Raises:
        PublishingError: the latest release cannot be read.
    """
    registry = CollectorRegistry()
    registry.register(_Figures(status))
    return generate_latest(registry).decode()


@dataclass(frozen=True, eq=False)
class _Figures(Collector):
    """What Prometheus' client collects: a family a figure."""

    status: Status

    def collect(self) -> Iterator[GaugeMetricFamily]:
        name = self.status.network.network.name
        for metric, said, samples in _families(self.status):
            if samples:
                yield _gauge(name, metric, said, samples)


def _families(status: Status) -> Iterator[tuple[str, str, Samples]]:
    latest, success, measured = status.latest, status.success, status.measured
    yield (
        "clinicnet_last_success_timestamp_seconds",
        "When the last run ended whose release stood.",
        _at(None if success is None else success.finished),
    )
    yield (
        "clinicnet_latest_published_timestamp_seconds",
        "When the release was first published that latest leads to.",
        _at(None if latest is None else latest.published),
    )
    yield (
        "clinicnet_latest_age_seconds",
        "How long ago that was when this was written.",
        [] if latest is None else [(_ALONE, round(status.age_of_latest.total_seconds()))],
    )
    yield (
        "clinicnet_latest_info",
        "The release that latest leads to, and its period.",
        [] if latest is None else [({"release": latest.name, "period": latest.period}, 1)],
    )
    yield (
        "clinicnet_rows_set_aside",
        "Records that a screening rule set aside in the latest release; a withheld number has no sample.",
        [] if latest is None else [({"rule": rule}, n) for rule, n in rows_set_aside(latest).items()],
    )
    yield (
        "clinicnet_last_run_success",
        "1: the last run published or held a release; 0: it failed, stopped or was killed.",
        [] if measured is None else [(_ALONE, float(_ended_well(measured)))],
    )
    yield (
        "clinicnet_last_run_timestamp_seconds",
        "When the last run ended.",
        _at(None if measured is None else measured.finished),
    )
    yield (
        "clinicnet_last_run_duration_seconds",
        "How long the last run took.",
        [] if measured is None else [(_ALONE, measured.seconds)],
    )
    yield (
        "clinicnet_last_run_step_duration_seconds",
        "How long each step of the last run took that was finished.",
        [] if measured is None else _steps(measured),
    )
    yield "clinicnet_releases_held", "Releases that wait for a person.", [(_ALONE, len(status.held))]
    yield (
        "clinicnet_periods_missed",
        "Periods whose report was due and is neither there nor held.",
        [(_ALONE, len(status.missed))],
    )
    yield (
        "clinicnet_next_due_timestamp_seconds",
        "When the next report is due.",
        _at(status.next.at),
    )


def _ended_well(run: Recorded) -> bool:
    return run.published or run.ended == "held"


def _steps(run: Recorded) -> Samples:
    taken: dict[str, float] = {}
    for step in run.steps:  # two outcomes may have one label: a series stands once
        taken[step.name] = taken.get(step.name, 0.0) + step.seconds
    return [({"step": name}, round(seconds, 3)) for name, seconds in taken.items()]


def _at(moment: datetime | None) -> Samples:
    return [] if moment is None else [(_ALONE, round(moment.timestamp(), 3))]


def _gauge(network: str, metric: str, said: str, samples: Samples) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(metric, said, labels=["network", *samples[0][0]])
    for labels, value in samples:
        gauge.add_metric([network, *labels.values()], value)
    return gauge
