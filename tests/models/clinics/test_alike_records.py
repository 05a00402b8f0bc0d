"""What records of a month, or of a patient, cost a clinic's figure where they are alike."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import special

from tasks.models import glmm, lmm, shrink, with_own_variances
from tasks.models.clinics.alike_records import month_shocks, patients_alike


def moments_of(data: pd.DataFrame) -> pd.DataFrame:
    by = data.groupby(["clinic", "month"])["y"]
    apart = (data["y"] - by.transform("mean")) ** 2
    found = by.agg(n="size", mean="mean", total="sum")
    found["squares"] = apart.groupby([data["clinic"], data["month"]]).sum()
    return found.reset_index().assign(exposure=lambda each: each["n"])


def months_of(rng: np.random.Generator, clinics: int, rows: int, shock: float) -> pd.DataFrame:
    clinic, month = np.repeat(np.arange(clinics), 12 * rows), np.tile(np.repeat(np.arange(12), rows), clinics)
    return pd.DataFrame(
        {"clinic": clinic, "month": month, "eta": rng.normal(0, shock, (clinics, 12))[clinic, month]}
    )


class TestMonths:
    def test_by_hand(self) -> None:
        """Two clinics, two months, 4 rows a cell, s² = 1: cells ±1 about both levels, Q = 16, one df.

        DerSimonian & Laird: (16 − 1)/(16 − 2·32/8) = 1.875, so each clinic's mean varies 1 + 1.875·4 times as
        much.
        """
        moments = pd.DataFrame(
            {
                "clinic": ["a", "a", "b", "b"],
                "month": [1, 2, 1, 2],
                "n": 4.0,
                "mean": [1.0, -1.0, -1.0, 1.0],
                "squares": 3.0,
                "total": [4.0, -4.0, -4.0, 4.0],
                "exposure": 4.0,
            }
        )
        found = month_shocks(moments, "continuous")
        assert found.strength**2 == pytest.approx(1.875)
        assert found.factor.to_dict() == pytest.approx({"a": 8.5, "b": 8.5})

    @pytest.mark.parametrize("kind", ["continuous", "binary", "count"])
    @pytest.mark.parametrize("shock", [0.0, 0.3])
    def test_shocks_are_found_on_the_scale_of_the_link(self, kind: str, shock: float) -> None:
        found = []
        for seed in range(12):
            rng = np.random.default_rng([1, seed])
            data = months_of(rng, 30, 40, shock)
            level = rng.normal(0, 0.4, 30)[data["clinic"]] + data["eta"]
            outcome = {
                "continuous": lambda: level + rng.normal(size=len(data)),  # noqa: B023
                "binary": lambda: rng.random(len(data)) < special.expit(level - 1.0),  # noqa: B023
                "count": lambda: rng.poisson(np.exp(level)),  # noqa: B023
            }[kind]()
            moments = moments_of(data.assign(y=np.asarray(outcome, dtype=float)))
            found.append(month_shocks(moments, kind).strength ** 2)  # type: ignore[arg-type]
        assert np.mean(found) == pytest.approx(shock**2, abs=0.012)
        if shock == 0.0:  # a twentieth by chance, and a tenth is asked whether there are some that last
            assert np.sum(np.array(found) > 0) <= 4
            assert np.median(found) == 0.0

    @pytest.mark.slow
    def test_a_program_that_starts_is_not_taken_for_shocks(self) -> None:
        """It adds 0.5 from the fourth to the eleventh month on; months have no shocks."""
        unknown, told = [], []
        for seed in range(8):
            rng = np.random.default_rng([6, seed])
            data = months_of(rng, 32, 40, 0.0)
            data["under"] = (data["month"] >= 3 + data["clinic"] % 8).astype(float)
            moments = moments_of(data.assign(y=0.5 * data["under"] + rng.normal(size=len(data))))
            by = data.assign(clinic=data["clinic"].astype(str), month=data["month"].astype(str))
            program = by.groupby(["clinic", "month"])["under"].mean()
            unknown.append(month_shocks(moments, "continuous").strength)
            told.append(month_shocks(moments, "continuous", program=program).strength)
        assert min(unknown) > 0.1
        assert sum(each > 0.0 for each in told) <= 2  # one in seven by chance

    def test_scattered_counts_are_not_taken_for_shocks(self) -> None:
        rng = np.random.default_rng(4)
        data = months_of(rng, 30, 40, 0.0)
        moments = moments_of(data.assign(y=rng.negative_binomial(1.0, 0.2, len(data)).astype(float)))
        assert month_shocks(moments, "count").strength > 0.15
        assert month_shocks(moments, "count", overdispersed=True).strength < 0.08

    def test_a_noisy_clinic_is_not_taken_for_shocks(self) -> None:
        rng = np.random.default_rng(5)
        data = months_of(rng, 30, 40, 0.0)
        noisy = np.where(data["clinic"] < 6, 5.0, 0.5)
        moments = moments_of(data.assign(y=noisy * rng.normal(size=len(data))))
        assert month_shocks(moments, "continuous").strength < 0.06

    def test_clinics_without_events_or_records_do_no_harm(self) -> None:
        moments = pd.DataFrame(
            {
                "clinic": np.repeat(["a", "b", "none", "every", "empty"], 3),
                "month": np.tile([1, 2, 3], 5),
                "n": [20.0] * 12 + [0.0] * 3,
                "mean": np.nan,
                "squares": 0.0,
                "total": [5, 9, 4, 8, 3, 6, 0, 0, 0, 20, 20, 20, 0, 0, 0],
                "exposure": [20.0] * 12 + [0.0] * 3,
            }
        )
        found = month_shocks(moments, "binary")
        assert np.isfinite(found.strength)
        assert found.factor[["none", "every", "empty"]].to_numpy() == pytest.approx(1.0, abs=1e-3)

    def test_the_unit_of_exposure_makes_no_difference(self) -> None:
        """Patients of rates that differ come every month: of months at risk or of years, nothing changes."""
        rng = np.random.default_rng(11)
        clinic, patient, month = (each.ravel() for each in np.indices((20, 8, 6)))
        rate = rng.gamma(2.0, 0.5, (20, 8))[clinic, patient]
        months = rng.integers(1, 4, len(rate)).astype(float)
        events = rng.poisson(rate * months * np.exp(rng.normal(0.0, 0.4, (20, 6)))[clinic, month])
        found = []
        for exposure in (months, months / 12.0):
            rows = pd.DataFrame({"clinic": clinic, "patient": patient, "month": month, "y": 1.0 * events})
            rows["exposure"] = exposure
            moments = moments_of(rows)
            sums = rows.groupby(["clinic", "month"])["exposure"].sum().reset_index(drop=True)
            found.append(month_shocks(moments.assign(exposure=sums), "count", pairs=pairs_of(rows)))
        assert found[0].strength > 0.0
        assert found[1].strength == pytest.approx(found[0].strength)
        assert found[1].factor.to_numpy() == pytest.approx(found[0].factor.to_numpy())

    def test_a_program_that_nobody_has_yet_takes_no_degree_of_freedom(self) -> None:
        rng = np.random.default_rng(12)
        data = months_of(rng, 4, 10, 0.5)
        moments = moments_of(data.assign(y=data["eta"] + rng.normal(size=len(data))))
        nobody = pd.Series(0.0, index=pd.MultiIndex.from_product([map(str, range(4)), map(str, range(12))]))
        without, there = (month_shocks(moments, "continuous", program=each) for each in (None, nobody))
        assert without.strength > 0.0
        assert there.strength == pytest.approx(without.strength)

    @pytest.mark.slow
    def test_shocks_in_doubt_are_averaged_with_none(self) -> None:
        """Probabilities add up to 1, a design effect is the average, and a mean has no doubt.

        Where records speak against shocks they are none, and what they would be if there were any stands by.
        """
        rng, averaged, against = np.random.default_rng(15), 0, 0
        clinic, patient, month = (each.ravel() for each in np.indices((20, 20, 12)))
        for _ in range(8):
            eta = rng.normal(-0.5, 1.0, (20, 20))[clinic, patient]
            rows = pd.DataFrame({"clinic": clinic, "patient": patient, "month": month, "exposure": 1.0})
            rows["y"] = (rng.random(len(rows)) < special.expit(eta)).astype(float)
            found = month_shocks(moments_of(rows), "binary", pairs=pairs_of(rows))
            assert not month_shocks(moments_of(rows), "continuous", pairs=pairs_of(rows)).untold
            if not found.untold:
                continue
            shares = np.array([each.probability for each in found.possible])
            if_any = np.array([each.if_any for each in found.possible])
            factors = np.array([each.factor for each in found.possible])
            assert (shares.sum(), if_any.sum()) == pytest.approx((1.0, 1.0))
            assert if_any[0] == 0.0
            assert (factors[0] < factors[1:].mean(axis=0)).all()
            if shares[0] < 1.0:
                averaged += 1
                assert 0.1 < shares[0] <= 0.75
                assert shares[1:] == pytest.approx((1.0 - shares[0]) * if_any[1:])
                assert found.factor.to_numpy() == pytest.approx(shares @ factors)
            else:
                against += 1
                assert (shares[1:] == 0.0).all()
                assert (found.factor == 1.0).all()
        assert averaged
        assert against

    @pytest.mark.filterwarnings("error")
    @pytest.mark.parametrize("kind", ["continuous", "binary", "count"])
    @pytest.mark.parametrize(
        ("clinics", "months", "records", "value"),
        [
            (1, 12, 10, None),
            (12, 1, 10, None),
            (2, 2, 1, None),
            (12, 12, 10, 0.0),
            (12, 12, 10, 1.0),
            (12, 12, 1, None),
        ],
        ids=["one clinic", "one month", "one record", "no event", "nothing else", "one record a month"],
    )
    def test_what_has_nothing_to_scatter_has_no_shocks(
        self, kind: str, clinics: int, months: int, records: int, value: float | None
    ) -> None:
        """The same ten patients come to every clinic, every month; chance scatters them, or nothing does."""
        rng = np.random.default_rng(14)
        clinic, month, patient = (each.ravel() for each in np.indices((clinics, months, records)))
        data = pd.DataFrame({"clinic": clinic, "month": month, "patient": patient, "exposure": 1.0})
        data["y"] = (rng.random(len(data)) < 0.5) * 1.0 if value is None else value
        for pairs in (None, pairs_of(data)):
            found = month_shocks(moments_of(data), kind, pairs=pairs)  # type: ignore[arg-type]
            assert found.strength == 0.0
            assert (found.factor == 1.0).all()
            assert found.possible == ()


def pairs_of(data: pd.DataFrame) -> pd.DataFrame:
    """Sums over patients who come in two months, as `patients_by_months` has them."""
    one = data.groupby(["clinic", "patient", "month"])[["y", "exposure"]].sum().reset_index()
    one = one.rename(columns={"y": "o", "exposure": "m"})
    other = one.rename(columns={"month": "period", "o": "p", "m": "q"})
    both = one.merge(other, on=["clinic", "patient"])
    both = both[both["month"] <= both["period"]]
    o, m, p, q = (both[each] for each in "ompq")
    sums = both[["clinic", "month", "period"]].assign(
        products=o * p, outcome_by_size=o * q, size_by_outcome=m * p
    )
    sums = sums.assign(sizes=m * q, more_size=m**2 * q, size_more=m * q**2)
    return sums.groupby(["clinic", "month", "period"]).sum().reset_index()


class TestPatients:
    def test_by_hand(self) -> None:
        """10 patients of 4 records, all alike, half with events: ρ = 1, and each clinic's mean costs 4."""
        sums = pd.DataFrame(
            {"outcome_squared": [5 * 16.0], "outcome_size": [5 * 16.0], "size_squared": [10 * 16.0]},
            index=["a"],
        )
        moments = pd.DataFrame(
            {"n": [40.0], "total": [20.0], "exposure": [40.0], "record_variance": [0.25]}, index=["a"]
        )
        found = patients_alike(sums, moments)
        assert found.strength == pytest.approx(1.0)
        assert found.factor["a"] == pytest.approx(4.0)

    def test_patients_who_come_once_cost_nothing(self) -> None:
        sums = pd.DataFrame(
            {"outcome_squared": [20.0], "outcome_size": [20.0], "size_squared": [40.0]}, index=["a"]
        )
        moments = pd.DataFrame(
            {"n": [40.0], "total": [20.0], "exposure": [40.0], "record_variance": [0.25]}, index=["a"]
        )
        assert patients_alike(sums, moments).factor["a"] == 1.0


