"""Telling people what happened to a network's reports: each event once, and again until it arrived."""

from tasks.notifying.notices import Notice, failed, held, missed, released
from tasks.notifying.outbox import Outbox, Waiting
from tasks.notifying.posting import Post
from tasks.notifying.sending import Addresses, NotifyError

__all__ = [
    "Addresses",
    "Notice",
    "NotifyError",
    "Outbox",
    "Post",
    "Waiting",
    "failed",
    "held",
    "missed",
    "released",
]
