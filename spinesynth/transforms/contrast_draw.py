"""Draw the Gaussians of tissues: from named priors, from a user's own, and changes to them."""

from __future__ import annotations

import math
from typing import NamedTuple

from numpy.random import RandomState

from spinesynth.anatomy.contrast_prior import ContrastPrior, Pair
from spinesynth.anatomy.tissues import TISSUE_PRIORS, Tissue

#: Tissues that usually share their intensity with another one in real scans.
_TWINS: tuple[tuple[Tissue, Tissue, float], ...] = (
    (Tissue.MARROW_POSTERIOR, Tissue.MARROW_BODY, 0.75),
    (Tissue.MARROW_SACRUM, Tissue.MARROW_BODY, 0.85),
    (Tissue.FAT_EPIDURAL, Tissue.FAT, 0.75),
    (Tissue.NUCLEUS, Tissue.ANNULUS, 0.3),
    (Tissue.BOWEL_GAS, Tissue.AIR, 0.6),
    (Tissue.SKIN, Tissue.FAT, 0.4),
    (Tissue.CORD, Tissue.CSF, 0.1),
    (Tissue.NUCLEUS_DRY, Tissue.ANNULUS, 0.3),
    (Tissue.MARROW_FATTY, Tissue.FAT, 0.4),
    (Tissue.MARROW_SCLEROTIC, Tissue.ANNULUS, 0.3),
)
_TWIN_JITTER = 0.04
_DARK_CORTEX_PROB = 0.65  # else it is invisible (as bright as marrow) or drawn like the rest
_DARK_AIR_PROB = 0.9
_MOST_CHANGES = 3  # pairs that merge, tissues that split
_SPLIT_SCALE_VOX = (4.0, 32.0)
_SATURATION = (0.5, 0.9)  # of the brightest mean
#: Air around the body and metal neither merge nor split.
_CHANGEABLE = tuple(tissue for tissue in Tissue if tissue not in (Tissue.AIR, Tissue.METAL))


class Split(NamedTuple):
    """Tissues in two parts: which, the other part's means, and the parts' size in voxels."""

    tissues: tuple[int, ...]
    means: tuple[float, ...]
    scale_vox: float


def _uniform(state: RandomState, bounds: Pair) -> float:
    return float(state.uniform(*bounds))


def draw_named_means(state: RandomState, prior: str, alpha: float) -> list[float]:
    """Draw a mean for each tissue from ``t1``, ``t2``, both interpolated, or ``random``."""
    if prior == "random":
        return [float(v) for v in state.uniform(0, 1, len(Tissue))]
    means = []
    for tissue in Tissue:
        ranges = TISSUE_PRIORS[tissue]
        t1, t2 = _uniform(state, ranges.t1), _uniform(state, ranges.t2)
        means.append({"t1": t1, "t2": t2}.get(prior, (1 - alpha) * t1 + alpha * t2))
    return means


def couple_twins(state: RandomState, means: list[float]) -> list[float]:
    """Let look-alike tissues share a mean, and cortex and air be dark, most of the time."""
    means = list(means)
    for tissue, twin, probability in _TWINS:
        jitter = float(state.normal(0, _TWIN_JITTER))
        if state.rand() < probability:
            means[tissue] = max(0.0, means[twin] + jitter)
    cortex, air = state.rand(2)
    if cortex < _DARK_CORTEX_PROB:
        means[Tissue.CORTEX] = _uniform(state, (0.0, 0.15))
    elif cortex < (1 + _DARK_CORTEX_PROB) / 2:
        means[Tissue.CORTEX] = means[Tissue.MARROW_BODY]
    if air < _DARK_AIR_PROB:
        means[Tissue.AIR] = _uniform(state, (0.0, 0.04))
    means[Tissue.METAL] = _uniform(state, (0.0, 0.04))  # no contrast lights it up
    return means


def part_discs_from_marrow(means: list[float], least: float) -> list[float]:
    """Move the mean of the annulus away from the marrow's until they differ by ``least``."""
    marrow, annulus = means[Tissue.MARROW_BODY], means[Tissue.ANNULUS]
    if abs(annulus - marrow) >= least:
        return means
    darker = marrow - least
    brighter = annulus > marrow or darker < 0
    return [
        (marrow + least if brighter else darker) if tissue == Tissue.ANNULUS else mean
        for tissue, mean in enumerate(means)
    ]


def draw_from_prior(state: RandomState, prior: ContrastPrior) -> tuple[list[float], list[float]]:
    """Draw a mean and a spread >= 0 for each tissue, one for all members of a group."""
    drawn: dict[Tissue, tuple[float, float]] = {}
    for tissue in Tissue:
        ranges, shape = prior.prior_of(tissue), prior.distribution_of(tissue)
        draw = state.normal if shape == "normal" else state.uniform
        mean, spread = (max(0.0, float(draw(*pair))) for pair in (ranges.mean, ranges.spread))
        drawn[tissue] = (mean, spread)
    for first, *others in prior.groups:
        drawn |= dict.fromkeys(others, drawn[first])
    return [drawn[t][0] for t in Tissue], [drawn[t][1] for t in Tissue]


def draw_merges(state: RandomState) -> tuple[tuple[int, int], ...]:
    """Draw one to three pairs of tissues, none twice, that are to share one Gaussian."""
    pairs = int(state.randint(1, _MOST_CHANGES + 1))
    members = [int(t) for t in state.choice(_CHANGEABLE, 2 * pairs, replace=False)]
    return tuple(zip(members[::2], members[1::2], strict=True))


def draw_split(state: RandomState) -> Split:
    """Draw one to three tissues with a second part, whose mean is U(0, 1), and its size."""
    count = int(state.randint(1, _MOST_CHANGES + 1))
    tissues = tuple(int(t) for t in state.choice(_CHANGEABLE, count, replace=False))
    means = tuple(float(v) for v in state.uniform(0, 1, count))
    low, high = _SPLIT_SCALE_VOX
    return Split(tissues, means, math.exp(_uniform(state, (math.log(low), math.log(high)))))


def draw_saturation(state: RandomState, means: list[float]) -> float:
    """Draw the intensity at which an image saturates, from the brightest mean."""
    return _uniform(state, _SATURATION) * max(means)
