"""Secrets that were written into a network file, where everybody who reads it sees them."""

from __future__ import annotations

import re

from tasks.environment import filled

# a password may hold anything but @ and spaces, as SQLAlchemy reads it
_SECRET_IN_URL = re.compile(r"://[^:/@\s]*:(?!\$\{[A-Za-z_]\w*\}@)[^@\s]+@")
_SECRET_PARAMETER = re.compile(r"[?&;](password|passwd|pwd|pass|token|secret|api_?key)=(?!\$\{)[^&;\s]", re.I)


def holds_secret(url: str) -> bool:
    """Whether a URL has a password or token written in it, rather than as `${NAME}`."""
    return bool(_SECRET_IN_URL.search(url) or _SECRET_PARAMETER.search(url))


def names_no_variable(url: str) -> bool:
    """Whether a URL has a `${` that no variable's name follows."""
    return "${" in filled(url, lambda _name: "")
