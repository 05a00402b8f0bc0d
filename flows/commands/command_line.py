"""The command line: what a person types, and what they are told when something is theirs to mend.

Only Typer is imported here; each command brings what it needs, so that `--help` answers at once.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from flows.commands.ending import debugging, say_aside, tell_bug, tell_error, tell_stopped
from flows.commands.options import (
    HERE,
    LABELS,
    TO_LOOK_AT,
    ByOption,
    Correlation,
    CronOption,
    Demo,
    HeldName,
    HostOption,
    Log,
    LogOption,
    Model,
    NetworkFile,
    NetworkOption,
    PeriodOption,
    PortOption,
    ReleaseName,
)
from flows.commands.release_commands import releases
from flows.running.json_log import choose_log, is_json, write_event
from flows.running.stopping import Stopped, stopped_by_signals
from tasks.errors import ClinicnetError

app = typer.Typer(
    name="clinicnet",
    help="Turns a clinic network's patient records into monthly public-health reports.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

app.add_typer(releases, name="releases", help="List the releases, show, compare or prune them.")
feed = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(feed, name="feed", help="Let programs read the releases' tables over HTTP.")
page = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(page, name="page", help="Show the page of the releases in a browser.")


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"clinicnet {version('clinicnet')}")
        raise typer.Exit


@app.callback()
def _whole(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback; accepted anywhere on the line.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    """`--debug` is taken out of the arguments by `main`; it stands here to be in the help."""


@app.command()
def demo(
    name: Annotated[
        Demo, typer.Argument(help="chop: real tests; state48: simulated, so the truth is known.")
    ] = Demo.chop,
    directory: Annotated[Path | None, typer.Option(help="Where to write it; demo/NAME if left out.")] = None,
    month: Annotated[str | None, typer.Option("--month", "-m", help="The month to report, YYYY-MM.")] = None,
) -> None:
    """Make a demo network and report a month of it."""
    from tasks.demo import DEMO_MONTHS, make_demo

    network_file = make_demo(name.value, directory or Path("demo") / name.value)
    print(f"The demo network {name.value} is described in {network_file}", file=sys.stderr)
    _report(network_file, month or DEMO_MONTHS[name.value])


@app.command()
def init(
    network: Annotated[Path, typer.Argument(help="The network file to write.")] = Path("network.toml"),
    source: Annotated[
        str | None, typer.Option("--from", help="File or URL of the records: draft it from their columns.")
    ] = None,
    table: Annotated[str | None, typer.Option(help="With --from: the table with a row per record.")] = None,
    password_env: Annotated[
        str | None, typer.Option(help="With --from: the variable that holds the password.")
    ] = None,
    ask: Annotated[
        bool | None,
        typer.Option(help="With --from: whether to ask what columns leave open. If left out: at a terminal."),
    ] = None,
) -> None:
    """Write a network file, from your answers or your records."""
    from flows.commands.init import ask_at_terminal, assumed, draft_by_asking, draft_from_source
    from tasks.network.drafting.draft_text import save_draft

    if network.exists():
        raise ClinicnetError(f"{network} is there already", hint="name another file, or move it away first")
    asks = source is None or (sys.stdin.isatty() if ask is None else ask)
    if asks:
        print("Press Enter for the default; type back for the previous question.")
    try:
        if source is None:
            draft = draft_by_asking(network, ask_at_terminal)
        else:
            draft = draft_from_source(network, source, table, password_env, ask_at_terminal if asks else None)
    except Stopped as stopped:
        stopped.stands = f"{network} is not written"
        raise
    save_draft(draft, network)
    for each in assumed(network, draft):
        print(f"Assumed: {each}")
    for missing in draft.missing:
        print(f"To do: {missing.sentence}")
    first = "do what is missing in it" if draft.missing else "read it through"
    print(f"{network} is written; {first}, then: clinicnet check {network}")


@app.command()
def check(network: NetworkFile = Path("network.toml")) -> None:
    """List errors (with lines) and likely mistakes."""
    from flows.commands.preflight import require_ready_machine
    from tasks.screening import check_network, doubts, newest_period

    checked = check_network(network)
    print(f"{network}: no errors; outcomes: {', '.join(checked.outcomes)}")
    require_ready_machine(checked)
    doubted = doubts(network)
    if doubted:
        print("Look at this, though:", *(f"  {each}" for each in doubted), sep="\n")
    newest = newest_period(checked, today=date.today())
    if newest is not None:
        period, window = newest.period, checked.window
        length = f"{window.length} {window.period}{'s' if window.length > 1 else ''}"
        used = f"{newest.n_in_window:,} in its window of {length}"
        before = f" and {newest.n_dated_before:,} before that" if newest.n_dated_before else ""
        print(f"Records up to {period}: {used}{before}; next: clinicnet run {network} -m {period}")


@app.command()
def run(month: PeriodOption, network: NetworkFile = Path("network.toml"), log: LogOption = Log.text) -> None:
    """Report one month, quarter or week as PDFs and as a data feed."""
    choose_log(log.value)
    _report(network, month)


@app.command()
def backfill(
    network: NetworkFile,
    first: Annotated[str, typer.Argument(help=f"The first period: {LABELS}.")],
    last: Annotated[str, typer.Argument(help="The last one.")],
    again: Annotated[
        bool,
        typer.Option("--again", help="Make periods again that have a release; same records, same release."),
    ] = False,
    log: LogOption = Log.text,
) -> None:
    """Report every period from one to another, the oldest first."""
    choose_log(log.value)
    from flows.commands.backfill import backfill as report_all

    report_all(network, first, last, again=again, debug=debugging())


@app.command()
def ask(
    formula: Annotated[str, typer.Argument(help='As in R: "positive ~ age + drive_thru + (1 | clinic)".')],
    network: NetworkOption = Path("network.toml"),
    model: Annotated[
        Model, typer.Option(help="auto: a mixed model where the formula has random terms, otherwise GEE.")
    ] = Model.auto,
    month: Annotated[
        str | None,
        typer.Option(
            "--month",
            "--period",
            "-m",
            help=f"The last period of the window: {LABELS}; every one if omitted.",
        ),
    ] = None,
    correlation: Annotated[
        Correlation, typer.Option(help="Working correlation, for GEE.")
    ] = Correlation.exchangeable,
    marginal: Annotated[
        str | None,
        typer.Option(help="Column whose effect is averaged over all records: drive_thru, or age=40,60."),
    ] = None,
    pdf: Annotated[Path | None, typer.Option(help="Write the answer there too, as a PDF to hand on.")] = None,
) -> None:
    """Fit one model to the screened records and print it."""
    from flows.asking import INSIDE, AdHocQuestion, answer

    question = AdHocQuestion(formula, model.value, month, correlation.value, marginal)
    if pdf is None:
        print(answer(network, question))
    else:
        from flows.briefing import write_answer

        print(write_answer(network, question, pdf))
    print(INSIDE)
    if pdf is not None:
        print(f"PDF  {pdf}")


@app.command()
def privacy(
    release: Annotated[
        str | None, typer.Argument(help="The release, or what its name begins with; the latest if omitted.")
    ] = None,
    network: NetworkOption = Path("network.toml"),
) -> None:
    """Say what a release withholds, why, and what can be worked out."""
    from flows.commands.privacy import privacy_of

    for line in privacy_of(network, release):
        print(line)


@page.command()
def serve(
    network: NetworkFile = Path("network.toml"), host: HostOption = HERE, port: PortOption = 8000
) -> None:
    """Serve it from this machine until Ctrl-C."""
    from flows.commands.page_serving import serve_page

    serve_page(network, host, port, lambda words: print(words, flush=True))


@feed.command("serve")
def serve_feed_(
    network: NetworkFile = Path("network.toml"),
    host: HostOption = HERE,
    port: PortOption = 8001,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(help="Site whose pages may read it, https://dashboard.example; again for others."),
    ] = None,
) -> None:
    """Serve them until Ctrl-C: read-only, what is published.

    /openapi.json says what there is; /releases is where to begin."""
    from flows.commands.feed_service.reading_service import serve_feed

    serve_feed(network, host, port, allow_origin or (), lambda words: print(words, flush=True))


@app.command()
def approve(
    by: ByOption,
    release: HeldName = None,
    network: NetworkOption = Path("network.toml"),
    because: Annotated[str | None, typer.Option(help="Why, as it is to be kept.")] = None,
) -> None:
    """Make a release current that is held."""
    from flows.release_decisions import approve_held

    print(*approve_held(network, release, by, because), sep="\n")


@app.command()
def refuse(
    by: ByOption,
    because: Annotated[str, typer.Option(help="Why, as it is to be kept.")],
    release: HeldName = None,
    network: NetworkOption = Path("network.toml"),
) -> None:
    """Turn a release down that is held."""
    from flows.release_decisions import refuse_held

    print(*refuse_held(network, release, by, because), sep="\n")


@app.command()
def withdraw(
    release: ReleaseName,
    by: ByOption,
    because: Annotated[str, typer.Option(help="Why, for everybody to read.")],
    network: NetworkOption = Path("network.toml"),
) -> None:
    """Take a release back; latest leads to the newest of the others."""
    from flows.release_decisions import withdraw_release

    print(*withdraw_release(network, release, by, because), sep="\n")


@app.command()
def restore(
    release: ReleaseName,
    by: ByOption,
    network: NetworkOption = Path("network.toml"),
    because: Annotated[str | None, typer.Option(help="Why, as it is to be kept.")] = None,
) -> None:
    """Let a release that was withdrawn stand as before."""
    from flows.release_decisions import restore_release

    print(*restore_release(network, release, by, because), sep="\n")


@app.command()
def fill(network: NetworkFile = Path("network.toml")) -> None:
    """Fill the network's own database with what is published."""
    from flows.published_output import network_and_output
    from flows.warehouse_filling import fill as filled_from

    filled = filled_from(*network_and_output(network))
    print(f"{filled.standing} releases stand: {filled.added} added, {filled.removed} taken out")


