"""The tables that are made of masked ones and of what was published before; see `tables.py`."""

from __future__ import annotations

from tasks.release.common_columns import NOTHING, column
from tasks.release.table_columns import Table

CHANGES = Table(
    "changes",
    "one thing that this release says otherwise than the release it is compared with",
    ("outcome", "clinic", "month", "change"),
    (
        column(
            "outcome",
            "string",
            NOTHING,
            "outcome's name in the network file; empty: the clinic itself",
            required=True,
        ),
        column("clinic", "string", NOTHING, "clinic's name; empty for the network", required=True),
        column(
            "month",
            "string",
            NOTHING,
            "{label}, of a {period} both windows hold; empty: the whole window",
            required=True,
        ),
        column(
            "change",
            "string",
            NOTHING,
            "verdict (the outcome's); outcome_new or outcome_gone (in the network file); clinic_new or "
            "clinic_gone (records in the window); comparison (the clinic's); shown (a figure that was not "
            "there), withheld or no_figure (one that was there: withheld now, or not available); restated "
            "(a {period} that both show, with other numbers)",
            required=True,
        ),
        column(
            "before",
            "string",
            NOTHING,
            "verdict, comparison or status then; empty: nothing was said, or restated",
        ),
        column(
            "after",
            "string",
            NOTHING,
            "verdict, comparison or status now; empty: nothing is said, or restated",
        ),
        column(
            "value_before",
            "number",
            NOTHING,
            "the {period}'s raw value then, in the outcome's unit (restated)",
        ),
        column("value_after", "number", NOTHING, "the {period}'s raw value now"),
        column("numerator_before", "integer", NOTHING, "events then (restated; binary and count outcomes)"),
        column("numerator_after", "integer", NOTHING, "events now"),
        column(
            "denominator_before", "number", NOTHING, "records then, or exposure for count outcomes (restated)"
        ),
        column("denominator_after", "number", NOTHING, "records now, or exposure"),
        column("since", "string", NOTHING, "{period} of the release compared with, {label}", required=True),
        column("since_release", "string", NOTHING, "id of the release compared with", required=True),
    ),
)

LAST_SHOWN = Table(
    "last_shown",
    "one form of a figure that this release withholds, as the last release shows it that could",
    ("outcome", "clinic", "form"),
    (
        column("outcome", "string", NOTHING, "outcome's name in the network file", required=True),
        column("clinic", "string", NOTHING, "clinic's name", required=True),
        column("form", "string", NOTHING, "raw, adjusted or shrunken", required=True),
        column("last_period", "string", NOTHING, "{period} that release reports, {label}", required=True),
        column("last_release", "string", NOTHING, "id of that release", required=True),
        column("value", "number", NOTHING, "the figure as published there, in the outcome's unit"),
        column("lower", "number", NOTHING, "lower end of its interval"),
        column("upper", "number", NOTHING, "upper end of its interval"),
        column("level", "number", NOTHING, "coverage of the interval, 0.95"),
        column("numerator", "integer", NOTHING, "events counted there (binary and count outcomes)"),
        column("denominator", "number", NOTHING, "records there, or exposure for count outcomes"),
        column("comparison", "string", NOTHING, "how the clinic compared there; see clinic_estimates"),
        column("last_status", "string", NOTHING, "the figure's status there", required=True),
    ),
)

LATEST_PERIODS = Table(
    "latest_periods",
    "the latest {periods} of one clinic (or the network, clinic empty) beside those before, for one outcome",
    ("outcome", "clinic"),
    (
        column("outcome", "string", NOTHING, "outcome's name in the network file", required=True),
        column("clinic", "string", NOTHING, "clinic's name; empty for the network", required=True),
        column("first_latest", "string", NOTHING, "first of the latest {periods}, {label}", required=True),
        column("last_latest", "string", NOTHING, "last of them, {label}", required=True),
        column("n_latest", "integer", NOTHING, "how many they are"),
        column("n_before", "integer", NOTHING, "how many {periods} before them are shown"),
        column("value_latest", "number", NOTHING, "raw value of the latest {periods}, in the outcome's unit"),
        column("value_before", "number", NOTHING, "raw value of those before"),
        column("difference", "number", NOTHING, "latest less before (percentage points for binary outcomes)"),
        column("lower", "number", NOTHING, "lower end of the difference's 95% interval"),
        column("upper", "number", NOTHING, "upper end of it"),
        column("change", "string", NOTHING, "higher, lower or no_clear_change", required=True),
    ),
)

STANDING_SINCE = Table(
    "standing_since",
    "one clinic that stands out on one outcome, and since which report it has",
    ("outcome", "clinic"),
    (
        column("outcome", "string", NOTHING, "outcome's name in the network file", required=True),
        column("clinic", "string", NOTHING, "clinic's name", required=True),
        column("comparison", "string", NOTHING, "better or worse, as in clinic_estimates", required=True),
        column(
            "first_period",
            "string",
            NOTHING,
            "{period} of the first report since which it has always stood there, {label}; reports that "
            "withheld it do not count",
            required=True,
        ),
        column("n_reports", "integer", NOTHING, "how many reports say so, this one included"),
    ),
)

