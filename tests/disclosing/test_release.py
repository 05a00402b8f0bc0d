"""A release made from records, with everything that made it: what its ranks and its predecessors tell."""

import re
import shutil
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from flows.job_step import Journal
from flows.monthly_job import Estimated, disclosed
from tasks.errors import PublishingError
from tasks.estimating import estimate_outcome, summarise
from tasks.network import read_network
from tasks.publishing import Output, write_feed
from tasks.ranking import rank_outcome
from tasks.records import Records
from tasks.release import Release
from tasks.screening import screen

pytestmark = pytest.mark.attack

# ten clinics of 60 patients a month; all but 5 patients of clinic J are vaccinated, and clinic A has had 4
# new patients in the last month
RECORDS = """
CREATE TABLE visits AS
SELECT
    'Clinic ' || chr(CAST(65 + clinic AS INTEGER)) AS clinic,
    'patient-' || clinic || '-' || month || '-' || i AS patient,
    DATE '2024-01-15' + INTERVAL (month) MONTH AS date,
    CAST(CASE WHEN clinic = 9 THEN month * 60 + i > 5 ELSE i < 18 + 3 * clinic END AS INTEGER)
        AS vaccinated
FROM range(10) AS clinics(clinic), range(3) AS months(month), range(60) AS patients(i)
WHERE NOT (clinic = 0 AND month = 2 AND i >= 4)
"""
NETWORK = """
[network]
name = "Ten clinics"
time_zone = "UTC"

[records]
source = "records.duckdb"
select = "SELECT clinic, patient, date, vaccinated FROM visits"

[outcomes.vaccinated]
label = "Vaccinated"
kind = "binary"
direction = "higher"

[window]
months = 3
"""


def written(directory: Path) -> Path:
    with duckdb.connect(str(directory / "records.duckdb")) as connection:
        connection.execute(RECORDS)
    file = directory / "network.toml"
    file.write_text(NETWORK, encoding="utf-8")
    return file


@pytest.fixture
def network_file(tmp_path: Path) -> Path:
    return written(tmp_path)


