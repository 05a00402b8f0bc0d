"""The formulas that one outcome is estimated by, in the analyst's own notation."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.network.schema import Network, OutcomeSection


@dataclass(frozen=True, slots=True)
class Question:
    """One outcome as formulas.

    Attributes:
        name: the outcome's name in the network file.
        outcome: its description.
        response: left-hand side, e.g. `log(hours)`.
        adjusters: terms adjusted for, months included where the window has several.
        program: column of the program exposure; None where there is none or it cannot bear on the outcome.
        regions: whether the network has regions.
        rollout: whether the program starts clinic by clinic (so that time and program must be told apart).
    """

    name: str
    outcome: OutcomeSection
    response: str
    adjusters: tuple[str, ...]
    program: str | None
    regions: bool
    rollout: bool

    @property
    def family(self) -> str:
        """Distribution of the outcome: gaussian, binomial or poisson."""
        return {"continuous": "gaussian", "binary": "binomial", "count": "poisson"}[self.outcome.kind]

    @property
    def null(self) -> str:
        """No adjusters: how much clinics differ, all told."""
        return f"{self.response} ~ 1 + (1 | clinic)"

    @property
    def ranking(self) -> str:
        """Clinics given their patients: the program is part of what a clinic does, so it is not adjusted for."""
        return f"{self._fixed(self.adjusters)} + (1 | clinic)"

    @property
    def with_program(self) -> str:
        """The ranking model with the program beside the adjusters."""
        return f"{self.fixed_with_program} + (1 | clinic)"

    @property
    def fixed_with_program(self) -> str:
        """The same without random effects, for GEE and within."""
        return self._fixed((self.program or "program", *self.adjusters))

    def _fixed(self, terms: tuple[str, ...]) -> str:
        return f"{self.response} ~ {' + '.join(terms) if terms else '1'}"


def question_of(network: Network, name: str, months: int) -> Question:
    """The formulas of an outcome.

    Args:
        network: the network's description.
        name: the outcome's name.
        months: months with records in the window; with more than one, months are adjusted for.
    """
    outcome = network.outcomes[name]
    column = outcome.column or name
    adjusters = outcome.adjusters if outcome.per == "record" else ()
    if months > 1:
        adjusters = (*adjusters, "C(month)")
    program = network.program
    return Question(
        name=name,
        outcome=outcome,
        response=f"log({column})" if outcome.scale == "log" else column,
        adjusters=adjusters,
        program="program" if program is not None and outcome.per == "record" else None,
        regions=False,
        rollout=program is not None and program.starts is not None,
    )
