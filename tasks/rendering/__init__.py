"""Reports: one PDF for the network and one for every clinic, drawn from a release and nothing else."""

from tasks.rendering.render import Rendered, RenderingFailedError, render_release

__all__ = ["Rendered", "RenderingFailedError", "render_release"]
