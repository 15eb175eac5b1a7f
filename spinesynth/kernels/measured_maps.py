"""SynthMRI: a real turbo spin echo as it would look at another TR and TE, by measured T1 and T2.

A TSE divided by what T1 and T2 leave of its signal is proton density times all
that the equation does not hold (coils, fields, gain): the PD map. Multiplied by
what they leave at another TR and TE, it is another contrast of the same patient,
with the detail of the real image. At its own TR and TE, the TSE comes back.

The division makes speckles where a map is off: the echo falls exponentially, so
that a T2 that is too short makes a voxel hundreds of times too bright. They are
suppressed where they come from, in the maps and before the division. First as in
the thesis: :func:`clean_relaxation` clips long outliers outside the vertebrae and
takes a median in the sagittal plane, which removes lone ones. Then by a guard of
our own, for the borders that a median moves and the tissues whose T2 is too short
to be measured: :func:`least_t2_ms`. Images are never touched, so that equation 7,
``S_s = S_exp`` at the same TR and TE, holds wherever something was measured.

T1 or T2 of zero or less means that nothing was measured (outside the body, failed
fits): PD and the image are zero there.

Source: the thesis among the project's requirements, section on SynthMRI,
equations 1 to 7, and its pre-processing.
"""

from __future__ import annotations

import math

import torch
from monai.networks.layers.simplelayers import median_filter
from torch import Tensor

from spinesynth.kernels.signal_equations import spin_echo

#: T1 and T2 above this are outliers outside the vertebrae (thesis: found by trial).
CLIP_MS = 625.0
#: Share of its PD that the brightest tissue of a TSE shows at least. Nominal: fat, with T2 of
#: 165 ms, keeps 0.48 of it at the longest echo time of SPIDER's T2-weighted series, 120 ms.
BRIGHTEST_KEEPS = 0.4
#: Echo time from which the PD map of the T2-weighted TSE is taken (thesis, figure 1).
SWITCH_TE_MS = 50.0

_MEDIAN_VOX = 3
#: Of all voxels, padding included, this share is no brighter than the brightest tissue (nominal).
_BRIGHTEST = 0.999


def clean_relaxation(relaxation_ms: Tensor, spared: Tensor, *, clip_ms: float = CLIP_MS) -> Tensor:
    """Remove the noise of a map: clip outliers, then a median of 3 x 3 in the sagittal plane.

    Args:
        relaxation_ms: ``(B, C, [I,] J, K)`` float, T1 or T2 in ms, finite; the last two
            axes are the sagittal plane.
        spared: same shape, bool; the vertebrae, where long times are kept.
        clip_ms: longest time outside them, above 0; infinity keeps all.

    Returns:
        Same shape and dtype, at least 0; a lone failed fit (zero or less) takes the value of
        its neighbours, and voxels most of whose neighbours were not measured are zero.

    Raises:
        ValueError: if ``clip_ms`` is not above 0.

    Example:
        >>> t2_ms = torch.full((1, 1, 3, 3), 80.0)
        >>> t2_ms[..., 1, 1] = 2  # would make a speckle
        >>> float(clean_relaxation(t2_ms, t2_ms < 0)[0, 0, 1, 1])
        80.0
    """
    if not clip_ms > 0:
        raise ValueError(f"clip_ms must be above 0, got {clip_ms}")
    clipped = torch.where(spared, relaxation_ms, relaxation_ms.clamp(max=clip_ms))
    cleaned: Tensor = median_filter(clipped.clamp(min=0), _MEDIAN_VOX, spatial_dims=2)
    return cleaned


