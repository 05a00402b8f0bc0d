"""Environment variables in what a network file says: `${NAME}` stands for the value of NAME."""

from __future__ import annotations

import re
from collections.abc import Callable

_VARIABLE = re.compile(r"\$\{([A-Za-z_]\w*)\}")


def filled(text: str, value: Callable[[str], str]) -> str:
    """`text` with the value of each variable that it names.

    Args:
        text: what the network file says.
        value: name of a variable → its value; raises what is said of one that is not set.
    """
    return _VARIABLE.sub(lambda named: value(named[1]), text)
