"""The fixed part of every case, loaded once: kept in memory, or in mapped files on the disk.

MONAI's ``PersistentDataset`` is not used for the files: its keys are names and not contents,
it moves files from another folder, which is not in one piece between file systems, takes a
file with a flipped bit for a good one, and reads it whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from monai.data.dataset import CacheDataset
from monai.data.meta_tensor import MetaTensor
from monai.transforms.transform import Transform

from spinesynth import __version__
from spinesynth.anatomy.label_schemes import CLUSTER_SCHEME, PSEUDO_SCHEME
from spinesynth.anatomy.structures import Structure
from spinesynth.errors import SpineSynthError
from spinesynth.io.case import Case
from spinesynth.io.file_digest import digest_file
from spinesynth.io.load_case import load_case
from spinesynth.io.problems import InputFileError, unreadable
from spinesynth.io.tensor_file import DamagedFileError, check_tensors, map_tensors, write_tensors
from spinesynth.io.volume import read_label
from spinesynth.kernels.intensity import normalise_intensity
from spinesynth.pipelines.centre_target import BodyCentresd, knows_bodies, number_bodies
from spinesynth.transforms.base import as_plain

#: To be raised with every change of what :class:`LoadCased` returns for the same files.
LOADER_VERSION = 1
_AFFINE = ".affine"
_SUFFIX = ".case"


class LoadCased(Transform):
    """Load a case into ``label``, and ``image`` if asked for: the cached, fixed part.

    Args:
        with_image: open the image too. Model A is trained with False, so that no
            real image can reach it.
        centres: keep what it makes of the vertebral bodies, where the label map shows them.
    """

    def __init__(self, *, with_image: bool, centres: BodyCentresd | None = None) -> None:
        self.with_image, self.centres = with_image, centres

    def __call__(self, data: dict[str, Case]) -> dict[str, Any]:
        """Return the arrays of ``data["case"]``."""
        case = data["case"]
        loaded = load_case(case, need_image=self.with_image)
        result: dict[str, Any] = {"case": case, "label": loaded.structure}
        if self.centres is not None and loaded.structure is not None and knows_bodies(case):
            result |= self.centres.kept(number_bodies(loaded.structure, loaded.instance))
        if not self.with_image and case.scheme == PSEUDO_SCHEME and loaded.structure is not None:
            # what is painted there is background, so that the target knows it again
            loaded.structure[loaded.structure == Structure.UNKNOWN] = int(Structure.BACKGROUND)
        if case.scheme == CLUSTER_SCHEME and case.label:
            # painted as they are: the surroundings are divided, none have to be drawn
            result["tissue"] = read_label(case.label).to(torch.uint8)
        if self.with_image and loaded.image is not None:
            voxels = normalise_intensity(loaded.image.as_tensor())
            result["image"] = MetaTensor(voxels, affine=loaded.image.affine)
        return result


class CaseCache(Protocol):
    """Describe the fixed parts of cases, by their number."""

    def __len__(self) -> int:
        """Return the number of cases."""

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return ``case``, ``label`` and, if there are any, ``tissue``, ``bodies``, ``image``."""


