"""One release out of everything that was estimated: assembled, disclosed, and given its id."""

from tasks.releasing.assembling import assemble
from tasks.releasing.making import make_release

__all__ = ["assemble", "make_release"]
