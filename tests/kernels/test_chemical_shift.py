"""Chemical shift against Larmor's equation and the bandwidth of a pixel."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.anatomy.tissues import Tissue
from spinesynth.kernels.chemical_shift import (
    apply_chemical_shift,
    fat_water_shift_hz,
    shift_along_axis,
)
from spinesynth.transforms import RandChemicalShift, RandChemicalShiftd
from spinesynth.transforms.chemical_shift import FAT_FRACTIONS, fat_fraction_map


def _centre(image: Tensor, axis: int) -> float:
    profile = image.movedim(axis, 0).flatten(1).sum(1)
    return float((profile * torch.arange(len(profile))).sum() / profile.sum())


def _seeded(seed: int, **parameters: Any) -> RandChemicalShift:  # noqa: ANN401  # those of the class
    move = RandChemicalShift(**parameters)
    move.set_random_state(seed)
    return move


@pytest.mark.parametrize(("field", "hertz"), [(1.5, 223.5), (3.0, 447.1)])
def test_fat_lags_by_three_and_a_half_millionths_of_the_larmor_frequency(
    field: float, hertz: float
) -> None:
    assert fat_water_shift_hz(field) == pytest.approx(hertz, abs=0.05)


@pytest.mark.parametrize("axis", [2, 3, 4])
@pytest.mark.parametrize("bandwidth", [50.0, 130.0, 220.0, 1000.0])
@pytest.mark.parametrize("polarity", [1, -1])
def test_fat_moves_by_its_frequency_over_the_bandwidth(
    axis: int, bandwidth: float, polarity: int
) -> None:
    fat = torch.zeros(1, 1, 21, 21, 21)
    fat[..., 9:12, 9:12, 9:12] = 0.8
    shift = polarity * fat_water_shift_hz(1.5) / bandwidth

    moved = apply_chemical_shift(fat, torch.ones_like(fat), shift, axis=axis)

    for other in (2, 3, 4):
        wanted = 10 + (shift if other == axis else 0)
        assert _centre(moved, other) == pytest.approx(wanted, abs=1e-4)
    assert float(moved.sum()) == pytest.approx(float(fat.sum()), rel=1e-5)


def test_water_stays_where_it_is() -> None:
    image = torch.rand(1, 1, 6, 8)

    same = apply_chemical_shift(image, torch.zeros_like(image), 2.4, axis=3)

    torch.testing.assert_close(same, image, rtol=0, atol=1e-6)


def test_border_of_fat_and_water_shows_a_void_and_a_bright_band() -> None:
    image = torch.ones(1, 1, 1, 12)
    fat = torch.zeros_like(image)
    fat[..., 4:8] = 1

    seen = apply_chemical_shift(image, fat, 2.0, axis=3).flatten()

    assert seen.tolist() == [1, 1, 1, 1, 0, 0, 1, 1, 2, 2, 1, 1]


def test_half_fat_leaves_half_its_signal() -> None:
    image = torch.zeros(1, 1, 1, 8)
    image[..., 3] = 4

    seen = apply_chemical_shift(image, torch.full_like(image, 0.5), 1.5, axis=3).flatten()

    assert seen.tolist() == [0, 0, 0, 2, 1, 1, 0, 0]  # 1.5 voxels: half each on two voxels


@pytest.mark.parametrize(
    ("shift", "wanted"),
    [
        (1.0, [1, 1, 2, 3]),
        (1.5, [1, 1, 1.5, 2.5]),
        (-1.5, [2.5, 3.5, 4, 4]),
        (3.5, [1, 1, 1, 1]),
        (9.0, [1, 1, 1, 1]),
        (-1e9, [4, 4, 4, 4]),
    ],
)
def test_edge_of_the_image_goes_on_beyond_it(shift: float, wanted: list[float]) -> None:
    ramp = torch.arange(1.0, 5).reshape(1, 1, 4)
    assert shift_along_axis(ramp, shift, axis=2).flatten().tolist() == wanted


def test_array_form_moves_the_image_and_keeps_the_share() -> None:
    data = torch.rand(2, 9, 10)

    moved = _seeded(0, axis=-1)(data)

    assert torch.equal(moved[1], data[1])
    assert not torch.equal(moved[0], data[0])
    assert bool((moved >= 0).all())


def test_record_holds_the_shift_that_field_and_bandwidth_give() -> None:
    move = _seeded(0, bandwidth_hz_per_pixel=(100, 300))
    seen = set()
    for _ in range(30):
        record = move.draw(torch.rand(2, 4, 4))
        ratio = record.shift_vox * record.bandwidth_hz_per_pixel / record.field_tesla
        assert abs(ratio) == pytest.approx(149.02, abs=0.01)  # 3.5e-6 of 42.577 MHz/T
        seen.add((record.field_tesla, ratio > 0, record.axis))

    assert len(seen) == 8  # either field, polarity and axis


def test_dictionary_form_looks_the_share_up_in_the_tissue_map() -> None:
    tissue = torch.randint(len(Tissue), (1, 9, 10), generator=torch.Generator().manual_seed(0))
    plain = torch.rand(1, 9, 10)
    chain = RandChemicalShiftd(["image", "twin"], tissue_key="tissue", axis=-1)
    chain.set_random_state(4)

    result = chain(
        {"image": MetaTensor(plain), "twin": MetaTensor(plain), "tissue": tissue.to(torch.uint8)}
    )

    stacked = torch.cat([plain, fat_fraction_map(tissue)])
    wanted = _seeded(4, axis=-1)(stacked)[:1]
    assert torch.equal(result["image"].as_tensor(), wanted)
    assert torch.equal(result["twin"].as_tensor(), wanted)
    assert isinstance(result["image"], MetaTensor)


def test_dictionary_form_does_nothing_at_probability_zero() -> None:
    image, tissue = torch.rand(1, 4, 5), torch.ones(1, 4, 5)

    result = RandChemicalShiftd("image", tissue_key="tissue", prob=0.0)(
        {"image": image, "tissue": tissue}
    )

    assert torch.equal(result["image"], image)
    assert result["image"].data_ptr() != image.data_ptr()


def test_missing_tissue_map_is_an_error() -> None:
    with pytest.raises(KeyError, match="tissue"):
        RandChemicalShiftd("image", tissue_key="tissue")({"image": torch.rand(1, 4, 4)})


def test_shares_of_fat_are_shares() -> None:
    assert all(0 < share <= 1 for share in FAT_FRACTIONS.values())
    looked_up = fat_fraction_map(torch.tensor([[Tissue.FAT, Tissue.CSF]]))
    assert looked_up.flatten().tolist() == pytest.approx([FAT_FRACTIONS[Tissue.FAT], 0])


@pytest.mark.parametrize("size", [(1, 9), (9, 1), (1, 1), (1, 5, 7), (2, 2, 1)])
def test_thin_images_are_taken(size: tuple[int, ...]) -> None:
    data = torch.rand((2, *size))
    move = _seeded(0)

    for _ in range(4):
        moved = move(data)

        assert moved.shape == data.shape
        assert bool(torch.isfinite(moved).all())
        assert bool((moved >= 0).all())


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"field_tesla": ()}, r"field_tesla must be one or more numbers in \(0, 20\], got \(\)"),
        ({"field_tesla": (0.0,)}, "field_tesla must be"),
        ({"field_tesla": (float("nan"),)}, "field_tesla must be"),
        ({"bandwidth_hz_per_pixel": (0.0, 10.0)}, "bandwidth_hz_per_pixel must be"),
        ({"axis": 0}, "axis must be None or one of"),
    ],
)
def test_impossible_parameters_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RandChemicalShift(**parameters)


def test_array_without_a_share_of_fat_is_refused() -> None:
    with pytest.raises(ValueError, match=r"data must have 2 channels, .* got 1"):
        RandChemicalShift()(torch.rand(1, 8, 8))
