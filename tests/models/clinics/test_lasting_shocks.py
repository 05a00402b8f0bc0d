"""Shocks that last are told from those that come anew, from a program that starts and from patients."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.models.clinics.lasting_shocks import LastingShocks, lasting_shocks
from tasks.models.clinics.month_residuals import about_levels, without_own_effects
from tasks.models.clinics.shock_likelihood import LONGEST, OwnEffects, ShockLikelihoods, shock_likelihoods

MONTHS, RECORDS, SHOCK = 12, 15, 0.3
SAMPLING = RECORDS**-0.5
APART = np.abs(np.subtract.outer(np.arange(MONTHS), np.arange(MONTHS)))


def shocks(rng: np.random.Generator, clinics: int, lasting: float) -> np.ndarray:
    """(K, 12) shocks of SD 0.3 that last."""
    shock = rng.normal(0.0, SHOCK, (clinics, MONTHS))
    for month in range(1, MONTHS):
        shock[:, month] = lasting * shock[:, month - 1] + np.sqrt(1.0 - lasting**2) * shock[:, month]
    return np.asarray(shock)


def residuals(rng: np.random.Generator, clinics: int, lasting: float) -> np.ndarray:
    """(K, 12) means of 15 records with SD 1, and shocks."""
    shock = shocks(rng, clinics, lasting)
    return np.asarray(shock + rng.normal(0.0, 1.0 / np.sqrt(RECORDS), shock.shape))


def weights(clinics: int) -> np.ndarray:
    return np.full((clinics, MONTHS), float(RECORDS))


def added(found: LastingShocks | None) -> float:
    return 0.0 if found is None else found.probability * float(found.of_mean.mean())


@pytest.mark.before_release
@pytest.mark.slow
def test_what_they_add_to_a_clinics_mean_is_what_they_do() -> None:
    """Of 40 clinics the mean's variance is σ²/T² Σ ρ^|s − t|: 0.181² at ρ = 0.7; as if anew it is 0.071²."""
    rng = np.random.default_rng(1)
    found = [lasting_shocks(residuals(rng, 40, 0.7), weights(40)) for _ in range(40)]
    assert all(each is not None for each in found)
    truth = SHOCK**2 * float((0.7**APART).mean())
    assert np.sqrt(truth) == pytest.approx(0.181, abs=0.001)
    assert np.mean([each.lasting for each in found if each]) == pytest.approx(0.7, abs=0.05)
    assert np.median([each.strength for each in found if each]) == pytest.approx(SHOCK, abs=0.04)
    # near the longest that can be told the variance has a long tail upwards
    middle = [float(np.median(each.possible.mean(axis=1))) for each in found if each]
    assert np.median(middle) == pytest.approx(truth, rel=0.3)


@pytest.mark.before_release
@pytest.mark.slow
def test_the_possible_values_hold_the_truth() -> None:
    rng = np.random.default_rng(6)
    truth, inside = SHOCK**2 * float((0.7**APART).mean()), 0
    for _ in range(40):
        found = lasting_shocks(residuals(rng, 30, 0.7), weights(30))
        assert found is not None
        assert found.probabilities.sum() == pytest.approx(1.0)
        assert found.probabilities.max() < 0.5  # about a sixth each, as far as the grid is fine
        assert found.of_mean == pytest.approx(found.probabilities @ found.possible)
        low, high = found.possible.mean(axis=1)[[0, -1]]
        inside += int(low <= truth <= high)
    assert inside >= 30  # means of the outer sixths hold 83% and more between them


@pytest.mark.slow
def test_shocks_that_plainly_come_anew_are_not_taken_for_lasting_ones() -> None:
    rng = np.random.default_rng(2)
    found = [lasting_shocks(residuals(rng, 30, 0.0), weights(30)) for _ in range(40)]
    assert sum(each is not None for each in found) <= 4


def without_shocks(rng: np.random.Generator, clinics: int) -> np.ndarray:
    return np.asarray(rng.normal(0.0, 1.0 / np.sqrt(RECORDS), (clinics, MONTHS)))


