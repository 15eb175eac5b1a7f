"""The shipped network gives a scan one label map, however its file stores it."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from spinesynth import SpineSegmenter
from spinesynth.io.volume import read_image, read_label, read_raw
from spinesynth.pipelines.write_phantoms import write_phantom_dataset
from tests.fabricate import (
    SPACING_MM,
    Array,
    metaimage_bytes,
    ras_affine,
    turned,
    write_nifti,
)
from tests.io.dicom_files import slices, write_series
from tests.io.nrrd_files import nrrd_bytes

SHAPE = (3, 160, 300)
FORMATS = (".nii", ".nii.gz", ".mha", ".nrrd", "DICOM")
#: Each permutation of the axes with each of their directions.
ALL_48 = [
    "".join(letters)
    for axes in itertools.permutations(("RL", "AP", "SI"))
    for letters in itertools.product(*axes)
]
#: Every fifth of them: each permutation of the axes, each direction and each format.
SOME = ALL_48[::5]


def store(folder: Path, voxels: Array, kind: str, orientation: str) -> Path:
    """Write a RAS volume in one format and orientation."""
    path = folder / f"scan_{orientation}{kind}"
    if kind == "DICOM":
        return write_series(path, slices(*turned(voxels, orientation)))
    if kind.startswith(".nii"):
        return write_nifti(path, voxels, orientation)
    make = metaimage_bytes if kind == ".mha" else nrrd_bytes
    path.write_bytes(make(voxels, orientation))
    return path


def phantom(folder: Path) -> Array:
    """Return a T2-weighted phantom, int16 as scanners store it."""
    manifest = write_phantom_dataset(
        folder, patients=1, seed=3, shape=SHAPE, spacing_mm=SPACING_MM, contrasts=["T2"]
    )
    (image,) = manifest.parent.glob("*_T2.nii.gz")
    voxels: Array = read_image(image)[0].numpy().round().astype(np.int16)
    return voxels


@pytest.mark.slow  # the shipped network, eleven times
def test_shipped_weights_give_one_label_map_however_a_scan_is_stored(tmp_path: Path) -> None:
    pytest.importorskip("pydicom")
    voxels, made = phantom(tmp_path / "phantom"), SpineSegmenter(device="cpu")
    first = made.segment(voxels, affine=ras_affine())
    assert {1, 2, 3, 4} <= set(torch.unique(first.labels).tolist())  # there is much to differ in
    assert len(SOME) == 10
    for number, orientation in enumerate(SOME):
        path = store(tmp_path, voxels, FORMATS[number % len(FORMATS)], orientation)
        found = made.segment(path)
        assert torch.equal(found.labels, first.labels), path.name
        out = tmp_path / "out.nii.gz"
        found.save(out)
        assert torch.equal(read_label(out).as_tensor().to(torch.uint8)[0], first.labels), path.name
        # mm, as promised
        np.testing.assert_allclose(read_raw(out).affine, read_raw(path).affine, rtol=0, atol=1e-4)
