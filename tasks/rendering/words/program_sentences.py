"""What a reader gets of a program: its effect or why none can be told, and what stands beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reports.wording import say
from reports.wording.notation import as_change
from reports.wording.writing import listed
from tasks.program_questions import SIGNIFICANT
from tasks.rendering.charts.effects_chart import study_effects, tests_of, whole_effects, write_effect
from tasks.rendering.edition import Outcome
from tasks.rendering.shown_figures import Effect
from tasks.rendering.words.sentences import bare, sentence_case

TRENDS = ("trend", "trend-average")
"""Terms of estimates that allow for a steady trend of clinics' own."""
_FEWEST_IN_SHORT = 3
_FEWEST_ALIKE = 2
_WIDEST_RATIO = 4.0
"""From half to twice: an interval beyond that hardly says anything."""
_SIDES = ("higher", "lower", "if_higher", "if_lower", "none", "untold_little", "untold")


def program_message(outcome: Outcome) -> str | None:
    """The program's effect on the population, and the naive figure beside it; None without an estimate."""
    answers = program_answers(outcome)
    if not answers:
        untold = [effect for effect in outcome.effects if effect.reason and effect.model != "naive"]
        untold.sort(key=lambda effect: effect.question != "policy")
        return sentence_case(program_words(outcome, untold[0])) if untold else None
    if reasons := cannot_be_told(outcome):
        return " ".join([*reasons, say("message.program_both_ifs")])
    return " ".join(
        filter(
            None,
            (
                informative(outcome, answers[0]),
                _in_some_periods(outcome, answers[0]),
                *doubts(outcome),
                _plain_comparison(outcome),
            ),
        )
    )


def informative(outcome: Outcome, lead: Effect) -> str:
    """An effect's sentence, which says so where it rests on a condition, or where records hardly tell it."""
    words = if_words(outcome, lead)
    if cannot_be_told(outcome):
        return words
    side = _side_in_short(outcome, lead)
    if side in ("if_higher", "if_lower"):
        instead = say(f"message.program_{side}")
    elif _says_nothing(outcome, lead):
        instead = say("message.program_too_little")
    else:
        return words
    return words.replace(sentence_case(say("effect.no_sign")), sentence_case(instead), 1)


def _in_some_periods(outcome: Outcome, lead: Effect) -> str | None:
    """That some periods since the start have an effect, beyond the band of all at once, where none leads."""
    if _side_in_short(outcome, lead) not in ("none", "untold_little"):
        return None
    sides = {
        _side_of(effect.band_lower, effect.band_upper, ratio=effect.ratio)
        for effect in study_effects(outcome)
        if (effect.months_since_start or 0) >= 0
    } - {0}
    if not sides:
        return None
    side = "both" if len(sides) > 1 else "higher" if 1 in sides else "lower"
    return say(f"message.program_some_{side}", outcome=outcome.label)


def _says_nothing(outcome: Outcome, effect: Effect) -> bool:
    """Whether an interval around no effect reaches about as far as there is any sense in."""
    if effect.lower is None or effect.upper is None or _side(effect):
        return False
    if effect.ratio:
        return effect.lower <= 0.0 or effect.upper / effect.lower > _WIDEST_RATIO
    share = outcome.figures.get("mean")
    if effect.measure != "risk_difference" or share is None or share.value is None:
        return False
    return effect.upper - effect.lower > min(share.value, 100.0 - share.value)


def said_once(told: Sequence[str]) -> tuple[str, list[str]]:
    """What effects of all clinics and patients are effects of, in a sentence; and they without that.

    Empty, with the sentences as they are, where fewer than two have it in common.
    """
    compared = say("effect_compared.policy")
    heads = [each.partition(compared)[0] for each in told if compared in each]
    if len(heads) < _FEWEST_ALIKE:
        return "", list(told)
    first = heads[0]
    clauses = [first[at:] for at in range(len(first)) if first.startswith(", ", at)]
    when = next((each for each in clauses if all(head.endswith(each) for head in heads)), " ")
    if when == " " and any(head.endswith(", ") for head in heads):
        return "", list(told)
    meaning = f"{when}{compared}"
    of_whomever = say("effect_compared.policy_whoever")
    others = any(of_whomever in each and compared not in each for each in told)
    key = "message.program_each_but" if others else "message.program_each"
    sentence = say(key, meaning=meaning.removeprefix(",").strip())
    return sentence, [each.replace(meaning, "", 1) for each in told]


