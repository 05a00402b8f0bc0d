"""An answer as a brief of a page or two: what stands in the printed fit, and the other questions' answers."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from flows.asking import (
    INSIDE,
    AdHocAnswer,
    AdHocQuestion,
    Model,
    answered,
    fit,
    outcome_asked_for,
    usable_records,
)
from flows.explaining import QUESTION
from flows.one_thread import one_thread
from tasks.errors import ClinicnetError, PublishingError, SourceError
from tasks.periods import Period

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.models import MarginalEffects
    from tasks.models.fit import Fit
    from tasks.network.schema import Network
    from tasks.records import Records
    from tasks.rendering.brief import BandedLines, Brief, Coefficient, QuestionAnswered, Variation

_INTERCEPT = "(Intercept)"
_RATIOS = {"binomial": "odds_ratio", "poisson": "rate_ratio", "negative-binomial": "rate_ratio"}


def write_answer(network_file: Path, question: AdHocQuestion, path: Path) -> AdHocAnswer:
    """Answer a question and write the answer as a PDF.

    Beside what is printed stand a picture of the coefficients, the estimates that answer the other questions
    people take for the same one, and people's own lines where they have slopes.

    Raises:
        ClinicnetError: as `answer`; or the PDF cannot be written.
    """
    from tasks.network import read_network
    from tasks.records import Records
    from tasks.rendering.brief_report import write_brief

    network = read_network(network_file)
    with one_thread(), Records.of(network).in_one_state():
        usable = usable_records(network, question.month)
        found = answered(usable, network, question)
        brief = brief_of(found, network, question, usable)
    try:
        write_brief(brief, network, path)
    except OSError as error:
        raise PublishingError(
            f"{path} could not be written: {os.strerror(error.errno or 0).lower()}",
            hint="give --pdf a path in a directory that this user may write in",
        ) from error
    return found


def brief_of(found: AdHocAnswer, network: Network, question: AdHocQuestion, usable: Records) -> Brief:
    """What a brief says of an answer.

    Args:
        found: the answer.
        network: the network's description.
        question: what was asked.
        usable: the screened records that it was answered from.

    Raises:
        SourceError: the database went away.
    """
    from tasks.models.program_effects.estimate_guide import ANSWERS, role_of
    from tasks.records.formulas.formula import read
    from tasks.records.questions.clinics_and_months import first_and_last_date
    from tasks.rendering.brief import Brief, Coefficients

    fitted, by = found.fit, network.window.period
    about = _about(fitted, network, question)
    first, last = first_and_last_date(usable) or (date.today(), date.today())
    section, _ = outcome_asked_for(read(question.formula), network)
    answer = ANSWERS[role_of(fitted)]
    names = [str(name) for name in fitted.coef.index if name != _INTERCEPT]
    averaged = found.marginal or _average(fitted, network, about, usable)
    return Brief(
        formula=question.formula,
        outcome=section.label,
        asked=date.today(),
        window=(str(Period.of_day(by, first)), str(Period.of_day(by, last))),
        method=fitted.method,
        estimand=fitted.estimand,
        question=answer.question,
        assumes=answer.assumes,
        rows=fitted.n_obs,
        groups={str(group): int(n) for group, n in fitted.n_groups.items()},
        left_out=dict(fitted.dropped.rows),
        coefficients=Coefficients(
            _scale(fitted), section.unit, tuple(_coefficient(fitted, name) for name in names)
        ),
        about=about,
        answers=tuple(_answers(fitted, about, network, question, usable)),
        averages=tuple(_everybody(averaged)),
        variances=tuple(_variances(fitted)),
        lines=_lines(fitted),
        # the question stands at the top
        notes=tuple(each for each in fitted.messages if not each.startswith(QUESTION)),
        inside=INSIDE,
        attenuation=_attenuation(averaged),
    )


def _attenuation(averaged: MarginalEffects | None) -> str:
    """How far averaging over clinics brings odds ratios closer to 1; empty where it does not."""
    return "" if averaged is None or averaged.attenuation is None else str(averaged.attenuation)


def _family(fitted: Fit) -> str:
    """Of a model whose coefficients are logarithms; gaussian of every other."""
    family = getattr(fitted, "family", "gaussian")
    return family if isinstance(family, str) else str(family.name)


def _scale(fitted: Fit) -> str:
    return _RATIOS.get(_family(fitted), "difference")


def _coefficient(fitted: Fit, name: str) -> Coefficient:
    """A coefficient as people read it: a ratio where the model has its logarithm."""
    from tasks.rendering.brief import Coefficient

    ends = fitted.conf_int().loc[name].to_numpy(dtype=float)
    values = np.array([float(fitted.coef[name]), *ends])
    value, low, high = (float(each) for each in (np.exp(values) if _family(fitted) in _RATIOS else values))
    return Coefficient(name, value, low, high, float(fitted.p_values[name]))


def _about(fitted: Fit, network: Network, question: AdHocQuestion) -> str:
    """The coefficient that the other questions are about: what was averaged, the program, or the last."""
    names = [str(name) for name in fitted.coef.index if name != _INTERCEPT]
    if not names:
        return ""
    wanted = [] if question.marginal is None else [question.marginal.partition("=")[0].strip()]
    for column in (*wanted, *_of_the_program(network)):
        of_column = [name for name in names if tuple(fitted.design.sources.get(name, ())) == (column,)]
        if of_column:
            return of_column[0]
    return names[-1]


def _of_the_program(network: Network) -> list[str]:
    """Columns that tell who was under the program: screening's own, and the file's."""
    return [] if network.program is None else ["program", *filter(None, [network.program.column])]


def _answers(
    fitted: Fit, about: str, network: Network, question: AdHocQuestion, usable: Records
) -> Iterator[QuestionAnswered]:
    """What a GEE, a mixed model and a comparison within clinics say of one coefficient."""
    from tasks.models.program_effects.estimate_guide import ANSWERS, role_of
    from tasks.rendering.brief import QuestionAnswered

    own = role_of(fitted)
    fits = {own: fitted} | {
        role: other
        for role in ("gee", "within")
        if role != own and (other := _other(role, network, question, usable)) is not None
    }
    for role in ("gee", "mixed", "within"):
        answer, of_role = ANSWERS[role], fits.get(role)
        told = of_role is not None and about in of_role.coef.index
        yield QuestionAnswered(
            question=answer.question,
            scale=_scale(of_role) if told and of_role is not None else None,
            estimate=_coefficient(of_role, about) if told and of_role is not None else None,
            method=answer.estimate if of_role is None else of_role.method,
            assumes=answer.assumes,
        )


def _other(role: str, network: Network, question: AdHocQuestion, usable: Records) -> Fit | None:
    """The same formula by another model; None where that cannot answer it."""
    model: Model = "gee" if role == "gee" else "within"
    try:
        return fit(usable, network, replace(question, model=model, marginal=None))
    except SourceError:
        raise
    except ClinicnetError:
        return None


def _average(fitted: Fit, network: Network, about: str, usable: Records) -> MarginalEffects | None:
    """The averages over everybody with the program and without it, where that is what was asked about."""
    from tasks.models import marginal_effects

    if about not in _of_the_program(network) or _family(fitted) not in _RATIOS:
        return None
    try:
        return marginal_effects(fitted, about, usable)
    except SourceError:
        raise
    except ClinicnetError:
        return None


def _everybody(averaged: MarginalEffects | None) -> Iterator[tuple[str, str, Coefficient]]:
    """Measure, what it is, and how much."""
    from tasks.rendering.brief import Coefficient

    if averaged is None:
        return
    for measure, row in averaged.table.iterrows():
        if str(measure).startswith("median_"):  # of a clinic at the median: the third reading of one thing
            continue
        value, lower, upper = (float(row[end]) for end in ("estimate", "lower", "upper"))
        how_much = Coefficient(str(measure), value, lower, upper, float("nan"))
        yield str(measure), str(row["estimand"]), how_much


def _variances(fitted: Fit) -> Iterator[Variation]:
    """SDs between groups, and how alike records of one are."""
    from tasks.models.fit import VarianceComponents
    from tasks.rendering.brief import Variation

    components = getattr(fitted, "varcomp", None)
    if not isinstance(components, VarianceComponents):
        return
    for row in components.table().to_dict("records"):
        within = row["group"] == "Residual"
        yield Variation(
            kind="sd_within" if within else "sd_between",
            group="" if within else str(row["group"]),
            effect="" if row["effect"] == _INTERCEPT else str(row["effect"]),
            value=float(row["sd"]),
        )
    shares = getattr(fitted, "icc", None)
    if isinstance(shares, pd.Series):
        for group, share in shares.items():
            yield Variation("icc", str(group), "", float(share))


def _lines(fitted: Fit) -> BandedLines | None:
    from flows.trajectories import BANDS, trajectories
    from tasks.models.linear_mixed.lmm import LmmFit
    from tasks.rendering.brief import BandedLines

    found = trajectories(fitted) if isinstance(fitted, LmmFit) else None
    if found is None:
        return None
    return BandedLines(
        time=found.time,
        group=found.group,
        n=found.n,
        at=tuple(map(float, found.at)),
        mean=tuple(map(float, found.mean)),
        bands=tuple(
            (BANDS[beyond], tuple(map(float, ends[:, 0])), tuple(map(float, ends[:, 1])))
            for beyond, ends in found.bands.items()
        ),
    )
