"""The reports' templates, read from the `reports` package; everything put into them is escaped."""

from __future__ import annotations

import functools

from jinja2 import Environment, FunctionLoader, StrictUndefined, TemplateNotFound
from jinja2.sandbox import ImmutableSandboxedEnvironment

from reports.own_files import NOTHING_OWN, OwnFiles, report_file
from reports.wording import say, spoken, spoken_own, writing
from tasks.rendering import numbers
from tasks.rendering.edition import Edition
from tasks.rendering.words import chart_words


def render(template: str, **context: object) -> str:
    """The template's HTML; a name that the context lacks is an error."""
    return environment(spoken_own()).get_template(template).render(**context)


def unlinked(clinic: str) -> str:
    """Where a clinic's page is: on paper nowhere."""
    return ""


def logo_address(edition: Edition) -> str:
    """The network's logo as an address that holds it; empty where there is none."""
    logo = edition.network.logo
    return "" if logo is None else logo.address


@functools.lru_cache(maxsize=8)
def environment(own: OwnFiles = NOTHING_OWN) -> Environment:
    """The Jinja environment: escaping always on, undefined names fatal.

    A network's own templates go before ours, and reach nothing but what they are given.
    """
    kind = ImmutableSandboxedEnvironment if own.found else Environment
    made = kind(
        loader=FunctionLoader(functools.partial(_read, own)),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {
        "say": say,
        "chart_words": chart_words,
        "chart_style": report_file("styles/charts.css", own),
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


def _read(own: OwnFiles, name: str) -> tuple[str, str, None]:
    try:
        return report_file(name, own), f"reports/{name}", None
    except FileNotFoundError:
        raise TemplateNotFound(name) from None
