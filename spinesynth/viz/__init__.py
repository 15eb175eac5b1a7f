"""Arrays and tables in, figures out. The one room that imports matplotlib."""

from __future__ import annotations

from spinesynth.viz.comparison import draw_comparison
from spinesynth.viz.degradation import draw_degradation
from spinesynth.viz.overlays import Overlay, draw_overlays
from spinesynth.viz.pictures import draw_pictures
from spinesynth.viz.samples import Sample, draw_samples
from spinesynth.viz.style import STRUCTURE_COLOURS, encode_png
from spinesynth.viz.training import draw_training

__all__ = [
    "STRUCTURE_COLOURS",
    "Overlay",
    "Sample",
    "draw_comparison",
    "draw_degradation",
    "draw_overlays",
    "draw_pictures",
    "draw_samples",
    "draw_training",
    "encode_png",
]
