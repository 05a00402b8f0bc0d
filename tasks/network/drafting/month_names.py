"""Names of months in English, German, French, Spanish and Portuguese, whole and as spreadsheets cut them."""

from __future__ import annotations

NAMES: tuple[tuple[str, ...], ...] = (
    ("january", "jan", "januar", "jänner", "jaenner", "jän", "janvier", "janv", "enero", "ene", "janeiro"),
    (
        *("february", "feb", "februar", "feber", "février", "fevrier", "févr", "fevr", "fév", "fev"),
        *("febrero", "fevereiro"),
    ),
    ("march", "mar", "märz", "maerz", "mrz", "mär", "mars", "marzo", "março", "marco"),
    ("april", "apr", "avril", "avr", "abril", "abr"),
    ("may", "mai", "mayo", "maio"),
    ("june", "jun", "juni", "juin", "junio", "junho"),
    ("july", "jul", "juli", "juillet", "juil", "julio", "julho"),
    ("august", "aug", "août", "aout", "aoû", "aou", "agosto", "ago"),
    ("september", "sept", "sep", "septembre", "septiembre", "setiembre", "setembro", "set"),
    ("october", "oct", "oktober", "okt", "octobre", "octubre", "outubro", "out"),
    ("november", "nov", "novembre", "noviembre", "novembro"),
    ("december", "dec", "dezember", "dez", "décembre", "decembre", "déc", "diciembre", "dic", "dezembro"),
)
"""January's, February's and so on. No name is one of two months: of juin and juillet, jui is neither."""

MOST_YEARS = 12
"""Different numbers of two digits beside months' names up to which they are years and not days."""
LAST_DAY = 31

KNOWN = tuple(name for names in NAMES for name in names)

_CAPITALS = {"é": "É", "ä": "Ä", "û": "Û", "ç": "Ç"}
_BEGINNINGS = (
    *(("jan", "jän", "jae", "ene"), ("feb", "fev", "fév"), ("mar", "mär", "mae", "mrz")),
    *(("apr", "avr", "abr"), ("may", "mai"), ("jun",), ("jul",), ("aug", "aou", "aoû", "ago")),
    *(("sep", "set"), ("oct", "okt", "out"), ("nov",), ("dec", "déc", "dez", "dic")),
)
"""The first three letters of January's names, and so on; but juin's and juillet's are the same."""
_BETWEEN = ("-", "/", ".", "''", "’", " de ", " ")
"""What stands between a month and a year, as SQL writes it in quotes."""


def bare(value: str) -> str:
    """The SQL expression that is a text without what stands between a month and a year."""
    text = f"LOWER(TRIM({value}))"
    for mark in _BETWEEN:
        text = f"REPLACE({text}, '{mark}', '')"
    return text


def is_month_name(name: str) -> str:
    """The SQL condition that a text in small letters is a month's name."""
    listed = ", ".join(f"'{each}'" for each in _with_capitals(KNOWN))
    return f"{name} IN ({listed})"


def month_number(value: str, part: str = "SUBSTR") -> str:
    """The SQL expression that is '01' of a text that begins with January's name, and so on.

    Args:
        value: the text, in SQL.
        part: the function that takes a part of a text.
    """
    text = f"LOWER(TRIM({value}))"
    whens = [
        f"WHEN '{each}' THEN '{i:02}'"
        for i, names in enumerate(_BEGINNINGS, start=1)
        for each in _with_capitals(names)
    ]
    whens.append(f"WHEN 'jui' THEN CASE {part}({text}, 4, 1) WHEN 'n' THEN '06' ELSE '07' END")
    return f"CASE {part}({text}, 1, 3) {' '.join(whens)} END"


def are_years(n: int, least: int, most: int) -> bool:
    """Whether numbers of two digits beside months' names are years rather than days.

    Numbers above 31 are no days. Others are years where they are few and none between them lacks.

    Args:
        n: how many different ones there are.
        least, most: the smallest and the largest.
    """
    return most > LAST_DAY or (n <= MOST_YEARS and most - least + 1 == n)


def _with_capitals(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names, and those with accents as SQLite leaves them, which makes only plain ones small."""
    left = ("".join(_CAPITALS.get(letter, letter) for letter in name) for name in names)
    return tuple(dict.fromkeys((*names, *left)))
