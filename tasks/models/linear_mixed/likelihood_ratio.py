"""Likelihood-ratio tests between nested mixed models, with the reference that a boundary needs.

A variance that is zero under the smaller model lies on the boundary of the larger one's parameter space, and
twice the log-likelihood ratio is then not χ²: with one such variance, and l ordinary parameters more, it is
the mixture ½χ²_l + ½χ²_{l+1} (Self & Liang 1987 JASA 82:605; Stram & Lee 1994 Biometrics 50:1171). With
several, it is the squared length of a Gaussian vector's projection onto the cone of covariances that are
allowed, in the metric of the information (Shapiro 1988 Int Stat Rev 56:49). Given the direction, that
projection is a fraction R of a χ² independent of R, so the p-value is an average of χ² tail probabilities
over directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.errors import EstimationError
from tasks.models.fit import Fit
from tasks.models.linear_mixed.kenward_roger import expected_information
from tasks.models.linear_mixed.lmm import LmmFit
from tasks.models.numerics import distributions as stats
from tasks.records.moments import Moments

Floats = NDArray[np.float64]

_DIRECTIONS = 4000

Entry = tuple[str, str, str]


@dataclass(frozen=True)
class LikelihoodRatio:
    """A likelihood-ratio test of a smaller model within a larger one.

    Attributes:
        smaller, larger: their formulas.
        statistic: 2 (log-likelihood of the larger − of the smaller).
        df: parameters that the larger has more.
        reference: the distribution under the smaller model, in words.
        weights: df → weight of χ²_df in it, where it is a known mixture.
        p: the p-value.
        messages: what a reader must know.
    """

    smaller: str
    larger: str
    statistic: float
    df: int
    reference: str
    weights: dict[int, float] | None
    p: float
    messages: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [
            "Likelihood-ratio test",
            f"  {self.smaller}",
            f"  {self.larger}",
            f"statistic {self.statistic:.4f}, {self.df} more parameters, p = {self.p:.4g} ({self.reference})",
        ]
        return "\n".join([*lines, *(f"Note: {message}" for message in self.messages)])


def likelihood_ratio(fit0: Fit, fit1: Fit) -> LikelihoodRatio:
    """Compare two nested fits to the same data, in either order.

    Raises:
        EstimationError: a fit without a likelihood; fits of different kinds or to different data; REML fits
            with different fixed effects, a REML with an ML fit, or Laplace's with quadrature's likelihood;
            models of which neither contains the other.
    """
    smaller, larger = (fit0, fit1) if fit0.n_parameters <= fit1.n_parameters else (fit1, fit0)
    if smaller.loglik is None or larger.loglik is None:
        raise EstimationError(
            "a GEE has no likelihood to compare",
            hint="test its coefficients with fit.test(), or fit a mixed model",
        )
    _refuse_different_kinds(smaller, larger)
    _refuse_different_data(smaller, larger)
    more_fixed = _more_fixed(smaller, larger)
    boundary, ordinary = _more_random(smaller, larger)
    statistic = max(2.0 * (larger.loglik - smaller.loglik), 0.0)
    df = larger.n_parameters - smaller.n_parameters
    messages = [
        f"{each.formula} is itself on the boundary, where the reference is only approximate"
        for each in (smaller,)
        if each.singular
    ]
    if not (smaller.converged and larger.converged):
        messages.append("a fit has not converged: its log-likelihood may be too low")
    linear = more_fixed + len(ordinary)
    n_variances = sum(1 for _, row, column in boundary if row == column)
    weights: dict[int, float] | None
    if not boundary:
        weights = {df: 1.0}
        reference = f"χ² with {df} df"
    elif n_variances == 1:
        weights = {linear: 0.5, linear + 1: 0.5}
        reference = f"½χ²({linear}) + ½χ²({linear + 1}): a variance is on the boundary"
    elif isinstance(smaller, LmmFit) and isinstance(larger, LmmFit):
        metric = _metric(smaller, larger, boundary, ordinary)
        p = _projected_p(statistic, metric, boundary, linear)
        reference = (
            f"projection on the cone of {n_variances} new variances and their covariances, "
            f"with {linear} ordinary parameters"
        )
        return _result(smaller, larger, statistic, df, reference, None, p, messages)
    else:
        weights = {df - 1: 0.5, df: 0.5}
        reference = f"½χ²({df - 1}) + ½χ²({df}): an upper bound with {n_variances} variances on the boundary"
    p = sum(weight * _tail(statistic, k) for k, weight in weights.items())
    return _result(smaller, larger, statistic, df, reference, weights, p, messages)


def _result(
    smaller: Fit,
    larger: Fit,
    statistic: float,
    df: int,
    reference: str,
    weights: dict[int, float] | None,
    p: float,
    messages: Sequence[str],
) -> LikelihoodRatio:
    return LikelihoodRatio(
        smaller.formula, larger.formula, statistic, df, reference, weights, float(p), tuple(messages)
    )


def _tail(statistic: float, df: int) -> float:
    """P(χ²_df ≥ statistic); χ²₀ is 0 for sure."""
    if df == 0:
        return 1.0 if statistic <= 0.0 else 0.0
    return float(stats.chi2.sf(statistic, df))


def _refuse_different_kinds(smaller: Fit, larger: Fit) -> None:
    kinds = smaller.method.split(" by ")[0], larger.method.split(" by ")[0]
    if type(smaller) is not type(larger) or kinds[0] != kinds[1]:
        raise EstimationError(
            f"{smaller.method} and {larger.method} are different kinds of model: "
            "their likelihoods do not compare"
        )
    if ("Laplace" in smaller.method) != ("Laplace" in larger.method):
        raise EstimationError(
            "one likelihood is Laplace's approximation and the other is by quadrature: they do not compare",
            hint="fit both with the same nodes",
        )
    if isinstance(smaller, LmmFit) and isinstance(larger, LmmFit):
        if smaller.reml != larger.reml:
            raise EstimationError(
                "one fit is by REML and the other by maximum likelihood", hint="fit both with reml=False"
            )
        if smaller.reml and _fixed(smaller) != _fixed(larger):
            raise EstimationError(
                "REML likelihoods of models with different fixed effects do not compare: each is of other "
                "combinations of the outcome",
                hint="fit both with reml=False, or test the coefficients with fit.test()",
            )


def _refuse_different_data(smaller: Fit, larger: Fit) -> None:
    same = smaller.design.response == larger.design.response and smaller.n_obs == larger.n_obs
    moments = getattr(smaller, "moments", None), getattr(larger, "moments", None)
    if same and isinstance(moments[0], Moments) and isinstance(moments[1], Moments):
        same = _same_outcome(moments[0], moments[1])
    if not same:
        raise EstimationError(
            f"the fits are not of the same data ({smaller.n_obs:,} rows of {smaller.design.response}, "
            f"{larger.n_obs:,} rows of {larger.design.response})",
            hint="a covariate with missing values leaves rows out: drop them before fitting either",
        )


def _same_outcome(one: Moments, other: Moments) -> bool:
    """Whether sums and sums of squares of the outcome agree."""
    point = float(one.reference[-1])
    sums = []
    for moments in (one, other):
        total = moments.products.sum(axis=0)
        gap = float(moments.reference[-1]) - point
        n, s, ss = total[0, 0], total[0, -1], total[-1, -1]
        sums.append((n, s + n * gap, ss + 2.0 * gap * s + n * gap**2))
    (n0, s0, ss0), (n1, s1, ss1) = sums
    size = np.sqrt(n0 * ss0)
    return bool(n0 == n1 and abs(s0 - s1) <= 1e-8 * size and abs(ss0 - ss1) <= 1e-8 * ss0)


def _more_fixed(smaller: Fit, larger: Fit) -> int:
    missing = _fixed(smaller) - _fixed(larger)
    if missing:
        raise EstimationError(
            f"neither model contains the other: {sorted(missing)[0]} is only in {smaller.formula!r}",
            hint="compare them by AIC or BIC",
        )
    return len(larger.design.fixed) - len(smaller.design.fixed)


def _fixed(fit: Fit) -> set[str]:
    return {_exact(fit, name) for name in fit.design.fixed}


def _exact(fit: Fit, column: str) -> str:
    """A column by the name that says the same in every fit: its own depends on the columns beside it."""
    return fit.design.exact.get(column, column)


def _entries(fit: Fit) -> dict[Entry, None]:
    """(group, row, column) of each free covariance of the random effects; names in a fixed order."""
    result: dict[Entry, None] = {}
    for term in fit.design.random:
        columns = [_exact(fit, column) for column in term.columns]
        for i, row in enumerate(columns):
            for column in columns[: i + 1]:
                first, second = sorted((row, column))
                result[term.group, first, second] = None
    return result


def _more_random(smaller: Fit, larger: Fit) -> tuple[list[Entry], list[Entry]]:
    """The larger model's new covariance entries: those tied to a boundary, and ordinary ones."""
    few, many = _entries(smaller), _entries(larger)
    missing = [entry for entry in few if entry not in many]
    if missing:
        group, row, column = missing[0]
        what = f"the random effect of {row}" if row == column else f"the covariance of {row} and {column}"
        raise EstimationError(
            f"neither model contains the other: {what} by {group} is only in {smaller.formula!r}",
            hint="compare them by AIC or BIC",
        )
    new = [entry for entry in many if entry not in few]
    had = {(group, row) for group, row, column in few if row == column}
    boundary = [
        (group, row, column)
        for group, row, column in new
        if (group, row) not in had and (group, column) not in had
    ]
    return boundary, [entry for entry in new if entry not in boundary]


