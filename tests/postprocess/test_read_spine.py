from __future__ import annotations

import pytest
import torch
from torch import Tensor

from spinesynth.anatomy.label_schemes import get_scheme
from spinesynth.anatomy.structures import Structure
from spinesynth.postprocess import Cleaning, SpineReading, read_spine
from tests.postprocess.block_spine import affine, block_spine, body_of, disc_of, row_of


def _names(reading: SpineReading) -> list[str]:
    return [level.name for level in reading.of_kind("vertebra")]


def _codes(values: Tensor) -> list[int]:
    return sorted(set(values.flatten().tolist()))


def _read(
    codes: Tensor, lowest: str | None = None, cleaning: Cleaning | None = None
) -> SpineReading:
    return read_spine(codes, affine(), lowest=lowest, cleaning=cleaning)


def test_levels_are_counted_from_the_sacrum() -> None:
    reading = _read(block_spine(6))
    assert _names(reading) == ["L5", "L4", "L3", "L2", "L1", "T12"]
    assert [level.instance for level in reading.of_kind("vertebra")] == [1, 2, 3, 4, 5, 6]
    discs = reading.of_kind("disc")
    assert [d.instance for d in discs] == [201, 202, 203, 204, 205, 206]
    assert [d.name for d in discs] == ["L5-S1", "L4-L5", "L3-L4", "L2-L3", "L1-L2", "T12-L1"]
    assert all(level.is_named for level in reading.of_kind("vertebra"))
    assert reading.notes == ()


def test_every_voxel_has_the_instance_of_its_block() -> None:
    codes = block_spine(5)
    reading = _read(codes)
    assert torch.equal(reading.structures, codes)
    for number in range(1, 6):
        assert _codes(reading.instances[body_of(number)]) == [number]
        assert _codes(reading.instances[disc_of(number)]) == [200 + number]
        arch = reading.instances[2:8, 10:20, row_of(number) : row_of(number) + 8]
        assert _codes(arch) == [number]
    assert _codes(reading.instances[codes == Structure.CANAL]) == [100]
    assert _codes(reading.instances[codes == Structure.SACRUM]) == [0]


def test_volume_and_centre_are_those_of_the_block() -> None:
    level = _read(block_spine(5)).of_kind("disc")[0]
    assert level.volume_mm3 == pytest.approx(6 * 16 * 5 * 16.0)  # voxels of 16 mm3
    # middle of slices 2-7, rows 30-45 and 24-28, from (-10, 20, 30) mm on
    assert level.centre_mm == pytest.approx((-10 + 4 * 4.5, 20 + 2 * 37.5, 30 + 2 * 26.0))


def test_without_sacrum_levels_are_unknown_unless_somebody_says() -> None:
    codes = block_spine(4, sacrum=False)[:, :, 22:]
    reading = _read(codes)
    assert set(_names(reading)) == {"unknown"}
    assert {level.confidence for level in reading.of_kind("vertebra")} == {0.0}
    assert "levels are unknown" in reading.notes[0]
    told = _read(codes, lowest="L2")
    assert _names(told) == ["L2", "L1", "T12", "T11"]
    assert told.of_kind("disc")[0].name == "L2-L3"
    assert _names(_read(codes, lowest="L6")) == ["L6", "L5", "L4", "L3"]
    assert _names(_read(codes, lowest="T13"))[:2] == ["T13", "T12"]


def test_user_may_say_that_there_are_four_lumbar_vertebrae() -> None:
    reading = _read(block_spine(5), lowest="L4")
    assert _names(reading) == ["L4", "L3", "L2", "L1", "T12"]
    assert reading.of_kind("disc")[0].name == "L4-S1"


def test_lowest_disc_with_room_below_stands_for_the_sacrum() -> None:
    reading = _read(block_spine(5, sacrum=False))
    assert _names(reading)[0] == "L5"
    with_sacrum = _read(block_spine(5)).levels[0].confidence
    assert 0.5 < reading.levels[0].confidence < with_sacrum
    assert "no sacrum found" in reading.notes[0]


def test_missing_body_keeps_the_names_above_it_with_less_confidence() -> None:
    codes = block_spine(6)
    codes[body_of(3)] = 0
    reading = _read(codes)
    assert _names(reading) == ["L5", "L4", "L2", "L1", "T12"]
    below, above = reading.levels[1], reading.levels[2]
    assert above.confidence < below.confidence
    assert "no body found at place 3 from below" in reading.notes


@pytest.mark.parametrize("keeps_disc", [True, False])
def test_missing_lowest_body_is_noticed(keeps_disc: bool) -> None:
    codes = block_spine(5)
    codes[body_of(1)] = 0
    if not keeps_disc:
        codes[disc_of(2)] = 0
    assert _names(_read(codes)) == ["L4", "L3", "L2", "L1"]


def test_spine_without_discs_is_counted_the_same() -> None:
    codes = block_spine(5)
    codes[codes == Structure.DISC] = 0
    assert _names(_read(codes)) == ["L5", "L4", "L3", "L2", "L1"]


