"""A release after disclosing, read by someone who tries to work out what was withheld."""

import numpy as np
import pandas as pd
import pytest
from scipy import optimize

from tasks.disclosing import POLICIES, SmallNumberPolicy, disclose
from tasks.models.raw import wilson_interval
from tasks.release import TABLES, conform

MONTHS = ("2024-01", "2024-02", "2024-03")


def release_of(seed: int, n_clinics: int = 14, *, kind: str = "binary") -> dict[str, pd.DataFrame]:
    """Tables of one outcome with sizes from 1 to some hundreds, as estimating leaves them."""
    rng = np.random.default_rng(seed)
    sizes = rng.poisson(np.exp(rng.normal(3.0, 1.2, n_clinics))[:, None] * np.ones(3)).astype(float)
    sizes[0] = (4, 0, 0)
    sizes[1] = (60, 70, 80)
    rates = rng.beta(2, 8, n_clinics)
    events = rng.binomial(sizes.astype(int), rates[:, None]).astype(float)
    events[2] = sizes[2]  # unanimous
    names = [f"clinic {i:02d}" for i in range(n_clinics)]
    n, d = sizes.sum(axis=1), events.sum(axis=1)
    lower, upper = wilson_interval(d, n)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = 100 * d / n
        monthly = 100 * events / sizes
        network = 100 * events.sum(axis=0) / sizes.sum(axis=0)
    estimates = []
    for form in ("raw", "shrunken"):
        estimates.append(
            pd.DataFrame(
                {
                    "outcome": "positive", "clinic": names, "form": form, "estimand": "share",
                    "value": share if form == "raw" else 0.5 * share + 0.5 * share.mean(),
                    "lower": 100 * lower, "upper": 100 * upper, "level": 0.95, "numerator": d, "denominator": n,
                    "reliability": n / (n + 20), "p_better": 0.5, "comparison": "no_different", "status": "ok",
                }
            )
        )  # fmt: skip
    months = [
        pd.DataFrame(
            {
                "outcome": "positive", "clinic": name, "month": MONTHS, "value": monthly[i],
                "numerator": events[i], "denominator": sizes[i], "centre": 1.0, "lower_limit": 0.5,
                "upper_limit": 2.0, "limits": "trial", "status": "ok",
            }
        )
        for i, name in enumerate(names)
    ]  # fmt: skip
    months.append(
        pd.DataFrame(
            {
                "outcome": "positive", "clinic": "", "month": MONTHS, "value": network,
                "numerator": events.sum(axis=0), "denominator": sizes.sum(axis=0), "centre": 1.0,
                "lower_limit": 0.5, "upper_limit": 2.0, "limits": "trial", "status": "ok",
            }
        )
    )  # fmt: skip
    found = rng.poisson(4, n_clinics).astype(float)
    rows = {
        "clinics": pd.DataFrame(
            {
                "clinic": names, "slug": names, "n_records": n, "n_patients": np.ceil(0.8 * n),
                "first_month": "2024-01", "last_month": "2024-03", "reportable": True, "status": "ok",
            }
        ),
        "outcomes": pd.DataFrame(
            {
                "outcome": ["positive"], "label": "Positive", "kind": kind, "unit": "%", "direction": "lower",
                "comparator": "network", "n_records": n.sum(), "status": "ok",
            }
        ),
        "clinic_estimates": pd.concat(estimates, ignore_index=True),
        "clinic_ranks": pd.DataFrame(
            {"outcome": "positive", "clinic": names, "rank_median": np.arange(n_clinics), "status": "ok"}
        ),
        "network_figures": pd.DataFrame(),
        "program_effects": pd.DataFrame(),
        "clinic_months": pd.concat(months, ignore_index=True),
        "quality": pd.DataFrame(
            {
                "rule": "age", "clinic": [*names, ""], "description": "impossible age", "action": "noted",
                "n_checked": [*n, n.sum()], "n_found": [*found, found.sum()], "status": "ok",
            }
        ),
    }  # fmt: skip
    return {table.name: conform(table, rows[table.name]) for table in TABLES}


def counts(tables: dict[str, pd.DataFrame], column: str) -> dict[tuple[str, str], float]:
    """Every count of the outcome that stands in the tables, by (clinic, month); month "" is the window."""
    estimates, months = tables["clinic_estimates"], tables["clinic_months"]
    raw = estimates[estimates["form"] == "raw"]
    found = {(row["clinic"], ""): row[column] for _, row in raw.iterrows()}
    found |= {(row["clinic"], row["month"]): row[column] for _, row in months.iterrows()}
    return {key: np.nan if pd.isna(value) else float(value) for key, value in found.items()}


def worked_out(
    shown: dict[tuple[str, str], float], total: float, cell: tuple[str, str]
) -> tuple[float, float]:
    """The range of a withheld count from all published ones, knowing only that counts are not negative."""
    keys = sorted(shown)
    at = {key: i for i, key in enumerate(keys)}
    clinics = sorted({clinic for clinic, _ in keys} - {""})
    equations, target = [], []
    for clinic in clinics:
        row = np.zeros(len(keys))
        row[at[(clinic, "")]] = -1
        row[[at[(clinic, month)] for month in MONTHS]] = 1
        equations.append(row)
        target.append(0.0)
    for month in MONTHS:
        row = np.zeros(len(keys))
        row[at[("", month)]] = -1
        row[[at[(clinic, month)] for clinic in clinics]] = 1
        equations.append(row)
        target.append(0.0)
    row = np.zeros(len(keys))
    row[[at[(clinic, "")] for clinic in clinics]] = 1
    equations.append(row)
    target.append(total)
    bounds = [(0, None) if np.isnan(shown[key]) else (shown[key], shown[key]) for key in keys]
    ends = []
    for sign in (1, -1):
        cost = np.zeros(len(keys))
        cost[at[cell]] = sign
        ends.append(sign * optimize.linprog(cost, A_eq=np.array(equations), b_eq=target, bounds=bounds).fun)
    return ends[0], ends[1]


