"""Whether the sentences of a network report's first pages are true, on twenty networks whose truth is known.

    python tests/benchmarks/page_one.py [--network 3] [--read] [--write]

Every network (drawn_networks.py) is written to a folder as a user's would be, and reported by the command
line. Then each sentence of page 1 is held against the truth, and of page 2 those that claim something more:

- **true**;
- **missed**: an interval or test that is wrong as often as it says (5%), or a flag on the wrong side (2.5%);
- **false**: wrong more often than that, or whatever chance did;
- no claim: a heading, a condition, advice, or what the records plainly are.

A sentence that is in none of the lists here is an error at the end: nothing on page 1 goes unread.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pypdf

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.drawn_networks import MONTH, Drawn, drawn
from benchmarks.machine import RESULTS, description, markdown

FOLDER = Path(__file__).parents[2] / "output" / "page_one"
TRUE, MISSED, FALSE, NOTHING, UNREAD = "true", "missed", "false", "no claim", "unread"
MARKS = (TRUE, MISSED, FALSE)
_NUMBER = r"[−-]?\d[\d,]*(?:\.\d+)?"
_SURE = 0.975


@dataclass(frozen=True)
class Marked:
    """A sentence, what kind it is of, its mark, and the truth that it was held against."""

    kind: str
    sentence: str
    mark: str
    truth: str = ""


@dataclass(frozen=True)
class Reported:
    """A network's report beside its truth."""

    network: Drawn
    output: Path

    @cached_property
    def pages(self) -> tuple[str, ...]:
        """The text of the report's first two pages, on one line each."""
        reader = pypdf.PdfReader(self.output / "reports" / "network.pdf")
        return tuple(" ".join(page.extract_text().split()) for page in reader.pages[:2])

    def table(self, name: str) -> pd.DataFrame:
        """A table of the feed."""
        return pd.read_parquet(self.output / "feed" / f"{name}.parquet")

    @cached_property
    def clinics(self) -> pd.DataFrame:
        """Best estimates with `apart`, by how much the clinic truly differs from the typical one."""
        rows = self.table("clinic_estimates")
        rows = rows[rows["form"] == "shrunken"].set_index("clinic")
        return rows.assign(apart=pd.Series(self.network.truth.figures) - self.network.truth.typical)


