"""What is done with unusual scans, which are refused unless somebody asks for it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from spinesynth.errors import ConfigError

Filling = Literal["median"]
FILLINGS: tuple[Filling, ...] = get_args(Filling)


@dataclass(frozen=True)
class InputRules:
    """Say what is accepted of a scan; without any of it, each is an error that names it.

    Args:
        single_slice: a 2D image is one sagittal slice (``--2d``).
        volume: of a 4D image this one is read, from 0 (``--volume``).
        magnitude: complex voxels are read as their magnitude (``--magnitude``).
        fill_nonfinite: what voxels that are NaN or infinite become: ``median``, that of
            the others (``--fill-nonfinite``).
        deshear: a grid whose axes are not orthogonal is resampled to one whose axes are,
            and what is written back to its own (``--deshear``).
        strict: what is else read with a warning is refused (``--strict``), by
            :class:`~spinesynth.pipelines.segmenter.SpineSegmenter`; a reader alone warns.
        series_uid: of several DICOM series, this one is read (``--series``).
        allow_nonuniform: DICOM slices that are missing or unevenly spaced are noted; the
            grid then has the mean spacing (``--allow-nonuniform``).

    Raises:
        ConfigError: if one of them is impossible.

    Example:
        >>> InputRules(volume=2).as_json()["volume"]
        2
    """

    single_slice: bool = False
    volume: int | None = None
    magnitude: bool = False
    fill_nonfinite: Filling | None = None
    deshear: bool = False
    strict: bool = False
    series_uid: str | None = None
    allow_nonuniform: bool = False

    def __post_init__(self) -> None:
        """Refuse what no scan can be read by."""
        if self.volume is not None and self.volume < 0:
            raise ConfigError(
                f"volume must be at least 0, the first one, got {self.volume}; correct --volume",
                code="E-CONF-097",
            )
        if self.fill_nonfinite not in (None, *FILLINGS):
            raise ConfigError(
                f"fill_nonfinite must be one of {', '.join(FILLINGS)}, got "
                f"{self.fill_nonfinite!r}; correct --fill-nonfinite",
                code="E-CONF-097",
            )

    def as_json(self) -> dict[str, Any]:
        """Return each rule by its name, as plain JSON types."""
        return asdict(self)


#: What is told of complex voxels that were read, and of those that were not.
MAGNITUDE_NOTE = "complex voxels, read as their magnitude"
MAGNITUDE_REMEDY = "spinesynth predict --magnitude reads the magnitude, others want it stored"
#: Nothing unusual is read.
PLAIN = InputRules()
