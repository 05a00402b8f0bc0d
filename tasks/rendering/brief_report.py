"""A brief as a document of a page or two."""

from __future__ import annotations

from pathlib import Path

from tasks.network.schema import Network
from tasks.rendering.brief import Brief, written
from tasks.rendering.brief_words import average_name, in_the_language, variation_name
from tasks.rendering.charts.brief_charts import coefficient_axis, lines_chart
from tasks.rendering.document import Look, write_pdf
from tasks.rendering.templates import render


def write_brief(brief: Brief, network: Network, path: Path) -> None:
    """Write a brief as a PDF, in the network's look and its language."""
    write_pdf(brief_html(brief, network), path, Look.of(network))


def brief_html(brief: Brief, network: Network) -> str:
    """A brief as HTML."""
    with network.speaking():
        brief = in_the_language(brief)
        return render(
            "templates/brief.html.j2",
            brief=brief,
            network=network,
            axis=coefficient_axis(brief.coefficients),
            chart=None if brief.lines is None else lines_chart(brief.lines),
            written=written,
            average_name=average_name,
            variation_name=variation_name,
        )
