"""Digests of what files of images and masks hold, whatever their headers and codes say.

A volume is turned and mirrored by what it holds itself before it is digested, so that a
header with another sign or order of axes hides nothing. Masks are folded first to what
every source tells apart: whole vertebrae, discs, canals, sacra.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from spinesynth.anatomy.structures import REPORT_GROUPS, Structure
from spinesynth.io.case import Case
from spinesynth.io.load_case import load_case
from spinesynth.io.volume import read_image

_HEX_DIGITS = 32  # 128 bits: no two volumes share them by accident
#: Marks digests of turned voxels; older files keep digests without it.
TURNED = "t-"
_COARSE = {"vertebra": Structure.VERTEBRA, "canal": Structure.CANAL}


class Digests(NamedTuple):
    """Digests of one file; empty if it is a mask without any structure.

    Attributes:
        turned: equal for all 48 orientations of the voxels, of masks of the coarsest codes.
        plain: of the voxels as header and case say, as older checkpoints keep them.
    """

    turned: str
    plain: str


def digest_image(path: Path) -> Digests:
    """Return the digests of an image, read once in a process as long as it does not change.

    Raises:
        InputError: if the file is refused.
    """
    known = path.stat()
    return _image(path.resolve(), known.st_size, known.st_mtime_ns)


def digest_mask(case: Case) -> Digests:
    """Return the digests of a case's label map, read once as :func:`digest_image`.

    Raises:
        InputError: if the file is refused.
    """
    if case.label is None:
        return Digests("", "")
    known = case.label.stat()
    return _mask(case, known.st_size, known.st_mtime_ns)


def digest_voxels(voxels: Tensor) -> str:
    """Return hexadecimal digits that only equal voxels of equal shape share.

    Args:
        voxels: any shape and type, in canonical order.

    Example:
        >>> import torch
        >>> digest_voxels(torch.zeros(2)) == digest_voxels(-torch.zeros(2))
        True
    """
    plain = _plain(voxels).contiguous()
    total = hashlib.sha256(f"{plain.dtype} {tuple(plain.shape)}".encode())
    total.update(plain.numpy(force=True).tobytes())
    return total.hexdigest()[:_HEX_DIGITS]


def digest_turned(voxels: Tensor) -> str:
    """Return a digest that all turned and mirrored copies of a volume share, and no others.

    Axes are put in the order of their sizes and profiles (exact sums of the bits of each
    slice), and turned so that the smaller end comes first. Where profiles leave a choice,
    all are tried and the least digest counts.

    Args:
        voxels: ``(..., I, J, K)`` with nothing but ones before.

    Example:
        >>> volume = torch.arange(24).reshape(1, 2, 3, 4)
        >>> digest_turned(volume) == digest_turned(volume.flip(1).permute(0, 3, 1, 2))
        True
        >>> digest_turned(volume) == digest_turned(volume.reshape(1, 2, 4, 3))
        False
    """
    volume = _plain(voxels).reshape(voxels.shape[-3:])
    return TURNED + min(digest_voxels(turned) for turned in _candidates(volume))


def _plain(voxels: Tensor) -> Tensor:
    plain = voxels.as_subclass(Tensor)
    return plain + 0.0 if plain.is_floating_point() else plain  # -0.0 is 0.0


def _candidates(volume: Tensor) -> Iterator[Tensor]:
    """Yield the orientations that a volume's own profiles choose, mostly one."""
    profiles = [_profile(volume, axis) for axis in range(3)]
    keys = [(len(profile), min(profile, profile[::-1])) for profile in profiles]
    ways = [
        (False, True) if profile == profile[::-1] and len(profile) > 1
        else (profile > profile[::-1],)
        for profile in profiles
    ]  # fmt: skip
    orders = [o for o in itertools.permutations(range(3)) if [keys[a] for a in o] == sorted(keys)]
    for flipped in itertools.product(*ways):
        turned = volume.flip([axis for axis in range(3) if flipped[axis]])
        yield from (turned.permute(order) for order in orders)


def _profile(volume: Tensor, axis: int) -> list[int]:
    """Return a whole number of each slice, which no order of summation changes."""
    bits = volume
    if volume.is_floating_point():
        bits = volume.double().view(torch.int64) if volume.dtype != torch.float32 else (
            volume.contiguous().view(torch.int32)
        )  # fmt: skip
    others = [other for other in range(3) if other != axis]
    return [int(total) for total in bits.sum(others, dtype=torch.int64)]


@functools.cache
def _image(path: Path, _size: int, _changed_ns: int) -> Digests:
    voxels = read_image(path)
    return Digests(digest_turned(voxels), digest_voxels(voxels))


@functools.cache
def _mask(case: Case, _size: int, _changed_ns: int) -> Digests:
    structure = load_case(case, need_image=False).structure
    if structure is None or not bool(structure.any()):
        return Digests("", "")
    return Digests(digest_turned(_coarse(structure)), digest_voxels(structure))


def _coarse(structure: Tensor) -> Tensor:
    """Return codes that do not depend on what a case says that it annotates."""
    codes = structure.as_subclass(Tensor).clone()
    for group, whole in _COARSE.items():
        members = torch.tensor(sorted(REPORT_GROUPS[group]), dtype=codes.dtype)
        codes[torch.isin(codes, members)] = int(whole)
    return codes
