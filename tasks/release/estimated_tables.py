"""The tables that screening, estimating and ranking fill, and disclosing masks; see `tables.py`."""

from __future__ import annotations

from tasks.program_questions import QUESTIONS
from tasks.release.common_columns import (
    CLINIC,
    DF,
    EFFECT,
    EVENTS,
    EXPOSURE,
    FIGURE,
    FROM_CLINICS,
    NOTHING,
    OF_MONTH,
    OF_SERIES,
    PEOPLE,
    PLACE,
    PROBABILITY,
    RANKABILITY,
    SIZE,
    STATUS,
    TOTAL_SIZE,
    VERDICT,
    column,
)
from tasks.release.table_columns import A_SENTENCE, A_WORD, About, Of, Table, Tells

CLINICS = Table(
    "clinics",
    "one clinic",
    ("clinic",),
    (
        column("clinic", "string", NOTHING, "clinic's name", required=True),
        column("slug", "string", NOTHING, "clinic's name as used in file names", required=True),
        column("region", "string", NOTHING, "region of the clinic"),
        column("n_records", "integer", SIZE, "records used in the window"),
        column("n_patients", "integer", PEOPLE, "different patients in the window"),
        column("first_month", "string", SIZE, "first {period} with records ({label})"),
        column("last_month", "string", SIZE, "last {period} with records ({label})"),
        column(
            "reportable",
            "boolean",
            Tells(Of.SIZES, instead=False, modelled=False),
            "whether the clinic has anything that may be shown",
            required=True,
        ),
        *STATUS,
    ),
)

OUTCOMES = Table(
    "outcomes",
    "one outcome",
    ("outcome",),
    (
        column("outcome", "string", NOTHING, "outcome's name in the network file", required=True),
        column("label", "string", NOTHING, "as people read it", required=True),
        column("kind", "string", NOTHING, "continuous, binary or count", required=True),
        column("unit", "string", NOTHING, "unit of its values (% for binary outcomes)"),
        column("direction", "string", NOTHING, "which is better: higher, lower or neither", required=True),
        column(
            "adjusters",
            "string",
            NOTHING,
            "what adjusted and shrunken values are adjusted for, comma-separated",
        ),
        column("comparator", "string", NOTHING, "what clinics are compared with", required=True),
        column("comparator_value", "number", EFFECT, "the comparator, in the outcome's unit"),
        column(
            "important_difference",
            "number",
            NOTHING,
            "smallest difference that matters, as the network file has it, in the outcome's unit (percentage "
            "points for binary outcomes)",
        ),
        column("n_records", "integer", TOTAL_SIZE, "records with a usable value"),
        column("n_clinics", "integer", NOTHING, "clinics with a usable value"),
        column("verdict", "string", VERDICT, "rank, grade or do_not_rank"),
        column("verdict_reason", "string", RANKABILITY, "the rankability sentence"),
        column(
            "verdict_reason_coded", "string", RANKABILITY, "that sentence as JSON: its code and its values"
        ),
        *STATUS,
    ),
)

