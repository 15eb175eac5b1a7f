"""From structures to the codes of a scheme: cleaned, counted and named where that is wanted."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from spinesynth.anatomy.label_schemes import COUNTED, LabelScheme, get_scheme
from spinesynth.anatomy.structures import Structure
from spinesynth.errors import ConfigError
from spinesynth.pipelines.ensemble import Predictor
from spinesynth.postprocess import Cleaning, SpineReading, read_spine
from spinesynth.postprocess.names import LOWEST_NAMES


@dataclass(frozen=True)
class SpineReader:
    """Clean a label map and name what is in it, with the choices of a user.

    Args:
        lowest: name of the lowest vertebra in view, if a user knows it.
        cleaning: what is mended; None for the default.

    Raises:
        ConfigError: if no vertebra can be called so.
    """

    lowest: str | None = None
    cleaning: Cleaning | None = None

    def __post_init__(self) -> None:
        """Refuse a name that is none before any scan is read."""
        if self.lowest is not None and self.lowest not in LOWEST_NAMES:
            raise ConfigError(
                f"lowest must be one of {', '.join(LOWEST_NAMES)}, got {self.lowest!r}",
                code="E-CONF-095",
            )

    def __call__(self, structures: Tensor, affine: Tensor) -> SpineReading:
        """Return what :func:`spinesynth.postprocess.read_spine` reads."""
        return read_spine(structures, affine, cleaning=self.cleaning, lowest=self.lowest)


def writable_scheme(name: str, predictor: Predictor, *, counts: bool) -> LabelScheme:
    """Return a scheme that can hold all that a predictor may find, or refuse it.

    Args:
        name: of the scheme.
        predictor: whose structures it must hold.
        counts: whether vertebrae and discs will be told apart.

    Raises:
        ConfigError: if it is unknown, or needs instances or parts that are not known.
    """
    try:
        scheme = get_scheme(name)
        scheme.encode(
            predictor.structures, torch.ones_like(predictor.structures) if counts else None
        )
    except ValueError as error:
        raise ConfigError(str(error), code="E-CONF-005") from error
    return scheme


def encode_labels(scheme: LabelScheme, structures: Tensor, reading: SpineReading | None) -> Tensor:
    """Return codes of a scheme; what belongs to no vertebra is background where it counts.

    Args:
        scheme: of the codes.
        structures: uint8 ``(I, J, K)``, ``Structure`` codes.
        reading: of them; None where nothing is counted.
    """
    if reading is None or not scheme.is_counted:
        return scheme.encode(structures)
    counts = reading.counts
    counted = torch.tensor([int(member) for member in COUNTED], dtype=structures.dtype)
    nobodys = torch.isin(structures, counted) & (counts == 0)
    return scheme.encode(structures.masked_fill(nobodys, int(Structure.BACKGROUND)), counts)