INDICATORS = Table(
    "indicators",
    "everything about one clinic on one outcome, to be charted without a join",
    ("outcome", "clinic"),
    (
        column("outcome", "string", NOTHING, "outcome's name in the network file", required=True),
        column("clinic", "string", NOTHING, "clinic's name", required=True),
        column("slug", "string", NOTHING, "clinic's name as used in file names"),
        column("region", "string", NOTHING, "region of the clinic, where the network has regions"),
        column("label", "string", NOTHING, "the outcome as people read it", required=True),
        column("kind", "string", NOTHING, "continuous, binary or count", required=True),
        column("unit", "string", NOTHING, "unit of the values (% for binary outcomes)"),
        column("direction", "string", NOTHING, "which is better: higher, lower or neither", required=True),
        column("decimals", "integer", NOTHING, "decimals that reports write the values with"),
        column("window_first", "string", NOTHING, "first {period} of the records, {label}", required=True),
        column("window_last", "string", NOTHING, "last {period} of them", required=True),
        column("value", "number", NOTHING, "best estimate (adjusted and shrunken), in the outcome's unit"),
        column("lower", "number", NOTHING, "lower end of its 95% interval"),
        column("upper", "number", NOTHING, "upper end of its 95% interval"),
        column("own_value", "number", NOTHING, "the clinic's own figure (raw)"),
        column("own_lower", "number", NOTHING, "lower end of its 95% interval"),
        column("own_upper", "number", NOTHING, "upper end of its 95% interval"),
        column("numerator", "integer", NOTHING, "events counted (binary and count outcomes)"),
        column("denominator", "number", NOTHING, "records, or exposure for count outcomes"),
        column("expected", "number", NOTHING, "what its own patients would have at the typical clinic"),
        column("oe", "number", NOTHING, "observed over expected: its own figure over `expected`"),
        column("oe_lower", "number", NOTHING, "lower end of its 95% interval"),
        column("oe_upper", "number", NOTHING, "upper end of its 95% interval"),
        column("pe", "number", NOTHING, "predicted over expected: the best estimate of them over `expected`"),
        column("pe_lower", "number", NOTHING, "lower end of its 95% interval"),
        column("pe_upper", "number", NOTHING, "upper end of its 95% interval"),
        column("comparator_value", "number", NOTHING, "what the clinic is compared with: the typical clinic"),
        column("comparator_lower", "number", NOTHING, "lower end of its 95% interval"),
        column("comparator_upper", "number", NOTHING, "upper end of its 95% interval"),
        column(
            "important_difference",
            "number",
            NOTHING,
            "smallest difference that matters, as the network file has it",
        ),
        column("target", "number", NOTHING, "value to reach, as the network file has it"),
        column(
            "target_reach",
            "string",
            NOTHING,
            "met or missed where the best estimate's whole 95% interval lies on that side of the target, "
            "open where it holds the target; empty: no target, or no estimate that is shown",
        ),
        column("verdict", "string", NOTHING, "the comparison that reports tell; see clinic_estimates"),
        column("verdict_label", "string", NOTHING, "the same in the network's language", required=True),
        column("standing_since", "string", NOTHING, "since which report it has stood out, {label}"),
        column(
            "reliability",
            "number",
            NOTHING,
            "how surely clinics of its size are told apart, 0 to 1; 0 where none differ",
        ),
        column("rank_median", "number", NOTHING, "median of the posterior of the rank, 1 is best"),
        column("rank_lower", "number", NOTHING, "lower end of its 95% interval"),
        column("rank_upper", "number", NOTHING, "upper end of its 95% interval"),
        column("status", "string", NOTHING, "ok, or why a value is missing or qualified", required=True),
        column("reason", "string", NOTHING, "the same in a sentence"),
        column("reason_coded", "string", NOTHING, "the reason as JSON: the sentence's code and its values"),
        column("report", "string", NOTHING, "path of the clinic's PDF in the release"),
    ),
)

MEASURES = Table(
    "measures",
    "one outcome's definition, as the network file has it",
    ("outcome",),
    (
        column("outcome", "string", NOTHING, "outcome's name in the network file", required=True),
        column("label", "string", NOTHING, "as people read it", required=True),
        column("why", "string", NOTHING, "why it matters"),
        column("numerator", "string", NOTHING, "what is counted or measured, in words"),
        column("denominator", "string", NOTHING, "of whom or what, in words"),
        column("source", "string", NOTHING, "where its data come from"),
        column("owner", "string", NOTHING, "who answers for the measure"),
        column("reviewed", "date", NOTHING, "when its definition was last reviewed"),
        column("next_review", "date", NOTHING, "when its definition is due for review"),
        column("target", "number", NOTHING, "value to reach, in the outcome's unit (% for binary outcomes)"),
        column(
            "target_direction",
            "string",
            NOTHING,
            "at_least or at_most: on which side of the target it is met",
        ),
        column(
            "minimum_denominator",
            "integer",
            NOTHING,
            "smallest number of records of a clinic that is compared",
        ),
        column(
            "minimum_count",
            "integer",
            NOTHING,
            "smallest number of events, expected at the network's rate, of a clinic that is compared",
        ),
    ),
)