def flagged(table: pd.DataFrame) -> float:
    return float(((table["p_above"] > 0.975) | (table["p_above"] < 0.025)).mean())


def covered(table: pd.DataFrame, effect: np.ndarray) -> float:
    return float(((table["lower"] <= effect) & (effect <= table["upper"])).mean())


@pytest.mark.before_release
@pytest.mark.slow
class TestWorlds:
    """Networks of known truth: nothing is flagged where nothing lasts, and what is there is held."""

    @pytest.mark.parametrize(("shock", "between"), [(0.3, 0.0), (0.3, 0.15)])
    def test_shocks_of_months_continuous(self, shock: float, between: float) -> None:
        flags, held, plain = [], [], []
        for seed in range(12):
            rng = np.random.default_rng([1, seed])
            data = months_of(rng, 40, 40, shock)
            effect = rng.normal(0, between, 40)
            data["y"] = effect[data["clinic"]] + data["eta"] + rng.normal(size=len(data))
            fit = lmm("y ~ C(month) + (1 | clinic)", data)
            factor = month_shocks(moments_of(data), "continuous").factor.to_dict()
            table = shrink(with_own_variances(fit, factor)).table
            flags.append(flagged(table))
            held.append(covered(table, effect))
            plain.append(covered(shrink(fit).table, effect))
        assert np.mean(plain) < 0.85
        assert np.mean(held) > 0.93
        if between == 0.0:
            assert np.mean(flags) < 0.02

    def test_shocks_of_months_binary(self) -> None:
        flags, plain = [], []
        for seed in range(8):
            rng = np.random.default_rng([2, seed])
            data = months_of(rng, 40, 120, 0.35)
            data["y"] = (rng.random(len(data)) < special.expit(data["eta"] - 1.0)).astype(int)
            factor = month_shocks(moments_of(data), "binary").factor.to_dict()
            flags.append(flagged(shrink(glmm("y ~ 1 + (1 | clinic)", data, design_effects=factor)).table))
            plain.append(flagged(shrink(glmm("y ~ 1 + (1 | clinic)", data)).table))
        assert np.mean(plain) > 0.1
        assert np.mean(flags) < 0.02

    @pytest.mark.parametrize("between", [0.0, 0.5])
    def test_patients_who_come_twelve_times(self, between: float) -> None:
        """30 clinics × 30 patients × 12 visits, patients' log odds with SD 1.5."""
        flags, held, plain = [], [], []
        for seed in range(8):
            rng = np.random.default_rng([3, seed])
            clinic, patient = np.repeat(np.arange(30), 360), np.repeat(np.arange(900), 12)
            effect = rng.normal(0, between, 30)
            eta = effect[clinic] + rng.normal(0, 1.5, 900)[patient]
            data = pd.DataFrame({"clinic": clinic, "patient": patient, "month": 1})
            data["y"] = (rng.random(len(data)) < special.expit(eta)).astype(int)
            by = data.groupby(["clinic", "patient"])["y"].agg(o="sum", m="size").reset_index()
            sums = by.assign(
                outcome_squared=by["o"] ** 2, outcome_size=by["o"] * by["m"], size_squared=by["m"] ** 2.0
            )
            sums = sums.groupby("clinic")[["outcome_squared", "outcome_size", "size_squared"]].sum()
            moments = moments_of(data).set_index("clinic")
            share = moments["total"] / moments["n"]
            factor = patients_alike(
                sums, moments.assign(record_variance=share * (1 - share))
            ).factor.to_dict()
            table = shrink(glmm("y ~ 1 + (1 | clinic)", data, design_effects=factor)).table
            # what the records' own scale has of the effect: odds do not average over patients
            marginal = effect / np.sqrt(1 + 1.5**2 * 16**2 * 3 / (15**2 * np.pi**2))
            flags.append(flagged(table))
            held.append(covered(table, marginal - marginal.mean()))
            plain.append(flagged(shrink(glmm("y ~ 1 + (1 | clinic)", data)).table))
        if between == 0.0:
            assert np.mean(plain) > 0.15
            assert np.mean(flags) < 0.02
        assert np.mean(held) > 0.93