CLINIC_ESTIMATES = Table(
    "clinic_estimates",
    "one clinic's value of one outcome, in one form (raw, adjusted or shrunken)",
    ("outcome", "clinic", "form"),
    (
        *CLINIC,
        column("form", "string", NOTHING, "raw, adjusted or shrunken", required=True),
        column("estimand", "string", NOTHING, "what the value is, in words", required=True),
        column("estimand_coded", "string", NOTHING, "those words as JSON: their code and their values"),
        column("value", "number", FIGURE, "in the outcome's unit (per cent for binary outcomes)"),
        column("lower", "number", FIGURE, "lower end of the interval"),
        column("upper", "number", FIGURE, "upper end of the interval"),
        column("level", "number", NOTHING, "coverage of the interval, 0.95"),
        column("numerator", "integer", EVENTS, "events counted (binary and count outcomes)"),
        column("denominator", "number", EXPOSURE, "records, or exposure for count outcomes"),
        column(
            "expected",
            "number",
            FIGURE,
            "of form shrunken: what the clinic's own patients would have at the typical clinic, in the "
            "outcome's unit; empty for volumes",
        ),
        column(
            "pe",
            "number",
            FIGURE,
            "of form shrunken, predicted over expected: the best estimate of its own patients over "
            "`expected`; empty where that is not above 0",
        ),
        column("pe_lower", "number", FIGURE, "lower end of its interval"),
        column("pe_upper", "number", FIGURE, "upper end of its interval"),
        column(
            "reliability",
            "number",
            FIGURE,
            "how surely clinics of its size are told apart, 0 to 1; 0 where none differ",
        ),
        column(
            "p_better",
            "number",
            PROBABILITY,
            "posterior probability that the clinic is better (higher, where neither is better) than the "
            "comparator",
        ),
        column(
            "p_important",
            "number",
            PROBABILITY,
            "posterior probability that it differs from the comparator by `important_difference` or more, on "
            "the side of its value",
        ),
        column(
            "place",
            "number",
            PROBABILITY,
            "expected share, 0 to 1, of the distribution of clinics that lies below the clinic",
        ),
        column("place_lower", "number", PROBABILITY, "lower end of its 95% interval"),
        column("place_upper", "number", PROBABILITY, "upper end of its 95% interval"),
        column(
            "outlying",
            "boolean",
            Tells(Of.BOTH, digits=A_WORD, modelled=True),
            "whether it lies further from the others than their distribution explains (false discovery rate "
            "5%)",
        ),
        column(
            "comparison",
            "string",
            Tells(Of.BOTH, instead="not_compared", digits=A_WORD, modelled=True),
            "better, worse, no_different, placed (neither is better, or it is a volume: no verdict) or "
            "not_compared",
        ),
        *STATUS,
    ),
)

CLINIC_RANKS = Table(
    "clinic_ranks",
    "one clinic's place on one outcome",
    ("outcome", "clinic"),
    (
        *CLINIC,
        column("rank_median", "number", PLACE, "median of the posterior of the rank, 1 is best"),
        column("rank_expected", "number", PLACE, "mean of the posterior of the rank"),
        column("rank_lower", "number", PLACE, "lower end of the 95% interval of the rank"),
        column("rank_upper", "number", PLACE, "upper end of the 95% interval of the rank"),
        column(
            "rank_set_lower",
            "number",
            PLACE,
            "best rank in the 95% confidence set, which rests on the clinics' own figures alone",
        ),
        column("rank_set_upper", "number", PLACE, "worst rank in it"),
        column(
            "p_top_tenth",
            "number",
            PLACE,
            "posterior probability of being in the best tenth; empty among fewer than nine clinics",
        ),
        column(
            "p_bottom_tenth",
            "number",
            PLACE,
            "posterior probability of being in the worst tenth; empty among fewer than nine clinics",
        ),
        column("grade", "string", VERDICT, "certainty-controlled grade: above, typical or below"),
        column("n_ranked", "integer", NOTHING, "clinics in the order"),
        *STATUS,
    ),
)

NETWORK_FIGURES = Table(
    "network_figures",
    "one figure about the whole network, for one outcome",
    ("outcome", "figure"),
    (
        column("outcome", "string", NOTHING, "outcome's name in the network file", required=True),
        column(
            "figure",
            "string",
            NOTHING,
            "e.g. mean, icc, design_effect, effective_sample_size, sd_between",
            required=True,
        ),
        column("label", "string", NOTHING, "as people read it", required=True),
        column("value", "number", FIGURE, "the figure"),
        column("lower", "number", FIGURE, "lower end of the 95% interval, where there is one"),
        column("upper", "number", FIGURE, "upper end of the 95% interval"),
        column("unit", "string", NOTHING, "unit of the value"),
        column("method", "string", NOTHING, "how it was estimated", required=True),
        column("method_coded", "string", NOTHING, "the method as JSON: the sentence's code and its values"),
        *STATUS,
    ),
)

