"""Words that columns of text hold instead of 0 and 1, in English, German, French, Spanish and Portuguese.

In small letters, as they are written there.
"""

from __future__ import annotations

from typing import Literal

Better = Literal["higher", "lower", "neither"]

YES_NO = (
    *(("yes", "no"), ("y", "n"), ("ja", "nein"), ("j", "n"), ("oui", "non"), ("o", "n"), ("sí", "no")),
    *(("si", "no"), ("s", "n"), ("sim", "não"), ("sim", "nao"), ("true", "false"), ("wahr", "falsch")),
    *(("vrai", "faux"), ("verdadero", "falso"), ("verdadeiro", "falso")),
)
"""Words for yes and no."""
GOOD = (
    *(("good", "poor"), ("good", "bad"), ("success", "failure"), ("success", "fail"), ("pass", "fail")),
    *(
        ("passed", "failed"),
        ("cured", "not cured"),
        ("recovered", "not recovered"),
        ("improved", "not improved"),
    ),
    *(
        ("improved", "unimproved"),
        ("better", "worse"),
        ("alive", "died"),
        ("gut", "schlecht"),
        ("bon", "mauvais"),
    ),
    *(("bonne", "mauvaise"), ("bueno", "malo"), ("buena", "mala"), ("bom", "mau"), ("boa", "má")),
    *(("geheilt", "nicht geheilt"), ("controlled", "uncontrolled"), ("responder", "non-responder")),
)
"""What is hoped for, and what is not."""
BAD = (
    *(("dead", "alive"), ("died", "survived"), ("deceased", "alive"), ("death", "alive"), ("died", "lived")),
    *(("dead", "live"), ("dead", "living"), ("premie", "full term"), ("preterm", "term")),
    *(("preterm", "full term"), ("low", "not low"), ("low", "normal"), ("injured", "uninjured")),
    *(("infected", "uninfected"), ("infected", "not infected"), ("recurrence", "no recurrence")),
    *(("abnormal", "normal"), ("relapse", "no relapse"), ("event", "no event"), ("event", "censored")),
    *(("verstorben", "lebend"), ("verstorben", "lebt"), ("tot", "lebend"), ("décédé", "vivant")),
    *(("muerto", "vivo"), ("fallecido", "vivo"), ("morto", "vivo"), ("óbito", "alta"), ("late", "on time")),
)
"""What is feared, and what is not."""
FOUND = (
    *(("positive", "negative"), ("pos", "neg"), ("+", "-"), ("positiv", "negativ"), ("positif", "négatif")),
    *(
        ("positivo", "negativo"),
        ("positiva", "negativa"),
        ("present", "absent"),
        ("detected", "not detected"),
    ),
    *(("reactive", "non-reactive"), ("case", "control"), ("nachgewiesen", "nicht nachgewiesen")),
)
"""What is looked for, found or not."""
UNKNOWN = (
    *("invalid", "unknown", "missing", "na", "n/a", "not done", "indeterminate", "inconclusive", "equivocal"),
    *("pending", "rejected", "unbekannt", "ungültig", "inconnu", "desconocido", "desconhecido", "inválido"),
    *("don't know", "refused", "?", "nk", "not known", "unk", "not stated", "not reported", "dk"),
)
"""Neither of the two."""
CONTROL = (
    *(
        "placebo",
        "control",
        "controls",
        "ctrl",
        "ctl",
        "usual",
        "usual care",
        "standard",
        "standard care",
        "standard of care",
    ),
    *(
        "none",
        "no treatment",
        "untreated",
        "sham",
        "no",
        "comparison",
        "kontrolle",
        "kontrollgruppe",
        "témoin",
    ),
    *(
        "temoin",
        "contrôle",
        "keine",
        "aucun",
        "ninguno",
        "nenhum",
        "controle",
        "p",
        "c",
        "plac",
        "soc",
        "tau",
    ),
    *("waiting list", "observation", "obs"),
)
"""Not under the treatment or program."""
TREATED = (
    *(
        "active",
        "treatment",
        "treated",
        "intervention",
        "treat",
        "drug",
        "program",
        "programme",
        "yes",
        "trt",
    ),
    *("behandlung", "behandelt", "interventionsgruppe", "traitement", "intervención", "tratamiento"),
    *("tratamento", "intervenção", "verum", "a", "t"),
)
"""Under the treatment or program."""

_CODED = (
    *(("yes", "no"), ("positive", "negative"), ("dead", "alive"), ("died", "survived"), ("good", "poor")),
    *(("ja", "nein"), ("oui", "non"), ("sí", "no"), ("sim", "não")),
)
NUMBERED_PAIRS = tuple(
    (f"{numbers[0]}{mark}{one}", f"{numbers[1]}{mark}{zero}")
    for one, zero in _CODED
    for mark in ("_", "=", " ")
    for numbers in ("10", "12", "21")
)
"""Words with their code before them: 1_yes and 0_no."""
NUMBERED_CONTROL = tuple(
    f"{number}{mark}{word}"
    for word in ("placebo", "control", "usual care", "no", "none")
    for mark in ("_", "=", " ")
    for number in "0123"
)

LETTERED: tuple[tuple[str, str, Better], ...] = (("d", "a", "lower"),)
"""Dead and alive by their letters, in a column called as in VITAL."""
VITAL = ("status", "vital", "state", "outcome", "survival", "death", "died")


PAIRS: tuple[tuple[str, str, Better], ...] = (
    *((one, zero, "neither") for one, zero in YES_NO),
    *((one, zero, "higher") for one, zero in GOOD),
    *((one, zero, "lower") for one, zero in BAD),
    *((one, zero, "neither") for one, zero in (*FOUND, *NUMBERED_PAIRS)),
)
"""The word for 1, the word for 0, and which share is better where the words tell."""
KNOWN = tuple(
    dict.fromkeys(
        (
            *(word for pair in (*PAIRS, *LETTERED) for word in pair[:2]),
            *UNKNOWN,
            *CONTROL,
            *NUMBERED_CONTROL,
            *TREATED,
        )
    )
)
"""Every word looked for in columns of text."""
