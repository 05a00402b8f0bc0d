"""What is wrong with the records, counted by SQL in the database; nothing is silently dropped."""

from tasks.screening.checking import check_network
from tasks.screening.complete import Completeness, completeness
from tasks.screening.doubts import doubts, newest_period
from tasks.screening.screening import Screened, screen

__all__ = [
    "Completeness",
    "Screened",
    "check_network",
    "completeness",
    "doubts",
    "newest_period",
    "screen",
]
