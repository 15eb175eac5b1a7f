"""Label maps in, readings out: cleaned masks, instances and named levels."""

from __future__ import annotations

from spinesynth.postprocess.cleaning import Cleaning
from spinesynth.postprocess.read_spine import read_spine
from spinesynth.postprocess.reading import CONFIDENT, Level, SpineReading

__all__ = ["CONFIDENT", "Cleaning", "Level", "SpineReading", "read_spine"]