@pytest.mark.slow
def test_where_there_are_no_shocks_few_networks_have_any() -> None:
    rng = np.random.default_rng(13)
    found = [lasting_shocks(without_shocks(rng, 24), weights(24)) for _ in range(80)]
    assert sum(each is not None for each in found) <= 16  # of 80 at one in eight, 16 or fewer in 98%


@pytest.mark.slow
def test_a_month_of_late_records_of_one_clinic_is_no_shock_that_all_have() -> None:
    """One of 72 months of six clinics lies eight sampling SDs off, in its clinic and so in the month."""
    rng = np.random.default_rng(14)
    found = 0
    for _ in range(80):
        seen = without_shocks(rng, 6)
        seen[2, 10] += 8.0 / np.sqrt(RECORDS)
        seen = seen - seen.mean(axis=1, keepdims=True)
        found += lasting_shocks(seen - seen.mean(axis=0), weights(6)) is not None
    assert found <= 18


@pytest.mark.slow
def test_a_program_that_starts_is_no_shock() -> None:
    """An effect of 1.2 and more from the fourth to the eleventh month on: without it, months are alike."""
    rng = np.random.default_rng(3)
    since = np.arange(MONTHS)[None, :] - (3 + np.arange(32) % 8)[:, None]
    running = (since >= 0).astype(float)
    effect = running * (1.2 + 0.05 * since)
    known = (running, running.cumsum(axis=1))
    unknown, told = [], []
    for _ in range(20):
        seen = residuals(rng, 32, 0.0) + effect
        seen = seen - seen.mean(axis=0) - seen.mean(axis=1, keepdims=True)
        unknown.append(added(lasting_shocks(seen, weights(32))))
        told.append(added(lasting_shocks(seen, weights(32), known)))
    assert min(unknown) > 0.03
    assert np.mean(np.array(told) == 0.0) >= 0.75
    assert max(told) < 0.02


