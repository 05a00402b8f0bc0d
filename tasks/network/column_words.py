"""Words in columns' names that tell what they hold, in English, German, French, Spanish and Portuguese.

Without accents and in small letters. Longer words are also found inside others, as German writes
Patientennummer and Klinikname.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

_INSIDE, _AT_END = 5, 4
"""Letters from which a word is looked for inside others, and at their end."""

CLINIC = (
    *("clinic", "practice", "site", "facility", "hospital", "ward", "centre", "center", "provider"),
    *(
        "department",
        "surgery",
        "klinik",
        "praxis",
        "krankenhaus",
        "standort",
        "einrichtung",
        "zentrum",
        "spital",
    ),
    *(
        "clinique",
        "cabinet",
        "hopital",
        "etablissement",
        "clinica",
        "consultorio",
        "centro",
        "posto",
        "unidade",
    ),
    *("unidad", "abteilung", "service", "servicio", "servico", "ambulatorio", "kreis", "inst"),
)
REGION = (
    *("region", "district", "county", "state", "province", "zone", "area", "trust", "bundesland", "land"),
    *("kanton", "bezirk", "departement", "provincia", "estado", "comunidad", "regiao", "distrito"),
)
PATIENT = (
    *("patient", "subject", "person", "member", "mrn", "client", "participant", "paciente", "versicherter"),
    *(
        "fallnummer",
        "dossier",
        "beneficiario",
        "utente",
        "sujet",
        "sujeto",
        "subj",
        "pid",
        "pat",
        "patid",
        "patno",
    ),
)
RECORD = (
    *("record", "encounter", "visit", "test", "sample", "id", "number", "besuch", "fall", "probe", "visite"),
    *("consultation", "consulta", "visita", "registro", "amostra", "muestra", "rownames"),
)
DATE = (
    *(
        "date",
        "datum",
        "fecha",
        "data",
        "day",
        "time",
        "when",
        "start",
        "at",
        "on",
        "tag",
        "zeit",
        "jour",
        "dia",
    ),
)
DATE_IN_TEXT = ("date", "datum", "fecha", "data")
PROGRAM = (
    *("program", "programme", "intervention", "outreach", "campaign", "pilot", "drive", "treated", "exposed"),
    *("programm", "massnahme", "intervencion", "intervencao", "programa", "campagne", "campana", "campanha"),
)
EXPOSURE = ("risk", "exposure", "followup", "follow", "person")
AGE = ("age", "alter", "edad", "idade")
SEX = ("sex", "gender", "geschlecht", "sexe", "sexo", "genre", "genero")
PRIVATE = (
    *("name", "address", "phone", "email", "mail", "birth", "dob", "ssn", "nhs", "postcode", "zip", "street"),
    *("nachname", "vorname", "adresse", "telefon", "geburt", "geboren", "plz", "strasse", "nom", "prenom"),
    *(
        "naissance",
        "nombre",
        "apellido",
        "nacimiento",
        "direccion",
        "telefono",
        "nome",
        "nascimento",
        "endereco",
    ),
)
NUMBERED = (
    *(
        "id",
        "code",
        "number",
        "nr",
        "no",
        "num",
        "nummer",
        "numero",
        "kennung",
        "kode",
        "codigo",
        "key",
        "index",
    ),
    *("identifier", "schluessel", "schlussel", "cle", "clave", "chave", "rownames"),
)
CALENDAR = ("year", "month", "day", "jahr", "monat", "annee", "mois", "ano", "mes")
BETTER_HIGHER = (
    *("vaccinated", "vaccine", "screened", "screening", "adherence", "attended", "completed"),
    *("controlled", "satisfaction", "recovered", "success", "geimpft", "vaccine", "vacunado", "vacinado"),
    *("survived", "alive", "cured"),
)
BETTER_LOWER = (
    *("death", "died", "mortality", "readmission", "readmitted", "wait", "waiting", "tat", "systolic", "sbp"),
    *("pressure", "emergency", "fall", "falls", "infection", "missed", "delay", "late", "dead", "relapse"),
    *("verstorben", "blutdruck", "deces", "muerte", "obito", "fallecido"),
)
YES_NO = (
    *(
        ("yes", "no"),
        ("y", "n"),
        ("ja", "nein"),
        ("j", "n"),
        ("oui", "non"),
        ("o", "n"),
        ("sí", "no"),
        ("si", "no"),
    ),
    *(("s", "n"), ("sim", "não"), ("sim", "nao"), ("true", "false"), ("wahr", "falsch"), ("vrai", "faux")),
    *(("verdadero", "falso"), ("verdadeiro", "falso")),
)
"""Words for yes and no, as a column of text may hold them."""


def words_of(name: str) -> set[str]:
    """The words of a column's name: of `clinicName`, `clinic_name` and `Clinic name`, clinic and name."""
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode() or name
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", plain)
    words = {word.lower() for word in re.split(r"[\W_]+", spaced) if word}
    return words | {word[:-1] for word in words if word.endswith("s") and len(word) > 3}


def _holds(part: str, word: str) -> bool:
    """Whether a compound ends in a word, or has a longer one inside; an inpatient is no patient's number."""
    if part.startswith(("inpatient", "outpatient")):
        return False
    return (len(word) >= _INSIDE and word in part) or (len(word) >= _AT_END and part.endswith(word))


def found(name: str, words: Collection[str]) -> list[str]:
    """Which of `words` are in a column's name, in their own order."""
    parts = words_of(name)
    return [word for word in words if word in parts or any(_holds(part, word) for part in parts)]
