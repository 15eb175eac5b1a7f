"""Divide label maps by the intensities of their images, as label maps for synthesis.

Mode ``label+EM``: this uses real images. Inside each structure the intensities
become two or three clusters, outside 3 to 10, one label map for each number.
Codes are those of the scheme ``em_clusters``, so that the structures are kept:
20 times the structure plus the cluster, by rising intensity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from spinesynth import __version__
from spinesynth.anatomy.label_schemes import (
    CLUSTER_SCHEME,
    CLUSTER_SOURCE_PREFIX,
    MAX_CLUSTERS,
    PSEUDO_SCHEME,
)
from spinesynth.anatomy.structures import Structure
from spinesynth.errors import ConfigError, InputError
from spinesynth.io.case import Case
from spinesynth.io.discover import MANIFEST_NAME, discover_cases
from spinesynth.io.load_case import LoadedCase, load_case
from spinesynth.io.problems import InputFileError
from spinesynth.io.tables import write_csv
from spinesynth.io.write import write_volume
from spinesynth.kernels.intensity import normalise_intensity
from spinesynth.pipelines.claim_folder import claim_folder
from spinesynth.pipelines.intensity_clusters import Mixture, choose_mixture, fit_mixture
from spinesynth.pipelines.process_pool import run_each
from spinesynth.pipelines.readable import refuse_unreadable
from spinesynth.pipelines.run_record import CLUSTER_MODE, write_json
from spinesynth.seeding import derive_seed32

OUTSIDE = (3, 10)

_RECORD = "em_labels.json"
_INSIDE_BY_BIC = (2, 3)


@dataclass(frozen=True)
class _Plan:
    """What decides the label maps of every case.

    Args:
        folder: where they go.
        inside: numbers of clusters to try inside a structure.
        outside: numbers of clusters outside, one label map each.
        seed: of everything random.
    """

    folder: Path
    inside: tuple[int, ...]
    outside: tuple[int, ...]
    seed: int

    def maps(self, case: Case) -> dict[int, Path]:
        """Return the label map of each number of clusters outside."""
        return {n: self.folder / f"{case.case_id}_em{n:02d}.nii.gz" for n in self.outside}

    def record(self, case: Case) -> Path:
        """Return the JSON file of a case."""
        return self.folder / f"{case.case_id}_em.json"

    def missing(self, case: Case) -> set[Path]:
        """Return the files of a case that are not there; each is complete or not there."""
        files = (*self.maps(case).values(), self.record(case))
        return {path for path in files if not path.exists()}


def write_em_labels(
    data: Path,
    *,
    output: Path,
    inside: int | None = None,
    outside: tuple[int, int] = OUTSIDE,
    seed: int = 42,
    workers: int = 1,
) -> Path:
    """Write label maps whose structures and surroundings are divided by intensity.

    Files of a complete case stay, so that the same call goes on where it ended.
    Equal settings give equal bytes, also with other numbers of workers.

    Args:
        data: manifest CSV or folder of a data set; of its cases those are used
            that have image and label map.
        output: folder for label maps, their JSON and the manifest ``cases.csv``;
            made if missing.
        inside: clusters inside each structure; None takes the better of 2 and 3
            by the Bayesian information criterion.
        outside: smallest and largest number of clusters outside, one label map
            for each number between.
        seed: of everything random.
        workers: processes.

    Returns:
        Path of the manifest; one row for each label map.

    Raises:
        ConfigError: if a number is impossible, or the folder was made otherwise.
        InputError: if no case has image and label map, or one is refused; nothing
            of the new cases is written then.
        OutputError: if a file cannot be written.
    """
    plan = _plan(output, inside=inside, outside=outside, seed=seed)
    cases = [
        case
        for case in discover_cases(data)
        if case.image and case.label and case.scheme != PSEUDO_SCHEME
    ]
    if not cases:
        raise InputError(
            f"{data} holds no case with image and label map; add both for a case, or draw "
            "surroundings without images by 'spinesynth synth'",
            code="E-CASE-005",
        )
    tasks = [(plan, case) for case in cases if plan.missing(case)]
    refuse_unreadable(((case, True) for _, case in tasks), data=data, check=_refuse_unusable)
    settings = {
        "data": str(data.resolve()),
        "inside": list(plan.inside),
        "outside": list(plan.outside),
        "seed": seed,
    }
    claim_folder(output / _RECORD, mode=CLUSTER_MODE, settings=settings)
    run_each(_write_case, tasks, workers=workers, title="clusters")
    manifest = output / MANIFEST_NAME
    write_csv(manifest, pd.DataFrame([row for case in cases for row in _rows(plan, case)]))
    return manifest


def _plan(folder: Path, *, inside: int | None, outside: tuple[int, int], seed: int) -> _Plan:
    low, high = outside
    problems = []
    if inside is not None and not 1 <= inside <= MAX_CLUSTERS:
        problems.append(f"clusters inside must be in [1, {MAX_CLUSTERS}], got {inside}")
    if not 1 <= low <= high <= MAX_CLUSTERS:
        problems.append(
            f"clusters outside must be an ordered pair within [1, {MAX_CLUSTERS}], "
            f"got {low} to {high}"
        )
    if problems:
        raise ConfigError("; ".join(problems), code="E-CONF-002")
    chosen = _INSIDE_BY_BIC if inside is None else (inside,)
    return _Plan(folder, chosen, tuple(range(low, high + 1)), seed)


def _refuse_unusable(loaded: LoadedCase) -> None:
    """Raise if a label map leaves nothing to divide inside or outside."""
    assert loaded.structure is not None  # the case has a label map
    inside = loaded.structure.as_tensor() != Structure.BACKGROUND
    if bool(inside.any()) and not bool(inside.all()):
        return
    held = "leaves no background" if bool(inside.any()) else "is background alone"
    raise InputFileError(
        loaded.case.label or loaded.case.case_id,
        f"the label map {held}, so there is nothing to divide there",
        remedy="give a label map of this image, with structures and background",
        code="E-LAB-006",
    )


def _write_case(task: tuple[_Plan, Case]) -> None:
    """Write the missing files of one case."""
    plan, case = task
    missing = plan.missing(case)
    loaded = load_case(case)
    assert loaded.image is not None  # the case has both
    assert loaded.structure is not None
    values = normalise_intensity(loaded.image.as_tensor()).numpy()
    structure = loaded.structure.as_tensor().numpy()
    codes, inside = _divide_inside(plan, case, values, structure)
    background = structure == Structure.BACKGROUND
    outside: dict[int, Mixture] = {}
    for count, path in plan.maps(case).items():
        seed = derive_seed32(plan.seed, case.case_id, "outside", count)
        outside[count] = fit_mixture(values[background], count, seed=seed)
        codes[background] = outside[count].assign(values[background])
        if path in missing:
            write_volume(path, torch.from_numpy(codes), like=loaded.image)
    if plan.record(case) in missing:
        write_json(plan.record(case), _describe(plan, case, inside, outside))


def _divide_inside(
    plan: _Plan, case: Case, values: npt.NDArray[np.float32], structure: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.uint8], dict[Structure, Mixture]]:
    """Return the codes of every structure, and the mixture of each."""
    codes = np.zeros_like(structure)
    mixtures: dict[Structure, Mixture] = {}
    for member in Structure:
        place = structure == member
        if member == Structure.BACKGROUND or not place.any():
            continue
        seed = derive_seed32(plan.seed, case.case_id, member.name)
        mixtures[member] = choose_mixture(values[place], plan.inside, seed=seed)
        codes[place] = int(member) * MAX_CLUSTERS + mixtures[member].assign(values[place])
    return codes, mixtures


def _describe(
    plan: _Plan, case: Case, inside: dict[Structure, Mixture], outside: dict[int, Mixture]
) -> dict[str, Any]:
    """Return what made the label maps of a case."""
    return {
        "mode": CLUSTER_MODE,
        "case_id": case.case_id,
        "image": str(case.image),
        "label": str(case.label),
        "seed": plan.seed,
        "scheme": CLUSTER_SCHEME,
        "coding": f"{MAX_CLUSTERS} * structure + cluster, clusters by rising mean",
        "intensities": "scaled to [0, 1] by the 0.5th and 99.5th percentile above the padding",
        "inside_tried": list(plan.inside),
        "inside": {member.name.lower(): found.to_dict() for member, found in inside.items()},
        "outside": {str(count): found.to_dict() for count, found in outside.items()},
        "versions": {"spinesynth": __version__, "scikit-learn": metadata.version("scikit-learn")},
    }


def _rows(plan: _Plan, case: Case) -> Sequence[dict[str, str]]:
    """Return the manifest's rows of a case."""
    return [
        {
            "case_id": path.name.removesuffix(".nii.gz"),
            "patient_id": case.patient_id,
            "source": f"{CLUSTER_SOURCE_PREFIX}{case.source}",
            "contrast": case.contrast,
            "annotated": " ".join(sorted(case.annotated)),
            "scheme": CLUSTER_SCHEME,
            "image": "",
            "label": path.name,
        }
        for path in plan.maps(case).values()
    ]
