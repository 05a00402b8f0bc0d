"""Reads columns' names: which words stand in them, by themselves or in a compound, and what they number.

Longer words are also found inside others, as German writes Patientennummer and Klinikname.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache

from tasks.network.drafting.column_words import HOW_MANY, NUMBERED, NUMBERED_THINGS

_INSIDE, _AT_END = 5, 4
"""Letters from which a word is looked for inside others, and at their end."""

_NO_COMPOUNDS = (
    *("inpatient", "outpatient", "clinical", "clinician", "subclinical", "composite", "opposite"),
    *("parasite", "website", "reward", "award", "forward", "toward", "prostate", "statement", "estate"),
    *("island", "gland", "ozone", "update", "candidate", "mandate", "metadata", "database", "alternative"),
    *("altered", "against", "latest", "highest", "lowest", "gestation", "administration", "registration"),
    *("medication", "respiration", "duration", "concentration", "chocolate", "plate", "template"),
    *("nursery", "hospitalization", "hospitalisation", "hospitalizacion", "hospitalizacao"),
    *(
        "capacity",
        "velocity",
        "toxicity",
        "ethnicity",
        "electricity",
        "programming",
        "programmer",
        "distrust",
    ),
    *(
        "infanticide",
        "translate",
        "percentage",
        "dosage",
        "stage",
        "usage",
        "personal",
        "grandmother",
        "godmother",
    ),
)
"""Words that another word stands in by chance."""
_GLUED = ("id", "num", "nr", "no", "code")
"""What numbers things, where it is written in one with their word."""
_AGE_IN_ONE = re.compile(
    r"age(in)?(y|yr|yrs|years?|m|mo|mos|mth|mths|months?|w|wk|wks|weeks?|d|days?|gr|grp|group|cat|a|dx|diag|adm|entry)"
)
"""Age, in one with what it is counted in or grouped by: ageyr, agemonths, agegrp."""


_AGE_OF_WHOM = re.compile(
    r"(m|f|p|c|x|mo|fa|ma|pa|mat|pat|mom|mum|dad|mth|moth|mother|fath|father|parent|child|chld|kid|baby|infant|wife"
    r"|husb|husband|donor|don|rec|recip|recipient|adm|admit|admission|entry|onset|curr|current|ex|exact)age"
)
"""Age, in one with whose it is or when: mage and fage, childage."""
_YEAR_IN_ONE = re.compile(r"(yr|year)[a-z]{3,}|[a-z]{3,}(yr|year)")
"""Year, in one with what happened in it: yronset, diagyear."""
_OF_PARENTS = "m|f|mo|fa|mom|mum|dad|fam|moth|mother|fath|father|parent|spouse|wife|hus|husb|husband"
_IN_ONE: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(rf"educ[a-z]*|({_OF_PARENTS})(educ[a-z]*|edu)|(mom|dad|fam|moth|fath)ed"), "education"),
    (re.compile(rf"({_OF_PARENTS})(race|ethn|ethnicity)"), "race"),
    (re.compile(rf"({_OF_PARENTS})(inc|income|wage|earns|earnings)|(l|ln|log)?hh(exp|inc|income)"), "income"),
    (re.compile(rf"({_OF_PARENTS})(occ|occup|occupation|job)"), "occupation"),
    (re.compile(r"[a-z]{2,}pop|popul|pop(tot|total|den|dens|density)"), "population"),
    (re.compile(r"n(um)?(kids?|child|children|adults?|sibs?|siblings?)"), "children"),
    (re.compile(r"(bl|base)(bmi|wt|ht|weight|height)|[a-z]+[0-9]+lag|lag[a-z]{3,}"), "baseline"),
    (re.compile(r"(evnt|event)(fl|flag)"), "event"),
    (re.compile(r"(dth|death|dead)(fl|flag)"), "death"),
)
"""What people, places and events are, in one with whose or how: meduc, statepop, dthfl."""
_HOSPITAL_NUMBER = re.compile(r"(hospital|hosp) ?(unit )?(no|nr|num|number|nummer)")
"""What hospitals call the number that they give a patient."""


def words_of(name: str) -> set[str]:
    """The words of a column's name: of `clinicName`, `clinic_name` and `Clinic name`, clinic and name.

    Of a word that ends in a number, as `age75` or `edlevel2`, also the word without it; of one that ends in
    what numbers things, as `schoolid` or `villnum`, the word before it; of `agemonths`, `agegrp` or `mage`,
    age, and of `meduc` education.
    """
    words = {word.lower() for word in re.split(r"[\W_]+", _spaced(name)) if word}
    words |= {word.rstrip("0123456789") for word in words} - {""}
    words |= {word.removesuffix(ending) for word in words for ending in _GLUED if len(word) > len(ending) + 2}
    words |= {told for pattern, told in _IN_ONE for word in words if pattern.fullmatch(word)}
    words |= {"age" for word in words if _AGE_IN_ONE.fullmatch(word) or _AGE_OF_WHOM.fullmatch(word)}
    return words | {word[:-1] for word in words if word.endswith("s") and len(word) > 3}


def _spaced(name: str) -> str:
    """The name in plain letters, a blank before what begins with a capital."""
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode() or name
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", plain)


def says_how_many(name: str, numbered: Collection[str]) -> bool:
    """Whether a column is called number of visits, num_visits or nrVisits rather than visit_number.

    Args:
        name: the column's.
        numbered: words for what has a number, as in no_patient.
    """
    first, *rest = re.split(r"[\W_]+", _spaced(name).lower())
    if first not in HOW_MANY or not rest:
        return False
    plural = any(word.endswith("s") for word in rest)
    return "of" in rest or plural or not found(" ".join(rest), numbered)


def is_numbered(name: str) -> bool:
    """Whether a column is called a number of something: clinic_id, or in one `schoolid` and `villnum`."""
    if said(name, NUMBERED):
        return True
    parts = (part.rstrip("0123456789") for part in _parts(name))  # schoolid1 is the first year's
    ends = (part.removesuffix(ending) for part in parts for ending in _GLUED if part.endswith(ending))
    return any(found(stem, NUMBERED_THINGS) for stem in ends if stem)


def is_hospital_number(name: str) -> bool:
    """Whether a column is called Hospital No or hosp_number: the patient's number there."""
    return any(_HOSPITAL_NUMBER.fullmatch(tail) for tail in _tails(_parts(name)))


