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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.anatomy.label_schemes import LabelScheme, get_scheme
from spinesynth.errors import ConfigError, InputError
from spinesynth.io.file_digest import digest_file
from spinesynth.pipelines.content_digest import digest_voxels
from spinesynth.pipelines.ensemble import Origin, Weighting, load_members
from spinesynth.pipelines.evaluate import Predictor
from spinesynth.pipelines.predict import Engine, expressible_groups
from spinesynth.pipelines.tool_predictions import (
    FilePrediction,
    second_prediction,
    volume_stem,
)

#: May stand between the name of an image and the ending of its prediction's file.
_TAG = "_seg"


class SuiteModel(Protocol):
    """Describe a model of the suite.

    A task is the name of one degraded image, see ``exported_images.task_name``. Most models predict
    every image alike and do not look at it.
    """

    @property
    def name(self) -> str:
        """Name in tables."""

    def digest(self, task: str) -> str:
        """Return what its predictions follow from: kept results of another are not its own."""

    def predictor(self, task: str) -> Predictor:
        """Return what segments the image of a task."""


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
    engine: Engine = "torch",
) -> tuple[CallableModel, Origin]:
    """Return the model of one checkpoint, or of several that vote, and what they say.

    Args:
        name: in tables; empty for what the checkpoints call themselves.
        checkpoints: files that this package wrote.
        weighting: of the votes.
        scales: that each network votes at.
        engine: what runs the networks. Each keeps scores of its own, as voxels on a tie
            may differ.

    Raises:
        CheckpointError: if a checkpoint is refused.
        ConfigError: if they do not fit together, or the engine is not installed.
    """
    predictor, origin = load_members(checkpoints, weighting=weighting, scales=scales, engine=engine)
    text = " ".join([*map(digest_file, checkpoints), weighting, *map(str, scales)])
    text += "" if engine == "torch" else f" {engine}"
    version = hashlib.sha256(text.encode()).hexdigest()
    return CallableModel(name or origin.model, predictor, version), origin


class SavedPredictions:
    """Predictions that another tool has made of exported images.

    Args:
        name: in tables.
        folder: with one label map for each image, ``<task>.nii.gz``, ``.nii`` or ``.mha``,
            ``_seg`` allowed before the ending.
        scheme: label scheme of the files.
        exported: digest of each image that the tool was given, by its task, see
            ``read_export``; None compares none.

    Raises:
        ConfigError: if the scheme is unknown.
        InputError: if there is no such folder, or two files of one image.
    """

    def __init__(
        self, name: str, folder: Path, *, scheme: str, exported: Mapping[str, str] | None = None
    ) -> None:
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder of predictions", code="E-IN-001")
        try:
            self.scheme: LabelScheme = get_scheme(scheme)
        except ValueError as error:
            raise ConfigError(str(error), code="E-CONF-005") from error
        self.name, self.folder, self.exported = name, folder, exported
        self._files = _find_files(folder)

    def digest(self, task: str) -> str:
        """Return the digest of the file's bytes, the scheme it is read by, and its image's."""
        path = self._files.get(task)
        image = "any" if self.exported is None else self.exported.get(task, "none")
        return f"{digest_file(path) if path else 'none'} {self.scheme.name} {image}"

    def predictor(self, task: str) -> Predictor:
        """Return what reads the file of a task."""
        image = None if self.exported is None else self.exported.get(task, "")
        return _SavedPrediction(self._files.get(task), task, self.folder, self.scheme, image)


def _find_files(folder: Path) -> dict[str, Path]:
    """Return the label map of each task."""
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        stem = volume_stem(path)
        if stem is None:
            continue
        task = stem.removesuffix(_TAG)
        if task in files:
            raise second_prediction(path, task, files[task])
        files[task] = path
    return files


class _SavedPrediction(FilePrediction):
    """One file in place of a prediction of the image with some digest, None for any."""

    def __init__(
        self, path: Path | None, task: str, folder: Path, scheme: LabelScheme, image: str | None
    ) -> None:
        super().__init__(task, path, scheme)
        self.folder, self.image = folder, image
        self.groups = expressible_groups(scheme)

    def __call__(self, image: MetaTensor, /) -> Tensor:
        """Return the codes of the file, on the grid of the image."""
        if self.path is None:
            raise InputError(
                f"{self.folder} holds no {self.case_id}.nii.gz; segment the exported image of "
                "that name, or leave its condition out",
                code="E-EVAL-004",
            )
        if self.image is not None and self.image != digest_voxels(image.float()):
            raise InputError(
                f"{self.case_id} is not the image that was exported: its scan, reference or "
                "this package have changed, or the machine is another one; export and segment it "
                "again",
                code="E-EVAL-006",
            )
        return super().__call__(image)
