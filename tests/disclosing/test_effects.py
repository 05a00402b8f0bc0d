"""A program that reached some of the clinics: what its effect tells of those that are withheld."""

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tasks.errors import EstimationError
from tasks.estimating import shown_clinics
from tasks.release import PROGRAM_EFFECTS, Release, conform
from tests.disclosing.both_steps import disclose
from tests.disclosing.test_disclose import POLICY, network
from tests.disclosing.test_release import released

pytestmark = pytest.mark.attack

# twelve clinics in six months; one has 7 records in all
RECORDS = """
CREATE TABLE visits AS
SELECT
    'Clinic ' || chr(CAST(65 + clinic AS INTEGER)) AS clinic,
    'patient-' || clinic || '-' || month || '-' || i AS patient,
    DATE '2024-01-15' + INTERVAL (month) MONTH AS date,
    CAST(hash(clinic * 10000 + month * 100 + i) % 10 < 4 AS INTEGER) AS vaccinated
FROM range(12) AS clinics(clinic), range(6) AS months(month), range(60) AS patients(i)
WHERE i < CASE clinic WHEN 0 THEN 1 + CAST(month = 3 AS INTEGER) WHEN 1 THEN 60 ELSE 50 END
"""
NETWORK = """
[network]
name = "Twelve clinics"
time_zone = "UTC"

[records]
source = "records.duckdb"
select = "SELECT clinic, patient, date, vaccinated FROM visits"

[outcomes.vaccinated]
label = "Vaccinated"
kind = "binary"
direction = "higher"

[program]
label = "Reminders"

[program.starts]
{starts}

[window]
months = 12
"""


def release(directory: Path, starts: dict[str, str]) -> Release:
    with duckdb.connect(str(directory / "records.duckdb")) as connection:
        connection.execute(RECORDS)
    file = directory / "network.toml"
    lines = "\n".join(f'"{clinic}" = "{month}"' for clinic, month in starts.items())
    file.write_text(NETWORK.replace("{starts}", lines), encoding="utf-8")
    return released(file, "2024-06")