def program_answers(outcome: Outcome) -> list[Effect]:
    """The program's effects on the population, the leading one first; others only where there is none."""
    effects = whole_effects(outcome)
    answers = [effect for effect in effects if effect.question == "policy"] or effects
    return [effect for effect in answers if effect.model != "naive"]


def conditions(told: Iterable[tuple[Outcome, Effect]]) -> list[str]:
    """Under which conditions effects are the program's: each once, with its outcomes where they differ."""
    found: dict[str, dict[str, None]] = {}
    for outcome, effect in told:
        if effect.condition:
            found.setdefault(effect.condition, {})[outcome.label] = None
    if len(found) == 1:
        return list(found)
    return [
        say("message.program_condition", outcomes=listed(list(labels)), condition=condition)
        for condition, labels in found.items()
    ]


def in_short(outcomes: Sequence[Outcome]) -> list[str]:
    """On which outcomes a program has an effect, and on which side, in a line.

    Nothing of one or two outcomes, nor where none can be told: each says so itself.
    """
    sides: dict[str, list[str]] = {side: [] for side in _SIDES}
    for outcome in outcomes:
        answers = program_answers(outcome)
        if not answers and not program_message(outcome):
            continue  # the program does not bear on it
        untold = not answers or answers[0].question != "policy" or cannot_be_told(outcome)
        side = "untold" if untold else _side_in_short(outcome, answers[0])
        sides[side].append(outcome.label)
    told = any(names for side, names in sides.items() if not side.startswith("untold"))
    if not told or sum(map(len, sides.values())) < _FEWEST_IN_SHORT:
        return []
    parts = [say(f"program_short.{side}", outcomes=listed(names)) for side, names in sides.items() if names]
    return [say("program_short.whole", parts="; ".join(parts))]


def _side_in_short(outcome: Outcome, lead: Effect) -> str:
    """On which side an effect is; where it shows only without a trend of clinics' own, on which it were."""
    if _side(lead):
        return "higher" if _side(lead) > 0 else "lower"
    plain = _without_trend(outcome, lead)
    side = 0 if plain is None else _side(plain)
    if side:
        return "if_higher" if side > 0 else "if_lower"
    return "untold_little" if _says_nothing(outcome, lead) else "none"


def on_plain_comparisons(outcomes: Iterable[Outcome]) -> list[str]:
    """What the plain comparisons are worth that stand beside the outcomes' effects; none where none does."""
    return [say("message.program_plain")] if any(_plain_comparison(each) for each in outcomes) else []


def cannot_be_told(outcome: Outcome) -> list[str]:
    """Why the program's effect cannot be told; or nothing.

    Clinics were changing before it started: a dip just before the start makes a return to normal look like an
    effect (Ashenfelter 1978, Rev Econ Stat 60:47), and a trend that allows for it draws the dip on. Or there
    is an effect beside such a trend alone, which a dip that no test sees can be as well.
    """
    return _found(outcome, "before") or ([say("effect_test.depends")] if _by_trend_alone(outcome) else [])


def _by_trend_alone(outcome: Outcome) -> bool:
    """Whether the leading estimate excludes none, and without a trend there is none or one the other way."""
    answers = program_answers(outcome)
    if not answers or answers[0].term not in TRENDS:
        return False
    lead = answers[0]
    plain = _without_trend(outcome, lead)
    return plain is not None and _side(lead) != 0 and _side(plain) != _side(lead)


def _without_trend(outcome: Outcome, lead: Effect) -> Effect | None:
    """The estimate that takes clinics to have moved in parallel otherwise, where the leading one does not."""
    if lead.term not in TRENDS:
        return None
    of_lead = (lead.model, lead.estimand, lead.measure)
    alike = (each for each in outcome.effects if (each.model, each.estimand, each.measure) == of_lead)
    found = {each.term: each for each in alike}
    return found.get("cohorts") or found.get("average")