@pytest.fixture(scope="module")
def february(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network's directory after its report for February."""
    file = written(tmp_path_factory.mktemp("february"))
    published(file, "2024-02")
    return file.parent


@pytest.fixture
def after_february(february: Path, tmp_path: Path) -> Path:
    """The network file of a copy of it."""
    shutil.copytree(february, tmp_path / "network", symlinks=True)
    return tmp_path / "network/network.toml"


def released(network_file: Path, month: str, journal: Journal | None = None) -> Release:
    network = read_network(network_file)
    screened = screen(Records.of(network), network, month)
    summary = summarise(screened.usable, network)
    estimates = {name: estimate_outcome(screened.usable, network, name, summary) for name in network.outcomes}
    ranks = {name: rank_outcome(network, estimated) for name, estimated in estimates.items()}
    output = Output(network.directory / network.output.directory)
    return disclosed(
        network, month, Estimated(network, screened, summary, estimates, ranks), output, journal or Journal()
    )


def published(network_file: Path, month: str) -> Release:
    release = released(network_file, month)
    output = Output(network_file.parent / "output")
    with output.staging() as staging:
        write_feed(release, staging.feed)
        output.publish(staging, f"{release.period}-{release.id}", beside=None)
    return release


@pytest.mark.slow
def test_the_places_of_the_others_do_not_tell_a_withheld_clinics(network_file: Path) -> None:
    release = released(network_file, "2024-03")
    shown = release["clinic_estimates"].query("form == 'raw' and value.notna()")["clinic"]
    assert "Clinic J" not in set(shown)
    ranks = release["clinic_ranks"].query("rank_expected.notna()")
    # the expected ranks of all that are ranked add up to n (n + 1) / 2: nobody is missing from the sum
    assert set(ranks["clinic"]) == set(shown)
    assert ranks["rank_expected"].sum() == pytest.approx(len(shown) * (len(shown) + 1) / 2, rel=1e-6)
    assert set(ranks["n_ranked"]) == {len(shown)}


@pytest.mark.slow
def test_a_region_s_average_does_not_tell_a_withheld_clinic(network_file: Path) -> None:
    score = "vaccinated + 0.1 * (hash(patient) % 7) AS score"
    region = "CASE WHEN clinic > 'Clinic E' THEN 'South' ELSE 'North' END AS region"
    few = "clinic <> 'Clinic J' OR patient LIKE '%-1'"  # three of a clinic's patients
    select = f"SELECT clinic, patient, date, {score}, {region} FROM visits WHERE {few}"
    network_file.write_text(
        NETWORK.replace("SELECT clinic, patient, date, vaccinated FROM visits", select)
        .replace("[outcomes.vaccinated]", "[outcomes.score]")
        .replace('kind = "binary"', 'kind = "continuous"'),
        encoding="utf-8",
    )
    release = released(network_file, "2024-03")
    best = release["clinic_estimates"].query("form == 'shrunken'").set_index("clinic")
    assert best["value"].isna()["Clinic J"]
    rows = release["region_estimates"].set_index("region")
    assert rows["n_in_region"].tolist() == [5, 5]
    for region, row in rows.iterrows():
        shown = best[best["region"].eq(region) & best["value"].notna()]
        assert row["n_clinics"] == len(shown)
        assert row["value"] == pytest.approx(shown["value"].mean(), rel=2e-3)


def _two_of_few(directory: Path, of_one: int) -> Release:
    """Ten clinics of three months, of which two have 13 events together, all in the first month."""
    few = f"CASE clinic WHEN 'Clinic I' THEN {of_one} ELSE {13 - of_one} END"
    number = "CAST(split_part(patient, '-', 4) AS INTEGER)"
    first = f"month(date) = 1 AND {number} < {few}"
    events = f"CASE WHEN clinic >= 'Clinic I' THEN CAST({first} AS INTEGER) ELSE vaccinated END AS vaccinated"
    directory.mkdir()
    file = written(directory)
    # of one size they could be each other
    smaller = f"WHERE clinic <> 'Clinic J' OR {number} < 40"
    region = "CASE WHEN clinic > 'Clinic E' THEN 'South' ELSE 'North' END AS region"
    select = f"SELECT clinic, patient, date, {events}, {region} FROM visits {smaller}"
    file.write_text(
        NETWORK.replace("SELECT clinic, patient, date, vaccinated FROM visits", select), encoding="utf-8"
    )
    return released(file, "2024-03")


@pytest.mark.slow
def test_a_model_of_several_months_cannot_be_fitted_again(tmp_path: Path) -> None:
    """An attacker fitted it for each way to share 13 events between two clinics: one gave what was told."""
    one, other = (_two_of_few(tmp_path / str(events), events) for events in (4, 6))
    for table in ("clinic_estimates", "clinic_ranks", "network_figures", "outcomes", "region_estimates"):
        pd.testing.assert_frame_equal(one[table], other[table])
    best = one["clinic_estimates"].query("form == 'shrunken'").set_index("clinic")["value"]
    assert best.index[best.isna()].tolist() == ["Clinic I", "Clinic J"]
    regions = one["region_estimates"].set_index("region")[["n_clinics", "n_in_region"]]
    assert regions.to_numpy().tolist() == [[5, 5], [3, 5]]
    figures = one["network_figures"].set_index("figure")["value"]
    assert figures[["typical", "sd_between"]].notna().all()


@pytest.mark.slow
def test_a_release_looks_at_those_before_it(network_file: Path) -> None:
    first = published(network_file, "2024-02")
    sizes = first["clinics"].set_index("clinic")["n_records"]
    assert sizes["Clinic A"] == 120
    second = published(network_file, "2024-03")
    # 124 - 120 = 4
    assert second["clinics"].set_index("clinic")["n_records"].isna()["Clinic A"]
    assert released(network_file, "2024-03").id == second.id
    assert released(network_file, "2024-02").id == first.id


@pytest.mark.before_release
@pytest.mark.slow
def test_a_release_looks_at_the_groups_of_those_before_it(network_file: Path) -> None:
    """Of those who came by ambulance, many by February and two more in March."""
    few = "(month(date) < 3 AND hash(patient) % 12 = 0) OR patient IN ('patient-3-2-1', 'patient-4-2-1')"
    network_file.write_text(
        NETWORK.replace(
            "vaccinated FROM", f"vaccinated, CASE WHEN {few} THEN 'ambulance' ELSE 'foot' END AS way FROM"
        )
        + '[groups.way]\nvalues = ["foot", "ambulance"]\n',
        encoding="utf-8",
    )
    first = published(network_file, "2024-02")["patient_groups"].set_index("group")
    assert first.loc["ambulance", "denominator"] > 60
    second = published(network_file, "2024-03")["patient_groups"].set_index("group")
    assert second["denominator"].isna().all()  # two more, and the other group would tell


@pytest.mark.slow
@pytest.mark.parametrize(
    ("outcome", "counted"),
    [
        ("boosted", 'kind = "binary"'),
        ("age", 'kind = "continuous"'),
        ("visits", 'kind = "count"\nper = "clinic-month"'),
    ],
)
def test_an_outcome_may_be_added_to_a_network_with_releases(
    after_february: Path, outcome: str, counted: str
) -> None:
    select = NETWORK.replace(
        "vaccinated FROM", "vaccinated, vaccinated AS boosted, hash(patient) % 50 AS age FROM"
    )
    added = f'\n[outcomes.{outcome}]\nlabel = "Added"\ndirection = "neither"\n{counted}\n'
    after_february.write_text(select + added, encoding="utf-8")
    release = released(after_february, "2024-03")
    assert release["outcomes"].set_index("outcome").loc[outcome, "status"] == "ok"
    estimates = release["clinic_estimates"]
    assert estimates[(estimates["outcome"] == outcome) & (estimates["form"] == "raw")]["value"].notna().any()


@pytest.mark.slow
def test_an_outcome_may_be_renamed(after_february: Path) -> None:
    after_february.write_text(
        NETWORK.replace(", vaccinated FROM", ", vaccinated AS jab FROM").replace(
            "outcomes.vaccinated", "outcomes.jab"
        ),
        encoding="utf-8",
    )
    release = released(after_february, "2024-03")
    assert set(release["changes"]["change"]) >= {"outcome_new", "outcome_gone"}


@pytest.mark.before_release
@pytest.mark.slow
def test_a_month_made_again_is_held_against_its_first_edition(
    network_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a key by which the cheaper of B and C goes with A
    monkeypatch.setenv("CLINICNET_WITHHOLDING_KEY", "key 3")
    # 4 at clinic A and 20 at clinic B are withheld together: 24; clinic C shows its 21
    records = """
        CREATE OR REPLACE TABLE visits AS
        SELECT 'Clinic ' || chr(CAST(65 + clinic AS INTEGER)) AS clinic, clinic || '-' || i AS patient,
            DATE '2024-03-15' AS date, CAST(i % 2 AS INTEGER) AS vaccinated
        FROM range(6) AS clinics(clinic), range(80) AS patients(i)
        WHERE i < [4, {b}, 21, 60, 70, 80][clinic + 1]
    """

    def with_records(of_clinic_b: int) -> None:
        with duckdb.connect(str(network_file.parent / "records.duckdb")) as connection:
            connection.execute(records.format(b=of_clinic_b))

    with_records(20)
    first = published(network_file, "2024-03")
    with_records(25)  # five came late: with 25 shown and 21 withheld, 25 - 21 = 4
    second = published(network_file, "2024-03")
    sizes = [each["clinics"].set_index("clinic")["n_records"] for each in (first, second)]
    assert list(sizes[0].index[sizes[0].isna()]) == ["Clinic A", "Clinic B"]
    assert list(sizes[1].index[sizes[1].isna()]) == ["Clinic A", "Clinic B"]
    assert released(network_file, "2024-03").id == second.id
    with_records(20)
    assert released(network_file, "2024-03").id == first.id


@pytest.mark.before_release
@pytest.mark.slow
def test_the_search_for_an_edition_made_again_is_seen_in_the_steps(network_file: Path) -> None:
    once = ("Decide what to withhold", "Model shown clinics alone", "Rank the clinics that are shown",
            "Withhold small numbers", "Compare with the last release")  # fmt: skip

    def steps() -> list[str]:
        journal = Journal()
        released(network_file, "2024-03", journal)
        return [step.name for step in journal.steps]

    assert steps() == ["Read what was published", *once]
    published(network_file, "2024-03")
    assert steps() == ["Read what was published", *once]  # the same records give the edition at once
    with duckdb.connect(str(network_file.parent / "records.duckdb")) as connection:
        connection.execute("DELETE FROM visits WHERE clinic = 'Clinic B' AND date = '2024-03-15'")
    assert steps() == ["Read what was published", *once, *(f"{step}: as a new edition" for step in once)]


@pytest.mark.slow
def test_a_release_says_what_it_took_to_decide_it(network_file: Path) -> None:
    journal = Journal()
    released(network_file, "2024-03", journal)
    did = {step.name: step.did for step in journal.steps}["Decide what to withhold"]
    # ten clinics, three months, two margins: no table has more cells than 10 x 3 + 10 + 3 + 1; one release's
    # counts are in two sums at most, so that flows settle all of it
    found = re.fullmatch(r"0 linear programs and (\d+) flows of at most 44 cells in \d+\.\d s", did)
    assert found is not None
    assert int(found[1]) > 0


@pytest.mark.slow
def test_a_release_that_cannot_be_read_is_not_passed_over(after_february: Path) -> None:
    (feed,) = (after_february.parent / "output" / "releases").glob("*/feed")
    (feed / "clinic_months.parquet").write_bytes(b"")
    with pytest.raises(PublishingError, match="cannot be compared"):
        released(after_february, "2024-03")
