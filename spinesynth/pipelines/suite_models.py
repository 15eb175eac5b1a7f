"""What the robustness suite scores: networks, any Python callable, or saved predictions.

Example:
    Any callable from an image to ``Structure`` codes is a model; its version says when kept
    results are no longer its own.

    >>> import torch
    >>> from monai.data import MetaTensor
    >>> from spinesynth.anatomy.structures import Structure
    >>> def bright_is_disc(image: MetaTensor) -> torch.Tensor:
    ...     return (image.as_tensor()[0] > 100).to(torch.uint8) * int(Structure.DISC)
    >>> model = CallableModel("threshold", bright_is_disc, version="100")
    >>> model.predictor("case1__noise__3")(MetaTensor(200 * torch.ones(1, 1, 1, 1))).tolist()
    [[[3]]]
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.anatomy.label_schemes import LabelScheme, get_scheme
from spinesynth.errors import ConfigError, InputError
from spinesynth.io.align import check_same_grid
from spinesynth.io.file_digest import digest_file
from spinesynth.io.volume import read_label
from spinesynth.pipelines.ensemble import Origin, Weighting, load_members
from spinesynth.pipelines.evaluate import Predictor
from spinesynth.pipelines.predict import expressible_groups

#: Endings of a saved prediction's file behind the name of its image.
_ENDINGS = tuple(f"{tag}{kind}" for tag in ("", "_seg") for kind in (".nii.gz", ".nii", ".mha"))


class SuiteModel(Protocol):
    """Describe a model of the suite.

    A task is the name of one degraded image, see :func:`task_name`. Most models predict
    every image alike and do not look at it.
    """

    @property
    def name(self) -> str:
        """Name in tables."""

    def digest(self, task: str) -> str:
        """Return what its predictions follow from: kept results of another are not its own."""

    def predictor(self, task: str) -> Predictor:
        """Return what segments the image of a task."""


def task_name(case_id: str, condition: str, severity: int) -> str:
    """Return the name of a degraded image, as its file has it.

    Example:
        >>> task_name("patient 7", "low_snr", 3)
        'patient_7__low_snr__3'
    """
    return f"{re.sub('[^A-Za-z0-9._-]', '_', case_id)}__{condition}__{severity}"


@dataclass(frozen=True)
class CallableModel:
    """A model that is a callable.

    Args:
        name: in tables.
        model: canonical image ``(1, I, J, K)`` in, integer ``Structure`` codes out.
        version: of the model: change it when its predictions do.
    """

    name: str
    model: Predictor
    version: str

    def digest(self, task: str) -> str:
        """Return the version."""
        return self.version

    def predictor(self, task: str) -> Predictor:
        """Return the callable."""
        return self.model


def load_model(
    name: str,
    checkpoints: Sequence[Path],
    *,
    weighting: Weighting = "mean",
    scales: Sequence[float] = (1.0,),
) -> tuple[CallableModel, Origin]:
    """Return the model of one checkpoint, or of several that vote, and what they say.

    Args:
        name: in tables; empty for what the checkpoints call themselves.
        checkpoints: files that this package wrote.
        weighting: of the votes.
        scales: that each network votes at.

    Raises:
        CheckpointError: if a checkpoint is refused.
        ConfigError: if they do not fit together.
    """
    predictor, origin = load_members(checkpoints, weighting=weighting, scales=scales)
    text = " ".join([*map(digest_file, checkpoints), weighting, *map(str, scales)])
    version = hashlib.sha256(text.encode()).hexdigest()
    return CallableModel(name or origin.model, predictor, version), origin


class SavedPredictions:
    """Predictions that another tool has made of exported images.

    Args:
        name: in tables.
        folder: with one label map for each image, ``<task>.nii.gz``, ``.nii`` or ``.mha``,
            ``_seg`` allowed before the ending.
        scheme: label scheme of the files.

    Raises:
        ConfigError: if the scheme is unknown.
        InputError: if there is no such folder.
    """

    def __init__(self, name: str, folder: Path, *, scheme: str) -> None:
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder of predictions", code="E-IN-001")
        try:
            self.scheme: LabelScheme = get_scheme(scheme)
        except ValueError as error:
            raise ConfigError(str(error), code="E-CONF-005") from error
        self.name, self.folder = name, folder

    def digest(self, task: str) -> str:
        """Return the digest of the file's bytes, and the scheme it is read by."""
        path = self._find(task)
        return f"{digest_file(path) if path else 'none'} {self.scheme.name}"

    def predictor(self, task: str) -> Predictor:
        """Return what reads the file of a task."""
        return _SavedPrediction(self._find(task), task, self.folder, self.scheme)

    def _find(self, task: str) -> Path | None:
        paths = [self.folder / f"{task}{ending}" for ending in _ENDINGS]
        return next((path for path in paths if path.is_file()), None)


class _SavedPrediction:
    """One file in place of a prediction."""

    def __init__(self, path: Path | None, task: str, folder: Path, scheme: LabelScheme) -> None:
        self.path, self.task, self.folder, self.scheme = path, task, folder, scheme
        self.groups = expressible_groups(scheme)

    def __call__(self, image: MetaTensor, /) -> Tensor:
        """Return the codes of the file, on the grid of the image."""
        if self.path is None:
            raise InputError(
                f"{self.folder} holds no {self.task}.nii.gz; segment the exported image of "
                "that name, or leave its condition out",
                code="E-EVAL-004",
            )
        label = check_same_grid(image, read_label(self.path), remedy="predict on the image's grid")
        structure, _ = self.scheme.decode(label.as_tensor())
        return structure[0]
