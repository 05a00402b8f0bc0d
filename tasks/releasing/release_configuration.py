"""What of a network file a release's id stands for: all that changes a number or a page."""

from __future__ import annotations

import hashlib

from tasks.network.schema import Network

_UNDECLARED_IS_NOTHING = {
    "records": ("patient_within", "clinic_within", "weight"),
    "network": ("owner", "contact"),
}
"""What a network file may leave out, and then is no part of what it configures: older ids stay."""
_NO_PART = (
    "output",
    "schedule",
    "notify",
    "delivery",
    "release",
    "directory",
    "report",
    "warehouse",
    "mirror",
)
"""When a report is made, where it goes and who hears of it; `report` is told by how it looks."""


def release_configuration(network: Network, incomplete: str | None) -> str:
    """The network's description as its release's id takes it, and why records were missing, if they were."""
    records, of_network = (
        {key for key in keys if getattr(getattr(network, section), key) is None}
        for section, keys in _UNDECLARED_IS_NOTHING.items()
    )
    configuration = network.model_dump_json(
        exclude={
            **dict.fromkeys(_NO_PART, True),
            "records": records | {"statement_timeout"},
            "window": network.window.unused,
            **({} if network.clinics.declared else {"clinics": True}),
            **({} if network.groups else {"groups": True}),
            **({"network": of_network} if of_network else {}),
        }
    )
    configuration += _appearance(network)
    return configuration + ("" if incomplete is None else f"incomplete: {incomplete}")


def _appearance(network: Network) -> str:
    """How reports look, where the network file says so: other words or another paper make another release."""
    report = network.report.model_dump_json(exclude_defaults=True)
    report += "spreadsheet" if network.output.spreadsheet else ""
    own = hashlib.sha256(repr((network.own_files.found, network.logo)).encode()).hexdigest()
    return "" if report == "{}" else f"{report}{own}"