PROGRAM_EFFECTS = Table(
    "program_effects",
    "one estimate of the program's effect on one outcome",
    ("outcome", "model", "estimand", "measure", "term"),
    (
        column("outcome", "string", NOTHING, "outcome's name in the network file", required=True),
        column("model", "string", NOTHING, "mixed, gee, within or naive", required=True),
        column("estimand", "string", NOTHING, "conditional, marginal or unadjusted", required=True),
        column(
            "measure",
            "string",
            NOTHING,
            "difference, ratio, odds_ratio, risk_difference, risk_ratio, rate_ratio, or test (only p)",
            required=True,
        ),
        column(
            "term",
            "string",
            NOTHING,
            "effect (the same in every {period} from the start on); average (of the effects of each {period} "
            "since the start); cohorts (that average by cohort and {period}: effects may differ with when a "
            "clinic started), cohorts-calendar and cohorts-clinic-months (the same, each {period} of the "
            "calendar or of a clinic counting alike); trend (as cohorts, where early starters may have a "
            "steady trend of their own) or, where that cannot be had, trend-average (as average, with such a "
            "trend); month -03, month 00 … "
            "(that {period}'s own, counted from the clinic's start); of a test: change "
            "(does the effect grow or fade?), before (was there one before the start?) or context (do "
            "clinics with more of the program differ in other ways?)",
            required=True,
        ),
        column(
            "months_since_start",
            "integer",
            NOTHING,
            "of a {period}'s own effect; before the start below zero",
        ),
        column("value", "number", EFFECT, "the effect in the measure's unit"),
        column("lower", "number", EFFECT, "lower end of the 95% interval"),
        column("upper", "number", EFFECT, "upper end of the 95% interval"),
        column("band_lower", "number", EFFECT, "lower end of the 95% band of all {periods} at once"),
        column("band_upper", "number", EFFECT, "upper end of that band"),
        column("unit", "string", NOTHING, "unit of the value (empty for ratios)"),
        column("df", "number", DF, "degrees of freedom of the interval; empty: normal"),
        column("p", "number", EFFECT, "two-sided p-value against no effect"),
        column("n_records", "integer", TOTAL_SIZE, "records used"),
        column("n_clinics", "integer", Tells(Of.SIZES, counts="clinics"), "clinics used"),
        column(
            "question",
            "string",
            NOTHING,
            f"{', '.join(list(QUESTIONS)[:-1])} or {list(QUESTIONS)[-1]}: which question it answers",
            required=True,
        ),
        column(
            "words",
            "string",
            Tells(Of.EVENTS, instead="{reason}", digits=A_SENTENCE, modelled=True),
            "the estimate as a sentence",
            required=True,
        ),
        column(
            "condition",
            "string",
            VERDICT,
            "under which condition it is the program's effect, or a test holds: how `words` end; empty: none "
            "is said",
        ),
        *STATUS,
    ),
    of_program=True,
)

CLINIC_MONTHS = Table(
    "clinic_months",
    "one clinic's (or the network's, clinic empty) {period} of one outcome, for run charts",
    ("outcome", "clinic", "month"),
    (
        column("outcome", "string", NOTHING, "outcome's name in the network file", required=True),
        column("clinic", "string", NOTHING, "clinic's name; empty for the network", required=True),
        column("month", "string", NOTHING, "{label}", required=True),
        column("value", "number", OF_MONTH, "the {period}'s raw value in the outcome's unit"),
        column("numerator", "integer", EVENTS, "events (binary and count outcomes)"),
        column("denominator", "number", EXPOSURE, "records, or exposure for count outcomes"),
        column("centre", "number", OF_SERIES, "centre line of the run chart"),
        column("lower_limit", "number", OF_SERIES, "lower control limit"),
        column("upper_limit", "number", OF_SERIES, "upper control limit"),
        column(
            "limits",
            "string",
            OF_SERIES,
            "trial (fewer than 12 points) or fixed (first 12 of the window); empty: none",
        ),
        column(
            "signal",
            "string",
            OF_SERIES,
            "beyond (a limit), shift (of 8 or more in a row on one side of the centre line) or trend (of "
            "6 or more in a row that rise, or fall); empty: none",
        ),
        column(
            "false_alarms",
            "number",
            OF_SERIES,
            "share of such charts that have a signal in a year although nothing changes",
        ),
        *STATUS,
    ),
)