def _metric(smaller: LmmFit, larger: LmmFit, boundary: list[Entry], ordinary: list[Entry]) -> Floats:
    """Expected information, under the smaller model, about the boundary's entries, all others eliminated."""
    criterion = larger.optimum.point.criterion
    data, shape = criterion.data, criterion.shape
    inverses, relative = [], []
    for group in data.groups:
        names = [_exact(larger, column) for column in group.columns]
        null = pd.DataFrame(0.0, index=names, columns=names)
        if group.group in smaller.varcomp:
            known = smaller.varcomp[group.group]
            had = [_exact(smaller, column) for column in known.index]
            null.loc[had, had] = known.to_numpy()
        inverse = np.linalg.inv(group.back)
        inverses.append(inverse)
        relative.append(inverse @ (null.to_numpy() / smaller.sigma2) @ inverse.T)
    expected = expected_information(criterion.at(relative))
    working = expected.information if criterion.reml else expected.full
    # free entries in original units → in working units
    m = shape.size
    change = np.eye(m + 1)
    names_of: list[Entry] = []
    for a, (factor, unit) in enumerate(shape.basis):
        moved = inverses[factor] @ unit @ inverses[factor].T
        change[:m, a] = [moved[i, j] if f == factor else 0.0 for f, i, j in shape.entries]
        _, i, j = shape.entries[a]
        columns = [_exact(larger, column) for column in data.groups[factor].columns]
        first, second = sorted((columns[i], columns[j]))
        names_of.append((data.groups[factor].group, first, second))
    information = change.T @ working @ change
    at = [names_of.index(entry) for entry in boundary]
    others = [k for k in range(m + 1) if k not in at]
    across = information[np.ix_(at, others)]
    rest = information[np.ix_(others, others)]
    return np.asarray(information[np.ix_(at, at)] - across @ np.linalg.pinv(rest, hermitian=True) @ across.T)


