"""The page: what the PDFs say, as static HTML that needs no server and no other host.

It is made from the same edition, sentences, templates and charts as the PDFs, so that the two cannot
disagree: an overview, a page for each outcome, the program, the clinics, data and methods, and one for each
clinic. Its styles stand in one file beside it, and in another a script that finds and sorts the rows of long
tables, without which it says the same: a content security policy lets in nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from reports.own_files import report_file
from reports.wording import say
from tasks.release import BY_CLINIC, BY_OUTCOME
from tasks.rendering.clinic_report import clinic_context
from tasks.rendering.document import PLAIN, Look, accent
from tasks.rendering.edition import Clinic, Edition, Outcome
from tasks.rendering.network_report import network_context, program_outcomes
from tasks.rendering.region_pages import region_pages
from tasks.rendering.templates import render
from tasks.rendering.words import change_sentences, sentences

CONTENT_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)
_STYLES = ("report.css", "charts.css", "screen.css")
_INLINE_STYLE = re.compile(r' style="[^"]*"|<style>.*?</style>', re.DOTALL)
_TABLE = re.compile(r"<table\b.*?</table>", re.DOTALL)


@dataclass(frozen=True)
class _Part:
    """One page of the network's: its file without the ending, its heading, its templates, its outcome."""

    file: str
    heading: str
    templates: Sequence[str]
    outcome: Outcome | None = None


def write_network_pages(edition: Edition, directory: Path) -> list[Path]:
    """Write the network's pages, the style sheet and the script into `directory`."""
    with edition.network.speaking():
        context, written = network_context(edition), []
        of_outcomes = {page.outcome.name: page for page in context["pages"]}
        for part in _parts(edition):
            page = {} if part.outcome is None else {"page": of_outcomes[part.outcome.name]}
            html = render(
                "templates/screen/part.html.j2",
                **(context | page | _shared(edition, "", part.file, "network.pdf", _data_of(part))),
                changed=change_sentences.rows(edition),
                heading=part.heading,
                parts=part.templates,
            )
            written.append(_write(directory / f"{part.file}.html", html))
        written += _write_regions(edition, directory)
    beside = {"style.css": stylesheet(Look.of(edition.network)), "script.js": script()}
    written += [_written(directory / name, text) for name, text in beside.items()]
    logo = edition.network.logo
    if logo is not None:
        picture = directory / f"logo{logo.ending}"
        picture.write_bytes(logo.data)
        written.append(picture)
    return written


def _write_regions(edition: Edition, directory: Path) -> list[Path]:
    """A page for each region, in `directory`/regions, and one that leads to them; none without regions."""
    regions = region_pages(edition)
    if not regions:
        return []
    shared = _shared(edition, "", "regions", "network.pdf", "datapackage.json")
    html = render(
        "templates/screen/part.html.j2",
        **shared,
        heading=say("page.regions"),
        parts=["regions"],
        regions=regions,
    )
    written = [_write(directory / "regions.html", html)]
    for region in regions:
        shared = _shared(edition, "../", "regions", "network.pdf", "datapackage.json")
        html = render(
            "templates/screen/part.html.j2", **shared, heading=region.name, parts=["region"], region=region
        )
        written.append(_write(directory / "regions" / f"{region.file}.html", html))
    return written


def write_clinic_page(edition: Edition, clinic: Clinic, directory: Path) -> Path:
    """Write a clinic's page into `directory`/clinics."""
    with edition.network.speaking():
        template, context = clinic_context(edition, clinic)
        shared = _shared(edition, "../", "", f"clinics/{clinic.slug}.pdf", BY_CLINIC.format(slug=clinic.slug))
        html = render(template, **(context | shared))
    return _write(directory / "clinics" / f"{clinic.slug}.html", html)


def stylesheet(look: Look = PLAIN) -> str:
    """Everything that a page is styled with; a colour of the network's own stays where it is light."""
    report, *others = (report_file(f"styles/{name}", look.own) for name in _STYLES)
    return "\n".join([report, *accent(look), *others])


def script() -> str:
    """What finds and sorts rows of long tables."""
    return (files("reports") / "scripts" / "script.js").read_text(encoding="utf-8")


def _parts(edition: Edition) -> list[_Part]:
    """The network's pages, in the order of the menu."""
    program = edition.network.program
    outcomes = [
        _Part(f"outcome-{number}", outcome.label, ["outcome"], outcome)
        for number, outcome in enumerate(edition.drawn, start=1)
    ]
    return [
        _Part("index", say("page.overview"), ["summary", "unestimated"]),
        *outcomes,
        *([_Part("program", program.label, ["program"])] if program and program_outcomes(edition) else []),
        *([_Part("changes", say("page.changes"), ["changes"])] if edition.since is not None else []),
        _Part("clinics", say("page.clinics"), ["index"]),
        _Part("methods", say("page.methods"), ["quality", "methods"]),
    ]


def _menu(edition: Edition) -> list[tuple[str, str]]:
    """Heading and file of every page that the menu leads to; regions stand before the clinics."""
    menu = [(part.heading, part.file) for part in _parts(edition)]
    if any(clinic.region for clinic in edition.clinics):
        menu.insert(-2, (say("page.regions"), "regions"))
    return menu


def _data_of(part: _Part) -> str:
    """The file of the feed that has a page's figures."""
    return "datapackage.json" if part.outcome is None else BY_OUTCOME.format(outcome=part.outcome.name)


def _shared(edition: Edition, root: str, here: str, report: str, data: str) -> dict[str, Any]:
    return {
        "base": "templates/screen/base.html.j2",
        "release": edition.release,
        "on_screen": True,
        "root": root,
        "here": here,
        "menu": _menu(edition),
        "pdf": f"../reports/{report}",
        "data": f"../feed/{data}",
        "policy": sentences.policy_words(edition.release.policy),
        "content_policy": CONTENT_POLICY,
        "link_to": _links(edition, root),
        "logo": "" if edition.network.logo is None else f"{root}logo{edition.network.logo.ending}",
    }


def _links(edition: Edition, root: str) -> Callable[[str], str]:
    slugs = {clinic.name: clinic.slug for clinic in edition.clinics}
    return lambda clinic: f"{root}clinics/{slugs[clinic]}.html" if clinic in slugs else ""


def _scrolled(table: re.Match[str]) -> str:
    return f'<div class="scroll" tabindex="0" role="group">{table[0]}</div>'


def _write(path: Path, html: str) -> Path:
    """Without the styles that stand in the document: what people wrote is escaped and has no such quotes."""
    # a table may be wider than a telephone: it is moved by itself, and can be with a keyboard
    return _written(path, _TABLE.sub(_scrolled, _INLINE_STYLE.sub("", html)))


def _written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
