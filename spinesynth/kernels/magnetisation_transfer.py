"""Magnetisation transfer: saturated protons of large molecules take signal from water."""

from __future__ import annotations

from torch import Tensor

from spinesynth.kernels.sequence_checks import Value, check_shares

#: Magnetisation transfer ratio of the cord at 3 T: means of white matter 0.432 +- 0.044 and grey
#: matter 0.409 +- 0.043 in the lumbosacral enlargement (values checked in the abstract; Ugorji et
#: al. 2015, PLoS One 10:e0134495, recalled). It depends on the saturating pulse as on the tissue.
CORD_TRANSFER_RATIO = 0.42
#: The same of the disc: nominal. That of the nucleus rises as it degenerates (checked in the
#: abstract of PMID 20677229, which gives no value).
DISC_TRANSFER_RATIO = 0.2
#: The same of muscle, and of liver, bowel wall, skin and the like: nominal. Muscle is known for a
#: strong transfer.
MUSCLE_TRANSFER_RATIO = 0.4
SOFT_TISSUE_TRANSFER_RATIO = 0.25


def magnetisation_transfer(signal: Tensor, transfer_ratio: Value) -> Tensor:
    """Return the signal that is left after a pulse has saturated bound protons.

    Args:
        signal: signal without the pulse.
        transfer_ratio: share in [0, 1] that the pulse takes, the magnetisation transfer ratio
            MTR; 0 for fluid and fat, :data:`CORD_TRANSFER_RATIO` and
            :data:`DISC_TRANSFER_RATIO` where it matters.

    Raises:
        ValueError: if the ratio is out of range.

    Source: Wolff and Balaban 1989, MRM 10:135 (the ratio, as defined).

    Example:
        >>> import torch
        >>> round(magnetisation_transfer(torch.ones(1), CORD_TRANSFER_RATIO).item(), 2)
        0.58
    """
    check_shares(transfer_ratio=transfer_ratio)
    return signal * (1 - transfer_ratio)