def _projected_p(statistic: float, metric: Floats, boundary: list[Entry], linear: int) -> float:
    """P(‖projection of a Gaussian on the cone‖² + χ²_linear ≥ statistic), over seeded directions."""
    if statistic <= 0.0:
        return 1.0
    own = {(group, row): k for k, (group, row, column) in enumerate(boundary) if row == column}
    unit = {effect: np.sqrt(metric[k, k]) for effect, k in own.items()}
    # each matrix scaled from both sides, so that variances have unit information and the cone stays the cone
    size = np.array([float(np.sqrt(unit[g, row] * unit[g, column])) for g, row, column in boundary])
    scaled = metric / np.outer(size, size)
    rng = np.random.default_rng(1987)
    root = np.linalg.cholesky(scaled)
    free = rng.standard_normal((_DIRECTIONS, linear))
    z: Floats = np.linalg.solve(root.T, rng.standard_normal((len(size), _DIRECTIONS))).T
    blocks = _blocks(boundary)
    if all(len(block) == 1 for block in blocks):
        projected = _onto_quadrant(z, scaled)
    else:
        projected = _onto_cone(z, scaled, blocks, boundary)
    squares = np.einsum("ni,ij,nj->n", z, scaled, z)
    left = z - projected
    kept = np.maximum(squares - np.einsum("ni,ij,nj->n", left, scaled, left), 0.0)
    extra = np.sum(free**2, axis=1)
    fraction = (kept + extra) / (squares + extra)
    with np.errstate(divide="ignore"):
        return float(np.mean(stats.chi2.sf(statistic / fraction, len(size) + linear)))


