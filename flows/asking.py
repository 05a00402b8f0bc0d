"""An ad-hoc question: a formula, put to the screened records with the model that its outcome calls for.

Plain functions without Prefect, because an answer at the terminal should not wait for a server.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from flows.one_thread import one_thread
from flows.period_due import parse_period
from tasks.errors import ClinicnetError, FormulaError, RecordsError
from tasks.periods import Period, between

if TYPE_CHECKING:
    from tasks.estimating.outcome_family import Family
    from tasks.models import MarginalEffects
    from tasks.models.fit import Fit
    from tasks.network.outcome_section import OutcomeSection
    from tasks.network.schema import Network
    from tasks.periods import Kind
    from tasks.records import Records
    from tasks.records.formulas.formula import Formula

Model = Literal["auto", "lmm", "glmm", "gee", "within"]
Correlation = Literal["independence", "exchangeable", "nested-exchangeable"]
INSIDE = "For use inside the network: small numbers are not withheld from an answer."
"""What stands under every answer."""


@dataclass(frozen=True, slots=True)
class AdHocQuestion:
    """What is asked.

    Attributes:
        formula: as analysts write it, e.g. "positive ~ age + gender + drive_thru + (1 | clinic)".
        model: `auto` takes a mixed model where the formula has random terms and GEE where it has none. The
            other two, `gee` and `within`, take the clusters from the random terms and leave these out, so
            that one formula can be put to every model.
        month: the last period of the network file's window; None takes every period with records.
        correlation: GEE's working correlation.
        marginal: a column, of which the average over all records is told at two values: "drive_thru" for 0
            and 1, or "age=40,60"; None for none.
    """

    formula: str
    model: Model = "auto"
    month: str | None = None
    correlation: Correlation = "exchangeable"
    marginal: str | None = None


@dataclass(frozen=True, slots=True)
class AdHocAnswer:
    """The fit that answers a question, and the averages over all records where they were asked for."""

    fit: Fit
    marginal: MarginalEffects | None

    def __str__(self) -> str:
        parts = [self.fit.summary()] if self.marginal is None else [self.fit.summary(), str(self.marginal)]
        return "\n\n".join(parts)


def answer(network_file: Path, question: AdHocQuestion) -> AdHocAnswer:
    """The fit that answers `question`, explained, and what of it holds for all records on average.

    Raises:
        ClinicnetError: the network file, the records or the formula cannot be used; says what would be right.
    """
    from tasks.network import read_network
    from tasks.records import Records

    network = read_network(network_file)
    with one_thread(), Records.of(network).in_one_state():
        return answered(usable_records(network, question.month), network, question)


def answered(usable: Records, network: Network, question: AdHocQuestion) -> AdHocAnswer:
    """The same, from screened records.

    Raises:
        ClinicnetError: the formula or the data cannot be used; says what would be right.
    """
    from flows.explaining import explanations
    from tasks.records.formulas.formula import read

    fitted = fit(usable, network, question)
    outcome, text = outcome_asked_for(read(question.formula), network)
    asked = _records_asked(read(text), outcome, usable, network)
    said = explanations(fitted, text, asked)
    averaged = None if question.marginal is None else _marginal(fitted, question.marginal, asked)
    return AdHocAnswer(replace(fitted, messages=(*fitted.messages, *said)), averaged)


def _marginal(fitted: Fit, asked: str, usable: Records) -> MarginalEffects:
    """The averages at two values of a column."""
    from tasks.models import marginal_effects

    column, _, ends = asked.partition("=")
    contrast: list[object] = [_value(each) for each in ends.split(",")] if ends else [0, 1]
    return marginal_effects(fitted, column.strip(), usable, contrast=contrast)


def _value(written: str) -> float | str:
    try:
        return float(written)
    except ValueError:
        return written.strip()


def ask(network_file: Path, question: AdHocQuestion) -> Fit:
    """The fit that answers `question` from the records of the network in `network_file`.

    Raises:
        ClinicnetError: the network file, the records or the formula cannot be used; says what would be right.
    """
    from tasks.network import read_network
    from tasks.records import Records

    network = read_network(network_file)
    with one_thread(), Records.of(network).in_one_state():
        return fit(usable_records(network, question.month), network, question)


def usable_records(network: Network, month: str | None) -> Records:
    """The screened records of a period's window, or of every period there is.

    Raises:
        ClinicnetError: the records do not fit the network file, or there are none.
    """
    from tasks.records import Records
    from tasks.screening import screen

    records = Records.of(network)
    if month is not None:
        return screen(records, network, parse_period(month, network)).usable
    first, last = _ends(records, network.window.period)
    window = network.window.lasting(between(first, last))
    return screen(records, network.model_copy(update={"window": window}), last).usable


def _ends(records: Records, kind: Kind) -> tuple[str, str]:
    """The first and last period that have records."""
    from tasks.records.questions.clinics_and_months import first_and_last_date

    dates = first_and_last_date(records)
    if dates is None:
        raise RecordsError("no record has a date", hint="see what the SELECT in the network file returns")
    return str(Period.of_day(kind, dates[0])), str(Period.of_day(kind, dates[1]))


def fit(usable: Records, network: Network, question: AdHocQuestion) -> Fit:
    """Fit the model of `question` to screened records.

    A column of the formula that is a program's rollout is said to be one, with its effect as such.

    Raises:
        ClinicnetError: the formula or the data cannot be used; says what would be right.
    """
    from tasks.estimating.undeclared_rollout import undeclared_rollouts
    from tasks.records.formulas.formula import read

    formula = read(question.formula)
    _refuse_single_patients(formula)
    outcome, text = outcome_asked_for(formula, network)
    asked = _records_asked(read(text), outcome, usable, network)
    fitted = _fitted(formula, text, outcome, asked, question)
    if outcome.counts_records:
        return replace(fitted, messages=(*fitted.messages, _rows_are_counts(network.window.period)))
    columns = undeclared_rollouts(read(text), usable)
    if not columns:
        return fitted
    by = network.window.period
    said = tuple(_said(read(text), column, outcome, usable, by) for column in columns)
    return replace(fitted, messages=(*fitted.messages, *said))


def _said(formula: Formula, column: str, outcome: OutcomeSection, usable: Records, by: Kind) -> str:
    """That a column is a rollout, and what its effect is as one."""
    from tasks.estimating.undeclared_rollout import as_rollout

    start = (
        f"{column} came to clinics one after the other, and the formula has no {by}s: its coefficient is of "
        "time as well."
    )
    family = _family(formula.text, outcome, usable)
    try:
        effect = as_rollout(formula, column, usable, family=family, exposure=outcome.exposure)
    except ClinicnetError as problem:
        return f"{start} As a rollout its effect cannot be estimated: {problem.message}."
    return (
        f"{start} With {by}s in the model, and an effect of its own for each {by} since a clinic's start, "
        f"the average is {effect.measure.replace('_', ' ')} {effect.value:.4g} "
        f"({effect.lower:.4g} to {effect.upper:.4g})."
    )


def _family(text: str, outcome: OutcomeSection, usable: Records) -> Family:
    from tasks.estimating.outcome_family import family_of
    from tasks.records.formulas.formula import outcome_of

    return family_of(outcome, f"{outcome_of(text)} ~ 1 + (1 | clinic)", usable)


def _fitted(
    formula: Formula, text: str, outcome: OutcomeSection, usable: Records, question: AdHocQuestion
) -> Fit:
    from tasks.records.formulas.formula import without_random_terms

    model = question.model
    if model == "auto":
        model = ("lmm" if outcome.kind == "continuous" else "glmm") if formula.random else "gee"
    if model == "within":
        from tasks.models import within

        return within(without_random_terms(text), usable, groups=_clusters(formula)[-1])
    if model == "gee":
        from tasks.estimating.outcome_family import mean_family
        from tasks.models import gee

        clusters = _clusters(formula)
        nested = question.correlation == "nested-exchangeable"
        return gee(
            without_random_terms(text),
            usable,
            groups=clusters if nested else clusters[0],
            family=mean_family(outcome.kind),
            corr=question.correlation,
            exposure=outcome.exposure,
        )
    if not formula.random:
        raise FormulaError(
            f"a mixed model needs a random term, and {question.formula!r} has none",
            hint='add one, such as "+ (1 | clinic)", or ask with --model gee',
        )
    if model == "lmm":
        from tasks.models import lmm

        return lmm(text, usable)
    from tasks.models import glmm

    return glmm(text, usable, family=_family(text, outcome, usable), exposure=outcome.exposure)


_ONE_PATIENT = ("patient", "record", "date")


def _refuse_single_patients(formula: Formula) -> None:
    """Refuse terms whose coefficients would each be about one patient, or about one clinic however small."""
    expressions = (formula.response, *formula.offsets, *formula.variables.values())
    used = {name for expression in expressions for name in expression.names}
    for name in _ONE_PATIENT:
        if name in used:
            raise FormulaError(
                f"the column {name!r} tells one patient from another, and an answer may not",
                hint="it can group, as in (1 | patient); for time take month or period",
            )
    if "clinic" in used:
        raise FormulaError(
            "an answer has no effect of each clinic: the smallest ones' patients would be in plain sight",
            hint="write (1 | clinic), or ask with --model within, which compares patients of the same clinic",
        )


_OF_A_COUNT = ("clinic", "region", "month", "period")
"""What a count of a clinic's records has beside it."""