def _side(effect: Effect) -> int:
    """1 or −1 where the interval excludes no effect, 0 where it does not."""
    return _side_of(effect.lower, effect.upper, ratio=effect.ratio)


def _side_of(lower: float | None, upper: float | None, *, ratio: bool) -> int:
    if lower is None or upper is None:
        return 0
    none = 1.0 if ratio else 0.0
    return 1 if lower > none else -1 if upper < none else 0


def doubts(outcome: Outcome) -> list[str]:
    """That one constant effect does not fit, where it does not.

    It is asked about an effect, which cannot be told where clinics were changing before. What other tests
    found, and is allowed for, stands on the program's page.
    """
    return [] if cannot_be_told(outcome) else _found(outcome, "change")


def _found(outcome: Outcome, *terms: str) -> list[str]:
    found = tests_of(outcome)
    return [found[term].words for term in terms if term in found and (found[term].p or 1.0) < SIGNIFICANT]


def if_words(outcome: Outcome, effect: Effect) -> str:
    """An effect's sentence; with what it takes for granted before it where the effect cannot be told."""
    if not cannot_be_told(outcome):
        return program_words(outcome, effect)
    words = _bare_words(outcome, effect)
    trend = effect.term in TRENDS
    return say("message.program_if_steady" if trend else "message.program_if_alike", words=words)


def program_words(outcome: Outcome, effect: Effect) -> str:
    """An effect's sentence without the outcome's label and its condition, where these stand by themselves."""
    return sentence_case(_bare_words(outcome, effect))


def _bare_words(outcome: Outcome, effect: Effect) -> str:
    return effect.words.removeprefix(f"{outcome.label}: ").removesuffix(f" {effect.condition}")


def _plain_comparison(outcome: Outcome) -> str:
    """The naive figure in brackets, in the measure of the effect just told; nothing where it has none there.

    Nor where whole clinics have the program: the effect itself is a comparison of records with and without.
    """
    answers = program_answers(outcome)
    if not answers or answers[0].question == "none" or cannot_be_told(outcome):
        return ""
    of_naive = (effect for effect in whole_effects(outcome) if effect.model == "naive")
    naive = next((effect for effect in of_naive if effect.measure == answers[0].measure), None)
    if naive is None:
        return ""
    unit = naive.unit if naive.unit in ("", "%") else f" {naive.unit}"
    written = f"{say(f'measure.{naive.measure}')} {write_effect(naive)}{unit}"
    return say("message.program_naive", naive=_change(naive) or written)


def _change(effect: Effect) -> str | None:
    """A ratio as a change in per cent, as the effect's own sentence has it; None where that has the ratio."""
    if effect.value is None or effect.lower is None or effect.upper is None:
        return None
    notation = as_change(effect.measure, effect.value, effect.lower, effect.upper)
    if notation is None:
        return None
    value, lower, upper = (100.0 * (each - 1.0) for each in (effect.value, effect.lower, effect.upper))
    sides = [say("effect.higher" if each >= 0.0 else "effect.lower") for each in (value, lower, upper)]
    if sides[1] == sides[2]:
        ends = notation.range(*sorted((abs(lower), abs(upper))))
    else:
        written = {"lower": notation.number(abs(lower)), "upper": notation.number(abs(upper))}
        ends = say("effect.either_side", **written, below=sides[1], above=sides[2])
    return say("effect.change_aside", value=notation.number(abs(value)), higher=sides[0], ends=ends)


def is_hidden(outcome: Outcome) -> bool:
    """Whether the program's effect on an outcome is withheld, to protect patients."""
    return any(effect.status.startswith("suppressed") for effect in outcome.effects)


def program_none(outcome: Outcome) -> str:
    """Why there is no effect of the program on an outcome."""
    if outcome.estimated or not outcome.reason:
        return say("program.none_estimated")
    return say("program.none_estimated_reason", reason=bare(outcome.reason))
