"""Release tables to the feed, made current in one atomic step.

    output/
      latest -> releases/2020-05-3fa9c1d2e801      the last good release; swapped by one rename
      releases/2020-05-3fa9c1d2e801/
        feed/       datapackage.json, and every table as .parquet, .csv and .json
        reports/    network.pdf, clinics/*.pdf
        page/       the same as static HTML
      held/         releases that wait for a person, each beside a file that says why
      withdrawn/    what says which releases are taken back, and why
      pruned/       which periods releases were of that were taken out
      deliveries/   which clinic has its report of which release
      runs/         one record a run: what ran, when, with which versions, how it ended
      releases.json, releases.atom    every release, with digests, for who reads over HTTP
      .staging/     what a run is still preparing
      .withholding-key  what companions of small counts are drawn with; of the network alone
      .lock         held while a release is moved; .mirror.lock while releases are copied elsewhere
      .turn.lock    held while a run is at work; .turn says whose, and beats for other machines

What `latest` leads to is always whole: a release is prepared in `.staging`, written through to the disk,
moved into `releases` and only then pointed at. A run that fails or is killed, at any moment, leaves
`latest` and every release as they were; what it left behind in `.staging` goes with the next run.
"""

from tasks.publishing.awaiting_approval import HeldRelease, approve, held_release, held_releases, hold, refuse
from tasks.publishing.catalogue import write_catalogue
from tasks.publishing.earlier import (
    Connected,
    Earlier,
    Standing,
    connected_releases,
    earlier_releases,
    editions,
    latest_before,
    latest_editions,
    published_release,
    standing_releases,
)
from tasks.publishing.feed import write_feed
from tasks.publishing.kept import Kept, kept_releases, rows_set_aside
from tasks.publishing.output import Output, Published, Staging, address
from tasks.publishing.pruned import pruned_releases
from tasks.publishing.pruning import Retention, prune, why_kept
from tasks.publishing.published_whole import read_whole
from tasks.publishing.readiness import require_ready
from tasks.publishing.run_record import Recorded, RunRecord, Step, recorded_runs, write_run_record
from tasks.publishing.withdrawn import Withdrawal, restore, withdraw, withdrawals

__all__ = [
    "Connected",
    "Earlier",
    "HeldRelease",
    "Kept",
    "Output",
    "Published",
    "Recorded",
    "Retention",
    "RunRecord",
    "Staging",
    "Standing",
    "Step",
    "Withdrawal",
    "address",
    "approve",
    "connected_releases",
    "earlier_releases",
    "editions",
    "held_release",
    "held_releases",
    "hold",
    "kept_releases",
    "latest_before",
    "latest_editions",
    "prune",
    "pruned_releases",
    "published_release",
    "read_whole",
    "recorded_runs",
    "refuse",
    "require_ready",
    "restore",
    "rows_set_aside",
    "standing_releases",
    "why_kept",
    "withdraw",
    "withdrawals",
    "write_catalogue",
    "write_feed",
    "write_run_record",
]
