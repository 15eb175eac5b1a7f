"""Label maps that another tool predicted: which file is of which case, and what its codes mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.anatomy.annotation import report_groups, words_of
from spinesynth.anatomy.label_schemes import LabelScheme
from spinesynth.errors import InputError
from spinesynth.io.align import check_same_grid
from spinesynth.io.case import Case
from spinesynth.io.problems import InputFileError
from spinesynth.io.volume import read_label
from spinesynth.pipelines.leak_guard import Content

_SUFFIXES = (".nii.gz", ".nii", ".mha")
_TO_GRID = "put the prediction back on the image's grid with nearest neighbour"


@dataclass(frozen=True)
class Learnt:
    """What a tool is known to have been trained on.

    Attributes:
        patients: source and id of each; the source is empty where it is not known.
        contents: digests of their images and masks.
    """

    patients: frozenset[tuple[str, str]] = frozenset()
    contents: tuple[Content, ...] = ()

    def __or__(self, other: Learnt) -> Learnt:
        """Return what either was trained on."""
        both = dict.fromkeys((*self.contents, *other.contents))
        return Learnt(self.patients | other.patients, tuple(both))


@dataclass(frozen=True)
class ToolPredictions:
    """The predictions of one tool.

    Attributes:
        name: of the tool, for tables.
        folder: that holds its label maps.
        scheme: of their codes.
        files: by case id.
        learnt: what the tool was trained on, as far as it is known.
    """

    name: str
    folder: Path
    scheme: LabelScheme
    files: Mapping[str, Path]
    learnt: Learnt = field(default_factory=Learnt)

    def predictor(self, case: Case) -> FilePrediction:
        """Return what stands for the tool on a case."""
        return FilePrediction(case.case_id, self.files.get(case.case_id), self.scheme)


class FilePrediction:
    """Predict by reading what a tool has predicted before.

    Args:
        case_id: of the case, for the error.
        path: of the label map; None where there is none.
        scheme: of its codes.
    """

    def __init__(self, case_id: str, path: Path | None, scheme: LabelScheme) -> None:
        self.case_id, self.path, self.scheme = case_id, path, scheme
        self.groups = frozenset(report_groups(words_of(scheme.structures)))

    def __call__(self, image: MetaTensor, /) -> Tensor:
        """Return uint8 ``(I, J, K)`` ``Structure`` codes on the grid of the image.

        Args:
            image: ``(1, I, J, K)``, canonical.

        Raises:
            InputError: if there is no file, or it is refused, lies on another grid or
                holds codes of another scheme.
        """
        if self.path is None:
            raise InputError(f"no prediction of {self.case_id}", code="E-CMP-002")
        label = check_same_grid(image, read_label(self.path), remedy=_TO_GRID)
        try:
            return self.scheme.decode(label.as_tensor()[0]).structure
        except ValueError as error:
            raise InputFileError(
                self.path, str(error), remedy="check --scheme and the tool's version",
                code="E-LAB-001",
            ) from error  # fmt: skip


def find_predictions(
    folder: Path, cases: Sequence[Case], *, suffix: str = ""
) -> tuple[dict[str, Path], list[InputError]]:
    """Return the file of each case in a folder, and what is wrong with the others.

    A file belongs to the case whose id is its name, or whose image has its name; one that
    may so belong to two cases is refused.

    Args:
        folder: with ``.nii``, ``.nii.gz`` or ``.mha`` files; others are ignored.
        cases: that may have a prediction.
        suffix: what stands between the id and the ending of the file; others are ignored.
    """
    if not folder.is_dir():
        error = InputFileError(
            folder, "no such folder", remedy="name the folder of a tool's label maps",
            code="E-IN-001",
        )  # fmt: skip
        return {}, [error]
    case_of, claimed = _names(cases)
    files: dict[str, Path] = {}
    problems: list[InputError] = []
    surplus: list[str] = []
    for path in sorted(folder.iterdir()):
        stem = _stem(path, suffix)
        if stem is None:
            continue
        case_id = case_of.get(stem)
        if stem in claimed:
            problems.append(_ambiguous(path, stem, claimed[stem]))
        elif case_id is None:
            surplus.append(path.name)
        elif case_id in files:
            problems.append(second_prediction(path, case_id, files[case_id]))
        else:
            files[case_id] = path
    if surplus:
        problems.append(
            InputFileError(
                folder, f"predictions of no case of the data: {', '.join(surplus)}",
                remedy="take them away, or name the data that they belong to (a file is named "
                "after the case id or its image; what follows it is --suffix)",
                code="E-CMP-003",
            )
        )  # fmt: skip
    return files, problems


def refuse_missing(predictions: ToolPredictions, cases: Sequence[Case]) -> list[InputError]:
    """Return the error that names every case without a prediction, if there is any."""
    missing = [case.case_id for case in cases if case.case_id not in predictions.files]
    if not missing:
        return []
    error = InputFileError(
        predictions.folder,
        f"no prediction of {', '.join(missing)} ({len(missing)} of {len(cases)} cases)",
        remedy="run the tool on these images, or count them as failures with --allow-missing",
        code="E-CMP-002",
    )
    return [error]


def second_prediction(path: Path, name: str, other: Path) -> InputFileError:
    """Return the error of two files of which either may be the prediction of one image."""
    return InputFileError(
        path, f"a second prediction of {name} beside {other.name}",
        remedy="keep one file of each", code="E-CASE-004",
    )  # fmt: skip


def _ambiguous(path: Path, stem: str, others: Sequence[str]) -> InputFileError:
    return InputFileError(
        path, f"the prediction of case {stem}, or of {', '.join(others)}, whose image is so named",
        remedy="rename the image or the case in the data, or leave one of them out of the data",
        code="E-CMP-003",
    )  # fmt: skip


def _names(cases: Sequence[Case]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Return the case id behind each name that a prediction may have.

    Also the names that are the id of one case and the name of another image, of other
    cases: those cases.
    """
    by_image: dict[str, dict[str, Path]] = {}
    for case in cases:
        stem = None if case.image is None else _stem(case.image, "")
        if case.image is not None and stem is not None:
            by_image.setdefault(stem, {})[case.case_id] = case.image
    image_of = {case.case_id: case.image for case in cases}
    claimed: dict[str, list[str]] = {}
    for stem in by_image.keys() & image_of.keys():
        others = [case for case, image in by_image[stem].items() if image != image_of[stem]]
        if others:
            claimed[stem] = sorted(others)
    unique = {stem: next(iter(images)) for stem, images in by_image.items() if len(images) == 1}
    return unique | {case.case_id: case.case_id for case in cases}, claimed


def _stem(path: Path, suffix: str) -> str | None:
    """Return a file's name without suffix and ending, None for what is no prediction."""
    stem = volume_stem(path)
    return stem.removesuffix(suffix) if stem is not None and stem.endswith(suffix) else None


def volume_stem(path: Path) -> str | None:
    """Return the name of a label map's file without its ending, None for other files."""
    ending = next((end for end in _SUFFIXES if path.name.lower().endswith(end)), None)
    return None if ending is None or path.name.startswith(".") else path.name[: -len(ending)]
