"""Arrays and tables in, figures out. The one room that imports matplotlib."""

from __future__ import annotations

from spinesynth.viz.agreement import draw_agreement
from spinesynth.viz.boxes import draw_boxes
from spinesynth.viz.comparison import draw_comparison
from spinesynth.viz.contrast_chart import ContrastChart, Plane, Range, Stop, draw_contrast
from spinesynth.viz.degradation import draw_degradation
from spinesynth.viz.few_cases import draw_few_cases
from spinesynth.viz.overlays import Overlay, draw_overlays
from spinesynth.viz.palette_png import encode_palette_png
from spinesynth.viz.phantom_sheet import draw_sheet
from spinesynth.viz.picture_grid import Sample
from spinesynth.viz.pictures import draw_pictures
from spinesynth.viz.preview import PreviewSlice, draw_preview
from spinesynth.viz.samples import draw_samples
from spinesynth.viz.severity import draw_severities
from spinesynth.viz.style import STRUCTURE_COLOURS, encode_png
from spinesynth.viz.sweep import draw_sweep
from spinesynth.viz.training import draw_training

__all__ = [
    "STRUCTURE_COLOURS",
    "ContrastChart",
    "Overlay",
    "Plane",
    "PreviewSlice",
    "Range",
    "Sample",
    "Stop",
    "draw_agreement",
    "draw_boxes",
    "draw_comparison",
    "draw_contrast",
    "draw_degradation",
    "draw_few_cases",
    "draw_overlays",
    "draw_pictures",
    "draw_preview",
    "draw_samples",
    "draw_severities",
    "draw_sheet",
    "draw_sweep",
    "draw_training",
    "encode_palette_png",
    "encode_png",
]
