"""A region's typical clinic: the average of its clinics that are shown, by the posterior that they share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from tasks.disclosing import Withholding
from tasks.disclosing.effort import Effort
from tasks.disclosing.withholding import PRIMARY, WithheldEffects, WithheldOfOutcome, WithheldQuality
from tasks.estimating import OutcomeEstimates, estimate_outcome, summarise
from tasks.network import read_network
from tasks.records import Records
from tasks.releasing.region_estimates import region_estimates
from tasks.screening import screen

NETWORK = """
[network]
name = "Regions"
[records]
source = "records.duckdb"
[outcomes.y]
label = "Y"
kind = "{kind}"
direction = "{direction}"
"""
REGIONS = {f"Clinic {place:02}": "NSEW"[place % 4] for place in range(20)}


def _estimated(directory: Path, kind: str = "continuous", direction: str = "higher") -> OutcomeEstimates:
    """Twenty clinics in four regions; those of N lie two SDs above the others."""
    rng = np.random.default_rng(5)
    rows = []
    for clinic, region in REGIONS.items():
        level = rng.normal(0.0, 0.3) + (1.5 if region == "N" else 0.0)
        n = int(rng.integers(40, 200))
        y = rng.normal(level, 1.0, n) if kind == "continuous" else rng.random(n) < 1 / (1 + np.exp(1 - level))
        rows.append(pd.DataFrame({"clinic": clinic, "region": region, "y": y.astype(float)}))
    table = pd.concat(rows).assign(date=pd.Timestamp(2024, 1, 10))
    with duckdb.connect(str(directory / "records.duckdb")) as connection:
        connection.register("rows", table)
        connection.execute("CREATE TABLE records AS SELECT * FROM rows")
    (directory / "network.toml").write_text(NETWORK.format(kind=kind, direction=direction))
    network = read_network(directory / "network.toml")
    usable = screen(Records.of(network), network, "2024-01").usable
    return estimate_outcome(usable, network, "y", summarise(usable, network))


def _withholding(*clinics: str) -> Withholding:
    outcome = WithheldOfOutcome(dict.fromkeys(clinics, PRIMARY), {}, {}, {})
    return Withholding({}, frozenset(), {"y": outcome}, WithheldEffects(), WithheldQuality(), Effort())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["continuous", "binary"])
def test_it_is_what_joint_draws_of_its_clinics_average_to(tmp_path: Path, kind: str) -> None:
    estimated = _estimated(tmp_path, kind)
    found = region_estimates({"y": estimated}, REGIONS, _withholding()).set_index("region")
    assert found.index.tolist() == ["E", "N", "S", "W"]
    assert (found[["n_clinics", "n_in_region"]] == 5).all().all()
    shrunken, scale = estimated.shrunken, estimated.scale
    assert shrunken is not None
    assert scale is not None
    # draws leave out how uncertain the fit's average row is, which cancels in differences
    draws = shrunken.posterior.draws(40_000, np.random.default_rng(1))
    here = np.array([REGIONS[str(clinic)] for clinic in shrunken.table.index])
    for region in "NSEW":
        apart = draws[:, here == region].mean(axis=1) - draws.mean(axis=1)
        weights = (here == region) / 5 - 1 / 20
        assert shrunken.posterior.mean_of_average(weights) == pytest.approx(apart.mean(), abs=0.004)
        for tail in (0.025, 0.975):
            exact = shrunken.posterior.quantile_of_average(tail, weights)
            assert exact == pytest.approx(np.quantile(apart, tail), abs=0.012)
        above = shrunken.posterior.probability_of_average_above(weights)
        assert above == pytest.approx((apart > 0).mean(), abs=0.01)
    best = estimated.clinics.query("form == 'shrunken'").set_index("clinic")["value"]
    if kind == "continuous":  # figures are effects and a number: their mean is the mean's
        of_north = [clinic for clinic, region in REGIONS.items() if region == "N"]
        assert found.loc["N", "value"] == pytest.approx(best[of_north].mean(), rel=1e-9)
    assert found.loc["N", "comparison"] == "better"
    assert (found["lower"] < found["value"]).all()
    assert (found["value"] < found["upper"]).all()


@pytest.mark.slow
def test_withheld_clinics_have_no_part_in_it(tmp_path: Path) -> None:
    """With one withheld clinic in an average, the others' best estimates would tell that clinic's."""
    estimated = _estimated(tmp_path, direction="lower")
    of_north = [clinic for clinic, region in REGIONS.items() if region == "N"]
    others = [clinic for clinic, region in REGIONS.items() if region == "S"]
    withholding = _withholding(of_north[0], *others[:4])
    found = region_estimates({"y": estimated}, REGIONS, withholding).set_index("region")
    assert found.index.tolist() == ["E", "N", "W"]  # of S one clinic is left: its average is its own
    assert found.loc["N", ["n_clinics", "n_in_region"]].tolist() == [4, 5]
    best = estimated.clinics.query("form == 'shrunken'").set_index("clinic")["value"]
    assert found.loc["N", "value"] == pytest.approx(best[of_north[1:]].mean(), rel=1e-9)
    assert found.loc["N", "comparison"] == "worse"
    nothing = replace(withholding, outcomes={"y": None})
    assert region_estimates({"y": estimated}, REGIONS, nothing).empty


@pytest.mark.slow
def test_where_neither_direction_is_better_regions_get_no_verdict(tmp_path: Path) -> None:
    found = region_estimates({"y": _estimated(tmp_path, direction="neither")}, REGIONS, _withholding())
    assert set(found["comparison"]) == {"placed"}


@pytest.mark.slow
def test_a_clinic_far_from_all_others_does_not_make_its_region_worse(tmp_path: Path) -> None:
    """It is no part of the typical clinic of the network either, which its region is compared with."""
    estimated = _estimated(tmp_path)
    plain = region_estimates({"y": estimated}, REGIONS, _withholding()).set_index("region")
    of_east = [clinic for clinic, region in REGIONS.items() if region == "E"]
    clinics = estimated.clinics.assign(outlying=estimated.clinics["clinic"] == of_east[0])
    far = replace(estimated, clinics=clinics)
    found = region_estimates({"y": far}, REGIONS, _withholding()).set_index("region")
    assert found.loc["E", ["n_clinics", "n_in_region"]].tolist() == [4, 5]
    best = estimated.clinics.query("form == 'shrunken'").set_index("clinic")["value"]
    assert found.loc["E", "value"] == pytest.approx(best[of_east[1:]].mean(), rel=1e-9)
    assert (found.drop("E")["value"] == plain.drop("E")["value"]).all()
