"""One scan gives one label map, however its file stores it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

import spinesynth
from spinesynth.anatomy.phantom import draw_phantom, render_phantom
from spinesynth.anatomy.structures import Structure
from spinesynth.errors import CheckpointError, ConfigError, InputError
from spinesynth.io.checkpoint import load_checkpoint
from spinesynth.io.input_rules import InputRules
from spinesynth.io.volume import read_image, read_raw
from spinesynth.io.weights_digest import digest_weights
from spinesynth.pipelines.quality_model import (
    Limit,
    QualityModel,
    quality_path,
    write_quality,
)
from spinesynth.pipelines.segmenter import SpineSegmenter
from spinesynth.pipelines.slab_reading import likeliest_structures
from spinesynth.pipelines.spine_labels import SpineReader
from spinesynth.pipelines.structure_volumes import measure_volumes
from tests.fabricate import (
    intensities,
    metaimage_bytes,
    ras_affine,
    turned,
    write_nifti,
)
from tests.io.nrrd_files import nrrd_bytes
from tests.pipelines.place_predictor import ORIGIN, NothingPredictor, PlacePredictor, codes_of
from tests.pipelines.tiny_checkpoint import write_checkpoint

ALL_48 = [
    "".join(letters)
    for order in itertools.permutations(("RL", "AP", "SI"))
    for letters in itertools.product(*order)
]
FORMATS = [".nii", ".nii.gz", ".mha", ".mhd", ".nrrd", ".nhdr"]
WRITTEN = [".nii", ".nii.gz", ".mha", ".nrrd"]
EXPECTED = codes_of(torch.from_numpy(intensities().astype(np.float32))).numpy()


def write_scan(folder: Path, suffix: str, orientation: str) -> Path:
    """Write the fabricated scan in one format and orientation."""
    path = folder / f"scan{suffix}"
    if suffix.startswith(".nii"):
        return write_nifti(path, intensities(), orientation)
    if suffix == ".mha":
        path.write_bytes(metaimage_bytes(intensities(), orientation))
    elif suffix == ".nrrd":
        path.write_bytes(nrrd_bytes(intensities(), orientation))
    elif suffix == ".mhd":
        content = metaimage_bytes(intensities(), orientation, ElementDataFile="scan.raw")
        header, mark, data = content.partition(b"ElementDataFile = scan.raw\n")
        path.write_bytes(header + mark)
        (folder / "scan.raw").write_bytes(data)
    else:
        content = nrrd_bytes(intensities(), orientation, data_file="d.gz")
        header, _, data = content.partition(b"\n\n")
        path.write_bytes(header + b"\n\n")
        (folder / "d.gz").write_bytes(data)
    return path


def segmenter(scheme: str | None = None) -> SpineSegmenter:
    return SpineSegmenter.of(PlacePredictor(), ORIGIN, scheme=scheme)


@pytest.mark.parametrize(("number", "orientation"), list(enumerate(ALL_48)))
def test_scan_in_any_orientation_and_format_gives_the_same_labels(
    tmp_path: Path, number: int, orientation: str
) -> None:
    path = write_scan(tmp_path, FORMATS[number % len(FORMATS)], orientation)
    found = segmenter().segment(path)
    expected, affine = turned(EXPECTED, orientation)
    np.testing.assert_array_equal(found.voxels, expected)
    out = tmp_path / f"out{WRITTEN[number % len(WRITTEN)]}"
    found.save(out)
    written = read_raw(out)
    np.testing.assert_array_equal(written.voxels, expected)
    np.testing.assert_allclose(written.affine, affine, rtol=0, atol=1e-4)  # mm, as promised


@pytest.mark.parametrize("suffix", FORMATS)
def test_scan_in_every_format_gives_the_same_labels(tmp_path: Path, suffix: str) -> None:
    found = segmenter().segment(write_scan(tmp_path, suffix, "PIR"))
    np.testing.assert_array_equal(found.labels.numpy(), EXPECTED)
    np.testing.assert_allclose(found.image.affine.numpy(), ras_affine(), atol=1e-4)  # as promised
    found.save(tmp_path / "out.nrrd")
    header = (tmp_path / "out.nrrd").read_bytes().partition(b"\n\n")[0].decode()
    assert "Segment0_Name:=vertebral body" in header
    assert "Segment4_LabelValue:=5" in header


def test_tiny_network_sees_the_same_scan_in_two_formats_alike(tmp_path: Path) -> None:
    made = SpineSegmenter(write_checkpoint(tmp_path / "m.pt"), device="cpu", instances=False)
    one = made.segment(write_scan(tmp_path, ".nii.gz", "LPS"))
    two = made.segment(write_scan(tmp_path, ".nrrd", "SAR"))
    assert torch.equal(one.labels, two.labels)
    assert set(one.timings_s) == {"read", "predict", "label"}
    assert [one["file"] for one in made.weights] == ["m.pt"]


def test_arrays_and_tensors_are_segmented_as_files_are() -> None:
    voxels, affine = turned(intensities(), "IPL")
    expected = turned(EXPECTED, "IPL")[0]
    tensor = MetaTensor(
        torch.from_numpy(voxels.astype(np.float32))[None], affine=torch.from_numpy(affine)
    )
    for found in (
        segmenter().segment(voxels, affine=affine),
        segmenter().segment(torch.from_numpy(voxels.copy()), affine=affine),
        segmenter().segment(tensor),
    ):
        np.testing.assert_array_equal(found.voxels, expected)
        np.testing.assert_allclose(found.affine, affine)
    with pytest.raises(TypeError, match="affine must be given"):
        segmenter().segment(voxels)
    with pytest.raises(InputError, match="affine must be invertible"):
        segmenter().segment(voxels, affine=np.diag([0.0, 1, 1, 1]))
    with pytest.raises(InputError, match="there is no signal"):
        segmenter().segment(np.zeros((9, 9, 9)), affine=np.eye(4))


def test_probabilities_are_kept_only_where_they_are_asked_for(tmp_path: Path) -> None:
    path = write_scan(tmp_path, ".nii", "RAS")
    assert segmenter().segment(path).probabilities is None
    kept = segmenter().segment(path, probabilities=True).probabilities
    assert kept is not None
    assert kept.shape == (6, *EXPECTED.shape)
    torch.testing.assert_close(kept.sum(0), torch.ones(EXPECTED.shape))
    np.testing.assert_array_equal(kept.argmax(0).numpy(), EXPECTED)


def test_labels_are_read_a_slab_at_a_time(tmp_path: Path) -> None:
    image = read_image(write_scan(tmp_path, ".nii", "RAS"))
    seen: list[tuple[int, int]] = []

    def watch(start: int, slab: Tensor) -> None:
        seen.append((start, slab.shape[1]))

    codes = likeliest_structures(PlacePredictor(4), image, watchers=[watch])
    np.testing.assert_array_equal(codes.numpy(), EXPECTED)
    assert seen == [(0, 4), (4, 2)]  # six slices, four at a time


def test_nothing_found_is_said(tmp_path: Path) -> None:
    nothing = SpineSegmenter.of(NothingPredictor(), ORIGIN, reader=SpineReader())
    found = nothing.segment(write_scan(tmp_path, ".nii", "RAS"))
    assert found.is_empty
    assert any("no structure was found" in line for line in found.warnings)
    assert [flag.name for flag in found.doubt.flags] == ["empty"]


def test_uncertainty_is_written_on_the_grid_of_the_scan(tmp_path: Path) -> None:
    scan = write_scan(tmp_path, ".nii", "PIR")
    found = segmenter().segment(scan, uncertainty=True)
    found.save_uncertainty(tmp_path / "u.nii.gz")
    assert read_raw(tmp_path / "u.nii.gz").voxels.shape == read_raw(scan).voxels.shape
    with pytest.raises(ValueError, match="uncertainty must be there"):
        segmenter().segment(scan).save_uncertainty(tmp_path / "v.nii.gz")


def test_quality_model_beside_the_weights_is_used_and_that_of_others_refused(
    tmp_path: Path,
) -> None:
    weights = write_checkpoint(tmp_path / "net.pt")
    assert SpineSegmenter(weights).quality is None
    model = QualityModel(
        weights_digest=digest_weights(load_checkpoint(weights).weights), phantoms=20, seed=0,
        structures={}, limits={"noise": Limit(high=0.0, source="test")},
    )  # fmt: skip
    write_quality(quality_path(weights), model)
    segmenter_of = SpineSegmenter(weights)
    assert segmenter_of.quality == model
    found = segmenter_of.segment(write_scan(tmp_path, ".nii", "RAS"))
    assert "noise" in {flag.name for flag in found.doubt.flags}
    write_quality(quality_path(weights), model.model_copy(update={"weights_digest": "0" * 64}))
    with pytest.raises(CheckpointError, match="belongs to weights"):
        SpineSegmenter(weights)


def test_votes_have_no_predicted_dice_and_the_report_says_so(tmp_path: Path) -> None:
    weights = write_checkpoint(tmp_path / "net.pt")
    model = QualityModel(
        weights_digest=digest_weights(load_checkpoint(weights).weights), phantoms=20, seed=0,
        structures={}, limits={},
    )  # fmt: skip
    write_quality(quality_path(weights), model)
    told = SpineSegmenter(weights).made_by["quality_model"]
    assert told == "net.quality.json"
    for several in (SpineSegmenter([weights, weights]), SpineSegmenter(weights, scales=(1.1,))):
        assert several.quality is None
        assert str(several.made_by["quality_model"]).startswith(
            "none: nothing was learnt about votes"
        )
    alone = write_checkpoint(tmp_path / "alone.pt")
    told = SpineSegmenter(alone).made_by["quality_model"]
    assert told == "none: there is no alone.quality.json beside the weights"


def test_what_a_reader_warns_of_is_told() -> None:
    found = segmenter().segment(intensities()[:, :20], affine=ras_affine())
    assert found.warnings == ("array: only 20 voxels in-plane",)


def test_what_a_reader_warns_of_is_refused_where_rules_are_strict() -> None:
    small, affine, strict = intensities()[:, :20], ras_affine(), InputRules(strict=True)
    segmenter().segment(intensities(), affine=affine, rules=strict)
    with pytest.raises(InputError, match=r"E-IN-007.*only 20 voxels in-plane; .* without --strict"):
        segmenter().segment(small, affine=affine, rules=strict)
    made = segmenter()
    made.rules = strict
    with pytest.raises(InputError, match="E-IN-007"):
        made.segment(small, affine=affine)


class PerfectPredictor(PlacePredictor):
    """Sees what is there: intensities are codes."""

    def slabs(self, image: MetaTensor) -> Iterator[Tensor]:
        codes = image.as_tensor()[0].long()
        yield torch.nn.functional.one_hot(codes, 6).movedim(-1, 0).float()


def test_instances_fill_a_scheme_that_counts(tmp_path: Path) -> None:
    maps = render_phantom(draw_phantom(3), shape=(1, 100, 128), spacing_mm=(4.0, 2.0, 2.0))
    made = SpineSegmenter.of(PerfectPredictor(), ORIGIN, scheme="spider", reader=SpineReader())
    found = made.segment(maps.structure, affine=maps.affine.numpy())
    assert found.reading is not None
    assert [level.name for level in found.reading.of_kind("vertebra")][:2] == ["L5", "L4"]
    assert set(torch.unique(found.labels).tolist()) >= {0, 1, 2, 100, 201, 202}
    assert int(found.labels[maps.structure == int(Structure.SACRUM)].max()) == 0
    found.save_instances(tmp_path / "inst.nii.gz")
    counted = read_raw(tmp_path / "inst.nii.gz").voxels
    np.testing.assert_array_equal(counted, found.reading.instances.numpy())
    rows = measure_volumes(found, case_id="c").to_dict("records")
    (disc,) = (row for row in rows if (row["structure"], row["instance"]) == ("disc", 201))
    assert disc["level"] == "L5-S1"
    # a voxel of 4 mm by 2 mm by 2 mm has 16 mm3
    assert disc["volume_mm3"] == pytest.approx(16 * int((found.reading.instances == 201).sum()))
    assert 3 < disc["height_mm"] < 20  # as discs of adults have, mm


def test_options_that_cannot_be_are_refused_before_a_scan_is_read() -> None:
    with pytest.raises(ConfigError, match=r"E-CONF-005.*needs instances"):
        segmenter(scheme="spider")
    with pytest.raises(ConfigError, match=r"E-CONF-095.*lowest must be one of L6.*got 'S1'"):
        SpineReader(lowest="S1")
    plain = segmenter().segment(intensities(), affine=ras_affine())
    with pytest.raises(ValueError, match="instances=True"):
        plain.save_instances("x.nii")


def test_package_gives_the_segmenter() -> None:
    assert spinesynth.SpineSegmenter is SpineSegmenter
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        spinesynth.__getattr__("nothing")
