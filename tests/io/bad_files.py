"""Write a file byte by byte, and check that a spoilt one is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt
import pytest

from spinesynth.io.dicom_series import DicomChoices
from spinesynth.io.problems import InputFileError
from spinesynth.io.volume import read_image


def save(path: Path, content: bytes) -> Path:
    """Write a file, and return its path."""
    path.write_bytes(content)
    return path


def refused(path: Path, code: str, words: str, **choices: Unpack[DicomChoices]) -> None:
    """Check that an image is refused once, with its name, code and a remedy.

    Args:
        path: that is read.
        code: of the error.
        words: regular expression that the error holds.
        **choices: of DICOM, as the reader takes them.
    """
    with pytest.raises(InputFileError, match=words) as caught:
        read_image(path, **choices)
    assert caught.value.code == code
    assert str(path) in str(caught.value)
    assert caught.value.remedy


def refused_or_unharmed(path: Path, voxels: npt.NDArray[Any], codes: tuple[str, ...]) -> None:
    """Check that a file with a flipped bit is refused, or its bit says nothing, as few do.

    Args:
        path: that is read.
        voxels: (I, J, K) that it held before.
        codes: beginnings of those that may be given.
    """
    try:
        image = read_image(path)
    except InputFileError as error:
        refusal = error
    else:  # deflate has bits that decompression never looks at
        np.testing.assert_array_equal(image[0].numpy(), voxels)
        return
    assert refusal.code.startswith(codes)
    assert str(path) in str(refusal)
    assert refusal.remedy
