"""Models of the clinics alone that are shown, where whoever has their counts could fit those of all again.

Without patients' adjusters all that a model takes from the records are counts. With one withheld clinic in
it, the figures published would tell that clinic's to who tries each count that it may have. The network's
sums, effects and run charts stay as they are: they are withheld by themselves.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pandas as pd

from tasks.estimating.one_outcome import OutcomeEstimates, estimate_outcome
from tasks.estimating.summary import summarise
from tasks.network.schema import Network
from tasks.records import Records
from tasks.records.questions.derived_records import without_levels

_OF_ALL = ("mean",)
"""Network figures that are sums of all records, and withheld by themselves."""
_OF_MODELS = ("comparator_value", "status", "reason")
"""Of an outcome's row, what its models give."""


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
    return replace(
        of_all,
        outcome=of_all.outcome | {key: apart.outcome[key] for key in _OF_MODELS if key in apart.outcome},
        clinics=pd.concat([apart.clinics, of_withheld], ignore_index=True),
        figures=pd.concat([sums, modelled], ignore_index=True),
        shrunken=apart.shrunken,
        scale=apart.scale,
        numerous=apart.numerous,
        compared=apart.compared,
    )