@app.command()
def mirror(network: NetworkFile = Path("network.toml")) -> None:
    """Copy what is published to where else it is read."""
    from flows.commands.mirror_now import mirror_now

    for line in mirror_now(network):
        print(line)


@app.command()
def status(
    network: NetworkFile = Path("network.toml"),
    cron: CronOption = None,
    after: Annotated[
        float, typer.Option(min=0.0, help="Hours after which a report that was due counts as missed.")
    ] = 3.0,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for a program.")] = False,
    prometheus: Annotated[
        bool, typer.Option("--prometheus", help="As metrics for Prometheus; what is missed is one of them.")
    ] = False,
    notify: Annotated[
        bool, typer.Option("--notify", help="Tell those under [notify] of what is missed, each once.")
    ] = False,
) -> None:
    """Say what was reported last, what is due and what is missed.

    Exit code 3: a report was due and is missed; with --prometheus 0."""
    from datetime import UTC, datetime

    from flows.commands.status import status_of

    if as_json and prometheus:
        raise ClinicnetError("--json and --prometheus are both given", hint="ask once for each")
    found = status_of(network, datetime.now(UTC), cron, after)
    if prometheus:
        from flows.commands.metrics import metrics

        print(metrics(found), end="")
    else:
        print(found.as_json() if as_json else "\n".join(found.lines()))
    if notify:
        from flows.commands.notify import tell_missed

        tell_missed(found)
    if found.missed and not prometheus:
        raise typer.Exit(TO_LOOK_AT)


