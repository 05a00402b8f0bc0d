"""Ranks of clinics: joint draws, sets, rankability, grades, and verdicts that callers obey."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from refs.reference import load_data
from scipy import stats

from tasks.errors import EstimationError
from tasks.models import Shrunken, lmm, ranks, shrink
from tasks.models.clinics.clinic_posterior import ClinicPosterior, Node
from tasks.models.clinics.rank_sets import rank_sets
from tasks.models.clinics.rankability import Rankability, rankability
from tasks.models.clinics.ranks import RANK_COLUMNS
from tasks.models.clinics.verdict import Decision, verdict

pytestmark = pytest.mark.published


def estimates(mean: list[float], sd: list[float], *, between: float = 1.0, shared: float = 0.0) -> Shrunken:
    """A posterior with given means and SDs, as `shrink` would return it."""
    means, sds = np.array(mean), np.array(sd)
    node = Node(1.0, between, 1.0, means, sds, np.full((len(means), 1), shared))
    labels = tuple(f"c{i}" for i in range(len(means)))
    posterior = ClinicPosterior("clinic", labels, (node,), np.inf)
    table = pd.DataFrame(
        {"own": means, "own_sd": sds, "expected_sd": sds, "p_above": posterior.probability_above(0.0)},
        index=pd.Index(labels, name="clinic"),
    )
    nothing_shared = np.zeros((len(means), 1))
    return Shrunken("clinic", "gaussian", 0.0, between, 1.0, table, 0.95, posterior, nothing_shared)


@pytest.fixture(scope="module")
def clinic3() -> Shrunken:
    return shrink(lmm("sbp ~ age + (1 | clinic)", load_data("sim_clinic3")))


class TestPosteriorRanks:
    def test_clear_order(self) -> None:
        found = ranks(estimates([3, 0, -3, 6, -6], [0.1] * 5, between=4.0), better="higher").table
        assert list(found["rank_median"]) == [2, 3, 4, 1, 5]
        assert (found["rank_lower"] == found["rank_upper"]).all()
        assert found[["p_top_tenth", "p_bottom_tenth"]].isna().all(axis=None)  # of five none is a tenth

    def test_nine_are_the_fewest_with_a_best_tenth(self) -> None:
        """Rank/(n + 1) is at most 0.1 for the first of nine to eighteen, for two from nineteen on."""
        for n, first in ((8, 0), (9, 1), (18, 1), (19, 2)):
            found = ranks(estimates([float(-i) for i in range(n)], [0.01] * n), better="higher").table
            best, last = found["p_top_tenth"].fillna(0.0), found["p_bottom_tenth"].fillna(0.0)
            assert list(best) == [1.0] * first + [0.0] * (n - first)
            assert list(last) == [0.0] * (n - first) + [1.0] * first

    def test_no_information_is_every_rank(self) -> None:
        n = 21
        found = ranks(estimates([0.0] * n, [1.0] * n), better="higher", draws=20_000).table
        assert found["rank_expected"].to_numpy() == pytest.approx((n + 1) / 2, abs=0.2)
        assert (found["rank_lower"] == 1).all()
        assert (found["rank_upper"] == n).all()
        # the best tenth of 21 is two places: rank/(n + 1) at most 0.1
        assert found["p_top_tenth"].to_numpy() == pytest.approx(2 / n, abs=0.015)

    def test_two_clinics_in_closed_form(self) -> None:
        """P(first is better) is Φ(d/√(s₁² + s₂²)); what both share does not matter."""
        for shared in (0.0, 5.0):
            found = ranks(estimates([0.4, 0.0], [0.3, 0.4], shared=shared), better="higher", draws=100_000)
            expected = 2 - stats.norm.cdf(0.4 / 0.5)
            assert found.table.loc["c0", "rank_expected"] == pytest.approx(expected, abs=0.01)

    def test_expected_ranks_add_up(self, clinic3: Shrunken) -> None:
        found = ranks(clinic3, better="lower").table
        n = len(found)
        assert found["rank_expected"].sum() == pytest.approx(n * (n + 1) / 2, rel=1e-12)
        assert (found["rank_lower"] <= found["rank_median"]).all()
        assert (found["rank_median"] <= found["rank_upper"]).all()

    def test_direction(self, clinic3: Shrunken) -> None:
        up, down = (ranks(clinic3, better=each).table for each in ("higher", "lower"))
        n = len(up)
        assert (up["rank_expected"] + down["rank_expected"]).to_numpy() == pytest.approx(n + 1)
        assert (up["p_better"] + down["p_better"]).to_numpy() == pytest.approx(1)
        assert (up["set_lower"] + down["set_upper"] == n + 1).all()
        assert list(up["p_top_tenth"]) == list(down["p_bottom_tenth"])
        swapped = down["grade"].map({"above": "below", "below": "above", "typical": "typical"})
        assert (up["grade"] == swapped).all()

    def test_among_some(self, clinic3: Shrunken) -> None:
        some = list(clinic3.table.index[::3])
        found = ranks(clinic3, better="lower", among=some).table
        assert list(found.index) == some
        assert found["rank_upper"].max() <= len(some)

    def test_seeded(self, clinic3: Shrunken) -> None:
        first, again = (ranks(clinic3, better="lower", seed=4).table for _ in range(2))
        pd.testing.assert_frame_equal(first, again)

    @pytest.mark.before_release
    @pytest.mark.slow
    def test_coverage_of_rank_intervals(self) -> None:
        """Effects drawn from the prior, measured with error: intervals hold the true rank 95% of the time."""
        rng = np.random.default_rng(1)
        n, se = 20, np.linspace(0.2, 1.5, 20)
        covered = total = 0
        for _ in range(150):
            truth = rng.normal(size=n)
            weight = 1 / (1 + se**2)
            posterior = weight * (truth + se * rng.normal(size=n))
            table = ranks(
                estimates(list(posterior), list(np.sqrt(weight) * se)), better="higher", draws=1_000
            ).table
            true_rank = 1 + np.argsort(np.argsort(-truth))
            covered += int(((table["rank_lower"] <= true_rank) & (true_rank <= table["rank_upper"])).sum())
            total += n
        assert 0.94 < covered / total < 0.985


class TestConfidenceSets:
    def test_only_when_asked_for_with_many_clinics(self) -> None:
        many = estimates(list(np.linspace(-2, 2, 301)), [0.3] * 301)
        without = ranks(many, better="higher", draws=200).table
        assert without[["set_lower", "set_upper", "joint_lower", "joint_upper"]].isna().all().all()
        asked = ranks(many, better="higher", draws=200, sets=True).table
        assert (asked["joint_lower"] <= asked["set_lower"]).all()

    def test_clear_and_unclear(self) -> None:
        values, se = np.array([10.0, 5.0, 0.0, 0.1]), np.array([0.1] * 4)
        found = rank_sets(values, se)
        assert list(found.lower) == [1, 2, 3, 3]
        assert list(found.upper) == [1, 2, 4, 4]

    def test_simultaneous_sets_hold_the_marginal_ones(self, clinic3: Shrunken) -> None:
        table = ranks(clinic3, better="lower").table
        assert (table["joint_lower"] <= table["set_lower"]).all()
        assert (table["joint_upper"] >= table["set_upper"]).all()

    def test_no_figure_is_every_rank(self) -> None:
        found = rank_sets(np.array([3.0, np.nan, -3.0]), np.array([0.1, np.nan, 0.1]))
        assert (found.lower[1], found.upper[1]) == (1, 3)
        # and a clinic without a figure may be ahead of any other
        assert found.upper[0] == 2
        assert found.lower[2] == 2

    def test_calibration_by_definition(self) -> None:
        """Step one of the simultaneous set: every |t| against the 95% point of the largest simulated |t|."""
        rng = np.random.default_rng(2)
        values, se = rng.normal(0, 1.0, 7), rng.uniform(0.2, 0.5, 7)
        errors = np.random.default_rng(0).standard_normal((4_000, 7), dtype=np.float32) * se
        spread = np.hypot(se[:, None], se)
        largest = (np.abs(errors[:, :, None] - errors[:, None, :]) / spread).max(axis=(1, 2))
        t = (values[:, None] - values) / spread
        first = np.abs(t) > np.quantile(largest, 0.95)
        found = rank_sets(values, se, simultaneous=True)
        # later steps can only tell more clinics apart
        assert (found.lower >= 1 + (first & (t < 0)).sum(axis=1)).all()
        assert (found.upper <= 7 - (first & (t > 0)).sum(axis=1)).all()

    def test_an_error_in_common_tells_groups_apart_less(self) -> None:
        """What adjusts half of the clinics moves them together: within a half nothing changes."""
        values, se = np.array([3.0, 2.0, 1.0, 0.0]), np.full(4, 0.2)
        half = np.array([[3.0], [3.0], [0.0], [0.0]])
        apart, together = rank_sets(values, se), rank_sets(values, se, half)
        assert list(apart.upper) == [1, 2, 3, 4]
        assert list(together.lower) == [1, 2, 1, 2]
        assert list(together.upper) == [3, 4, 3, 4]
        assert list(rank_sets(values, se, np.ones((4, 1))).upper) == [1, 2, 3, 4]

    @pytest.mark.before_release
    @pytest.mark.slow
    def test_coverage(self) -> None:
        """Simultaneous sets hold all true ranks at least 95% of the time, marginal ones each."""
        rng = np.random.default_rng(3)
        truth, se = np.linspace(-1, 1, 10), np.linspace(0.1, 0.6, 10)
        true_rank = 10 - np.arange(10)
        all_held, each_held = 0, 0
        for seed in range(200):
            values = truth + se * rng.normal(size=10)
            joint = rank_sets(values, se, simultaneous=True, seed=seed)
            each = rank_sets(values, se, seed=seed)
            all_held += bool(np.all((joint.lower <= true_rank) & (true_rank <= joint.upper)))
            each_held += int(((each.lower <= true_rank) & (true_rank <= each.upper)).sum())
        assert all_held / 200 >= 0.93
        assert each_held / 2_000 >= 0.94


def exactly(share: float) -> Rankability:
    """A rankability without uncertainty."""
    return Rankability(share, np.array([share]), np.ones(1))


def about(share: float, spread: float) -> Rankability:
    """A rankability with a normal posterior."""
    at = share + spread * np.linspace(-3.0, 3.0, 61)
    weights = np.exp(-0.5 * ((at - share) / spread) ** 2)
    return Rankability(share, at, weights / weights.sum())


class TestRankability:
    def test_by_hand(self) -> None:
        """ρ = τ²/(τ² + median s²): between SD 3, own errors of 1, 2 and 4."""
        assert rankability(3.0, np.array([1.0, 2.0, 4.0])).value == pytest.approx(9 / (9 + 4))

    def test_nothing_between_is_nothing_to_rank(self) -> None:
        assert rankability(0.0, np.array([1.0, 2.0])).value == 0.0

    def test_its_posterior_is_that_of_means_of_equal_size(self) -> None:
        """With σ known, p(τ) ∝ (τ² + s²)^−(k−1)/2 exp(−Σ(ȳ − ȳ.)²/2(τ² + s²)), where s² = σ²/n."""
        rng, k, n = np.random.default_rng(8), 20, 400
        clinic = np.repeat(np.arange(k), n)
        y = rng.normal(0, 0.1, k)[clinic] + rng.normal(size=k * n)
        found = shrink(lmm("y ~ 1 + (1 | clinic)", pd.DataFrame({"clinic": clinic, "y": y})))
        means = y.reshape(k, n).mean(axis=1)
        squares, error = float(((means - means.mean()) ** 2).sum()), found.sd_within**2 / n
        tau = np.linspace(0.0, 1.0, 20_001)
        total = tau**2 + error
        density = np.exp(-0.5 * (k - 1) * np.log(total) - 0.5 * squares / total + 60.0)
        upto = np.cumsum(density) / density.sum()
        rho = found.rankability()
        for bound in (0.6, 0.7, 0.8):
            at = np.sqrt(error * bound / (1.0 - bound))
            assert rho.probability_above(bound) == pytest.approx(1.0 - np.interp(at, tau, upto), abs=0.015)
        ends = tau[np.searchsorted(upto, [0.025, 0.975])] ** 2
        assert rho.interval() == pytest.approx(ends / (ends + error), abs=0.02)

    def test_where_the_posterior_holds_the_sd_it_is_as_uncertain_as_a_sum_of_squares(self) -> None:
        """12 clinics with ρ̂ = 0.8: 1 − 0.2 χ²₁₁/11, by its quantiles."""
        held = estimates([0.0] * 12, [0.5] * 12, between=1.0).rankability()
        assert held.value == pytest.approx(0.8)
        ends = 1.0 - 0.2 * stats.chi2.ppf([0.975, 0.025], 11) / 11
        assert held.interval() == pytest.approx(ends, abs=0.01)
        assert held.probability_above(0.75) == pytest.approx(stats.chi2.cdf(11 * 0.25 / 0.2, 11), abs=0.01)

    def test_it_is_of_all_clinics_that_are_named(self) -> None:
        """Among the large alone it is higher: their own errors are smaller."""
        sizes = np.repeat([10, 1000], 15)
        clinic = np.repeat(np.arange(30), sizes)
        rng = np.random.default_rng(9)
        y = rng.normal(0, 0.3, 30)[clinic] + rng.normal(size=len(clinic))
        found = shrink(lmm("y ~ 1 + (1 | clinic)", pd.DataFrame({"clinic": clinic, "y": y})))
        large = found.rankability(list(range(15, 30)))
        assert large.value > 0.9 > 0.75 > found.rankability().value

    def test_a_verdict_is_no_more_than_its_interval_allows(self) -> None:
        """0.77 from 0.04 to 0.97 is no order: with a tenth or more below half of the band, one step less."""

        def of(*at: float) -> Rankability:
            return Rankability(0.77, np.array(at), np.full(len(at), 1 / len(at)))

        assert verdict(of(*np.linspace(0.6, 0.95, 20)), 30).decision == "rank"
        assert verdict(of(*np.linspace(0.36, 0.98, 20)), 30).decision == "grade"
        assert verdict(of(*np.linspace(0.04, 0.97, 20)), 30).decision == "do_not_rank"

    @pytest.mark.parametrize(
        ("share", "decision"),
        [(0.0, "do_not_rank"), (0.49, "do_not_rank"), (0.5, "grade"), (0.75, "grade"), (0.76, "rank")],
    )
    def test_bands(self, share: float, decision: str) -> None:
        found = verdict(exactly(share), 30)
        assert found.decision == decision
        assert f"{100 * share:.0f}%" in found.sentence

    @pytest.mark.parametrize(
        ("share", "spread", "before", "decision"),
        [
            (0.72, 0.05, "rank", "rank"),  # P(ρ > 0.75) is 0.27
            (0.66, 0.05, "rank", "grade"),  # 0.04
            (0.78, 0.05, "grade", "grade"),  # P(ρ < 0.75) is 0.27
            (0.84, 0.05, "grade", "rank"),
            (0.46, 0.10, "grade", "grade"),
            (0.30, 0.10, "grade", "do_not_rank"),
            (0.54, 0.10, "do_not_rank", "do_not_rank"),
            (0.80, 0.10, "do_not_rank", "rank"),
        ],
    )
    def test_an_earlier_verdict_stands_until_it_is_improbable(
        self, share: float, spread: float, before: Decision, decision: str
    ) -> None:
        found = verdict(about(share, spread), 30, before)
        assert found.decision == decision
        assert found.kept == (decision == before)
        assert ("last report’s verdict" in found.sentence) == found.kept

    def test_a_verdict_that_comes_again_is_not_said_to_stand(self) -> None:
        assert not verdict(about(0.8, 0.05), 30, "rank").kept

    @pytest.mark.before_release
    @pytest.mark.slow
    def test_two_years_of_one_truth_seldom_differ(self) -> None:
        """With a truth on the bound itself, half of the verdicts flip without a past, and few with one."""
        rng = np.random.default_rng(10)
        years = np.clip(0.75 + 0.05 * rng.normal(size=(400, 2)), 0.01, 0.99)
        alone = [[verdict(about(each, 0.05), 30).decision for each in pair] for pair in years]
        second = [
            verdict(about(year[1], 0.05), 30, first[0]) for year, first in zip(years, alone, strict=True)
        ]
        flips = np.mean([one != other for one, other in alone])
        held = np.mean([v.decision != first[0] for v, first in zip(second, alone, strict=True)])
        assert flips > 0.4
        assert held < 0.12

    @pytest.mark.before_release
    @pytest.mark.slow
    def test_hospitals_as_in_gusto_are_not_ranked(self) -> None:
        """121 hospitals with a rankability of 0.35 (Lingsma et al. 2010), a few of them large."""
        for seed in range(15):
            rng = np.random.default_rng([11, seed])
            sizes = np.exp(rng.normal(np.log(16.0), 0.8, 121)).astype(int) + 2
            hospital = np.repeat(np.arange(121), sizes)
            level = rng.normal(0.0, np.sqrt(0.35 / 0.65 / float(np.median(sizes))), 121)
            data = pd.DataFrame({"hospital": hospital, "y": level[hospital] + rng.normal(size=len(hospital))})
            found = shrink(lmm("y ~ 1 + (1 | hospital)", data)).rankability()
            assert verdict(found, 121).decision != "rank"

    def test_a_handful_is_not_ranked(self) -> None:
        found = verdict(exactly(0.95), 3)
        assert found.decision == "do_not_rank"
        assert "3 clinics can be compared" in found.sentence


class TestVerdict:
    def test_do_not_rank_leaves_nothing_to_rank_by(self) -> None:
        found = ranks(estimates([0.2] * 12, [1.0] * 12, between=0.5), better="higher")
        shown = found.publishable()
        assert found.verdict.decision == "do_not_rank"
        assert shown[list(RANK_COLUMNS)].isna().all().all()
        assert shown["grade"].isna().all()
        assert "not ranked" in str(found)

    def test_grades_without_ranks(self) -> None:
        means = [3.0, *[0.0] * 10, -3.0]
        found = ranks(estimates(means, [0.7] * 12, between=1.0), better="higher")
        shown = found.publishable()
        assert found.verdict.decision == "grade"
        assert shown[list(RANK_COLUMNS)].isna().all().all()
        assert list(shown["grade"]) == ["above", *["typical"] * 10, "below"]

    def test_ranks(self) -> None:
        found = ranks(estimates(list(np.linspace(-3, 3, 12)), [0.3] * 12, between=2.0), better="higher")
        assert found.verdict.decision == "rank"
        pd.testing.assert_frame_equal(found.publishable(), found.table)

    def test_grades_are_certain(self) -> None:
        """A clinic is graded only with 97.5% probability, so few of those graded are expected to be wrong."""
        means = list(np.random.default_rng(4).normal(0, 2, 40))
        found = ranks(estimates(means, [0.5] * 40, between=2.0), better="higher")
        graded = found.table[found.table["grade"] != "typical"]
        probability = graded["p_better"].where(graded["grade"] == "above", 1 - graded["p_better"])
        assert (probability > 0.975).all()
        assert found.grade_error == pytest.approx(float((1 - probability).mean()))
        assert found.grade_error < 0.025


class TestRefusals:
    def test_no_direction_no_ranks(self, clinic3: Shrunken) -> None:
        with pytest.raises(EstimationError, match="'higher' or 'lower'"):
            ranks(clinic3, better="neither")  # type: ignore[arg-type]

    def test_unknown_clinic(self, clinic3: Shrunken) -> None:
        with pytest.raises(EstimationError, match="no clinic 'R99C99'"):
            ranks(clinic3, better="lower", among=["R01C01", "R99C99"])
