"""Whatever torch or ONNX Runtime cannot compute for one scan, the others of its folder are done."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.pipelines.preannotate import prepare_annotation
from spinesynth.pipelines.predict import VolumePredictor
from spinesynth.pipelines.scan_errors import with_code
from spinesynth.pipelines.segment import segment_files
from spinesynth.pipelines.segment_outputs import OutputOptions
from spinesynth.pipelines.segmenter import SpineSegmenter
from tests.fabricate import intensities, write_nifti
from tests.pipelines.place_predictor import ORIGIN, PlacePredictor
from tests.pipelines.tiny_checkpoint import write_checkpoint

#: Brightest voxel of the one scan that nothing can be computed for.
FATAL = 3500


def ask_for_a_petabyte() -> None:
    torch.empty(1 << 50, dtype=torch.uint8)


def run_out_of_gpu_memory() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")


def run_out_of_memory() -> None:
    raise MemoryError


def convolve_the_wrong_channels() -> None:
    torch.nn.functional.conv2d(torch.zeros(1, 1, 4, 4), torch.zeros(1, 2, 3, 3))


FAILURES = [
    (ask_for_a_petabyte, r"the memory is too small for it \(.*1125899906842624 bytes"),
    (run_out_of_gpu_memory, r"the memory is too small for it \(CUDA out of memory"),
    (run_out_of_memory, r"the memory is too small for it \(MemoryError\)"),
    (convolve_the_wrong_channels, r".*to have 2 channels, but got 1"),
]


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    for name in "abc":
        volume = intensities()
        volume[1, 20, 20] = FATAL if name == "b" else 0
        write_nifti(tmp_path / "scans" / f"{name}.nii", volume)
    return tmp_path / "scans"


def failing_at_one(
    slabs: Callable[..., Iterator[Tensor]], fail: Callable[[], None]
) -> Callable[..., Iterator[Tensor]]:
    def replaced(predictor: object, image: MetaTensor) -> Iterator[Tensor]:
        if int(image.max()) == FATAL:
            fail()
        yield from slabs(predictor, image)

    return replaced


@pytest.mark.parametrize(("fail", "said"), FAILURES)
def test_scan_that_cannot_be_computed_does_not_stop_the_others(
    fail: Callable[[], None],
    said: str,
    scans: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(VolumePredictor, "slabs", failing_at_one(VolumePredictor.slabs, fail))
    options = OutputOptions(volumes=False, preview=False, instances=False)
    weights = write_checkpoint(tmp_path / "m.pt")
    done = segment_files([weights], scans, output=tmp_path / "out", options=options)
    assert [case.get("code") for case in done.report["cases"]] == [None, "E-SEG-001", None]
    assert [path.name for path in done.written] == ["a_seg.nii", "c_seg.nii"]
    assert done.exit_code == 1
    (line,) = done.refused
    assert "\n" not in line
    assert re.search(rf"b\.nii: {said}", line)


def test_annotators_get_the_other_scans(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slabs = failing_at_one(PlacePredictor.slabs, ask_for_a_petabyte)
    monkeypatch.setattr(PlacePredictor, "slabs", slabs)
    segmenter = SpineSegmenter.of(PlacePredictor(), ORIGIN)
    made = prepare_annotation(segmenter, scans, tmp_path / "out")
    assert (made.done, made.exit_code) == (2, 1)
    assert "E-SEG-001" in made.refused[0]


def test_error_with_a_code_keeps_it() -> None:
    coded = with_code(Path("a.nii"), ValueError("no"))
    assert with_code(Path("b.nii"), coded) is coded
