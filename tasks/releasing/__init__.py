"""One release out of everything that was estimated: assembled, disclosed, and given its id."""

from tasks.releasing.assembling import assemble
from tasks.releasing.making import masked, rank_shown, release_of, verdicts_before, withheld

__all__ = ["assemble", "masked", "rank_shown", "release_of", "verdicts_before", "withheld"]