@pytest.fixture(scope="module")
def pilot(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release with two clinics under the program, of which one is too small to show."""
    return release(tmp_path_factory.mktemp("pilot"), {"Clinic A": "2024-04", "Clinic B": "2024-03"})


@pytest.mark.slow
def test_the_clinics_that_the_program_reached_do_not_tell_each_other(pilot: Release) -> None:
    sizes = pilot["clinics"].set_index("clinic")["n_records"]
    assert pd.isna(sizes["Clinic A"])
    assert sizes["Clinic B"] == 360
    # records of A and B together, less those of B: 7
    effects = pilot["program_effects"]
    together = effects.loc[effects["n_clinics"] == 2, "n_records"].dropna()
    assert not (together - 360 <= 10).any()
    assert not (effects["n_records"] == 367).any()


def test_nor_does_a_figure_made_of_their_sums(pilot: Release) -> None:
    """It is of the clinics of which every month is shown: of those of B and of no month of A."""
    naive = pilot["program_effects"].query("model == 'naive'")
    assert len(naive) > 0
    assert (naive["n_clinics"] == 1).all() or naive["n_records"].le(pilot["clinics"]["n_records"].sum()).all()
    mixed = pilot["program_effects"].query("model == 'mixed' and term == 'effect'")
    assert mixed["value"].notna().all()


@pytest.mark.slow
def test_effects_are_of_the_clinics_of_which_every_month_is_shown(tmp_path: Path) -> None:
    """Those of all clinics told each withheld month's events: two of them are linear in the events."""
    starts = {f"Clinic {chr(65 + i)}": f"2024-0{3 + i % 3}" for i in range(12)}
    published = release(tmp_path, starts)
    months = published["clinic_months"].query("clinic != ''")
    whole = months.groupby("clinic")["value"].apply(lambda values: values.notna().all())
    kept = int(whole.sum())
    assert 4 <= kept < 12
    effects = published["program_effects"]
    told = effects[effects["value"].notna()]
    assert set(told["model"]) >= {"naive", "mixed", "within"}
    assert (told.loc[told["n_clinics"].notna(), "n_clinics"] <= kept).all()
    said = f"the {kept} clinics of which every month may be shown"
    assert told.loc[told["measure"] != "test", "words"].str.contains(said, regex=False).all()


@pytest.mark.before_release
@pytest.mark.slow
def test_what_withheld_clinics_have_moves_no_effect_and_no_clustering(tmp_path: Path) -> None:
    """Nothing that is published changes with the values of a clinic that is not shown."""
    starts = {f"Clinic {chr(65 + i)}": f"2024-0{3 + i % 3}" for i in range(12)}
    tables = []
    for name, values in (("one", "= 0"), ("two", "<= 1")):
        directory = tmp_path / name
        directory.mkdir()
        release(directory, starts)
        with duckdb.connect(str(directory / "records.duckdb")) as connection:
            connection.execute(
                f"UPDATE visits SET vaccinated = CAST(hash(patient) % 3 {values} AS INTEGER) "
                "WHERE clinic = 'Clinic A'"
            )
        tables.append(released(directory / "network.toml", "2024-06"))
    clustered = [
        each["network_figures"].query("figure in ('icc', 'design_effect', 'own_spread', 'overdispersion')")
        for each in tables
    ]
    assert len(clustered[0]) >= 3
    pd.testing.assert_frame_equal(*(each.reset_index(drop=True) for each in clustered))
    effects = [each["program_effects"].dropna(subset="value") for each in tables]
    pd.testing.assert_frame_equal(*(each.reset_index(drop=True) for each in effects))


@pytest.mark.parametrize(("after", "shown"), [(7, False), (300, True)])
def test_nor_does_a_figure_of_all_of_them_tell_few_events_since_the_start(after: int, shown: bool) -> None:
    # all clinics start with the last two of three months; 300 of 900 records before, `after` of 1,000 since
    records = [[90, 50, 50]] * 10
    net = network(records, [[30, after // 10, 0]] * 9 + [[30, after - 9 * (after // 10), 0]])
    before = net.tables()
    odds = (after / (1000 - after)) / (300 / 600)
    naive = before["program_effects"].iloc[[0, 0]].copy()
    naive["measure"], naive["value"] = ["odds_ratio", "risk_difference"], [odds, after / 10 - 100 / 3]
    before["program_effects"] = conform(PROGRAM_EFFECTS, naive)
    effects = disclose(POLICY, before)["program_effects"]
    assert (effects["value"].notna() == shown).all()
    assert (effects["n_records"].notna() == shown).all()
    assert effects["words"].str.startswith("withheld").all() != shown


@pytest.mark.slow
def test_nor_do_its_limits_tell_few_events_of_a_rate() -> None:
    # a rate ratio's interval is as wide as 1 / before + 1 / after says
    net = network([[900, 1000], [900, 1000]], [[150, 4], [150, 5]])
    for after, shown in ((9, False), (100, True)):
        net.events[:, 1] = after // 2, after - after // 2
        before = net.tables()
        ratio, error = (after / 2000) / (300 / 1800), np.sqrt(1 / after + 1 / 300)
        naive = before["program_effects"].assign(measure="rate_ratio", value=ratio)
        naive["lower"], naive["upper"] = ratio * np.exp(np.array([-1.0, 1.0]) * stats.norm.ppf(0.975) * error)
        before["program_effects"] = conform(PROGRAM_EFFECTS, naive)
        effects = disclose(POLICY, before)["program_effects"]
        assert (effects["value"].notna() == shown).all()


@pytest.mark.slow
def test_a_release_goes_on_where_the_shown_clinics_alone_cannot_be_estimated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does what all clinics have stand in: it would tell of those that are not shown."""

    def fails(*_: object) -> None:
        raise EstimationError("it does not settle")

    monkeypatch.setattr(shown_clinics, "program_effects", fails)
    starts = {f"Clinic {chr(65 + i)}": f"2024-0{3 + i % 3}" for i in range(12)}
    published = release(tmp_path, starts)
    assert published["program_effects"]["value"].isna().all()
    figures = published["network_figures"].dropna(subset="value")["figure"]
    assert "mean" in set(figures)
    assert published["clinic_estimates"].query("form == 'shrunken'")["value"].notna().any()