REGION_ESTIMATES = Table(
    "region_estimates",
    "the typical clinic of one region for one outcome, of its clinics that are shown, two or more",
    ("outcome", "region"),
    (
        column("outcome", "string", NOTHING, "outcome's name in the network file", required=True),
        column("region", "string", NOTHING, "the region", required=True),
        column(
            "n_clinics",
            "integer",
            NOTHING,
            "its clinics that are shown and do not lie far from all others: the typical one is their mean",
        ),
        column("n_in_region", "integer", NOTHING, "all its clinics with records of the outcome"),
        column(
            "value",
            "number",
            FROM_CLINICS,
            "figure of the network's patients at the region's typical clinic, in the outcome's unit",
        ),
        column("lower", "number", FROM_CLINICS, "lower end of its 95% interval"),
        column("upper", "number", FROM_CLINICS, "upper end of its 95% interval"),
        column(
            "comparison",
            "string",
            Tells(Of.EVENTS, instead="not_compared", digits=A_WORD, modelled=True),
            "with the network's typical clinic: better, worse (probability 97.5%), no_different, or placed",
        ),
    ),
)

PATIENT_GROUPS = Table(
    "patient_groups",
    "one outcome in one group of patients, such as an age band, over all clinics",
    ("outcome", "column", "group"),
    (
        column("outcome", "string", NOTHING, "outcome's name in the network file", required=True),
        column("column", "string", NOTHING, "column that the groups are made of", required=True),
        column(
            "group",
            "string",
            NOTHING,
            "the group: a value of the column, a band of it (<18, 18-65, 65+; each with its lower end), or "
            "other: all other records",
            required=True,
        ),
        column("place", "integer", NOTHING, "its place among the column's groups, from 1", required=True),
        column("column_label", "string", NOTHING, "the column as people read it", required=True),
        column("label", "string", NOTHING, "the group as people read it", required=True),
        column("value", "number", FIGURE, "the group's own figure, unadjusted, in the outcome's unit"),
        column("lower", "number", FIGURE, "lower end of its 95% interval, by what clinics differ by"),
        column("upper", "number", FIGURE, "upper end of it"),
        column("numerator", "integer", EVENTS, "events counted (binary and count outcomes)"),
        column("denominator", "number", EXPOSURE, "records, or exposure for count outcomes"),
        column(
            "difference",
            "number",
            FIGURE,
            "its figure less that of all other groups together (percentage points for binary outcomes)",
        ),
        column("difference_lower", "number", FIGURE, "lower end of its 95% interval"),
        column("difference_upper", "number", FIGURE, "upper end of it"),
        *STATUS,
    ),
)

QUALITY = Table(
    "quality",
    "one screening rule at one clinic (clinic empty: the whole network)",
    ("rule", "clinic"),
    (
        column("rule", "string", NOTHING, "screening rule's name", required=True),
        column("clinic", "string", NOTHING, "clinic's name; empty for the whole network", required=True),
        column("description", "string", NOTHING, "what the rule looks for", required=True),
        column(
            "action",
            "string",
            NOTHING,
            "set_aside (not used), value_blanked (that value not used) or noted",
            required=True,
        ),
        column(
            "counts",
            "string",
            NOTHING,
            "what n_checked and n_found count: records, clinic-months, or values (records in which the value "
            "is missing or not possible); empty: records",
        ),
        column(
            "n_checked", "integer", Tells(Of.BOTH, About.TOTAL, counts="records"), "how many were looked at"
        ),
        column("n_found", "integer", Tells(Of.EVENTS, counts="findings"), "how many were found"),
        *STATUS,
    ),
)
