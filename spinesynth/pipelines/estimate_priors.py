"""Estimate a contrast prior from one's own scans: how bright each annotated tissue is."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from torch import Tensor

from spinesynth.anatomy.contrast_prior import (
    ContrastPrior,
    Distribution,
    Pair,
    TissuePrior,
    write_contrast_prior,
)
from spinesynth.anatomy.label_schemes import PSEUDO_SCHEME
from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import Tissue
from spinesynth.errors import InputError
from spinesynth.io.atomic import atomic_write
from spinesynth.io.case import Case
from spinesynth.io.discover import discover_cases
from spinesynth.io.load_case import load_case
from spinesynth.kernels.intensity import normalise_intensity

_LOG = logging.getLogger(__name__)

_SIGMA_PER_DEVIATION = 1.4826  # median absolute deviation of a Gaussian of spread 1
_MIN_VOXELS = 50
_FEW_CASES = 5
_PERCENTILES = (5, 95)
_DIGITS = 4

#: What a label map says about tissues: word of the annotation, structure, tissues in it.
_TISSUES_OF: tuple[tuple[str, Structure, tuple[Tissue, ...]], ...] = (
    ("body", Structure.VERTEBRAL_BODY, (Tissue.MARROW_BODY,)),
    ("posterior", Structure.POSTERIOR_ELEMENTS, (Tissue.MARROW_POSTERIOR,)),
    ("vertebra", Structure.VERTEBRA, (Tissue.MARROW_BODY, Tissue.MARROW_POSTERIOR)),
    ("disc", Structure.DISC, (Tissue.NUCLEUS, Tissue.NUCLEUS_DRY, Tissue.ANNULUS)),
    ("sacrum", Structure.SACRUM, (Tissue.MARROW_SACRUM,)),
    ("canal", Structure.CANAL, (Tissue.CSF, Tissue.CORD)),
    # last, so that it replaces what the canal says of the cord
    ("canal", Structure.CORD, (Tissue.CORD,)),
)


def fit_contrast_prior(
    data: Path,
    *,
    output: Path,
    contrast: str | None = None,
    distribution: Distribution = "uniform",
) -> ContrastPrior:
    """Estimate the intensities of annotated tissues and write them as a prior.

    An image is scaled as for training; of each structure the median is its
    tissues' mean and the median absolute deviation, scaled to that of a Gaussian,
    their spread. The two tissues of a disc share its values, and so do fluid and
    cord of a canal where the cord is not annotated. All others stay random.

    Args:
        data: manifest CSV or folder of a data set.
        output: YAML to write, for
            :func:`spinesynth.anatomy.contrast_prior.read_contrast_prior`.
        contrast: use only cases of this contrast, in upper or lower case; None
            for all.
        distribution: ``"uniform"`` writes the 5th to 95th percentile over the
            cases, ``"normal"`` their mean and standard deviation.

    Returns:
        The prior that was written.

    Raises:
        InputError: if no case can tell anything, or one is refused.
        OutputError: if the prior cannot be written.
    """
    cases = _usable_cases(data, contrast)
    table = pd.concat([measure_tissues(case) for case in cases], ignore_index=True)
    if table.empty:
        raise InputError(
            f"{data}: no annotated structure has {_MIN_VOXELS} voxels in any case; "
            "check the label maps and the column 'annotated'",
            code="E-CASE-005",
        )
    if len(cases) < _FEW_CASES:
        _LOG.warning("a prior from %d cases is narrow: widen its ranges by hand", len(cases))
    tissues = {
        tissue: TissuePrior(
            mean=_pair(rows["mean"], distribution), spread=_pair(rows["spread"], distribution)
        )
        for tissue in Tissue
        if not (rows := table[table["tissue"] == int(tissue)]).empty
    }
    prior = ContrastPrior(output.stem, tissues, distribution=distribution, default="random")
    with atomic_write(output) as temporary:
        write_contrast_prior(prior, temporary)
    return prior


def measure_tissues(case: Case) -> pd.DataFrame:
    """Measure the annotated tissues of one case.

    Args:
        case: with image and label map.

    Returns:
        One row for each tissue: ``case_id``, ``tissue`` (code), ``mean`` and
        ``spread`` on the scale of the normalised image; none of structures with
        fewer than 50 voxels.

    Raises:
        InputError: if a file is refused.
    """
    loaded = load_case(case)
    found: dict[Tissue, tuple[float, float]] = {}
    if loaded.image is not None and loaded.structure is not None:
        image = normalise_intensity(loaded.image.as_tensor())
        for word, structure, tissues in _TISSUES_OF:
            values = image[loaded.structure.as_tensor() == structure]
            if word in case.annotated and values.numel() >= _MIN_VOXELS:
                found |= dict.fromkeys(tissues, _robust_gaussian(values))
    rows = [(case.case_id, int(tissue), *gaussian) for tissue, gaussian in found.items()]
    return pd.DataFrame(rows, columns=["case_id", "tissue", "mean", "spread"])


def _usable_cases(data: Path, contrast: str | None) -> list[Case]:
    """Return the cases with image and label map of a contrast, or say what there is."""
    complete = [
        case
        for case in discover_cases(data)
        if case.image and case.label and case.scheme != PSEUDO_SCHEME
    ]
    cases = [c for c in complete if contrast is None or c.contrast.lower() == contrast.lower()]
    if not cases:
        known = sorted({case.contrast for case in complete if case.contrast})
        of_contrast = f" of contrast {contrast}" if contrast is not None else ""
        raise InputError(
            f"{data} holds no case{of_contrast} with image and label map, pseudo-labels apart, "
            f"which nobody checked; it holds {len(complete)} with both, of "
            f"{', '.join(known) or 'no known contrast'}",
            code="E-CASE-005",
        )
    return cases


def _robust_gaussian(values: Tensor) -> tuple[float, float]:
    """Return median and scaled median absolute deviation: borders and vessels hardly count."""
    median = values.median()
    deviation = (values - median).abs().median()
    return float(median), _SIGMA_PER_DEVIATION * float(deviation)


def _pair(values: Sequence[float] | pd.Series[float], distribution: Distribution) -> Pair:
    """Return (low, high) or (mean, standard deviation) of the cases' values, rounded to read."""
    numbers = np.asarray(values, dtype=np.float64)
    if distribution == "uniform":
        low, high = np.percentile(numbers, _PERCENTILES)
    else:
        low, high = numbers.mean(), numbers.std(ddof=1) if len(numbers) > 1 else 0.0
    return round(float(low), _DIGITS), round(float(high), _DIGITS)
