"""One case: an image, its label map, and what is known about them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Case:
    """Name one scan and its annotation without opening any file.

    Args:
        case_id: unique among the cases read together.
        patient_id: cases of one patient never part in a split.
        source: data set, for tables.
        contrast: for example ``T1``, ``T2``, ``T2_SPACE``; empty if unknown.
        annotated: words of :data:`spinesynth.anatomy.annotation.WORDS`.
        scheme: label scheme of ``label``.
        image: file of the image, ``None`` for a label map alone.
        label: file of the label map, ``None`` for an image alone.
        instances: file of the instance map, where the scheme does not count.
        subset: split that the source itself proposes, empty if none.
        resamples_label: whether a label map on another grid may be resampled
            onto the image's (SPIDER), instead of being refused.
    """

    case_id: str
    patient_id: str
    source: str
    contrast: str
    annotated: frozenset[str]
    scheme: str
    image: Path | None
    label: Path | None
    instances: Path | None = None
    subset: str = ""
    resamples_label: bool = False
