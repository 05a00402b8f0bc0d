"""What is estimated of the clinics alone that are shown, where those of all would tell of the withheld ones.

Without patients' adjusters all that a model takes from the records are counts. With one withheld clinic in
it, the figures published would tell that clinic's to who tries each count that it may have. The network's
sums, effects and run charts stay as they are: they are withheld by themselves.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pandas as pd

from reports.wording import say
from tasks.estimating.attempting import rows_or_reason
from tasks.estimating.network_figures import CLUSTERED, clustering_figures
from tasks.estimating.one_outcome import OutcomeEstimates, estimate_outcome, records_of
from tasks.estimating.outcome_formulas import OutcomeFormulas, question_of
from tasks.estimating.program import program_effects
from tasks.estimating.summary import Summary, summarise
from tasks.estimating.worth import program_by_month, worth_of_records
from tasks.network.schema import Network
from tasks.records import Records
from tasks.records.questions.derived_records import without_levels

_OF_ALL = ("mean",)
"""Network figures that are sums of all records, and withheld by themselves."""
_OF_MODELS = ("comparator_value", "status", "reason")
"""Of an outcome's row, what its models give."""


def estimate_apart(
    usable: Records,
    network: Network,
    of_all: OutcomeEstimates,
    summary: Summary,
    withheld: Collection[str],
    in_part: Collection[str],
    *,
    models: bool,
    clustering: bool,
    effects: bool,
) -> OutcomeEstimates:
    """An outcome's estimates with those of some clinics alone that may not know the others.

    Args:
        usable: the screened records of the window.
        network: the network's description.
        of_all: the outcome's estimates, of all clinics.
        summary: the window's moments, of all clinics.
        withheld: clinics of which the window is withheld.
        in_part: those, and clinics of which a month is.
        models, clustering: whether all models, or what is made of clinics' sizes and events, must be of the
            clinics whose window is shown.
        effects: whether the program's effects must be of the clinics of which every month is.

    Raises:
        SourceError: the database went away (worth another try).
    """
    found = of_all
    if models:
        found = estimate_shown(usable, network, of_all, withheld)
    elif clustering:
        found = replace(found, figures=_clustering_of_shown(usable, network, of_all, summary, withheld))
    if effects and len(of_all.effects):
        found = replace(found, effects=_effects_of_shown(usable, network, of_all, summary, in_part))
    return found


def _clustering_of_shown(
    usable: Records, network: Network, of_all: OutcomeEstimates, summary: Summary, withheld: Collection[str]
) -> pd.DataFrame:
    """Network figures, of which those made of clinics' sizes and events are of the shown clinics alone."""
    summary = summary.without(withheld)
    question, records = _shown(usable, network, of_all, summary, withheld)

    def rows() -> pd.DataFrame:
        worth = worth_of_records(question, records, summary, program_by_month(question, records))
        return clustering_figures(question, records, summary, worth)

    with network.speaking(), records.held():
        apart, _ = rows_or_reason(rows)  # where they cannot be had there are none: those of all would tell
    kept = of_all.figures[~of_all.figures["figure"].isin(CLUSTERED)]
    if not len(apart):
        return kept
    return pd.concat([kept, apart[apart["figure"].isin(CLUSTERED)]], ignore_index=True)


def _effects_of_shown(
    usable: Records, network: Network, of_all: OutcomeEstimates, summary: Summary, in_part: Collection[str]
) -> pd.DataFrame:
    """The program's effects in the clinics of which every month is shown; each says that it is of them.

    As they are where hardly any clinic is left: then they are withheld.
    """
    summary = summary.without(in_part)
    question, records = _shown(usable, network, of_all, summary, in_part)
    kept = len(summary.clinics)
    if kept < 2:
        return of_all.effects
    with network.speaking(), records.held():
        rows, _ = rows_or_reason(lambda: program_effects(question, network, records))
        if not len(rows):
            return rows
        whose = say("effect.of_shown", count=kept)
        told = rows["value"].notna() if "value" in rows else pd.Series(False, rows.index)
        conditions = rows["condition"] if "condition" in rows else pd.Series("", rows.index)
        words = [
            _with_whose(str(each), whose, condition if isinstance(condition, str) else "") if tells else each
            for each, condition, tells in zip(rows["words"], conditions, told, strict=True)
        ]
    return rows.assign(words=words)


def _with_whose(words: str, whose: str, condition: str) -> str:
    """An effect's words with whose it is: in place of all clinics, or before the condition."""
    for everybody, these in (("policy", "policy_shown"), ("policy_odds", "policy_odds_shown")):
        if (compared := say(f"effect_compared.{everybody}")) in words:
            return words.replace(compared, say(f"effect_compared.{these}", whose=whose))
    said = say("effect.of_shown_besides", whose=whose)
    return f"{words.removesuffix(condition).strip()} {said} {condition}".strip()


def _shown(
    usable: Records, network: Network, of_all: OutcomeEstimates, summary: Summary, left_out: Collection[str]
) -> tuple[OutcomeFormulas, Records]:
    """An outcome's formulas and records without some of the clinics; its family is as it was chosen."""
    shown = without_levels(usable, [{"clinic": clinic} for clinic in sorted(left_out)])
    question = question_of(network, of_all.question.name, summary)
    return replace(question, chosen=of_all.question.chosen), records_of(question, shown)


def estimate_shown(
    usable: Records, network: Network, of_all: OutcomeEstimates, withheld: Collection[str]
) -> OutcomeEstimates:
    """An outcome's estimates with models, and own figures' intervals, of the shown clinics alone.

    Args:
        usable: the screened records of the window.
        network: the network's description.
        of_all: the outcome's estimates, of all clinics.
        withheld: the clinics that no model may know.

    Raises:
        SourceError: the database went away (worth another try).
    """
    shown = without_levels(usable, [{"clinic": clinic} for clinic in sorted(withheld)])
    apart = estimate_outcome(shown, network, of_all.question.name, summarise(shown, network))
    of_withheld = of_all.clinics[of_all.clinics["clinic"].isin(withheld)]
    sums = of_all.figures[of_all.figures["figure"].isin(_OF_ALL)]
    modelled = apart.figures
    if len(modelled):
        modelled = modelled[~modelled["figure"].isin(_OF_ALL)]
    of_models = {key: apart.outcome[key] for key in _OF_MODELS if key in apart.outcome}
    with network.speaking():
        if of_all.outcome.get("comparator") == say("compared_with.typical_unadjusted"):
            of_models["comparator"] = say("compared_with.typical_shown")
    return replace(
        of_all,
        outcome=of_all.outcome | of_models,
        clinics=pd.concat([apart.clinics, of_withheld], ignore_index=True),
        figures=pd.concat([sums, modelled], ignore_index=True),
        shrunken=apart.shrunken,
        scale=apart.scale,
        numerous=apart.numerous,
        compared=apart.compared,
    )
