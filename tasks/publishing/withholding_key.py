"""The key that companions of small counts are drawn with: made once, kept, never published."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from tasks.errors import PublishingError

VARIABLE = "CLINICNET_WITHHOLDING_KEY"
"""Environment variable that holds the key where several machines report one network."""
FILE = ".withholding-key"
_LENGTH = 32


def withholding_key(directory: Path) -> bytes:
    """The key of an output directory; made where it has none.

    Args:
        directory: the output directory; it is made where it is not there.

    Raises:
        PublishingError: the key cannot be kept, or what is kept is no key.
    """
    given = os.environ.get(VARIABLE)
    if given:
        return given.encode()
    file = directory / FILE
    try:
        if not file.exists():
            _make(file)
        key = file.read_bytes()
    except OSError as error:
        raise PublishingError(
            f"the key of what is withheld cannot be kept in {file}: {error.strerror}",
            hint=f"give this user the right to read and write there, or set {VARIABLE}",
        ) from error
    if len(key) != _LENGTH:
        raise PublishingError(
            f"{file} is no key that clinicnet made: it has {len(key)} bytes",
            hint="put it back from a copy; without one remove it, and other companions may be withheld",
        )
    return key


def _make(file: Path) -> None:
    """Write a fresh key beside its place and move it there whole; of two at once the first stays."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f"{FILE}-{secrets.token_hex(4)}")
    handle = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        os.write(handle, secrets.token_bytes(_LENGTH))
        os.fsync(handle)
        os.link(fresh, file)
    except FileExistsError:
        pass
    finally:
        os.close(handle)
        fresh.unlink()