def _blocks(boundary: list[Entry]) -> list[list[int]]:
    """Entries that share a covariance matrix: effects linked by a covariance."""
    owner: dict[tuple[str, str], tuple[str, str]] = {}

    def find(effect: tuple[str, str]) -> tuple[str, str]:
        while owner.setdefault(effect, effect) != effect:
            effect = owner[effect]
        return effect

    for group, row, column in boundary:
        owner[find((group, row))] = find((group, column))
    by_owner: dict[tuple[str, str], list[int]] = {}
    for k, (group, row, _) in enumerate(boundary):
        by_owner.setdefault(find((group, row)), []).append(k)
    return list(by_owner.values())


def _onto_quadrant(z: Floats, metric: Floats) -> Floats:
    """Projections of (N, k) vectors on the non-negative quadrant in a metric: the best of all faces."""
    k = z.shape[1]
    best = np.zeros_like(z)
    value = np.einsum("ni,ij,nj->n", z, metric, z)
    for size in range(1, k + 1):
        for face in combinations(range(k), size):
            own = list(face)
            on_face = z @ metric[:, own] @ np.linalg.inv(metric[np.ix_(own, own)])
            candidate = np.zeros_like(z)
            candidate[:, own] = on_face
            left = z - candidate
            distance = np.einsum("ni,ij,nj->n", left, metric, left)
            better = np.all(on_face >= 0.0, axis=1) & (distance < value)
            best[better], value[better] = candidate[better], distance[better]
    return best


def _onto_cone(z: Floats, metric: Floats, blocks: list[list[int]], boundary: list[Entry]) -> Floats:
    """Projections on a product of cones of positive semi-definite matrices, by accelerated gradient.

    Beck & Teboulle (2009) SIAM J Imaging Sci 2:183, in the Frobenius norm, which counts off-diagonal entries
    twice and in which the projection on the cone cuts negative eigenvalues off.
    """
    places = []
    for block in blocks:
        effects = sorted({name for k in block for name in boundary[k][1:]})
        at = [(k, effects.index(boundary[k][1]), effects.index(boundary[k][2])) for k in block]
        places.append((len(effects), at))

    def project(x: Floats) -> Floats:
        result = np.empty_like(x)
        for d, at in places:
            matrices = np.zeros((len(x), d, d))
            for k, i, j in at:
                matrices[:, i, j] = matrices[:, j, i] = x[:, k]
            values, vectors = np.linalg.eigh(matrices)
            positive = (vectors * np.maximum(values, 0.0)[:, None, :]) @ np.swapaxes(vectors, 1, 2)
            for k, i, j in at:
                result[:, k] = positive[:, i, j]
        return result

    weights = np.array([1.0 if row == column else 2.0 for _, row, column in boundary])
    step = 1.0 / float(np.linalg.eigvalsh(metric / np.sqrt(np.outer(weights, weights)))[-1])
    x = project(z)
    y, momentum = x, 1.0
    for _ in range(400):
        new = project(y - step * ((y - z) @ metric) / weights)
        following = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * momentum**2))
        y = new + (momentum - 1.0) / following * (new - x)
        if float(np.abs(new - x).max()) < 1e-7:
            return new
        x, momentum = new, following
    return x