@app.command()
def notify(
    network: NetworkFile = Path("network.toml"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would go out.")] = False,
) -> None:
    """Tell those under [notify] what they have not been told yet."""
    from datetime import UTC, datetime

    from flows.commands.notify import shown, tell_missed
    from flows.commands.status import status_of

    if dry_run:
        print(*shown(network, datetime.now(UTC)), sep="\n")
    else:
        tell_missed(status_of(network, datetime.now(UTC)))


@app.command()
def deliver(
    network: NetworkFile = Path("network.toml"),
    release: Annotated[
        str | None, typer.Option(help="The release, or what its name begins with; the latest if omitted.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show who would get what, and where.")
    ] = False,
) -> None:
    """Bring each clinic its report and a letter, once a release."""
    from flows.commands.deliver import deliver_reports, who_gets_what

    for line in who_gets_what(network, release) if dry_run else deliver_reports(network, release):
        print(line)


@app.command()
def schedule(
    network: NetworkFile = Path("network.toml"), cron: CronOption = None, log: LogOption = Log.text
) -> None:
    """Report every period as it closes, from this machine."""
    choose_log(log.value)
    from flows.on_prefect.schedule import serve_schedule

    serve_schedule(network, cron, say_aside, debug=debugging())


@app.command()
def deploy(
    pool: Annotated[str, typer.Option(help="The work pool whose workers report.")],
    network: NetworkFile = Path("network.toml"),
    cron: CronOption = None,
) -> None:
    """Leave the same schedule to a Prefect server and its workers."""
    from flows.on_prefect.schedule import deploy as deploy_to_pool

    deploy_to_pool(network, pool, cron, say_aside, debug=debugging())


def _report(network_file: Path, period: str) -> None:
    from flows.commands.run import run_here, where_it_is
    from flows.telling import doubted

    reported = run_here(network_file, period, debug=debugging())
    doubts = doubted(network_file)
    if is_json():  # what is not estimated stands in the run's outcome; what doubts name is not for a log
        if doubts:
            write_event("to_look_at", "warning", n=len(doubts), hint=f"clinicnet check {network_file}")
    else:
        for outcome, reason in reported.not_estimated.items():
            print(f"Not estimated: {outcome}: {reason}", file=sys.stderr)
        for doubt in doubts:
            print(f"Look at this: {doubt}", file=sys.stderr)
    print(*where_it_is(reported), sep="\n")


def main() -> NoReturn:
    """Run the command line, and end with 0, with 2 for what the user can mend, with 1 for a bug."""
    try:
        with stopped_by_signals():
            app([each for each in sys.argv[1:] if each != "--debug"])
    except ClinicnetError as error:
        tell_error(error)
        sys.exit(error.exit_code)
    except Stopped as stopped:
        tell_stopped(stopped)
        sys.exit(stopped.exit_code)
    except Exception as error:  # noqa: BLE001  # the last door: a bug gets a sentence, not a screenful
        tell_bug(error)
        sys.exit(1)
    sys.exit(0)