def _rolled_out(
    seed: int, *, differing: float = 0.0, fading: float = 0.0, shock: float = 0.0, lasting: float = 0.0
) -> tuple[pd.DataFrame, pd.Series]:
    """24 clinics of 30 records a month over 18 months, as months and as shares under the program.

    Args:
        seed: of the draw.
        differing: SD of the program's effects on clinics.
        fading: its effect at the start, of which a third is left every four months.
        shock, lasting: SD of clinics' months' shocks, and correlation of neighbouring ones.
    """
    clinics, months, n = 24, 18, 30
    rng = np.random.default_rng([20, seed])
    start = rng.permutation(np.linspace(4, 15, clinics).astype(int))[:, None]
    since = np.arange(months) - start
    running = since >= 0
    effect = rng.normal(0.3, differing, (clinics, 1)) + fading * np.exp(-np.maximum(since, 0) / 3.6)
    shocks = rng.normal(0.0, shock, (clinics, months))
    for month in range(1, months):
        shocks[:, month] = lasting * shocks[:, month - 1] + np.sqrt(1.0 - lasting**2) * shocks[:, month]
    mean = rng.normal(0.0, 0.3, (clinics, 1)) + effect * running + shocks
    mean = mean + rng.normal(0.0, n**-0.5, (clinics, months))
    names = pd.MultiIndex.from_product(
        [[f"clinic {k:02d}" for k in range(clinics)], [f"2024-{t:02d}" for t in range(months)]],
        names=["clinic", "month"],
    )
    rows = pd.DataFrame({"n": n, "mean": mean.ravel(), "squares": float(n), "exposure": n}, index=names)
    rows["total"] = rows["n"] * rows["mean"]
    return rows.reset_index(), pd.Series(running.ravel().astype(float), index=names)