def test_merged_bodies_are_parted_in_the_middle_of_the_lost_disc() -> None:
    codes = block_spine(5)
    codes[disc_of(3)] = int(Structure.VERTEBRAL_BODY)
    reading = _read(codes)
    assert _names(reading) == ["L5", "L4", "L3", "L2", "L1"]
    for number in (2, 3):  # of 28 mm; the lost disc of 10 mm goes to both
        values = reading.instances[body_of(number)]
        assert (values == number).float().mean() > 0.9
    assert "vertebrae parted from others: 1" in reading.notes
    kept = _read(codes, cleaning=Cleaning(split_merged=False))
    assert len(kept.of_kind("vertebra")) == 4


def test_blob_in_the_abdomen_is_dropped_and_changes_no_name() -> None:
    codes = block_spine(5)
    codes[3:7, 54:60, 60:72] = int(Structure.VERTEBRAL_BODY)
    reading = _read(codes)
    assert torch.equal(reading.structures, block_spine(5))
    assert _names(reading) == ["L5", "L4", "L3", "L2", "L1"]
    kept = _read(codes, cleaning=Cleaning(anatomical_order=False))
    assert torch.equal(kept.structures, codes)
    assert _codes(kept.instances[3:7, 54:60, 60:72]) == [0]


def test_small_pieces_holes_and_gaps_of_the_canal_are_mended() -> None:
    whole = block_spine(5)
    codes = whole.clone()
    codes[4, 36:38, row_of(2) + 5] = 0  # a hole of 8 mm2
    codes[:, 22:28, 60:66] = 0  # a gap of 12 mm
    codes[0, 0, 0] = int(Structure.DISC)  # 16 mm3
    assert torch.equal(_read(codes).structures, whole)
    assert torch.equal(_read(codes, cleaning=Cleaning.none()).structures, codes)


def test_vertebra_at_the_upper_edge_is_partial() -> None:
    codes = block_spine(5)[:, :, : row_of(5) + 4]
    levels = _read(codes).of_kind("vertebra")
    assert [level.partial for level in levels] == [False, False, False, False, True]
    assert [level.name for level in levels][-1] == "L1"


def test_whole_vertebrae_are_told_apart_though_they_touch_behind() -> None:
    codes = block_spine(5, whole=True)
    joined = codes[SLICES_OF_ARCH]
    codes[SLICES_OF_ARCH] = torch.where(joined == 0, int(Structure.VERTEBRA), joined)
    reading = _read(codes)
    assert _names(reading) == ["L5", "L4", "L3", "L2", "L1"]
    for number in range(1, 6):
        assert _codes(reading.instances[body_of(number)]) == [number]


#: Between the arches of the second and the third vertebra.
SLICES_OF_ARCH = (slice(2, 8), slice(14, 17), slice(row_of(2), row_of(3) + 8))


@pytest.mark.parametrize("slices", [slice(2, 3), slice(4, 5), slice(0, 10)])
def test_single_slices_are_read(slices: slice) -> None:
    assert _names(_read(block_spine(5)[slices])) == ["L5", "L4", "L3", "L2", "L1"]


def test_counts_encode_and_decode_as_spider() -> None:
    reading = _read(block_spine(5, whole=True))
    codes = get_scheme("spider").encode(reading.structures, reading.counts)
    decoded = get_scheme("spider").decode(codes)
    assert torch.equal(decoded.instance, reading.counts)
    seen = reading.instances > 0
    assert torch.equal(codes[seen].int(), reading.instances[seen])


def test_empty_map_says_so() -> None:
    reading = _read(torch.zeros(2, 5, 6, dtype=torch.uint8))
    assert reading.levels == ()
    assert reading.notes == ("no vertebra and no disc found",)


def test_map_is_not_changed() -> None:
    codes = block_spine(5)
    codes[0, 0, 0] = int(Structure.DISC)
    before = codes.clone()
    _read(codes)
    assert torch.equal(codes, before)


@pytest.mark.parametrize(
    ("codes", "error", "message"),
    [
        (torch.zeros(2, 3, 4), TypeError, "integer dtype, got torch.float32"),
        (torch.zeros(3, 4, dtype=torch.uint8), ValueError, r"must be \(I, J, K\), got \(3, 4\)"),
        (torch.full((2, 3, 4), 77), ValueError, r"codes of Structure, got \[77\]"),
        (torch.full((2, 3, 4), -1), ValueError, r"codes of Structure, got \[-1\]"),
    ],
)
def test_impossible_map_is_refused(codes: Tensor, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        _read(codes)


def test_impossible_affine_and_name_are_refused() -> None:
    codes = block_spine(2)
    with pytest.raises(ValueError, match=r"affine must be \(4, 4\) and finite"):
        read_spine(codes, torch.full((4, 4), torch.nan))
    with pytest.raises(ValueError, match="length > 0 mm"):
        read_spine(codes, torch.zeros(4, 4))
    with pytest.raises(ValueError, match=r"lowest must be one of L6, L5.*got 'S1'"):
        _read(codes, lowest="S1")
    with pytest.raises(TypeError, match="fill_holes of Cleaning must be True or False"):
        Cleaning(fill_holes=1)  # type: ignore[arg-type]  # what a user may pass
