"""Words in columns' names that tell what they hold, in English, German, French, Spanish and Portuguese.

Without accents and in small letters. `column_naming` looks for them.
"""

from __future__ import annotations

CLINIC = (
    *("clinic", "practice", "site", "facility", "hospital", "ward", "centre", "center", "provider"),
    *("department", "surgery", "klinik", "praxis", "krankenhaus", "standort", "einrichtung", "zentrum"),
    *("spital", "clinique", "cabinet", "hopital", "etablissement", "clinica", "consultorio", "centro"),
    *("posto", "unidade", "unidad", "abteilung", "station", "service", "servicio", "servico"),
    *("ambulatorio", "dispensary", "dispensaire", "maternity", "institute", "institution", "inst"),
    *("icu", "uci", "dept", "provnum", "prov", "provno", "hosp", "hospid", "ctr", "unit"),
    *("einheit", "unite", "kreis"),
    *("laboratory", "laboratorium", "laboratoire", "laboratorio", "organisation", "organization", "org"),
)
CLINIC_ALONE = ("site", "clinic", "facility", "center", "centre")
"""Those of them that still name places where they are the whole name and the values are 0 and 1 only."""
ACCESS_GROUPS = ("redcap_data_access_group", "data_access_group", "redcap_dag")
"""What REDCap's exports call the column of the centre that may see a record."""
COMMUNITY = (
    *("school", "schule", "ecole", "escuela", "escola", "herd", "herde", "troupeau", "rebano", "rebanho"),
    *("farm", "village", "dorf", "aldea", "aldeia", "community", "comm", "commune", "comuna", "gemeinde"),
    *(
        "municipality",
        "municipio",
        "parish",
        "town",
        "city",
        "ville",
        "ciudad",
        "cidade",
        "cluster",
        "clust",
        "psu",
        "litter",
        "classroom",
    ),
    *("vill", "physician", "surgeon", "therapist", "nurse", "midwife", "hebamme", "teacher", "instructor"),
    *("lecturer", "professor", "prof", "lehrer", "judge", "investigator", "team", "sch", "branch"),
    *("filiale", "sucursal", "business"),
    *("location", "lieu", "ubicacion", "localizacao"),
)
"""What takes the place of clinics where care or teaching is given elsewhere."""
COMMUNITY_ALONE = (
    *("class", "klasse", "classe", "clase", "turma", "lab", "labor", "labo"),
    *(
        "group",
        "grp",
        "grpid",
        "groupid",
        "gruppe",
        "groupe",
        "grupo",
        "company",
        "companyid",
        "compid",
        "firm",
    ),
)
"""The same, of words that say so only where they are the whole name."""
PERSON_ALONE = ("id", "idno", "uid", "caseid", "nr", "no", "num")
"""What numbers people, or records, where it is the whole name."""
SCHOOL = ("school", "schule", "ecole", "escuela", "escola")
GROWN_UP = (
    *(
        "married",
        "maried",
        "marital",
        "spouse",
        "husband",
        "wife",
        "wage",
        "employed",
        "unemployed",
        "retired",
    ),
    *("occupation", "verheiratet", "familienstand", "lohn", "beruf", "erwerbstaetig", "marie", "salaire"),
    *("profession", "casado", "casada", "salario", "ocupacion", "empleado", "ocupacao", "empregado"),
)
"""What grown-ups are or have, and pupils are not."""
KIND_OF_PLACE = ("community", "location", "lieu", "ubicacion", "localizacao")
"""Words that tell a kind of place, as urban and rural are, where they have few values."""
OF_PLACES = (
    "size",
    "type",
    "class",
    "level",
    "category",
    "duration",
    "time",
    "cost",
    "kind",
    "stage",
    "typ",
    "tipo",
    "salary",
    "pay",
    "experience",
    "exp",
    "ratio",
    "result",
    "value",
    *("length", "years", "yrs", "distance", "rate", "share", "percent", "pct", "ses", "mean", "budget"),
    *("hours", "hour", "minutes", "per", "stunden", "heures", "horas"),
    *("dauer", "jahre", "anteil", "duree", "duracion", "duracao", "anos", "ans"),
)
"""What a place has: a column called so says something of the place, and does not name it."""
REGION = (
    *("region", "district", "county", "state", "province", "zone", "area", "trust", "bundesland", "land"),
    *("lea", "authority", "ccg", "kanton", "bezirk", "departement", "provincia", "estado", "comunidad"),
    *("regiao", "distrito", "distid", "borough", "precinct", "neighbourhood", "neighborhood", "quartier"),
    *("barrio", "bairro", "stadtteil", "country", "pays", "pais", "fips", "fip", "reg", "island", "insel"),
    *("isla", "ilha", "canton", "arrondissement", "prefecture", "governorate", "territory", "constituency"),
)
STATE = ("state", "zustand", "etat", "estado")
"""Those of them that people's health has as well."""
PATIENT = (
    *("patient", "subject", "person", "member", "mrn", "client", "participant", "paciente", "versicherter"),
    *("fallnummer", "dossier", "beneficiario", "utente", "sujet", "sujeto", "subj", "pid", "pat", "patid"),
    *("patno", "child", "kid", "infant", "baby", "woman", "student", "pupil", "respondent", "resident"),
    *("schueler", "eleve", "alumno", "aluno", "kind", "enfant", "nino", "crianca", "frau", "femme"),
    *("ptno", "ptid", "ptnum", "ptnr", "pt", "subno", "subnum"),
    *("nhc", "ipp", "prontuario", "expediente", "paziente"),
    *("mujer", "mulher", "mother", "mom", "family", "respond", "animal", "cow", "calf", "pig", "ewe", "lamb"),
)
PATIENT_ALONE = ("patient", "subject", "participant", "subj", "patid", "ptid", "ptno", "ptnum", "subno")
"""Those of them that say so of few people, where they are the whole name."""
RECORD = (
    *("record", "encounter", "visit", "test", "sample", "id", "number", "besuch", "fall", "probe"),
    *("visite", "consultation", "consulta", "visita", "registro", "amostra", "muestra", "rownames"),
)
DATE = (
    *("date", "datum", "fecha", "data", "day", "time", "when", "start", "at", "on", "tag", "zeit", "jour"),
    *("dia",),
)
DATE_IN_TEXT = ("date", "datum", "fecha", "data")
YEAR = ("year", "jahr", "annee", "ano", "anio", "yr")
MONTH = ("month", "monat", "mois", "mes")
DAY = ("day", "tag", "jour", "dia")
PERIOD = ("period", "periode", "periodo", "zeitraum", "quarter", "quartal", "yyyymm", "yearmonth", *MONTH)
CALENDAR = (*YEAR, *MONTH, *DAY)
SEQUENCE = (
    *(
        *CALENDAR,
        "week",
        "woche",
        "semaine",
        "semana",
        "time",
        "period",
        "wave",
        "occasion",
        "visit",
        "round",
    ),
    *("yrs", "since", "doy"),
    *("start", "stop", "tstart", "tstop", "enum", "futime", "order", "ord", "cohort", "cycle", "hour"),
)
"""What tells when, or the how manyeth, and is not measured."""
WHEN = ("dt", "diag", "diagnosis", "onset", "entry", "exit", "enrolment", "enrollment")
"""What happens on a day: a number of many values that is called so counts days."""
PROGRAM = (
    *("program", "programme", "intervention", "outreach", "campaign", "pilot", "drive", "treated"),
    *("exposed", "programm", "massnahme", "intervencion", "intervencao", "programa", "campagne", "campana"),
    *("campanha",),
)
TREATMENT = (
    *(
        "treat",
        "treatment",
        "trt",
        "trta",
        "trtp",
        "trtmt",
        "tx",
        "rx",
        "arm",
        "group",
        "drug",
        "allocation",
        "allocated",
    ),
    *("randomised", "randomized", "condition", "behandlung", "gruppe", "traitement", "groupe", "bras"),
    *("tratamiento", "tratamento", "grupo", "brazo", "braco"),
)
"""What a trial gives to some and not to others."""
FOLLOWED = (
    *("exposure", "followup", "follow", "pyears", "pyr", "atrisk", "trisk", "personyears", "personmonths"),
)
RISK = ("risk", "person")
"""At risk or of persons: a time, if the name says so."""
TUMOUR = (
    *(
        "stage",
        "tnm",
        "grade",
        "histology",
        "histol",
        "morphology",
        "topography",
        "tumor",
        "tumour",
        "cancer",
    ),
    *("nodes", "metastasis", "stadium", "stade", "estadio", "tumeur", "krebs"),
)
"""What is told of a tumour: its site is another one."""
BODY_SITE = ("site", "subsite", "location")
OF_TIME = ("at", "time", "day", "month", "year", "week", "hour")
SIZE = ("size", "population", "pop", "trials", "denominator", "denom", "tested", "examined", "expected")
"""How many a row of sums is about."""
EVENTS = (
    "incidence",
    "fatal",
    "fatalities",
    "cases",
    "events",
    "deaths",
    "positives",
    "infections",
    "failures",
    "successes",
)
"""Counts of those to whom something happened, in a row of sums."""
WEIGHT = ("freq", "frequency", "haeufigkeit", "haufigkeit", "effectif", "frecuencia", "frequencia")
BARE_COUNT = ("count", "counts", "n", "number", "cases", "total", "anzahl", "nombre", "numero", "contagem")
"""What can say how many identical records a row stands for, and can be an outcome as well."""
SAMPLED = ("psu", "stratum", "strata", "fpc")
"""What tells how people were drawn: beside it, a weight is a sampling weight."""
SURVEY_WEIGHT = (
    *("pweight", "dweight", "pspwght", "anweight", "perweight", "sampwt", "finalwt", "wtmec2yr", "wtint2yr"),
)
"""Names that surveys give to nothing but sampling weights."""
SAMPLING_WEIGHT = (
    *("weight", "wt", "wgt", "pw", "gewicht", "poids", "peso"),
    *("prob", *SURVEY_WEIGHT),
)
GROWING = (
    *("height", "weight", "bmi", "hgt", "wgt", "groesse", "gewicht", "taille", "poids", "talla", "peso"),
)
"""What people are, unless it is measured in them again and again."""
AGE = ("age", "alter", "edad", "idade")
SEX = (
    *("sex", "gender", "geschlecht", "sexe", "sexo", "genre", "genero", "sx", "female", "male", "weiblich"),
    *("maennlich", "gend"),
)
BASELINE = ("baseline", "base", "pretest", "initial", "basal")
BEFORE = (
    *("pre", "pret", "pretest", "before", "bl", "baseline", "base", "t0", "vor", "avant", "antes", "prior"),
    *(
        "previous",
        "prev",
        "lag",
        "lagged",
        "history",
        "hist",
        "hx",
        "anamnese",
        "antecedent",
        "antecedente",
        "previo",
    ),
)
AFTER = (
    "post",
    "postt",
    "posttest",
    "after",
    "final",
    "endpoint",
    "t1",
    "nach",
    "apres",
    "despues",
    "depois",
)
"""What marks the first and the last of a measurement's values."""
PRIVATE = (
    *("bth", "bdate", "bday", "byear", "yob"),
    *("name", "address", "phone", "email", "mail", "birth", "dob", "ssn", "nhs", "postcode", "zip"),
    *("street", "nachname", "vorname", "adresse", "telefon", "geburt", "geboren", "plz", "strasse", "nom"),
    *("prenom", "naissance", "nombre", "apellido", "nacimiento", "direccion", "telefono", "nome"),
    *("nascimento", "endereco", "surname"),
)
NAME = ("name", "nom", "nombre", "nome")
"""What people and places have."""
HOW_MANY = ("n", "nr", "no", "num", "number", "numberof", "numero", "nombre", "anzahl", "count")
"""What a column's name begins with that says how many, unless what follows has a number."""
NUMBERED = (
    *("id", "code", "number", "nr", "no", "num", "nummer", "numero", "kennung", "kode", "codigo", "key"),
    *(
        "index",
        "identifier",
        "codice",
        "schluessel",
        "schlussel",
        "cle",
        "clave",
        "chave",
        "rownames",
        "idno",
    ),
)
TRAIT = (
    *("risk", "race", "ethnic", "ethnicity", "ethn", "white", "black", "hispanic", "asian", "minority"),
    *("minrty", "married", "marital", "education", "educ", "edlevel", "ed", "school", "schooling"),
    *("degree", "income", "inc", "ses", "urban", "rural", "sector", "kids", "children", "siblings"),
    *("parity", "employed", "work", "outwork", "occupation", "job", "selfemp", "insurance", "insured"),
    *("payor", "payer", "medicaid", "hmo", "religion", "language", "class", "type", "kind", "denom"),
    *("smoker", "handedness", "blood", "wealth", "height", "weight", "bmi", "hgt", "wgt", "groesse"),
    *("gewicht", "taille", "poids", "talla", "peso", "mean", "average", "avg", "percent", "pct", "pc"),
    *("prop", "size", "stadt", "beruf", "einkommen", "bildung", "ingreso", "renda", "revenu", "couleur"),
    *("raza", "raca", "cor", "versicherung", "chronic", "chronique", "chronisch", "cronico"),
    *("north", "south", "east", "west", "northeast", "northwest", "southeast", "southwest", "midwest"),
    *("nord", "sud", "sued", "norte", "sul", "population", "pop", "einwohner", "poblacion", "populacao"),
    *("hhsize", "famsize", "familysize", "householdsize", "prestige", "divorced", "divorce", "widowed"),
    *(
        "eduyrs",
        "educyr",
        "educyrs",
        "yeduc",
        "teen",
        "preteen",
        "college",
        "collegeed",
        "collgrad",
        "hsgrad",
    ),
    *(
        "nwhite",
        "nonwhite",
        "hisp",
        "afam",
        "cauc",
        "caucasian",
        "smsa",
        "msa",
        "metropolitan",
        "metro",
        "immigrant",
        "nationality",
        "citizen",
        "native",
        "foreign",
    ),
    *("experience", "exper", "exp", "tenure", "seniority", "erfahrung", "experiencia", "percap", "capita"),
    *("occ", "occup", "industry", "isco", "soc", "naics", "isic", "prestg", "wrkstat"),
    *("empl", "employment", "unempl", "unemp", "unemployment", "yedu", "edu", "yschool", "owner"),
    *("faminc", "famincr", "hhinc", "hhincome", "hinc", "linc", "lfaminc", "plan"),
    *("enrol", "enroll", "enrolment", "enrollment", "staff"),
)
"""What people are or have, rather than what came of their care."""
OUTCOME = (
    *(
        "outcome",
        "result",
        "response",
        "decision",
        "event",
        "score",
        "los",
        "stay",
        "visits",
        "docvis",
        "hospvis",
    ),
    *("mdvis", "incidence", "cases", "deaths", "admissions", "infections", "immun", "immunized"),
    *("immunised", "vaccinated", "ach", "achievement", "exam", "grade", "math", "reading", "pain"),
    *("severity", "recurrence", "recurred", "complication", "complications", "cured", "improved", "fev"),
    *("hba", "hba1c", "cd4", "dbp", "chol", "cholesterol", "glucose", "crp", "viral", "load", "cost"),
    *("qol", "bleeding", "wheeze", "preterm", "premature", "stillbirth", "apgar", "bwt", "birthweight"),
    *("mrate", "premie", "prem", "gestation", "gestwks", "bweight"),
    *(
        "lbw",
        "survival",
        "alive",
        "success",
        "failure",
        "fail",
        "failed",
        "remission",
        "progression",
        "discharged",
    ),
    *("positive", "ergebnis", "ausgang", "tod", "verweildauer", "liegedauer", "heilung", "resultat"),
    *("issue", "sejour", "guerison", "reponse", "resultado", "desenlace", "estancia", "respuesta"),
    *("desfecho", "permanencia", "resposta", "puntaje", "pontuacao", "punktzahl", "besuche", "fatal"),
    *("fatalities", "injuries", "murders", "homicides", "suicides", "accidents", "births", "crimes"),
    *("murder", "homicide", "suicide"),
    *("aval", "chg"),
)
"""What is said to have come of care."""
ONCE = ("death", "died", "dead", "mortality", "deces", "muerte", "obito", "tod")
"""What happens to a person once: where it is neither yes nor no nor a count of few, it tells when."""
OUTCOME_AT_END = tuple(
    each for each in OUTCOME if len(each) >= 5 and each not in ("issue", "event", "grade", "cured", "reading")
)
"""The same, of words that say so at the end of a compound, as in testscore; tissue is no issue."""
RATED = (
    *("health", "hlth", "satisfaction", "happiness", "happy", "wellbeing", "trust", "stress", "anxiety"),
    *("depression", "mood", "rating", "attitude", "symptom", "burden", "confidence", "gesundheit", "sante"),
    *("salud", "saude", "zufriedenheit", "bienestar", "bienetre", "satisfaccion", "satisfacao", "stimmung"),
)
"""What people are asked to rate, in a few steps."""
OUTCOME_ALONE = ("y", "use", "used", "status", "resp", "count", "rate")
"""The same, of words that say so only where they are the whole name."""
WALKED = ("walk", "walked", "walking", "run", "gehstrecke", "marche", "marcha")
"""What makes a distance one that people cover, rather than one that they live at."""
COORDINATE = ("lat", "lon", "lng", "latitude", "longitude", "easting", "northing", "xcoord", "ycoord", "utm")
"""Where something is on the map."""
TIME_TO = (
    *("time", "to", "until", "till", "t", "days", "day", "months", "month", "years", "year", "weeks", "week"),
    *("ttt", "futime", "zeit", "bis", "temps", "tiempo", "tempo"),
)
"""Words that a name has beside what happened, where it tells how long that took."""
HAPPENED = ("stat", "status", "event", "ind", "indicator", "cens", "censor", "flag", "yn")
"""What a name ends in, in one with a time's, where it tells whether the time ended in what is waited for."""
GROUPED = ("grp", "group", "gruppe", "decile", "quartile", "quintile", "tertile", "quantile", "band", "bin")
"""What numbers are put into."""
GIVEN = ("dose", "dosage", "dosis", "posologie", "dosi", "mg")
"""What is given, rather than what came of it."""
CODED = (
    *(
        "cause",
        "ursache",
        "causa",
        "reason",
        "grund",
        "raison",
        "razon",
        "razao",
        "icd",
        "icd9",
        "icd10",
        "drg",
    ),
    *("diagnosis", "diagnose", "diagnostic", "diagnostico", "cpt", "ops", "method", "methode", "metodo"),
)
"""What has kinds and no amount: its numbers are codes."""
RACE = ("race", "ethnicity", "ethnic", "raza", "raca")
COUNTED = (
    *("visits", "docvis", "hospvis", "mdvis", "los", "incidence", "cases", "events", "deaths"),
    *("admissions", "fatal", "infections", "falls", "count", "counts", "seizures", "verweildauer"),
    *("estancia", "besuche", "attendances", "breaches", "appointments", "referrals"),
    *("operations", "discharges", "consultations", "procedures", "births", "transfers"),
    *("readmissions", "presentations", "calls"),
    *("aufnahmen", "behandlungen", "geburten", "faelle", "konsultationen", "entlassungen", "operationen"),
    *("hospitalisations", "passages", "naissances", "ingresos", "consultas", "urgencias"),
    *("nacimientos", "casos", "altas", "atendimentos", "internacoes", "nascimentos", "obitos", "atenciones"),
)
"""What is counted, however many there are of it."""
MEASURED = (
    *("score", "exam", "grade", "ach", "pressure", "systolic", "sbp", "dbp", "bp", "weight", "height"),
    *("age", "temperature", "temp", "pain", "qol", "glucose", "chol", "cholesterol", "blutdruck", "bwt"),
    *("rate", "birthweight", "apgar", "test", "index", "puntaje", "pontuacao", "punktzahl", "aval", "chg"),
)
BETTER_HIGHER = (
    *(
        "vaccinated",
        "vaccine",
        "uptake",
        "takeup",
        "screened",
        "screening",
        "adherence",
        "attended",
        "completed",
        "controlled",
    ),
    *("satisfaction", "recovered", "success", "geimpft", "vacunado", "vacinado", "survived", "alive"),
    *("cured", "improved", "immun", "immunized", "immunised", "achievement", "ach", "remission", "heilung"),
    *("guerison", "survive", "survives"),
)
BETTER_LOWER = (
    *("death", "died", "mortality", "readmission", "readmitted", "wait", "waiting", "tat", "systolic"),
    *("sbp", "pressure", "emergency", "fall", "falls", "infection", "missed", "delay", "late", "dead"),
    *("relapse", "verstorben", "blutdruck", "deces", "muerte", "obito", "fallecido", "incidence"),
    *("recurrence", "pain", "complication", "complications", "stillbirth", "preterm", "lbw", "tod"),
    *("severity",),
)

NUMBERED_THINGS = (*CLINIC, *COMMUNITY, *REGION, *PATIENT, *RECORD)
"""What a number of its own stands for: a clinic, a patient, a visit."""