@pytest.mark.slow
@pytest.mark.parametrize("program", [{"differing": 0.3}, {"fading": 0.9}], ids=["differs", "fades"])
def test_what_a_program_does_at_clinics_is_no_shock_that_lasts(program: dict[str, float]) -> None:
    """Taken for one it multiplied the variance of clinics' figures by 50, or 2.6, and nobody was compared."""
    found = [month_shocks(rows, "continuous", program=share) for rows, share in _drawn(8, **program)]
    assert np.median([each.factor.median() for each in found]) == pytest.approx(1.0, abs=0.1)
    assert sum(each.lasting > 0.0 for each in found) <= 1


@pytest.mark.before_release
@pytest.mark.slow
def test_beside_a_program_shocks_that_last_are_found_all_the_same() -> None:
    for program in ({}, {"differing": 0.3}):
        drawn = _drawn(8, shock=0.25, lasting=0.9, **program)
        found = [month_shocks(rows, "continuous", program=share) for rows, share in drawn]
        assert all(each.lasting > 0.5 for each in found)
        # a mean of 18 months of correlation 0.9 has 0.58 of their variance, which 30 records a month make 17
        assert np.median([each.factor.median() for each in found]) > 10.0


def _drawn(networks: int, **how: float) -> list[tuple[pd.DataFrame, pd.Series]]:
    return [_rolled_out(seed, **how) for seed in range(networks)]