def report(network: Drawn, folder: Path) -> Reported:
    """Write the network and report its month by the command line."""
    file = network.write(folder / f"{network.place + 1:02}")
    command = [sys.executable, "-m", "flows", "run", str(file), "--month", MONTH]
    root = Path(__file__).parents[2]
    # what is withheld beside small counts is drawn with a key: the same in every run
    environment = {**os.environ, "CLINICNET_WITHHOLDING_KEY": "study"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{network.name}\n{done.stdout}\n{done.stderr}")
    return Reported(network, file.parent / "output" / "latest")


def marked(reported: Reported) -> Iterator[Marked]:
    """Every sentence of page 1 with its mark, and those of page 2 that claim something more."""
    for sentence in sentences(reported.pages[0]):
        found = list(_marks(reported, sentence, _CLAIMS))
        # whatever it begins with, an interval is a claim
        claims = "95% interval" in sentence and not sentence.startswith("Beside a name")
        read = any(re.search(each, sentence) for each in _NO_CLAIM) and not claims
        yield from found or [Marked("no claim", sentence, NOTHING if read else UNREAD)]
    for sentence in sentences(reported.pages[1]):
        yield from _marks(reported, sentence, _PAGE_TWO)


def sentences(text: str) -> list[str]:
    """The sentences of a page's text."""
    found = [each.strip() for each in re.split(r"(?<=[.)])\s+(?=[A-Z(“])", text) if each.strip()]
    return [_RATIO_BETWEEN.sub(_AS_RATIO, _DIFFERENCE_BETWEEN.sub(_AS_DIFFERENCE, each)) for each in found]


def _marks(reported: Reported, sentence: str, claims: tuple[Claim, ...]) -> Iterator[Marked]:
    for kind, pattern, judge in claims:
        if match := re.search(pattern, sentence):
            mark, truth = judge(reported, match)
            yield Marked(kind, match[0], mark, truth)


Judge = Callable[[Reported, "re.Match[str]"], tuple[str, str]]
Claim = tuple[str, str, Judge]


def _typical(reported: Reported, match: re.Match[str]) -> tuple[str, str]:
    return _held(match, reported.network.truth.typical)


def _icc(reported: Reported, match: re.Match[str]) -> tuple[str, str]:
    return _held(match, reported.network.truth.icc)


def _held(match: re.Match[str], truth: float) -> tuple[str, str]:
    """Whether an interval holds the truth, as far as it is written."""
    ends = [_number(match[each]) for each in ("low", "high")]
    half = 0.5 * 10.0 ** -max(len(match[each].partition(".")[2]) for each in ("low", "high"))
    return TRUE if ends[0] - half <= truth <= ends[1] + half else MISSED, f"{truth:.3g}"


def _flags(reported: Reported, match: re.Match[str]) -> tuple[str, str]:
    """Clinics called better, or worse: lower is better in all of these networks."""
    clinics = reported.clinics[reported.clinics["status"].isin(["ok", "low_reliability"])]
    called = [match["side"].lower()] if match["side"] else ["better", "worse"]
    flagged = clinics[clinics["comparison"].isin(called) & clinics["reason"].isna()]
    compared = int((clinics["comparison"] != "not_compared").sum())
    side = (flagged["comparison"] == "worse").map({True: 1.0, False: -1.0})
    right = (side * flagged["apart"] > 0.0) & reported.network.truth.differ
    wrong = [f"{clinic} ({row.apart:+.2g})" for clinic, row in flagged[~right].iterrows()]
    allowed = 0.05 * compared if not reported.network.truth.differ else 0.025 * len(flagged)
    return _as_often(len(wrong), allowed), f"{len(flagged)} flagged, wrong: {', '.join(wrong) or 'none'}"


def _named(reported: Reported, match: re.Match[str]) -> tuple[str, str]:
    """The best estimates of those named, which are the furthest out."""
    figures = reported.network.truth.figures
    said = re.finditer(rf"(?P<clinic>Clinic \d+) [<>]?{_NUMBER}%? {_INTERVAL}", match[0])
    found = {each["clinic"]: _held(each, figures[each["clinic"]])[0] for each in said}
    missed = [clinic for clinic, mark in found.items() if mark != TRUE]
    return _as_often(
        len(missed), 0.05 * len(found)
    ), f"{len(found)} named, missed: {', '.join(missed) or 'none'}"


def _important(reported: Reported, match: re.Match[str]) -> tuple[str, str]:
    """Clinics that surely differ by what matters."""
    clinics, least = reported.clinics, reported.network.important or 0.0
    sure = clinics[(clinics["p_important"] > _SURE) & clinics["comparison"].isin(["better", "worse"])]
    wrong = int((sure["apart"].abs() < least).sum())
    return _as_often(wrong, 0.025 * len(sure)), f"{len(sure)} sure, {wrong} of them nearer"


def _exceptions(reported: Reported, match: re.Match[str]) -> tuple[str, str]:
    named = re.findall(r"(Clinic \d+) \((better|worse)", match[0])
    apart = reported.clinics["apart"]
    wrong = [clinic for clinic, side in named if (apart[clinic] > 0.0) != (side == "worse")]
    return (FALSE if wrong else TRUE), f"wrong: {', '.join(wrong) or 'none'}"


def _outlying(reported: Reported, match: re.Match[str]) -> tuple[str, str]:
    named = set(re.findall(r"Clinic \d+", match[0]))
    truly = reported.network.truth.outlying
    wrong = sorted(named - truly)
    return _as_often(len(wrong), 0.05 * len(named)), f"outlying: {', '.join(sorted(truly)) or 'none'}"


def _verdict(reported: Reported, match: re.Match[str]) -> tuple[str, str]:
    """Ranks where nothing could be ranked are false; else its interval of rankability counts."""
    truth, said = reported.network.truth.rankability, match["verdict"]
    figures = reported.table("network_figures").set_index("figure")
    told = f"rankability {truth:.2f}"
    if said != "do not rank" and truth < 0.5:
        return FALSE, told
    if "rankability" not in figures.index:  # too few can be compared
        return TRUE, told
    low, high = figures.loc["rankability", ["lower", "upper"]]
    return (TRUE if low <= truth <= high else MISSED), f"{told} ({low:.2f} to {high:.2f} said)"


def _effect(reported: Reported, match: re.Match[str]) -> tuple[str, str]:
    network = reported.network
    measure = _MEASURES[match["difference"] or match["ratio"].capitalize()]
    if "in clinics with the program, against" in match[0]:
        return _between(match, measure, network.truth.gap[measure])
    beside = "other clinics had not started" in match[0] or "the first" in match[0]
    of_all = network.truth.effect_beside if beside else network.truth.effect
    return _between(match, measure, of_all[measure])


def _narrower(reported: Reported, match: re.Match[str]) -> tuple[str, str]:
    """Only where early starters have no trend of their own is anything claimed."""
    if reported.network.world.own_trend:
        return NOTHING, "they have one"
    leading = {"continuous": "difference", "binary": "risk_difference", "count": "rate_ratio"}
    measure = leading[reported.network.world.kind]
    return _between(match, measure, reported.network.truth.effect_beside[measure])


def _between(match: re.Match[str], measure: str, truth: float) -> tuple[str, str]:
    """Whether ends hold the truth: "0.1 to 0.5" of something lower, or "0.6 lower to 0.5 higher"."""
    if match["difference"] == "%":  # a ratio, told as a change
        truth = 100.0 * (truth - 1.0)
    low, high = sorted(
        _number(number) * (-1.0 if (side or match.groupdict().get("side")) == "lower" else 1.0)
        for number, side in re.findall(rf"({_NUMBER})(?: (lower|higher))?", _shared_side(match["ends"]))
    )
    return (TRUE if low <= truth <= high else MISSED), f"{measure} {truth:.3g}"


def _shared_side(ends: str) -> str:
    """ "1.2 to 1.6 lower" is 1.2 lower to 1.6 lower."""
    return re.sub(rf"^({_NUMBER}) to ({_NUMBER}) (lower|higher)$", r"\1 \3 to \2 \3", ends)


def _separates(reported: Reported, match: re.Match[str]) -> tuple[str, str]:
    return (TRUE if reported.network.world.whole_clinics else FALSE), "whole clinics have it"


def _changes(reported: Reported, match: re.Match[str]) -> tuple[str, str]:
    world = reported.network.world
    return (TRUE if world.shape != "constant" and world.effect else MISSED), f"{world.shape} effect"


def _before(reported: Reported, match: re.Match[str]) -> tuple[str, str]:
    trend = reported.network.world.own_trend
    return (TRUE if trend else MISSED), f"own trend {trend:g}"


def _context(reported: Reported, match: re.Match[str]) -> tuple[str, str]:
    rolled = reported.network.rolled
    alike = float(np.corrcoef(rolled.without.mean(axis=1), rolled.start)[0, 1])
    return MISSED, f"levels and starts correlate by {alike:.2f}"


def _clean(reported: Reported, match: re.Match[str]) -> tuple[str, str]:
    return TRUE, "every record is as it should be"


def _as_often(wrong: int, allowed: float) -> str:
    """True without any, missed within what was allowed and its chance, false beyond."""
    if not wrong:
        return TRUE
    return MISSED if wrong <= max(1.0, allowed + 2.0 * allowed**0.5) else FALSE


def _number(written: str) -> float:
    return float(written.replace(",", "").replace("−", "-"))


_ESTIMATE = r"\(95% interval; best estimate (?P<estimate>{})\)"
_DIFFERENCE_BETWEEN = re.compile(
    rf"Between (?:a rate )?(?P<low>{_NUMBER})(?P<unit> ?(?:percentage points?|points|%)) lower and "
    rf"(?P<high>{_NUMBER})%? higher(?P<rest>.*)" + _ESTIMATE.format(rf"{_NUMBER}) (?P<side>higher|lower")
)
_AS_DIFFERENCE = r"\g<estimate>\g<unit> \g<side>\g<rest>(95% interval \g<low> lower to \g<high> higher)"
_RATIO_BETWEEN = re.compile(
    rf"Between (?P<low>{_NUMBER}) and (?P<high>{_NUMBER}) times the (?P<of>risk|rate|odds)(?P<rest>.*)"
    + _ESTIMATE.format(_NUMBER)
)
_AS_RATIO = r"\g<of> \g<estimate> times as high\g<rest>(95% interval \g<low> to \g<high>)"
"""An effect that may be none, in the words of one that is there."""
_MEASURES = {
    "percentage points": "risk_difference",
    "percentage point": "risk_difference",
    "points": "difference",
    "%": "rate_ratio",
    "Risk": "risk_ratio",
    "Rate": "rate_ratio",
    "Odds": "odds_ratio",
}
_INTERVAL = rf"\((?P<low>{_NUMBER})%? to (?P<high>{_NUMBER})%?"
_SIZE = (
    rf"(?:{_NUMBER} ?(?P<difference>percentage points?|points|%) (?P<side>higher|lower)"
    rf"|(?P<ratio>[Rr]isk|[Rr]ate|[Oo]dds) {_NUMBER} times as (?:much|high)).*"
    r"\(95% interval (?P<ends>[^;)]*)"
)
_ALIKE = r"If clinics .* would (?:otherwise have moved in parallel|have changed like the others without it): "
_EFFECT = rf"^(?!{_ALIKE}).*?{_SIZE}"
_CLAIMS: tuple[Claim, ...] = (
    (
        "typical clinic",
        rf"The typical clinic, (?:with the network.s mix of|not adjusted for) patients: .*{_INTERVAL}",
        _typical,
    ),
    ("flags", r"(?P<side>Worse|Better) \(\d+\): |No clinic stands out|none stands out", _flags),
    ("flags, the other side", r"Worse \(\d+\): .*(?P<side>Better) \(\d+\): ", _flags),
    ("best estimates of those named", r"(?:Worse|Better) \(\d+\): .*", _named),
    ("by how much", r"By how much: .*", _important),
    ("verdict", r"We (?P<verdict>do not rank|rank|grade) clinics on this", _verdict),
    ("intraclass correlation", rf"Intraclass correlation(?:, [^:]*)?: {_NUMBER} {_INTERVAL}", _icc),
    ("program", _EFFECT, _effect),
    ("program, without a trend", rf"^{_ALIKE}{_SIZE}", _narrower),
    ("program by whole clinics", r"No clinic has both, so .*", _separates),
    (
        "test: the effect changes",
        r"One constant effect does not fit .*",
        _changes,
    ),
    (
        "test: trend before the start",
        r"The records suggest that clinics were already changing before .*",
        _before,
    ),
    (
        "test: other differences",
        r"The records suggest that clinics with more of the program differ .*",
        _context,
    ),
    ("screening", r"Every record passed screening", _clean),
)
_PAGE_TWO: tuple[Claim, ...] = (
    ("outlying", r"Unusually far from the others: .*", _outlying),
    ("beyond doubt", r"Of those not compared, some have records that leave no doubt .*", _exceptions),
)
_NO_CLAIM = (
    r"^(?:Score|Complication|Emergency visits) lower is better",  # headings
    r"figures that may be shown",
    r"^An effect is neither shown nor ruled out|^The records say too little to estimate",
    r"^Clinics are not shown to differ|^No clinic that we can show had an event",
    r"^If clinics would otherwise have moved in parallel, it was (?:higher|lower) in some ",
    r"^Over these months themselves, own figures were|^All records of the network: |^Its effect on ",
    r"^Clinic \d+ pulls that mean towards itself: |^Clinics of few events are not shown, so ",
    r"^Clinics’ own figures differ by more|^Clinics differ, but too little|^Own figures differ by more",
    r"^The others: |^Of those that we can show: |^No clinic can be compared: ",
    r"^The typical clinic is the mean without |^Regions may differ: |^Unusually far from the others, ",
    r"^Whether there is an effect depends on |^If a steady trend of clinics ",
    r"^(?:Key messages )?Better and worse: than the typical clinic|^Beside a name|^Next report: ",
    r"^We do not show \d+, to protect patients|^No clinic is shown, to protect patients",
    r"^(?:Score|Complication|Emergency visits)\.$",
    r"^Under the program, by the estimates below, ",  # each of them is marked
    r"^\(?Plain comparison|^A plain comparison|^Clinics’ own figures and best estimates include",
    r"^The first estimate allows |^This is the program’s effect only if",
    r"^The records cannot tell whether clinics that started early",
    r"^A clinic can be better or worse although",
    r"^(?:Key messages )?Dots: the clinics’ best estimates|^Where clinics are many",
    r"^Dashed line|^Data quality$|^Outreach",
    r"^Counts from 1 to 10|^Release |^Network \d+|^Page 1",
)


def table(found: list[Marked]) -> str:
    """How many sentences of each kind have which mark."""
    counts = Counter((each.kind, each.mark) for each in found)
    kinds = [kind for kind, *_ in (*_CLAIMS, *_PAGE_TWO)]
    rows = [(kind, *(counts[kind, mark] for mark in MARKS)) for kind in kinds]
    total = ("all", *(sum(counts[kind, mark] for kind in kinds) for mark in MARKS))
    return markdown(("sentences on", *MARKS), [*rows, total])


def main() -> None:
    """Report the networks and mark their first pages."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", type=int, action="append", help="only this one, 1 to 20")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--read", action="store_true", help="read what was reported before")
    parser.add_argument("--write", action="store_true", help="keep the table in results/")
    asked = parser.parse_args()
    found = []
    for network in drawn():
        if asked.network and network.place + 1 not in asked.network:
            continue
        before = Reported(network, asked.folder / f"{network.place + 1:02}" / "output" / "latest")
        reported = before if asked.read else report(network, asked.folder)
        print(f"\n{network.name}", flush=True)
        for each in marked(reported):
            found.append(each)
            truth = f" [{each.truth}]" if each.truth else ""
            print(f"  {each.mark:8} {each.kind}: {each.sentence}{truth}")
    text = "\n".join([table(found), "", f"Made on {description(['numpy', 'scipy', 'pandas'])}."])
    print(f"\n{text}")
    if unread := [each.sentence for each in found if each.mark == UNREAD]:
        raise SystemExit("\n".join(["Nobody has read:", *unread]))
    if asked.write:
        (RESULTS / "page_one.md").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