class DiskCache:
    """Fixed parts of cases in files of a folder, mapped into memory when they are used.

    Each is loaded once, for all trainings that share the folder. Its file has the name of
    a hash of the contents of the case's files and of all else that decides what is loaded.
    Every file is read through and compared with its digest here; one that is torn or
    changed is made again. Any number of processes may use a folder, and be killed.

    Args:
        cases: to load.
        with_image: open the images too.
        centres: keep what it makes of the vertebral bodies too.
        folder: of the files; made if missing.

    Raises:
        InputFileError: if a case's file is missing or refused.
        OutputError: if the disk refuses a file.
    """

    def __init__(
        self,
        cases: Sequence[Case],
        *,
        with_image: bool,
        centres: BodyCentresd | None = None,
        folder: Path,
    ) -> None:
        self.cases, self.folder = tuple(cases), folder
        self.load = LoadCased(with_image=with_image, centres=centres)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.keys = [self._key(case) for case in self.cases]
        for index in range(len(self.cases)):
            try:
                check_tensors(self.path(index))
            except DamagedFileError:
                self._make(index)

    def __len__(self) -> int:
        """Return the number of cases."""
        return len(self.cases)

    def _key(self, case: Case) -> str:
        load = self.load
        return content_key(case, with_image=load.with_image, centres=load.centres)

    def path(self, index: int) -> Path:
        """Return the file of a case."""
        return self.folder / f"{self.keys[index]}{_SUFFIX}"

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return ``case``, ``label`` and, if there are any, ``tissue``, ``bodies``, ``image``.

        Raises:
            InputFileError: if the file is gone and the case's own files have changed.
        """
        try:
            stored = map_tensors(self.path(index))
        except DamagedFileError:  # somebody removed or cut it since
            self._refuse_another_case(index)
            self._make(index)
            stored = map_tensors(self.path(index))
        volumes: dict[str, Any] = {"case": self.cases[index]}
        for name, value in stored.items():
            if not name.endswith(_AFFINE):
                volumes[name] = MetaTensor(value, affine=stored[name + _AFFINE].clone())
        return volumes

    def _make(self, index: int) -> None:
        loaded = self.load({"case": self.cases[index]})
        tensors = {}
        for name, value in loaded.items():
            if isinstance(value, MetaTensor):
                tensors[name], tensors[name + _AFFINE] = as_plain(value), as_plain(value.affine)
        write_tensors(self.path(index), tensors)

    def _refuse_another_case(self, index: int) -> None:
        case = self.cases[index]
        if self._key(case) != self.keys[index]:
            raise InputFileError(
                case.label or case.image or case.case_id,
                f"files of case {case.case_id} have changed since the training began",
                remedy="put them back, or start anew",
                code="E-CASE-006",
            )


def content_key(case: Case, *, with_image: bool, centres: BodyCentresd | None = None) -> str:
    """Return what names the fixed part of a case: a hash of all that decides it.

    Args:
        case: whose files are read for it, the image only if asked for.
        with_image: whether the image is a part.
        centres: what is kept of the vertebral bodies, if anything.

    Raises:
        InputFileError: if a file is missing.
    """
    files = {"image": case.image if with_image else None, "label": case.label}
    files["instances"] = case.instances
    decides = {
        "loader": LOADER_VERSION, "version": __version__, "with_image": with_image,
        "scheme": case.scheme, "annotated": sorted(case.annotated),
        "resamples_label": case.resamples_label,
        **(centres.decides() if centres else {}),
        "files": {role: _digest(path) for role, path in files.items() if path is not None},
    }  # fmt: skip
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def _digest(path: Path) -> str:
    try:
        return digest_file(path)
    except FileNotFoundError as error:
        raise InputFileError(
            path, "no such file", remedy="check the path and its spelling", code="E-IN-001"
        ) from error
    except OSError as error:
        raise unreadable(path, error) from error


def cache_cases(
    cases: Sequence[Case],
    *,
    with_image: bool,
    centres: BodyCentresd | None = None,
    folder: Path | None,
) -> CaseCache:
    """Load the fixed part of every case, and keep it.

    Args:
        cases: to load.
        with_image: open the images too.
        centres: keep what it makes of the vertebral bodies too.
        folder: of a cache on the disk; None to keep all in memory.

    Raises:
        InputFileError: if a case's file is missing or refused.
        OutputError: if the disk refuses a file of the cache.
    """
    if folder is not None:
        return DiskCache(cases, with_image=with_image, centres=centres, folder=folder)
    try:
        return CacheDataset(
            [{"case": case} for case in cases],
            LoadCased(with_image=with_image, centres=centres),
            num_workers=0,
            progress=False,
            copy_cache=False,
        )
    except RuntimeError as error:  # our own error, not MONAI's wrapping
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, SpineSynthError):
            cause = cause.__cause__
        raise (cause or error) from None
