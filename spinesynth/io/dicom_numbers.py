"""Take numbers out of a DICOM data set: as many as there should be, each finite and sane.

Numbers are written as text (DS, IS), so that ``NaN``, ``1e999`` or several values may stand
where one finite number is meant.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spinesynth.io.dicom_extra import parse_errors
from spinesynth.io.dicom_header import Dataset
from spinesynth.io.problems import InputFileError

#: No position, spacing, slope or intercept of a scanner is larger.
MAX_NUMBER = 1e9


def find_numbers(
    path: Path, name: str, dataset: Dataset, keyword: str, *, count: int
) -> tuple[float, ...] | None:
    """Return the numbers of an attribute, None where it is absent.

    Args:
        path: of the series, for messages.
        name: of the file, for messages.
        dataset: that may hold the attribute.
        keyword: of the attribute, for example ``PixelSpacing``.
        count: how many numbers it must have.

    Raises:
        InputFileError: if it is empty, has another count, or a value that is no finite number
            within 1e9.
    """
    if keyword not in dataset:
        return None
    wanted = "one finite number" if count == 1 else f"{count} finite numbers"
    try:
        values = _several(dataset[keyword].value)
        numbers = tuple(float(value) for value in values)
    except parse_errors() as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise _bad(path, name, keyword, wanted, reason[0]) from error
    sane = all(math.isfinite(number) and abs(number) <= MAX_NUMBER for number in numbers)
    if len(numbers) != count or not sane:
        raise _bad(path, name, keyword, wanted, str(list(numbers)) if numbers else "nothing")
    return numbers


def find_whole(path: Path, name: str, dataset: Dataset, keyword: str, default: int) -> int:
    """Return one whole number, or what stands for it where the attribute is absent.

    Raises:
        InputFileError: if it is no whole number.
    """
    number = (find_numbers(path, name, dataset, keyword, count=1) or (default,))[0]
    if number != int(number):
        raise _bad(path, name, keyword, "a whole number", str(number))
    return int(number)


def _several(value: Any) -> Sequence[Any]:  # noqa: ANN401  # as pydicom has it
    """Return the values of an attribute: none, one or several."""
    if value is None or value == "":
        return ()
    return [value] if isinstance(value, str | int | float) else list(value)


def _bad(path: Path, name: str, keyword: str, wanted: str, got: str) -> InputFileError:
    return InputFileError(
        path,
        f"{keyword} of {name} must be {wanted}, got {got[:120]}",
        remedy="repair the header or export the series again",
        code="E-DCM-011",
    )
