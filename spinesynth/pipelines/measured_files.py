"""Read the measured maps, TSE images and label map of one patient onto one grid, or refuse them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from monai.data.meta_tensor import MetaTensor

from spinesynth.io.align import align_image, check_same_grid
from spinesynth.io.case import Case
from spinesynth.io.load_case import load_case
from spinesynth.io.problems import InputFileError
from spinesynth.io.volume import read_image

#: Where the median of a map in milliseconds lies, whatever is scanned: nominal, and wide.
_PLAUSIBLE_MS = {"T1": (10.0, 10_000.0), "T2": (1.0, 5_000.0)}


@dataclass(frozen=True, kw_only=True)
class MeasuredTSE:
    """A real turbo spin echo.

    Args:
        path: its file.
        tr_ms: repetition time.
        te_ms: effective echo time.
    """

    path: Path
    tr_ms: float
    te_ms: float


@dataclass(frozen=True, kw_only=True)
class MeasuredFiles:
    """Files of one patient; ``t1w``, ``t2w`` or both.

    Args:
        t1_map: T1 in ms.
        t2_map: T2 in ms.
        label: label map, which tells where the vertebrae are.
        t1w: T1-weighted TSE.
        t2w: T2-weighted TSE.
    """

    t1_map: Path
    t2_map: Path
    label: Path
    t1w: MeasuredTSE | None = None
    t2w: MeasuredTSE | None = None

    def images(self) -> dict[str, MeasuredTSE]:
        """Return the TSE images that are there, by name."""
        both = {"t1w": self.t1w, "t2w": self.t2w}
        return {name: found for name, found in both.items() if found is not None}


class MeasuredVolumes(NamedTuple):
    """What was read, all float32 or uint8 (1, I, J, K) on the grid of the first TSE.

    Attributes:
        t1_ms: T1.
        t2_ms: T2.
        structure: :class:`~spinesynth.anatomy.structures.Structure` codes.
        images: TSE images by name, the first one first.
    """

    t1_ms: MetaTensor
    t2_ms: MetaTensor
    structure: MetaTensor
    images: Mapping[str, MetaTensor]


def read_measured(files: MeasuredFiles, *, scheme: str, resample: bool) -> MeasuredVolumes:
    """Read everything onto the grid of the first TSE, and check that maps can be T1 and T2 in ms.

    Args:
        files: of one patient, with a TSE at least.
        scheme: label scheme of the label map.
        resample: put what lies on another grid onto that of the first TSE, instead of
            refusing it.

    Raises:
        InputFileError: if a file is refused.
    """
    _refuse_one_file_twice(files)
    first, *others = files.images()
    case = Case(
        case_id=files.label.name, patient_id="", source="", contrast="",
        annotated=frozenset({"vertebra"}), scheme=scheme,
        image=files.images()[first].path, label=files.label, resamples_label=resample,
    )  # fmt: skip
    loaded = load_case(case)
    assert loaded.image is not None  # the case has both
    assert loaded.structure is not None
    grid = loaded.image

    def onto_grid(path: Path) -> MetaTensor:
        volume = read_image(path)
        if resample:
            return align_image(grid, volume)
        return check_same_grid(grid, volume, remedy="give --resample to put it there")

    images = {name: onto_grid(files.images()[name].path) for name in others}
    t1_ms, t2_ms = onto_grid(files.t1_map), onto_grid(files.t2_map)
    _check_times(t1_ms, t2_ms)
    return MeasuredVolumes(t1_ms, t2_ms, loaded.structure, {first: grid, **images})


def _refuse_one_file_twice(files: MeasuredFiles) -> None:
    """Refuse one file under two names: it cannot be both."""
    paths = {"the T1 map": files.t1_map, "the T2 map": files.t2_map, "the label map": files.label}
    paths |= {f"the TSE {name}": image.path for name, image in files.images().items()}
    names: dict[Path, str] = {}
    for name, path in paths.items():
        first = names.setdefault(path.resolve(), name)
        if first != name:
            raise InputFileError(
                path,
                f"is given as {first} and as {name}",
                remedy="give each file once",
                code="E-VAL-004",
            )


def _check_times(t1_ms: MetaTensor, t2_ms: MetaTensor) -> None:
    """Refuse maps that cannot be T1 and T2 in milliseconds."""
    for name, volume in (("T1", t1_ms), ("T2", t2_ms)):
        low, high = _PLAUSIBLE_MS[name]
        times = volume.as_tensor()
        median = float(times[times > 0].median()) if bool((times > 0).any()) else 0.0
        if not low <= median <= high:
            raise _no_times(
                volume,
                f"{name} in ms must have a median within [{low:g}, {high:g}], got {median:g}",
                "convert it to ms: times 1000 if it is in seconds" if median else "check the fit",
            )
    both = (t1_ms.as_tensor() > 0) & (t2_ms.as_tensor() > 0)
    if not bool(both.any()):
        raise _no_times(t2_ms, "measured nowhere that T1 is", "give two maps of one scan")
    longer = float((t2_ms.as_tensor() > t1_ms.as_tensor())[both].float().mean())
    if longer > 0.5:
        problem = f"T2 exceeds T1 in {longer:.0%} of the voxels, which no tissue does"
        raise _no_times(t2_ms, problem, "check whether the two maps are exchanged")


def _no_times(volume: MetaTensor, problem: str, remedy: str) -> InputFileError:
    return InputFileError(volume.meta["source_path"], problem, remedy=remedy, code="E-VAL-004")
