"""Prepare measured T1 and T2 maps for synthesis: clean them, estimate PD from real TSE images.

Mode ``physics-qmri``: this uses real images. What it does to them is in
:mod:`spinesynth.kernels.measured_maps`; the maps are for
:class:`~spinesynth.transforms.RandSynthMRI`.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spinesynth.anatomy.label_schemes import get_scheme
from spinesynth.anatomy.structures import REPORT_GROUPS
from spinesynth.errors import ConfigError
from spinesynth.io.problems import InputFileError
from spinesynth.io.write import write_volume
from spinesynth.kernels.measured_maps import (
    BRIGHTEST_KEEPS,
    CLIP_MS,
    clean_relaxation,
    estimate_pd,
    least_t2_ms,
)
from spinesynth.pipelines.claim_folder import claim_folder
from spinesynth.pipelines.measured_files import (
    MeasuredFiles,
    MeasuredTSE,
    MeasuredVolumes,
    read_measured,
)
from spinesynth.pipelines.run_record import write_json

#: Measured maps of real patients, and their real images.
QMRI_MODE = "physics-qmri"
#: The vertebrae: their long T1 and T2 are kept. The sacrum is fused vertebrae.
SPARED = ("vertebra", "sacrum")

_RECORD = "qmri.json"


@dataclass(frozen=True, kw_only=True)
class Cleaning:
    """How maps are cleaned.

    Args:
        clip_ms: T1 and T2 above it are outliers outside the spared structures.
        spare: groups of :data:`~spinesynth.anatomy.structures.REPORT_GROUPS` whose long
            times are kept.
        brightest_keeps: share of its PD that the brightest tissue of a TSE shows at least;
            it bounds T2 from below, see :func:`~spinesynth.kernels.measured_maps.least_t2_ms`.
    """

    clip_ms: float = CLIP_MS
    spare: tuple[str, ...] = SPARED
    brightest_keeps: float = BRIGHTEST_KEEPS


def prepare_qmri(
    files: MeasuredFiles,
    *,
    output: Path,
    scheme: str = "spider",
    cleaning: Cleaning | None = None,
    resample: bool = False,
) -> Path:
    """Write cleaned T1 and T2 maps and a PD map of each TSE, on the grid of the first TSE.

    The files are ``t1_ms``, ``t2_ms``, ``pd_t1w`` and ``pd_t2w`` (``.nii.gz``) and
    ``qmri.json``, which says what made them; it names the maps once all are complete.

    Args:
        files: maps, TSE images and label map of one patient.
        output: folder of this patient's maps; made if missing.
        scheme: label scheme of the label map.
        cleaning: how the maps are cleaned; None as the thesis did.
        resample: put what lies on another grid onto that of the first TSE (cubic
            B-splines, the label map by nearest neighbour), instead of refusing it.

    Returns:
        Path of ``qmri.json``.

    Raises:
        ConfigError: if a number or the scheme is impossible, no TSE is given, or the
            folder was made otherwise.
        InputError: if a file is refused; nothing is written then.
        OutputError: if a file cannot be written.
    """
    cleaning = cleaning or Cleaning()
    _check_settings(files, scheme, cleaning)
    volumes = read_measured(files, scheme=scheme, resample=resample)
    maps = _make_maps(files, volumes, cleaning)
    settings = {
        "files": {field.name: _describe(getattr(files, field.name)) for field in fields(files)},
        "scheme": scheme,
        "cleaning": asdict(cleaning),
        "resample": resample,
    }
    record = output / _RECORD
    claim_folder(record, mode=QMRI_MODE, settings=settings)
    grid = next(iter(volumes.images.values()))
    for name, values in maps.items():
        write_volume(output / f"{name}.nii.gz", values, like=grid)
    made = json.loads(record.read_text(encoding="utf-8"))
    write_json(record, {**made, "maps": {name: _summary(maps[name]) for name in sorted(maps)}})
    return record


def _check_settings(files: MeasuredFiles, scheme: str, cleaning: Cleaning) -> None:
    """Raise one error that names every impossible setting."""
    problems = []
    if not files.images():
        problems.append("give the T1-weighted TSE, the T2-weighted TSE or both")
    for name, found in files.images().items():
        if not 0 < found.te_ms < found.tr_ms < math.inf:
            problems.append(
                f"te_ms and tr_ms of {name} must be 0 < te_ms < tr_ms, "
                f"got te_ms {found.te_ms:g} and tr_ms {found.tr_ms:g}"
            )
    if not 0 < cleaning.clip_ms < math.inf:
        problems.append(f"clip_ms must be finite and above 0, got {cleaning.clip_ms:g}")
    if not 0 < cleaning.brightest_keeps <= 1:
        problems.append(f"brightest_keeps must be in (0, 1], got {cleaning.brightest_keeps:g}")
    unknown = sorted(set(cleaning.spare) - set(REPORT_GROUPS))
    if unknown:
        problems.append(f"spare must be of {', '.join(REPORT_GROUPS)}, got {', '.join(unknown)}")
    if problems:
        raise ConfigError("; ".join(problems), code="E-CONF-002")
    try:
        get_scheme(scheme)
    except ValueError as error:
        raise ConfigError(str(error), code="E-CONF-005") from error


def _make_maps(
    files: MeasuredFiles, volumes: MeasuredVolumes, cleaning: Cleaning
) -> dict[str, Tensor]:
    """Return every map ``(1, I, J, K)`` by the name of its file."""
    codes = sorted(int(code) for group in cleaning.spare for code in REPORT_GROUPS[group])
    spared = torch.isin(volumes.structure.as_tensor(), torch.tensor(codes, dtype=torch.uint8))
    if codes and not bool(spared.any()):
        raise InputFileError(
            files.label,
            f"holds none of {', '.join(cleaning.spare)}, whose T1 and T2 must not be clipped",
            remedy="give a label map of the vertebrae, or its right scheme",
            code="E-LAB-007",
        )
    t1_ms, t2_ms = (
        clean_relaxation(times.as_tensor()[None], spared[None], clip_ms=cleaning.clip_ms)
        for times in (volumes.t1_ms, volumes.t2_ms)
    )
    # a magnitude is not negative, but an export may be, a little
    tse = {name: image.as_tensor()[None].clamp(min=0) for name, image in volumes.images.items()}
    for name, found in files.images().items():
        least_ms = least_t2_ms(
            tse[name], t1_ms, tr_ms=found.tr_ms, te_ms=found.te_ms, keeps=cleaning.brightest_keeps
        )
        t2_ms = torch.where(t2_ms > 0, torch.maximum(t2_ms, least_ms), t2_ms)
    maps = {"t1_ms": t1_ms[0], "t2_ms": t2_ms[0]}
    for name, found in files.images().items():
        pd = estimate_pd(tse[name], t1_ms, t2_ms, tr_ms=found.tr_ms, te_ms=found.te_ms)
        maps[f"pd_{name}"] = pd[0]
    return maps


def _describe(given: Path | MeasuredTSE | None) -> dict[str, Any] | str | None:
    """Return a file, or an acquisition, as plain JSON types."""
    if isinstance(given, MeasuredTSE):
        return {**asdict(given), "path": str(given.path.resolve())}
    return str(given.resolve()) if given is not None else None


def _summary(values: Tensor) -> dict[str, float]:
    """Return what tells at a glance whether a map can be right."""
    known = values[values > 0]
    if known.numel() == 0:
        return {"measured_share": 0.0}
    return {
        "measured_share": round(known.numel() / values.numel(), 6),
        "median": float(f"{float(known.median()):.6g}"),
        "largest": float(f"{float(known.max()):.6g}"),
    }
