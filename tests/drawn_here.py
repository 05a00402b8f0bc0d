"""A month whose reports are drawn in this process, for tests that look at them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flows.job_step import JobStep, Journal, plainly
from flows.monthly_steps import DRAW
from flows.running.progress import Progress
from tasks.network.schema import Network
from tasks.publishing import Staging
from tasks.release import Release
from tasks.rendering import Rendered, render_release


def drawn_here() -> Journal:
    """Plain calls without the pool of processes, whose start costs more than a few documents.

    The pool's PDFs are the same to the byte (rendering/test_render.py), and are drawn where it matters.
    """
    return Journal(_in_one_process)


def _in_one_process(step: JobStep[..., Any]) -> Callable[..., Any]:
    return _draw if step.name == DRAW.name else plainly(step)


def _draw(release: Release, network: Network, staging: Staging, progress: Progress) -> Rendered:
    return render_release(release, network, staging.path, progress=progress.within, workers=1)
