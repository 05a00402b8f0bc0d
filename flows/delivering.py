"""Bringing each clinic its report with a letter: each once for a release, and the rest after a kill.

output/deliveries/2024-05-3fa9c1d2e801/letter-<slug>.json    a letter, and when its address took it
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.errors import ClinicnetError, NetworkError, PublishingError

if TYPE_CHECKING:
    from tasks.network.schema import Network
    from tasks.notifying import Notice, Outbox, Post
    from tasks.publishing import Kept, Output

_log = logging.getLogger("clinicnet")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One clinic's report of a release.

    Attributes:
        clinic: the clinic's name.
        letter: what it is written.
        report: its PDF.
        name: what the files are called where they arrive, without their endings.
        post: where it goes; None where the network file says nothing of the clinic.
        sent: when its address took it; None where none has.
    """

    clinic: str
    letter: Notice
    report: Path
    name: str
    post: Post | None
    sent: str | None

    @property
    def is_due(self) -> bool:
        """Whether it is still to be handed over."""
        return self.post is not None and self.sent is None


def release_to_deliver(network: Network, output: Output, name: str | None) -> Kept:
    """The release that clinics get.

    Args:
        network: the network.
        output: where it publishes.
        name: the release's, or what it begins with; None: the latest.

    Raises:
        ClinicnetError: the network file says nothing of a delivery, there is no such release, or it was
            taken back.
    """
    from tasks.publishing import kept_releases, published_release

    if not network.delivery.declared:
        raise NetworkError(
            "the network file says of no clinic where its report goes",
            hint='add [delivery] with folder = "letters", or [delivery.clinics] with mailto:// addresses',
        )
    directory, _, _ = published_release(output, name)
    kept = next(each for each in kept_releases(output) if each.name == directory.name)
    if kept.name in output.withdrawn():
        raise PublishingError(
            f"{kept.name} is withdrawn, and no clinic gets it",
            hint="clinicnet restore lets it stand again; clinicnet releases lists the others",
        )
    return kept


def deliveries(network: Network, output: Output, kept: Kept) -> list[Delivery]:
    """What each clinic of a release gets, and whether it has it.

    Raises:
        ClinicnetError: the release cannot be read.
    """
    from tasks.notifying import Notice
    from tasks.publishing import read_whole
    from tasks.rendering.letter import letters

    written = letters(read_whole(kept, network.network.name), network)
    box = _box(output, kept)
    found = []
    for each in written:
        letter = Notice("letter", f"letter-{each.slug}", each.title, each.body)
        found.append(
            Delivery(
                clinic=each.clinic,
                letter=letter,
                report=kept.directory / f"reports/clinics/{each.slug}.pdf",
                name=f"{each.slug}-{kept.name}",
                post=_post(network, each.clinic, each.slug),
                sent=next(filter(None, (box.sent(letter) or {}).values()), None),
            )
        )
    return found


def absent(network: Network, all_: Sequence[Delivery]) -> list[str]:
    """Clinics that have an address and are not in the release: without records in its window, or misspelt."""
    there = {each.clinic for each in all_}
    return [clinic for clinic in network.delivery.clinics if clinic not in there]


def hand_over(output: Output, kept: Kept, all_: Sequence[Delivery]) -> list[Delivery]:
    """Hand over what is due, and return what no address took; it is tried again by the next delivery.

    Each letter is written down before it goes and noted at once when it is taken, so that nothing goes twice
    whatever ends the process.

    Raises:
        PublishingError: what went cannot be noted.
    """
    from tasks.publishing.write_errors import moving

    due = {each.letter.key: each for each in all_ if each.is_due}

    def send(letter: Notice, _address: str) -> bool:
        delivery = due.get(letter.key)
        if delivery is None or delivery.post is None or not delivery.report.is_file():
            return False
        return delivery.post.hand_over(letter, delivery.report, delivery.name)

    box, addresses = _box(output, kept), []
    with moving(output.directory):
        for each in due.values():
            if each.post is not None:
                box.put(each.letter, [each.post.address])
                box.readdress(each.letter, each.post.address)
                addresses.append(each.post.address)
        left = {each.notice.key for each in box.deliver(list(dict.fromkeys(addresses)), send)}
    return [each for key, each in due.items() if key in left]


def deliver_latest(network: Network, output: Output) -> str:
    """Bring the clinics the latest release, and say in a few words what became of it.

    What is published is published: a mail server that is away does not take that back, and is said.
    """
    try:
        kept = release_to_deliver(network, output, None)
        all_ = deliveries(network, output, kept)
        left = hand_over(output, kept, all_)
    except ClinicnetError as problem:
        _log.warning("not delivered: %s", problem.message)
        return f"not delivered: {problem.message}"
    if left:
        _log.warning("%d reports did not reach their clinics; clinicnet deliver tries again", len(left))
    if missing := absent(network, all_):
        _log.warning("not in the release, so nothing to deliver: %s", ", ".join(missing))
    due = sum(each.is_due for each in all_)
    return f"{due - len(left)} of {due} delivered"


def posts(network: Network) -> list[Post]:
    """Where reports go, as far as the network file alone tells; one folder stands for all that are in it."""
    from tasks.notifying import Post

    section = network.delivery
    named = [Post(clinic, address, network.directory) for clinic, address in section.clinics.items()]
    return [*named, *([] if section.folder is None else [Post("folder", section.folder, network.directory)])]


def _post(network: Network, clinic: str, slug: str) -> Post | None:
    from tasks.notifying import Post

    section = network.delivery
    own = section.clinics.get(clinic)
    if own is not None:
        return Post(clinic, own, network.directory)
    if section.folder is None:
        return None
    return Post(clinic, f"{section.folder.rstrip('/')}/{slug}", network.directory)


def _box(output: Output, kept: Kept) -> Outbox:
    from tasks.notifying import Outbox

    return Outbox(output.directory / "deliveries" / kept.name)
