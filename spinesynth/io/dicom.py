"""Read a DICOM series by its geometry, or refuse it: never a guess.

Common readers merge two series into one volume, close the gap of a missing slice by
stretching the others, or drop a slice that is cut short, without a word. Here a folder
holds one series or is refused with a list; slices are ordered by position; a gap, a copy,
a tilt, a cut or a number that is none is an error that names it. Needs the extra
``dicom``, loaded on first use.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Unpack

from spinesynth.io.dicom_pixels import read_pixels
from spinesynth.io.dicom_series import DicomChoices, find_series
from spinesynth.io.raw_volume import RawVolume

_LOG = logging.getLogger(__name__)


def read_dicom(path: Path, **choices: Unpack[DicomChoices]) -> RawVolume:
    """Read one MR series: classic files, or Enhanced multi-frame.

    Args:
        path: folder (searched to its depths), ``.zip`` archive, or DICOM file.
        **choices: ``series_uid``, ``untrusted``, ``allow_nonuniform``; see
            :class:`~spinesynth.io.dicom_series.DicomChoices`.

    Returns:
        Voxels (columns, rows, slices along the normal) with rescaling applied, RAS affine,
        the series' UID, and notes of what was dropped or accepted.

    Raises:
        ConfigError: if the extra is not installed.
        InputFileError: if anything about the series is wrong; names the remedy.
    """
    series = find_series(path, **choices)
    voxels = read_pixels(path, series.frames, untrusted=choices.get("untrusted", False))
    for note in series.notes:
        _LOG.warning("%s: %s", path, note)
    return RawVolume(path, voxels, series.stack.affine, series.uid, series.notes)
