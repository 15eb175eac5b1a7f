"""The plain-Python face as a sequence and as a data set."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from spinesynth.transforms import SpineSynthGenerator, SyntheticDataset
from tests.transforms.contract_case import make_structure


def _label_map(*size: int) -> np.ndarray:
    return make_structure(*size)[0].numpy()


def test_tensors_and_strided_arrays_give_the_same_image() -> None:
    codes = _label_map(24, 28)
    images = [
        SpineSynthGenerator(seed=1).generate_synthetic_mri(form)
        for form in (codes, torch.from_numpy(codes), np.asfortranarray(codes), codes[::-1][::-1])
    ]

    assert all(np.array_equal(images[0], other) for other in images[1:])


def test_stages_are_there_as_asked() -> None:
    generator = SpineSynthGenerator(add_bias_field=False, add_noise=False, add_motion=False)

    names = [type(stage).__name__ for stage in generator.artefacts]
    assert names == ["RandAcquiredResolution", "PercentileNormalise"]


def test_sequence_starts_anew_at_a_seed() -> None:
    codes, generator = _label_map(24, 28), SpineSynthGenerator(seed=5)
    first, second = (generator.generate_synthetic_mri(codes) for _ in range(2))

    generator.seed(5)

    assert not np.array_equal(first, second)
    assert np.array_equal(generator.generate_synthetic_mri(codes), first)


def test_data_set_has_each_map_as_often_as_asked() -> None:
    maps = [_label_map(24, 28), _label_map(24, 30)]
    items = SyntheticDataset(maps, SpineSynthGenerator(), num_augmentations=3)

    shapes = [tuple(items[n]["image"].shape) for n in range(len(items))]

    assert shapes == [(1, 24, 28)] * 3 + [(1, 24, 30)] * 3
    assert all(items[n]["label"].shape == items[n]["image"].shape for n in range(6))
    assert items[0]["label"].dtype == torch.int64
    assert not torch.equal(items[0]["image"], items[1]["image"])


def test_items_do_not_depend_on_order_or_on_each_other() -> None:
    codes = [_label_map(24, 28)]
    one = SyntheticDataset(codes, SpineSynthGenerator(seed=1), num_augmentations=4, seed=3)
    other = SyntheticDataset(codes, SpineSynthGenerator(seed=2), num_augmentations=4, seed=3)
    backwards = [other[n]["image"] for n in (3, 2, 1, 0)][::-1]

    assert all(torch.equal(one[n]["image"], backwards[n]) for n in range(4))


def test_data_set_leaves_the_sequence_of_its_generator_alone() -> None:
    codes = _label_map(24, 28)
    generator, lone = SpineSynthGenerator(seed=5), SpineSynthGenerator(seed=5)

    SyntheticDataset([codes], generator)[0]

    assert np.array_equal(
        generator.generate_synthetic_mri(codes), lone.generate_synthetic_mri(codes)
    )


def test_data_loader_makes_batches() -> None:
    items = SyntheticDataset([_label_map(24, 28)], SpineSynthGenerator("T1"), num_augmentations=4)

    batch = next(iter(DataLoader(items, batch_size=4)))

    assert batch["image"].shape == batch["label"].shape == (4, 1, 24, 28)


def test_numbers_outside_the_data_set_are_refused() -> None:
    items = SyntheticDataset([_label_map(24, 28)], SpineSynthGenerator(), num_augmentations=2)

    for index in (-1, 2):
        with pytest.raises(IndexError, match=rf"index must be in \[0, 2\), got {index}"):
            items[index]
    with pytest.raises(ValueError, match="num_augmentations must be at least 1, got 0"):
        SyntheticDataset([], SpineSynthGenerator(), num_augmentations=0)
