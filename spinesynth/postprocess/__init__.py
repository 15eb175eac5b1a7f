"""Label maps in, readings out: cleaned masks, instances, named levels and measurements.

``docs/levels.md`` says how levels are found, and how often they are right.
"""

from __future__ import annotations

from spinesynth.postprocess.cleaning import Cleaning
from spinesynth.postprocess.measure import Measurement, measure_spine
from spinesynth.postprocess.read_spine import read_spine
from spinesynth.postprocess.reading import CONFIDENT, Level, SpineReading

__all__ = [
    "CONFIDENT",
    "Cleaning",
    "Level",
    "Measurement",
    "SpineReading",
    "measure_spine",
    "read_spine",
]
