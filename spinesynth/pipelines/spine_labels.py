"""From structures to the codes of a scheme: cleaned, counted and named where that is wanted."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import torch
from torch import Tensor

from spinesynth.anatomy.label_schemes import COUNTED, LabelScheme, get_scheme
from spinesynth.anatomy.structures import Structure
from spinesynth.errors import ConfigError
from spinesynth.pipelines.ensemble import Predictor
from spinesynth.postprocess import Cleaning, SpineReading, read_spine
from spinesynth.postprocess.names import LOWEST_NAMES, names_upwards

_LOG = logging.getLogger(__name__)
#: Scheme whose counts are from the lowest vertebra in view, whatever its name.
_RELATIVE = "spider"
#: Names of the counts of all other schemes, which are from L5 upwards.
_FROM_L5 = ("", *names_upwards("L5", 24))


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

    def switches(self) -> dict[str, bool]:
        """Return which mends are made, each by its name."""
        return (self.cleaning or Cleaning()).switches()

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


def _level_counts(scheme: LabelScheme, reading: SpineReading) -> Tensor:
    """Return counts as the codes of a scheme mean them, from L5 = 1 where they name levels."""
    counts, found = reading.counts, reading.of_kind("vertebra")
    if scheme.name == _RELATIVE or not found:
        return counts
    lowest = found[0]
    if lowest.name not in _FROM_L5:
        _LOG.warning(
            "codes of the scheme %s call the lowest vertebra in view L5; its level is %s",
            scheme.name, lowest.name if lowest.is_named else "not known",
        )  # fmt: skip
        return counts
    shift = _FROM_L5.index(lowest.name) - lowest.instance
    moved = (counts.int() + shift).clamp(0, 255)
    return torch.where(counts > 0, moved, 0).to(torch.uint8)


def _discs_beyond(scheme: LabelScheme, structures: Tensor, counts: Tensor) -> Tensor:
    """Return where discs lie that a scheme has no code for, and warn of them."""
    discs = [c.instance or 0 for c in scheme.codes.values() if c.structure is Structure.DISC]
    top = max(discs, default=0)
    if scheme.folds_top is not None or not top:
        return torch.zeros_like(structures, dtype=torch.bool)
    beyond = (structures == int(Structure.DISC)) & (counts > top)
    if bool(beyond.any()):
        _LOG.warning(
            "the scheme %s has no code for discs above number %d; they are left out of the "
            "label map", scheme.name, top,
        )  # fmt: skip
    return beyond


def encode_labels(scheme: LabelScheme, structures: Tensor, reading: SpineReading | None) -> Tensor:
    """Return codes of a scheme; what belongs to no vertebra is background where it counts.

    Codes that name levels are those of the reading's names. Where the level of the lowest
    vertebra is not known they start from L5, and a warning says so.

    Args:
        scheme: of the codes.
        structures: uint8 ``(I, J, K)``, ``Structure`` codes.
        reading: of them; None where nothing is counted.
    """
    if reading is None or not scheme.is_counted:
        return scheme.encode(structures)
    counts = _level_counts(scheme, reading)
    counted = torch.tensor([int(member) for member in COUNTED], dtype=structures.dtype)
    nobodys = torch.isin(structures, counted) & (counts == 0)
    nobodys |= _discs_beyond(scheme, structures, counts)
    return scheme.encode(structures.masked_fill(nobodys, int(Structure.BACKGROUND)), counts)
