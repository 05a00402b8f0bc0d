"""The reports' templates, read from the `reports` package; everything put into them is escaped."""

from __future__ import annotations

import functools
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined, TemplateNotFound

from reports.wording import say, spoken, writing
from tasks.rendering import chart_words, numbers


def render(template: str, **context: object) -> str:
    """The template's HTML; a name that the context lacks is an error."""
    return environment().get_template(template).render(**context)


def unlinked(clinic: str) -> str:
    """Where a clinic's page is: on paper nowhere."""
    return ""


@functools.cache
def environment() -> Environment:
    """The one Jinja environment: escaping always on, undefined names fatal."""
    made = Environment(
        loader=FunctionLoader(_read),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {
        "say": say,
        "chart_words": chart_words,
        "chart_style": (files("reports") / "styles" / "charts.css").read_text(encoding="utf-8"),
        "counted": writing.counted,
        "periods_name": writing.periods_name,
        "listed": writing.listed,
        "between": writing.between,
        "plain": writing.plain,
        "spoken": spoken,
    }
    made.filters |= {
        "whole": numbers.whole,
        "significant": numbers.significant,
        "share": numbers.share,
        "p_value": numbers.p_value,
        "period": writing.period_name,
        "date": writing.date_name,
    }
    return made


def _read(name: str) -> tuple[str, str, None]:
    path = files("reports") / name
    if not path.is_file():
        raise TemplateNotFound(name)
    return path.read_text(encoding="utf-8"), f"reports/{name}", None