def _records_asked(formula: Formula, outcome: OutcomeSection, usable: Records, network: Network) -> Records:
    """The records that the formula is about: the screened ones, or each clinic's in each period counted.

    Raises:
        FormulaError: the formula has a column that these do not.
    """
    from tasks.records.questions.derived_records import clinic_month_counts

    if not outcome.counts_records:
        _refuse_unread(formula, network)
        return usable
    response = formula.response.text
    for name in _named(formula):
        if name not in (*_OF_A_COUNT, *formula.response.names):
            raise FormulaError(
                f"the outcome {response!r} counts a clinic's records in a {network.window.period}, and the "
                f"column {name!r} is of single records",
                hint="a formula of it may use month, period and region, and group by clinic and region",
            )
    return clinic_month_counts(usable, formula.response.names[0], described=True)


def _rows_are_counts(by: Kind) -> str:
    return (
        f"A row is a clinic's {by}: from the clinic's first {by} with records to its last, 0 where there are "
        "none between."
    )


def _named(formula: Formula) -> list[str]:
    """The columns that the formula names."""
    expressions = (formula.response, *formula.offsets, *formula.variables.values())
    named = [name for expression in expressions for name in expression.names]
    return [*named, *(name for each in formula.groupings for name in each.columns)]


def _refuse_unread(formula: Formula, network: Network) -> None:
    """Refuse columns of the SELECT that the network file uses for nothing: they are not read."""
    from tasks.errors import nearest
    from tasks.network.schema import CONTRACT_COLUMNS, DERIVED_COLUMNS
    from tasks.records.questions.column_uses import uses

    used = [use.column for use in uses(network)[0]]
    for name in _named(formula):
        if name not in (*used, *CONTRACT_COLUMNS, *DERIVED_COLUMNS):
            raise FormulaError(
                f"no column {name!r} among those that the network file uses; {nearest(name, used)}",
                hint="an answer reads no other column of the SELECT; add it to an outcome's adjusters",
            )


def outcome_asked_for(formula: Formula, network: Network) -> tuple[OutcomeSection, str]:
    """The formula's outcome, and the formula with the outcome's column on its left.

    A column that is no outcome is taken for a continuous one.
    """
    from tasks.network.outcome_section import OutcomeSection
    from tasks.records.formulas.formula import with_outcome

    response = formula.response.names[0] if formula.response.is_column else formula.response.text
    named = network.outcomes.get(response)
    if named is not None and named.counts_records:
        return named, formula.text
    by_column = {network.column(name): outcome for name, outcome in network.outcomes.items()}
    outcome = by_column.get(response, named)
    if outcome is None:
        plain = {"label": response, "kind": "continuous", "direction": "neither"}
        return OutcomeSection.model_validate(plain), formula.text
    column = outcome.column or response
    return outcome, with_outcome(formula.text, column)


def _clusters(formula: Formula) -> list[str]:
    """The grouping columns of the formula, outermost first; the clinic where it names none."""
    from tasks.records.formulas.tokens import as_written

    return [as_written(grouping.columns[0]) for grouping in formula.groupings] or ["clinic"]
