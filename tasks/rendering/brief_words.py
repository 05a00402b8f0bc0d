"""A brief in the language spoken: what the library said of a fit, and what its figures are called."""

from __future__ import annotations

from dataclasses import replace

from reports.wording import say, spoken_wording
from reports.wording.library_sentences import in_own_words, noun, piece_in_own_words
from tasks.rendering.brief import BandedLines, Brief, QuestionAnswered, Variation

_FOR_THE_TERMINAL = (", for which see marginal_effects", " --marginal COLUMN gives the average itself.")
"""How the library's English ends some sentences for whoever can type something next."""
_AVERAGE = "average."


def in_the_language(brief: Brief) -> Brief:
    """The brief with every sentence of the library in the language spoken."""
    return replace(
        brief,
        method=_said(brief.method),
        estimand=_sentence(brief.estimand),
        question=_said(brief.question),
        assumes=_said(brief.assumes),
        groups={noun(group): n for group, n in brief.groups.items()},
        left_out={_said(reason): n for reason, n in brief.left_out.items()},
        answers=tuple(_answer(each) for each in brief.answers),
        averages=tuple((measure, _said(what), value) for measure, what, value in brief.averages),
        lines=None if brief.lines is None else _lines(brief.lines),
        notes=tuple(dict.fromkeys(_sentence(note) for note in brief.notes)),
        inside=_said(brief.inside),
        attenuation=brief.attenuation and _sentence(brief.attenuation),
    )


def average_name(measure: str) -> str:
    """What an average over everybody is called: "Probability 1", "Risk ratio".

    Raises:
        KeyError: the wording has no such average.
    """
    names = [key.removeprefix(_AVERAGE) for key in spoken_wording().sentences if key.startswith(_AVERAGE)]
    for name in sorted(names, key=len, reverse=True):
        if f"{measure}_".startswith(f"{name}_"):
            value = measure.removeprefix(name).replace("_", " ").strip()
            return say(f"average.{name}", value=value)
    raise KeyError(measure)


def variation_name(variation: Variation) -> str:
    """What a part of the variation is called: "SD between clinics"."""
    if variation.kind == "sd_within":
        return say("brief.sd_within")
    if variation.kind == "icc":
        return say("brief.icc", group=noun(variation.group))
    groups = noun(variation.group, "many")
    if variation.effect:
        return say("brief.sd_between_effect", groups=groups, effect=variation.effect)
    return say("brief.sd_between", groups=groups)


def _answer(answer: QuestionAnswered) -> QuestionAnswered:
    return replace(
        answer,
        question=_said(answer.question),
        method=_said(answer.method),
        assumes=_said(answer.assumes),
    )


def _lines(lines: BandedLines) -> BandedLines:
    bands = tuple(
        (piece_in_own_words(share) or say("brief.elsewhere"), low, high) for share, low, high in lines.bands
    )
    return replace(lines, group=noun(lines.group), bands=bands)


def _said(text: str) -> str:
    """A sentence of the library; where the language has no words for it, who has them."""
    return in_own_words(text) or say("brief.elsewhere")


def _sentence(text: str) -> str:
    words = _said(text)
    for end in _FOR_THE_TERMINAL:
        words = words.partition(end)[0]
    words = words.rstrip(".")
    return f"{words[:1].upper()}{words[1:]}."
