"""Write phantoms as data sets: label maps of nobody, with scans of them if wanted.

======================== ====================================================
file of a phantom        contents
======================== ====================================================
``NAME_label.nii.gz``    structures, scheme ``spine6``
``NAME_instances.nii.gz`` upward counts of vertebrae and discs
``NAME_tissue.nii.gz``   tissues, codes of :class:`~spinesynth.anatomy.tissues.Tissue`
``NAME_T1.nii.gz``, ...  scans, if wanted
``NAME.json``            mode, seed, vertebrae cut by the edge, and record
======================== ====================================================

``cases.csv`` lists them. In SPIDER's layout there are ``masks/1_t1.mha`` in
SPIDER's codes, ``images/1_t1.mha`` and ``records/1.json`` instead.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.anatomy.label_schemes import get_scheme
from spinesynth.anatomy.phantom import PhantomMaps, draw_phantom, render_phantom
from spinesynth.anatomy.phantom.partial import partial_instances
from spinesynth.anatomy.structures import Structure
from spinesynth.errors import ConfigError
from spinesynth.io.discover import MANIFEST_NAME
from spinesynth.io.tables import write_csv
from spinesynth.io.write import write_volume
from spinesynth.pipelines.claim_folder import claim_folder, write_record
from spinesynth.pipelines.phantom_data import (
    PHANTOM_ANNOTATED,
    PHANTOM_CONTRASTS,
    PHANTOM_SOURCE,
    scan_phantom,
)
from spinesynth.pipelines.process_pool import run_each
from spinesynth.pipelines.run_record import PHANTOM_MODE, write_json
from spinesynth.seeding import derive_seed

PHANTOM_SHAPE, PHANTOM_SPACING_MM = (9, 208, 256), (4.0, 1.0, 1.0)

_RECORD = "phantoms.json"
_LABEL_MAPS = ("label", "instances", "tissue")
_MASK = "mask"
_SPIDER_DISCS = 9  # codes 201 to 209


@dataclass(frozen=True)
class _Plan:
    """What decides the files of every phantom.

    Args:
        folder: where they go.
        seed: of the data set.
        shape: voxels along R, A, S.
        spacing_mm: voxel size along R, A, S.
        contrasts: of the scans.
        spider: whether the layout is SPIDER's.
        fresh: whether files that are there are written again.
    """

    folder: Path
    seed: int
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    contrasts: tuple[str, ...]
    spider: bool
    fresh: bool

    def name(self, number: int) -> str:
        """Return the name of a phantom, the number of a patient in SPIDER's layout."""
        return str(number + 1) if self.spider else f"phantom{number + 1:03d}"

    def volumes(self, number: int) -> dict[Path, str]:
        """Return what is to stand in each volume of a phantom: a contrast or a kind of map."""
        name = self.name(number)
        if not self.spider:
            kinds = (*_LABEL_MAPS, *self.contrasts)
            return {self.folder / f"{name}_{kind}.nii.gz": kind for kind in kinds}
        series = {f"{name}_{contrast.lower()}.mha": contrast for contrast in self.contrasts}
        return {
            **{self.folder / "images" / file: contrast for file, contrast in series.items()},
            **{self.folder / "masks" / file: _MASK for file in series},
        }

    def record(self, number: int) -> Path:
        """Return the JSON file of a phantom."""
        folder = self.folder / "records" if self.spider else self.folder
        return folder / f"{self.name(number)}.json"

    def missing(self, number: int) -> set[Path]:
        """Return the files of a phantom that are to be written; each is complete or not there."""
        files = {*self.volumes(number), self.record(number)}
        return files if self.fresh else {path for path in files if not path.exists()}

    def settings(self) -> dict[str, Any]:
        """Return what must be equal for a folder to be continued, as JSON types."""
        return {
            "seed": self.seed,
            "shape": list(self.shape),
            "spacing_mm": list(self.spacing_mm),
            "contrasts": list(self.contrasts),
            "layout": "spider" if self.spider else "nifti",
        }


