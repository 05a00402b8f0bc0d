"""What an attacker who keeps every release works out of random networks: nothing, or the table says what.

    python tests/benchmarks/attacked.py                      three networks of each kind
    python tests/benchmarks/attacked.py --networks 10 --months 12 --policy suppress-1-10
    python tests/benchmarks/attacked.py --report --write     the table of all that was attacked
    python tests/benchmarks/attacked.py --broken companion   one companion is given back: he succeeds

The networks are those of `attacked_networks.py`, the attacker is `tests/disclosing/attacker.py`. Every count
that the policy withholds is attacked: records, events and records without the event, of clinics and of the
network, of months and of each window. What was attacked is kept in the folder, so that a run goes on where it
was stopped.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import pandas as pd
from benchmarks.attacked_networks import KINDS, Case, case, tables
from benchmarks.machine import RESULTS, description, markdown
from disclosing.attacker import SECONDARY, Attacker, Edition, Found
from disclosing.networks import Tables

from tasks.disclosing import POLICIES, SmallNumberPolicy
from tasks.disclosing.companion_draw import Draw
from tasks.disclosing.deciding import decide
from tasks.disclosing.masking import mask
from tasks.publishing.earlier import in_a_chain, within_reach

FOLDER = Path("output/attacked")
MONTHS = (1, 12)
COMPANION, RELEASES = "companion", "releases"
BROKEN = (COMPANION, RELEASES)
ENFORCED = tuple(name for name, policy in POLICIES.items() if policy.withholds)


@dataclass(frozen=True)
class Attacked:
    """What came of one network.

    Attributes:
        kind, number, policy, months: which it is.
        small: counts that the policy withholds.
        recovered, narrowed: of these, known exactly, and with fewer values left than half of the policy's.
        withheld_small, companions: of the last release's columns, cells withheld that are small, and that
            are not.
        told: what was recovered or narrowed, in words.
        seconds: CPU time of publishing and attacking.
    """

    kind: str
    number: int
    policy: str
    months: int
    small: int
    recovered: int
    narrowed: int
    withheld_small: int
    companions: int
    told: tuple[str, ...]
    seconds: float


def attacked(kind: str, number: int, policy: SmallNumberPolicy, months: int, broken: str = "") -> Attacked:
    """Publish a network's releases and attack them.

    Args:
        kind: one of `attacked_networks.KINDS`.
        number: the network's seed.
        policy: of the first release.
        months: how many months are published.
        broken: `COMPANION` gives back what the last release withholds of one clinic for others' sake, and
            `RELEASES` publishes each release as if it were the first.
    """
    began = time.process_time()
    network = case(kind, number, policy, months)
    releases = published(network, compared=broken != RELEASES)
    if broken == COMPANION:
        releases[-1] = given_back(releases[-1], tables(network.editions[-1]))
    found = Attacker(network.editions, releases, network.knowledge).found()
    told = [each for each in found if each.recovered or each.narrowed]
    small, companions = _cells_withheld(network.editions[-1], releases[-1])
    return Attacked(
        kind,
        number,
        policy.name,
        months,
        len(found),
        sum(each.recovered for each in found),
        sum(each.narrowed and not each.recovered for each in found),
        small,
        companions,
        tuple(_words(each) for each in told),
        round(time.process_time() - began, 2),
    )


def published(network: Case, *, compared: bool = True) -> list[Tables]:
    """The releases, each held against those before that the product would hold it against."""
    draw = Draw(hashlib.sha256(f"{network.kind} {network.number}".encode()).digest())
    releases: list[Tables] = []
    for k, edition in enumerate(network.editions):
        windows = [(each.months[0], each.months[-1]) for each in network.editions[: k + 1]]
        near = within_reach(windows[:k], windows[k])
        before = [each for each, held in zip(releases, near, strict=True) if held and compared]
        made = tables(edition)
        chained = in_a_chain(windows[:k], windows[k])
        far = [each and not held for each, held in zip(chained, near, strict=True)]
        beyond = [each for each, old in zip(releases, far, strict=True) if old and compared]
        editions = network.editions[:k]
        under = [each.policy for each, held in zip(editions, near, strict=True) if held and compared]
        older = [each.policy for each, old in zip(editions, far, strict=True) if old and compared]
        decided = decide(
            *(edition.policy, made, before, None, network.related, draw),
            policies=under,
            beyond=beyond,
            policies_beyond=older,
        )
        releases.append(mask(edition.policy, made, decided))
    return releases


def given_back(release: Tables, made: Tables) -> Tables:
    """The release with the window of the first clinic that is withheld for others' sake as it was made."""
    estimates, original = release["clinic_estimates"].copy(), made["clinic_estimates"]
    gone = estimates["numerator"].isna() & (estimates["status"] == SECONDARY) & (estimates["form"] == "raw")
    if not gone.any():
        return release
    row = estimates.index[gone][0]
    estimates.loc[row] = original.loc[row]
    clinics = release["clinics"].copy()
    if estimates.loc[row, "outcome"] == "tests":
        mine = clinics.index[clinics["clinic"] == estimates.loc[row, "clinic"]]
        clinics.loc[mine] = made["clinics"].loc[mine]
    return {**release, "clinic_estimates": estimates, "clinics": clinics}


