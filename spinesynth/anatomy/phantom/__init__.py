"""The procedural phantom: endless lumbar spines without a single scan.

:func:`draw_phantom` draws every size of a spine into a frozen record;
:func:`render_phantom` evaluates the record on any grid, and :func:`prepare_phantom`
makes once what several grids of one record share. See
:mod:`~spinesynth.anatomy.phantom.morphometry` for the sizes and their sources.
"""

from __future__ import annotations

from spinesynth.anatomy.phantom.draw import draw_phantom
from spinesynth.anatomy.phantom.parameters import PhantomRecord
from spinesynth.anatomy.phantom.prepared import PreparedPhantom, prepare_phantom
from spinesynth.anatomy.phantom.render import PhantomMaps, render_phantom

__all__ = [
    "PhantomMaps",
    "PhantomRecord",
    "PreparedPhantom",
    "draw_phantom",
    "prepare_phantom",
    "render_phantom",
]