def least_t2_ms(
    tse: Tensor, t1_ms: Tensor, *, tr_ms: float, te_ms: float, keeps: float = BRIGHTEST_KEEPS
) -> Tensor:
    """Return the T2 that a voxel must have at least, to be as bright as it is.

    With a shorter one, the division would give it more protons than any tissue has: more than
    the brightest tissue of the image, which shows the share ``keeps`` of its own at least. So
    the larger of this and the measured T2 makes no speckle, at any TR and TE.

    Args:
        tse: ``(B, C, *spatial)`` float >= 0, arbitrary units.
        t1_ms: same shape, cleaned.
        tr_ms: repetition time of the TSE.
        te_ms: its effective echo time.
        keeps: share in (0, 1]; near 0, no T2 is too short.

    Returns:
        Same shape, in ms, in [0, :data:`CLIP_MS`]; 0 where the image is 0.

    Raises:
        ValueError: if ``keeps`` is not in (0, 1].

    Example:
        >>> tse = torch.tensor([[[[0.0, 10.0, 1000.0]]]])  # a voxel of noise beside the brightest
        >>> t1_ms = torch.full_like(tse, 500)
        >>> least_t2_ms(tse, t1_ms, tr_ms=2435, te_ms=100).round().flatten().tolist()
        [0.0, 18.0, 110.0]
    """
    if not 0 < keeps <= 1:
        raise ValueError(f"keeps must be in (0, 1], got {keeps}")
    flat = tse.flatten(1)
    brightest = flat.kthvalue(math.ceil(_BRIGHTEST * flat.shape[1]), dim=1).values
    most_pd = (brightest / keeps).reshape(-1, *[1] * (tse.ndim - 1)).expand_as(tse)
    # brightest that a voxel could be: with the longest T2; each 1/e below it takes 1/te of rate
    possible = spin_echo(most_pd, t1_ms, torch.full_like(t1_ms, CLIP_MS), tr_ms=tr_ms, te_ms=te_ms)
    rate = (possible / tse).log().clamp(min=0) / te_ms + 1 / CLIP_MS
    return torch.where(tse > 0, 1 / rate, 0)


def estimate_pd(tse: Tensor, t1_ms: Tensor, t2_ms: Tensor, *, tr_ms: float, te_ms: float) -> Tensor:
    """Estimate proton density, and all that scales the signal with it, from a TSE (equation 5).

    Args:
        tse: ``(B, C, *spatial)`` float >= 0, arbitrary units.
        t1_ms: same shape.
        t2_ms: same shape.
        tr_ms: repetition time of the TSE.
        te_ms: its effective echo time.

    Returns:
        Same shape, units of the TSE, finite; zero where nothing was measured, or where T1
        and T2 leave less than one rounding of the signal, so that nothing can be known.

    Example:
        >>> tse, t1_ms, t2_ms = (torch.full((1, 1, 2, 2), v) for v in (100.0, 436.0, 100.0))
        >>> pd = estimate_pd(tse, t1_ms, t2_ms, tr_ms=436, te_ms=100)
        >>> round(float(pd[0, 0, 0, 0]), 1)  # 100 / ((1 - 1/e) / e)
        430.0
    """
    left = synthesize_tse(torch.ones_like(tse), t1_ms, t2_ms, tr_ms=tr_ms, te_ms=te_ms)
    known = left > torch.finfo(left.dtype).eps
    return torch.where(known, tse / torch.where(known, left, 1), 0)


def synthesize_tse(
    pd: Tensor, t1_ms: Tensor, t2_ms: Tensor, *, tr_ms: float, te_ms: float
) -> Tensor:
    """Return the image of a PD map at a repetition and an echo time (equation 6).

    Args:
        pd: ``(B, C, *spatial)`` float, from :func:`estimate_pd`.
        t1_ms: same shape; the map that the PD was estimated with.
        t2_ms: same shape; likewise.
        tr_ms: repetition time of the image.
        te_ms: its effective echo time.

    Returns:
        Same shape, units of the TSE; zero where nothing was measured.

    Example:
        >>> t1_ms, t2_ms = torch.full((1, 1, 2, 2), 436.0), torch.full((1, 1, 2, 2), 100.0)
        >>> image = synthesize_tse(torch.ones_like(t1_ms), t1_ms, t2_ms, tr_ms=436, te_ms=100)
        >>> round(float(image[0, 0, 0, 0]), 4)
        0.2325
    """
    measured = (t1_ms > 0) & (t2_ms > 0)
    some_t1_ms, some_t2_ms = (torch.where(measured, map_ms, 1) for map_ms in (t1_ms, t2_ms))
    image = spin_echo(pd, some_t1_ms, some_t2_ms, tr_ms=tr_ms, te_ms=te_ms)
    return torch.where(measured, image, 0)