def _cells_withheld(edition: Edition, release: Tables) -> tuple[int, int]:
    """How many cells of counts a release withholds that are small (or all alike), and how many others."""
    made, small, others = tables(edition), 0, 0
    for name in ("clinic_estimates", "clinic_months"):
        before, after = made[name], release[name]
        if "form" in before:
            before, after = before[before["form"] == "raw"], after[after["form"] == "raw"]
        gone = (after["numerator"].isna() & before["numerator"].notna()).to_numpy()
        events = before["numerator"].astype("float64").to_numpy()
        rest = before["denominator"].astype("float64").to_numpy() - events
        sizes = before["denominator"].astype("float64").to_numpy()
        few = edition.policy.is_small(events) | edition.policy.is_small(rest) | edition.policy.is_small(sizes)
        few |= (rest == 0) & (sizes > 0) & edition.policy.withhold_unanimous
        small, others = small + int((gone & few).sum()), others + int((gone & ~few).sum())
    return small, others


def _words(found: Found) -> str:
    small = found.small
    whose = small.clinic or "the network"
    return f"{small.what} of {whose}, {small.when}: {small.value} in {found.low} to {found.high}"


def table(found: Iterable[Attacked]) -> str:
    """Markdown: networks, counts attacked and what came of them, by kind, policy and run."""
    frame = pd.DataFrame([asdict(each) for each in found])
    rows = []
    names = {1: "single", 12: "twelve months"}
    for (kind, policy, months), mine in frame.groupby(["kind", "policy", "months"], sort=False):
        rows.append(_row(str(kind), str(policy), names.get(int(months), f"{months} months"), mine))
    for months, mine in frame.groupby("months"):
        rows.append(_row("all", "all", names.get(int(months), f"{months} months"), mine))  # type: ignore[call-overload]
    header = ("networks of this kind", "policy", "releases", "networks", "small counts attacked", "recovered")
    return markdown((*header, "narrowed", "companions a small cell"), rows)


def _row(kind: str, policy: str, months: str, mine: pd.DataFrame) -> Sequence[object]:
    small, recovered, narrowed = (int(mine[each].sum()) for each in ("small", "recovered", "narrowed"))
    shared = mine["companions"].sum() / max(int(mine["withheld_small"].sum()), 1)
    return kind, policy, months, len(mine), f"{small:,}", recovered, narrowed, f"{shared:.2f}"


def read(folder: Path) -> list[Attacked]:
    """All that was attacked before, in the order of kinds and policies."""
    found = [Attacked(**json.loads(path.read_text(encoding="utf-8"))) for path in folder.glob("*.json")]
    return sorted(
        found,
        key=lambda each: (
            list(KINDS).index(each.kind),
            list(POLICIES).index(each.policy),
            each.months,
            each.number,
        ),
    )


def main() -> None:
    """Attack what is asked for and was not attacked yet, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", type=int, default=3, help="of each kind and policy")
    parser.add_argument("--months", type=int, action="append", help="1 or 12; both when left out")
    parser.add_argument("--policy", action="append", choices=ENFORCED, help="all when left out")
    parser.add_argument("--kind", action="append", choices=list(KINDS), help="all when left out")
    parser.add_argument("--broken", choices=BROKEN, default="", help="what is broken, to see him succeed")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--report", action="store_true", help="attack nothing more")
    parser.add_argument("--write", action="store_true", help="keep the table in results/")
    asked = parser.parse_args()
    folder = asked.folder / asked.broken if asked.broken else asked.folder
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(0 if asked.report else asked.networks):
        for months in asked.months or MONTHS:
            for kind in asked.kind or KINDS:
                for policy in asked.policy or ENFORCED:
                    _kept(folder, kind, number, policy, months, asked.broken)
    text = "\n".join([table(read(folder)), "", f"Made on {description(['numpy', 'scipy', 'pandas'])}."])
    print(f"\n{text}")
    if asked.write:
        (RESULTS / "attacked.md").write_text(text + "\n", encoding="utf-8")


def _kept(folder: Path, kind: str, number: int, policy: str, months: int, broken: str) -> None:
    path = folder / f"{kind} {policy} {months} {number}.json".replace(" ", "-").replace("%", "")
    if path.exists():
        return
    found = attacked(kind, number, POLICIES[policy], months, broken)
    path.write_text(json.dumps(asdict(found)), encoding="utf-8")
    what = f"{found.small} small, {found.recovered} recovered, {found.narrowed} narrowed"
    print(f"{kind} {number}, {policy}, {months}: {what} ({found.seconds} s)", flush=True)
    for each in found.told:
        print(f"  {each}", flush=True)


if __name__ == "__main__":
    main()