def _tails(parts: list[str]) -> list[str]:
    """What a name of several words ends in, from each of them on."""
    return [" ".join(parts[i:]) for i in range(len(parts))]


def ends_in_id(name: str) -> bool:
    """Whether a column's name ends in id, apart or in one as in `surveyid`: it numbers something."""
    parts = _parts(name)
    return bool(parts) and parts[-1].endswith("id")


def says_age_in_one(name: str) -> bool:
    """Whether a column is called ageyr, agemonths or agegrp: an age with its unit or its groups."""
    return any(_AGE_IN_ONE.fullmatch(part) for part in _parts(name))


def says_year_in_one(name: str) -> bool:
    """Whether a column is called yronset or diagyear: the year of something."""
    return any(_YEAR_IN_ONE.fullmatch(part) for part in _parts(name))


def _parts(name: str) -> list[str]:
    return [part for part in re.split(r"[\W_]+", _spaced(name).lower()) if part]


def found(name: str, words: Collection[str]) -> list[str]:
    """Which of `words` are in a column's name, in their own order.

    A compound holds a word that it ends in, and a longer one that it has inside; an inpatient is no patient's
    number.
    """
    parts, compounds = _words_and_compounds(name)
    return [
        word
        for word in words
        if word in parts
        or (len(word) >= _INSIDE and word in compounds)
        or (len(word) >= _AT_END and f"{word}\n" in compounds)
    ]


@lru_cache(maxsize=1_000)
def _words_and_compounds(name: str) -> tuple[frozenset[str], str]:
    """The words of a column's name, and those that can be compounds, each ended by a line break."""
    parts = frozenset(words_of(name))
    return parts, "".join(f"{part}\n" for part in parts if not part.startswith(_NO_COMPOUNDS))


def said(name: str, words: Collection[str]) -> list[str]:
    """Which of `words` stand in a column's name by themselves, in their own order."""
    parts = words_of(name)
    return [word for word in words if word in parts]


def said_last(name: str, words: Collection[str]) -> list[str]:
    """Those that `said` finds, and longer ones that a compound ends in, as in `schooltype`."""
    parts = words_of(name)
    ends = tuple(word for word in words if len(word) >= _AT_END)
    return [
        word for word in words if word in parts or (word in ends and any(p.endswith(word) for p in parts))
    ]
