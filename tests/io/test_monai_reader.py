"""MONAI's LoadImage reads .mha through our reader, without itk."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from monai.data.meta_tensor import MetaTensor
from monai.transforms.io.dictionary import LoadImaged
from monai.transforms.spatial.array import Orientation

from spinesynth.io.monai_reader import MetaImageReader
from spinesynth.io.problems import InputFileError
from tests.fabricate import intensities, metaimage_bytes, ras_affine, spider_codes, turned


def load(**paths: Path | list[Path]) -> dict[str, MetaTensor]:
    # MONAI takes an instance too, its annotation says otherwise
    ours: Any = MetaImageReader()
    result: dict[str, MetaTensor] = LoadImaged(list(paths), ours, ensure_channel_first=True)(paths)
    return result


@pytest.mark.parametrize("orientation", ["LPS", "PIR", "RAS"])
def test_image_and_mask_arrive_in_file_order_and_turn_to_ras(
    tmp_path: Path, orientation: str
) -> None:
    image, mask = tmp_path / "1_t2.mha", tmp_path / "mask.mha"
    image.write_bytes(metaimage_bytes(intensities(), orientation))
    mask.write_bytes(metaimage_bytes(spider_codes(), orientation))
    loaded = load(image=image, label=mask)
    voxels, affine = turned(intensities(), orientation)
    np.testing.assert_array_equal(loaded["image"][0].numpy(), voxels)
    np.testing.assert_allclose(loaded["image"].affine.numpy(), affine, atol=1e-9)
    assert loaded["image"].meta["filename_or_obj"] == str(image)
    label = Orientation("RAS", labels=None)(loaded["label"])
    assert isinstance(label, MetaTensor)
    np.testing.assert_array_equal(label[0].numpy(), spider_codes())
    np.testing.assert_allclose(label.affine.numpy(), ras_affine(), atol=1e-9)


def test_itk_is_not_what_reads_it() -> None:
    assert importlib.util.find_spec("itk") is None


def test_several_files_become_channels(tmp_path: Path) -> None:
    paths = [tmp_path / f"{seed}.mha" for seed in range(2)]
    for seed, path in enumerate(paths):
        path.write_bytes(metaimage_bytes(intensities(seed)))
    image = load(image=paths)["image"]
    assert image.shape == (2, 6, 40, 48)
    np.testing.assert_array_equal(image[1].numpy(), turned(intensities(1), "LPS")[0])


def test_several_files_on_different_grids_are_refused(tmp_path: Path) -> None:
    paths = [tmp_path / "a.mha", tmp_path / "b.mha"]
    paths[0].write_bytes(metaimage_bytes(intensities()))
    paths[1].write_bytes(metaimage_bytes(intensities(), Offset="0 0 9"))
    reader = MetaImageReader()
    with pytest.raises(InputFileError, match=r"b\.mha: not on the grid of .*a\.mha"):
        reader.get_data(reader.read(paths))


def test_cut_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mha"
    path.write_bytes(metaimage_bytes(intensities())[:-100])
    with pytest.raises(InputFileError, match="cut short"):
        MetaImageReader().read(path)


@pytest.mark.parametrize(
    ("name", "taken"), [("a.mha", True), ("A.MHA", True), ("a.nii.gz", True), ("a.dcm", False)]
)
def test_reader_takes_its_own_types_only(name: str, taken: bool) -> None:
    assert MetaImageReader().verify_suffix(name) is taken
    assert MetaImageReader().verify_suffix([name, "b.mha"]) is taken