def write_phantom_dataset(
    folder: Path,
    *,
    patients: int,
    seed: int,
    contrasts: Sequence[str] = PHANTOM_CONTRASTS,
    shape: tuple[int, int, int] = PHANTOM_SHAPE,
    spacing_mm: tuple[float, float, float] = PHANTOM_SPACING_MM,
    spider: bool = False,
    resume: bool = False,
    workers: int = 1,
) -> Path:
    """Write phantoms with a manifest, or in SPIDER's layout, as a user's own data would lie.

    Phantom number n is the same whatever their number, grid or layout. Equal
    settings give equal bytes, also with other numbers of workers.

    Args:
        folder: where files go; made if missing.
        patients: number of phantoms, each scanned in every contrast.
        seed: of the data set.
        contrasts: among ``T1`` and ``T2``; SPIDER's layout needs at least one.
        shape: voxels along R, A, S.
        spacing_mm: voxel size along R, A, S.
        spider: SPIDER's layout and codes.
        resume: write only the files that are missing in a folder that was made
            with the same settings, and refuse any other; there may be more
            phantoms than before. False writes all of them anew.
        workers: processes.

    Returns:
        Path of the manifest ``cases.csv``, or the folder itself in SPIDER's layout.

    Raises:
        ConfigError: if a setting is impossible, or ``resume`` meets other settings.
        OutputError: if a file cannot be written.
    """
    plan = _Plan(folder, seed, shape, spacing_mm, tuple(contrasts), spider, fresh=not resume)
    _check(plan)
    record = folder / _RECORD
    if resume:
        claim_folder(record, mode=PHANTOM_MODE, settings=plan.settings())
    else:
        record.unlink(missing_ok=True)  # until all is written, nothing tells what the folder holds
    for part in ("images", "masks", "records") if spider else (".",):
        (folder / part).mkdir(parents=True, exist_ok=True)
    tasks = [(plan, number) for number in range(patients) if plan.missing(number)]
    run_each(_write_phantom, tasks, workers=workers, title="phantoms")
    if not resume:
        write_record(record, mode=PHANTOM_MODE, settings=plan.settings())
    if spider:
        return folder
    manifest = folder / MANIFEST_NAME
    write_csv(manifest, pd.DataFrame([row for n in range(patients) for row in _rows(plan, n)]))
    return manifest


def _check(plan: _Plan) -> None:
    """Refuse settings that no phantom can be drawn with."""
    problems = []
    if min(plan.shape) < 1:
        problems.append(f"shape must be three sizes of at least 1, got {plan.shape}")
    if not all(0 < size < math.inf for size in plan.spacing_mm):
        problems.append(f"spacing_mm must be three sizes > 0, got {plan.spacing_mm}")
    unknown = [name for name in plan.contrasts if name not in PHANTOM_CONTRASTS]
    if unknown or len(set(plan.contrasts)) < len(plan.contrasts):
        problems.append(
            f"contrasts must be among {', '.join(PHANTOM_CONTRASTS)}, each once, "
            f"got {', '.join(plan.contrasts)}"
        )
    if plan.spider and not plan.contrasts:
        problems.append("SPIDER's layout pairs each mask with an image: name a contrast, got none")
    if problems:
        raise ConfigError("; ".join(problems), code="E-CONF-002")


def _write_phantom(task: tuple[_Plan, int]) -> None:
    """Write the missing files of one phantom."""
    plan, number = task
    missing, seed = plan.missing(number), derive_seed(plan.seed, "phantom", number)
    phantom = draw_phantom(seed)
    maps = render_phantom(phantom, shape=plan.shape, spacing_mm=plan.spacing_mm)
    for path, kind in plan.volumes(number).items():
        if path in missing:
            volume = MetaTensor(_draw(kind, maps, seed), affine=maps.affine)
            write_volume(path, volume, like=volume)
    if plan.record(number) in missing:
        content = {
            "mode": PHANTOM_MODE,
            "seed": seed,
            "partial_instances": list(partial_instances(maps)),
            "record": json.loads(phantom.to_json()),
        }
        write_json(plan.record(number), content)


def _draw(kind: str, maps: PhantomMaps, seed: int) -> Tensor:
    """Return a scan or a map of a phantom, ``(1, I, J, K)``."""
    if kind in PHANTOM_CONTRASTS:
        return scan_phantom(maps, kind, seed=seed).to(torch.int16)
    if kind == _MASK:
        return _spider_mask(maps)[None]
    labels = {"label": maps.structure, "instances": maps.instance, "tissue": maps.tissue}
    return labels[kind][None]


def _spider_mask(maps: PhantomMaps) -> Tensor:
    """Return SPIDER's codes, int16; a tenth disc, for which it has none, becomes background."""
    beyond = (maps.structure == Structure.DISC) & (maps.instance > _SPIDER_DISCS)
    structure = maps.structure.masked_fill(beyond, int(Structure.BACKGROUND))
    return get_scheme("spider").encode(structure, maps.instance).to(torch.int16)


def _rows(plan: _Plan, number: int) -> list[dict[str, str]]:
    """Return a phantom's rows of the manifest: one a scan, one in all without scans."""
    name = plan.name(number)
    return [
        {
            "case_id": f"{name}_{contrast}" if contrast else name,
            "patient_id": name,
            "source": PHANTOM_SOURCE,
            "contrast": contrast,
            "annotated": " ".join(sorted(PHANTOM_ANNOTATED)),
            "scheme": "spine6",
            "image": f"{name}_{contrast}.nii.gz" if contrast else "",
            "label": f"{name}_label.nii.gz",
            "instances": f"{name}_instances.nii.gz",
        }
        for contrast in plan.contrasts or ("",)
    ]
