"""What is said beside a command's answer: asides, and the sentence of one that ends badly."""

from __future__ import annotations

import sys

from flows.running.json_log import is_json, write_error, write_event
from flows.running.stopping import Stopped
from tasks.errors import ClinicnetError


def say_aside(words: str) -> None:
    """Say what is no part of the answer, on stderr."""
    if is_json():
        write_event("said", message=words)
    else:
        print(words, file=sys.stderr)


def debugging() -> bool:
    """Whether `--debug` stands anywhere on the line."""
    return "--debug" in sys.argv[1:]


def tell_error(error: ClinicnetError) -> None:
    """What the user can mend, and the way out."""
    if debugging():
        _show_trace(error)
    if is_json():
        write_error(error.message, error.hint, error.exit_code)
        return
    print(f"clinicnet: {error.message}", file=sys.stderr)
    if error.hint is not None:
        print(f"HINT: {error.hint}", file=sys.stderr)


def tell_stopped(stopped: Stopped) -> None:
    """That it was stopped, and what stands."""
    sentence = f"{stopped.sentence[0].upper()}{stopped.sentence[1:]}; {stopped.stands}."
    if is_json():
        write_error(sentence, exit_code=stopped.exit_code)
    else:
        print(sentence, file=sys.stderr)


def tell_bug(error: Exception) -> None:
    """A bug's own message may hold what no log should: without `--debug` only its kind and place are said."""
    original = getattr(error, "original", None)
    if debugging():
        _show_trace(original or error)
    where = str(error) if original is not None else type(error).__name__
    sentence = f"a bug in clinicnet ended this ({where})"
    hint = None if debugging() else "run it again with --debug to see where it comes from, and report that"
    if is_json():
        write_error(sentence, hint, 1)
        return
    print(f"clinicnet: {sentence}", file=sys.stderr)
    if hint is not None:
        print(f"HINT: {hint}", file=sys.stderr)


def _show_trace(error: BaseException) -> None:
    import traceback

    traceback.print_exception(error)