@pytest.mark.parametrize("seed", range(8))
def test_no_small_count_is_shown_and_none_can_be_worked_out(seed: int) -> None:
    policy = POLICIES["suppress-1-10"]
    before = release_of(seed)
    after = disclose(policy, before)
    true_events, true_sizes = counts(before, "numerator"), counts(before, "denominator")
    events, sizes = counts(after, "numerator"), counts(after, "denominator")
    for key in events:
        for shown in (events[key], sizes[key], sizes[key] - events[key]):
            assert np.isnan(shown) or not (1 <= shown <= 10)
    total = float(before["clinics"]["n_records"].sum())
    for true, shown, sum_of in (
        (true_sizes, sizes, total),
        (true_events, events, sum(true_events[k] for k in true_events if k[0] and not k[1])),
    ):
        for key, value in true.items():
            if np.isnan(shown[key]) and 1 <= value <= 10 and key[0]:
                low, high = worked_out(shown, sum_of, key)
                assert high - low >= policy.least_width - 1e-6, key


@pytest.mark.parametrize("seed", range(4))
def test_what_was_computed_from_a_withheld_count_goes_with_it(seed: int) -> None:
    after = disclose(POLICIES["suppress-1-10"], release_of(seed))
    estimates = after["clinic_estimates"]
    withheld = estimates[estimates["status"].str.startswith("suppressed")]
    assert len(withheld) > 0
    assert withheld[["value", "lower", "upper", "numerator", "reliability", "p_better"]].isna().all(axis=None)
    assert (withheld["comparison"] == "not_compared").all()
    assert withheld["reason"].notna().all()
    gone = set(withheld["clinic"])
    ranks = after["clinic_ranks"]
    assert ranks.loc[ranks["clinic"].isin(gone), "rank_median"].isna().all()
    kept = estimates[~estimates["clinic"].isin(gone)]
    assert kept["value"].notna().all()


def test_a_unanimous_clinic_is_withheld() -> None:
    after = disclose(POLICIES["suppress-1-10"], release_of(1))["clinic_estimates"]
    assert after.loc[after["clinic"] == "clinic 02", "value"].isna().all()


def test_a_small_clinic_shows_neither_size_nor_dates() -> None:
    clinics = disclose(POLICIES["suppress-1-10"], release_of(0))["clinics"].set_index("clinic")
    small = clinics.loc["clinic 00"]
    assert pd.isna(small["n_records"]) and pd.isna(small["first_month"])
    assert small["status"] == "suppressed_primary"
    assert not small["reportable"]


def test_a_series_has_no_gaps_to_fill() -> None:
    months = disclose(POLICIES["suppress-1-10"], release_of(3))["clinic_months"]
    for clinic, series in months[months["clinic"] != ""].groupby("clinic"):
        shown = series["numerator"].notna()
        assert shown.all() or not shown.any(), clinic


def test_quality_counts_add_up_to_nothing_small() -> None:
    quality = disclose(POLICIES["suppress-1-10"], release_of(2))["quality"]
    found = quality["n_found"]
    assert not found.between(1, 10).any()
    assert quality.loc[found.isna(), "status"].str.startswith("suppressed").all()


def test_rounding_rounds_counts_and_derives_percentages_from_them() -> None:
    after = disclose(POLICIES["nhs-7-round-5"], release_of(0))
    raw = after["clinic_estimates"].query("form == 'raw' and value.notna()")
    assert len(raw) > 0
    assert (raw["numerator"] % 5 == 0).all()
    assert (raw["denominator"] % 5 == 0).all()
    assert raw["value"].to_numpy(dtype=float) == pytest.approx(
        100 * raw["numerator"].to_numpy(dtype=float) / raw["denominator"].to_numpy(dtype=float)
    )
    assert (after["clinics"]["n_records"].dropna() % 5 == 0).all()


def test_the_policy_of_none_changes_nothing() -> None:
    before = release_of(0)
    after = disclose(POLICIES["none"], before)
    for name, frame in before.items():
        pd.testing.assert_frame_equal(frame, after[name])


def test_the_choice_repeats() -> None:
    policy = POLICIES["suppress-1-10"]
    first, second = disclose(policy, release_of(5)), disclose(policy, release_of(5))
    for name, frame in first.items():
        pd.testing.assert_frame_equal(frame, second[name])


@pytest.mark.parametrize("policy", POLICIES.values(), ids=list(POLICIES))
def test_every_policy_says_in_words_what_it_does(policy: SmallNumberPolicy) -> None:
    if policy.withholds:
        assert f"{policy.low} to {policy.high}" in policy.words
        assert policy.is_small([policy.low, policy.high]).all()
        assert not policy.is_small([0, policy.high + 1]).any()