@pytest.mark.before_release
class TestPatients:
    """Five patients come every month, and five others once: what they are alike in is no shock."""

    VARIANCE = 0.5  # of patients; of a record 1
    COMING, ONCE = 5, 5

    def months(self, rng: np.random.Generator, lasting: float | None) -> tuple[np.ndarray, ...]:
        """(30, 12) months' means, their weights and how alike they are."""
        records = self.COMING + self.ONCE
        own = np.sqrt(self.VARIANCE) * rng.normal(size=(30, self.COMING))
        once = rng.normal(size=(30, MONTHS, self.ONCE)).sum(axis=2)
        again = np.sqrt(1.0 - self.VARIANCE) * rng.normal(size=(30, MONTHS, self.COMING)).sum(axis=2)
        seen = (own.sum(axis=1)[:, None] + again + once) / records
        if lasting is not None:
            seen = seen + shocks(rng, 30, lasting)
        alike = np.full((MONTHS, MONTHS), self.VARIANCE * self.COMING / records)
        np.fill_diagonal(alike, 1.0)
        return seen, np.full((30, MONTHS), float(records)), np.tile(alike, (30, 1, 1))

    def drifting(self, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Ten patients a month, four of whom give way to new ones: neighbouring months have six in common."""
        records, stay = 10, (MONTHS + 2) * 10
        own = np.sqrt(self.VARIANCE) * rng.normal(size=(30, stay))
        first = np.arange(MONTHS) * 4
        seen = np.stack([own[:, each : each + records].mean(axis=1) for each in first], axis=1)
        seen = seen + rng.normal(0.0, np.sqrt((1.0 - self.VARIANCE) / records), seen.shape)
        common = np.maximum(records - 4 * APART, 0) / records
        alike = self.VARIANCE * common
        np.fill_diagonal(alike, 1.0)
        return seen, np.full((30, MONTHS), float(records)), np.tile(alike, (30, 1, 1))

    @pytest.mark.slow
    def test_patients_who_come_in_neighbouring_months_are_no_shock(self) -> None:
        rng = np.random.default_rng(7)
        unknown, told = 0, 0
        for _ in range(48):
            seen, weight, alike = self.drifting(rng)
            unknown += lasting_shocks(seen, weight) is not None
            told += lasting_shocks(seen, weight, alike=alike) is not None
        assert unknown >= 30
        assert told <= 8

    @pytest.mark.slow
    def test_a_shock_that_lasts_is_found_beside_them(self) -> None:
        rng = np.random.default_rng(8)
        found = [
            lasting_shocks(seen, w, alike=a) for seen, w, a in (self.months(rng, 0.7) for _ in range(30))
        ]
        assert sum(each is not None for each in found) >= 28
        assert np.mean([each.lasting for each in found if each]) == pytest.approx(0.7, abs=0.08)
        none = [
            lasting_shocks(seen, w, alike=a) for seen, w, a in (self.months(rng, None) for _ in range(40))
        ]
        assert sum(each is not None for each in none) <= 8

    @pytest.mark.slow
    def test_shocks_that_last_long_are_allowed_for_beside_them(self) -> None:
        """Of 24 clinics, as large as they are: ρ = 0.9 is hardly told from shocks that come anew."""
        rng = np.random.default_rng(15)
        truth, there, possible = SHOCK**2 * float((0.9**APART).mean()), 0, 0
        for _ in range(40):
            seen, weight, alike = self.drifting(rng)
            seen = (seen + shocks(rng, 30, 0.9))[:24]
            found = lasting_shocks(seen, weight[:24], alike=alike[:24])
            there += found is not None
            possible += found is not None and bool(truth <= found.possible.mean(axis=1)[-1])
        assert there >= 36
        assert possible >= 36

    @pytest.mark.slow
    def test_what_records_do_not_speak_against_has_a_probability_where_asked(self) -> None:
        """Shocks of SD 0.21 beside records' 0.32: yes/no outcomes and counts tell no more of larger ones.

        Of odds of 1 and a Bayes factor from a third on it is a quarter or more; of what records show, 1.
        """
        rng = np.random.default_rng(16)
        told, in_doubt = 0, []
        for _ in range(16):
            seen, weight, alike = (each[:24] for each in self.drifting(rng))
            shaken = seen + 0.7 * shocks(rng, 24, 0.9)
            shown = lasting_shocks(shaken, weight, alike=alike)
            found = lasting_shocks(shaken, weight, alike=alike, doubtful=True)
            told += shown is not None
            assert found is not None
            assert (found.probability == 1.0) == (shown is not None)
            in_doubt.append(found.probability)
        assert told < sum(each > 0.0 for each in in_doubt)
        assert sum(each > 0.0 for each in in_doubt) >= 15
        assert all(each in (0.0, 1.0) or 0.25 <= each < 0.9 for each in in_doubt)

    def test_shocks_that_come_anew_leave_no_doubt(self) -> None:
        """Large ones, that are refuted to last: nothing is allowed for, and nothing is untold."""
        rng = np.random.default_rng(19)
        for _ in range(6):
            seen, weight, alike = self.drifting(rng)
            seen = seen + 2.0 * shocks(rng, 30, 0.0)
            assert lasting_shocks(seen, weight, alike=alike, doubtful=True) is None

    @pytest.mark.slow
    def test_without_shocks_records_speak_against_them_or_leave_them_in_doubt(self) -> None:
        rng = np.random.default_rng(20)
        found = [
            lasting_shocks(seen, weight, alike=alike, doubtful=True)
            for seen, weight, alike in (self.drifting(rng) for _ in range(16))
        ]
        chances = [each.probability for each in found if each is not None]
        assert sum(each == 0.0 for each in chances) >= 3
        assert sum(0.0 < each <= 0.5 for each in chances) >= 3
        assert sum(each == 1.0 for each in chances) <= 4

    @pytest.mark.slow
    def test_late_records_of_one_clinic_add_nothing_that_is_in_doubt(self) -> None:
        """A month eight sampling SDs off: what shocks may add is what the other clinics have."""
        rng = np.random.default_rng(17)
        plain, late = [], []
        for _ in range(12):
            seen, weight, alike = (each[:24] for each in self.drifting(rng))
            plain.append(added(lasting_shocks(seen, weight, alike=alike, doubtful=True)))
            seen[2, 10] += 8.0 / np.sqrt(10.0)
            seen = seen - seen.mean(axis=1, keepdims=True)
            found = lasting_shocks(seen - seen.mean(axis=0), weight, alike=alike, doubtful=True)
            late.append(added(found))
        assert np.mean(late) < 1.25 * np.mean(plain)

    def test_patients_who_come_once_leave_no_doubt(self) -> None:
        rng = np.random.default_rng(18)
        for _ in range(6):
            seen = without_shocks(rng, 24)
            both = [lasting_shocks(seen, weights(24), doubtful=each) is None for each in (False, True)]
            assert both[0] == both[1]


def test_months_without_records_and_few_months_do_no_harm() -> None:
    rng = np.random.default_rng(4)
    seen, weight = residuals(rng, 40, 0.8), weights(40)
    weight[:3] = 0.0
    weight[3:20, 4:7] = 0.0
    found = lasting_shocks(np.where(weight > 0.0, seen, 0.0), weight)
    assert found is not None and 0.4 < found.lasting <= LONGEST
    assert (found.of_mean[:3] == 0.0).all() and (found.of_mean[3:] > 0.0).all()
    assert lasting_shocks(seen[:, :2], weights(40)[:, :2]) is None


def test_clinics_of_one_month_each_have_no_neighbouring_months() -> None:
    assert lasting_shocks(np.ones((4, 4)), np.eye(4)) is None


def test_clinics_without_records_are_as_if_they_were_not_there() -> None:
    rng = np.random.default_rng(9)
    seen, weight = residuals(rng, 12, 0.8), weights(12)
    nobody = np.zeros((6, MONTHS))
    alone = lasting_shocks(seen, weight)
    beside = lasting_shocks(np.vstack([seen, nobody]), np.vstack([weight, nobody]))
    assert alone is not None and beside is not None
    assert beside.strength == pytest.approx(alone.strength)
    assert beside.of_mean == pytest.approx(np.concatenate([alone.of_mean, np.zeros(6)]))


def test_a_month_of_no_weight_tells_nothing_of_those_that_share_its_patients() -> None:
    """A month without any event has a figure of no use, though the patients of others came in it."""
    rng = np.random.default_rng(10)
    seen, weight, alike = TestPatients().drifting(rng)
    seen = seen + shocks(rng, 30, 0.8)
    weight[:, -1] = 0.0
    short = lasting_shocks(seen[:, :-1], weight[:, :-1], alike=alike[:, :-1, :-1])
    found = lasting_shocks(seen, weight, alike=alike)
    assert short is not None and found is not None
    assert found.of_mean == pytest.approx(short.of_mean)
    assert found.lasting == pytest.approx(short.lasting)


def _two_years(rng: np.random.Generator, drift: float, lasting: float, shock: float = SHOCK) -> np.ndarray:
    """24 clinics over two years: straight trends by so much a year, and shocks that last."""
    years = np.arange(24) / 12.0
    trends = np.outer(rng.normal(0.0, drift, 24), years - years.mean())
    series = np.empty((24, 24))
    series[:, 0] = rng.normal(0.0, shock, 24)
    for month in range(1, 24):
        series[:, month] = lasting * series[:, month - 1]
        series[:, month] += np.sqrt(1.0 - lasting**2) * rng.normal(0.0, shock, 24)
    noise = rng.normal(0.0, SAMPLING, (24, 24))
    return about_levels(trends + series + noise, np.full((24, 24), SAMPLING**-2.0))


@pytest.mark.parametrize("drift", [0.0, 0.5])
def test_a_likelihood_with_trends_is_the_normal_density_s(drift: float) -> None:
    """Against dense matrices: level integrated out; trend, shocks and sampling in one covariance."""
    rng = np.random.default_rng(11)
    residual, weight = rng.normal(size=(3, 20)), rng.uniform(2.0, 9.0, (3, 20))
    weight[1, 4:7] = 0.0
    place = np.arange(20)
    time = (place - place.mean()) / place.std()
    own = OwnEffects(np.tile(time, (3, 1)), drift) if drift else None
    months = ShockLikelihoods.of(residual, weight, None, own=own)
    assert months is not None
    decay = LONGEST ** np.abs(np.subtract.outer(place, place))
    for s in (0, 7, 20):
        for clinic in range(3):
            there = weight[clinic] > 0.0
            covariance = np.diag(1.0 / weight[clinic, there])
            covariance += months.sds[s] ** 2 * decay[np.ix_(there, there)]
            covariance += drift**2 * np.outer(time[there], time[there])
            inverse, one = np.linalg.inv(covariance), np.ones(there.sum())
            y = residual[clinic, there] * np.sqrt(3 / 2)  # months' levels take a share of the scatter
            left = y - (one @ inverse @ y) / (one @ inverse @ one)
            density = np.linalg.slogdet(covariance)[1] + np.log(one @ inverse @ one) + left @ inverse @ left
            density += np.log(weight[clinic, there]).sum()  # figures there are in sampling SDs
            assert months.of_clinics[-1, s, clinic] == pytest.approx(-0.5 * density, abs=1e-9)


@pytest.mark.slow
def test_clinics_that_drift_are_not_taken_for_such_with_shocks_that_last() -> None:
    """Taken for such, nobody could be compared over a window in which clinics moved steadily."""
    weight = np.full((24, 24), SAMPLING**-2.0)
    drifts, allowed = [], []
    for seed in range(20):
        residual = _two_years(np.random.default_rng([12, seed]), drift=0.25, lasting=0.0, shock=0.0)
        months = shock_likelihoods(residual, weight)
        assert months is not None
        drifts.append(0.0 if months.own is None else months.own.sd)
        found = lasting_shocks(residual, weight, likelihoods=months)
        allowed.append(0.0 if found is None else float(found.of_mean.mean()))
    assert np.mean(np.array(drifts) > 0.0) >= 0.95
    # SD over the window of a trend by 0.25 a year: 0.25 times that of two years' time, 0.58
    assert np.median(drifts) == pytest.approx(0.25 * 0.58, rel=0.3)
    assert np.median(allowed) < 0.1 * SAMPLING**2 / 24  # of the mean's own variance


@pytest.mark.slow
def test_shocks_that_last_are_seldom_taken_for_drift() -> None:
    weight = np.full((24, 24), SAMPLING**-2.0)
    found = []
    for seed in range(40):
        months = shock_likelihoods(_two_years(np.random.default_rng([13, seed]), 0.0, 0.9), weight)
        assert months is not None
        found.append(months.own is not None)
    assert np.mean(found) <= 0.1
    year = shock_likelihoods(_two_years(np.random.default_rng(14), 0.5, 0.0)[:, :12], weight[:, :12])
    assert year is not None
    assert year.own is None  # a year does not tell


def test_a_line_of_each_clinic_is_taken_out() -> None:
    weight = np.array([[1.0, 1.0, 2.0, 0.0], [1.0, 1.0, 1.0, 1.0], [1.0, 0.0, 0.0, 1.0]])
    values = np.array([[1.0, 2.0, 3.0, 9.0], [0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 0.0, 3.0]])
    left, lines = without_own_effects(values, weight, np.tile(np.arange(4.0), (3, 1)))
    assert lines == 2  # through two months a line leaves nothing
    assert left[0] == pytest.approx([0.0, 0.0, 0.0, 0.0], abs=1e-12)
    # 0, 1, 0, 1 about the mean: slope 0.2 a month
    assert left[1] == pytest.approx([-0.2, 0.6, -0.6, 0.2])
    assert left[2] == pytest.approx([-1.0, 0.0, 0.0, 1.0])
