"""The plain-Python face: images for label maps of any scheme, two or three axes."""

from __future__ import annotations

import numpy as np
import pytest

from spinesynth.anatomy.label_schemes import get_scheme
from spinesynth.transforms import SpineSynthGenerator, SyntheticDataset


def column(scheme: str = "spine6") -> np.ndarray:
    """Return a slice with two bodies, the disc between and one below, and a canal."""
    names = get_scheme(scheme).class_names
    bone = names.index("vertebral body" if "vertebral body" in names else "vertebra")
    codes = np.zeros((120, 140), dtype=np.uint8)
    codes[50:80, 60:85] = codes[50:80, 95:120] = bone
    codes[50:80, 85:95] = codes[50:80, 50:60] = names.index("disc")
    codes[34:46, 30:130] = names.index("canal")
    return codes


@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize("contrast", ["T1", "T2", "interpolated", "random"])
def test_image_has_the_maps_shape_and_signal_everywhere(axes: int, contrast: str) -> None:
    codes = column() if axes == 2 else np.repeat(column()[None], 4, axis=0)
    generator = SpineSynthGenerator(contrast, add_motion=True, seed=0)  # type: ignore[arg-type]
    image = generator.generate_synthetic_mri(codes)
    assert image.shape == codes.shape
    assert image.dtype == np.float32
    assert image.min() >= 0
    assert image.max() <= 1
    assert np.unique(image[codes == 0]).size > 100  # never one black background


def test_same_seed_gives_the_same_sequence() -> None:
    one, other = (SpineSynthGenerator(seed=3) for _ in range(2))
    first = [one.generate_synthetic_mri(column()) for _ in range(2)]
    assert np.array_equal(first[0], other.generate_synthetic_mri(column()))
    assert np.array_equal(first[1], other.generate_synthetic_mri(column()))
    assert not np.array_equal(first[0], first[1])


def test_alpha_moves_csf_from_dark_to_bright() -> None:
    """CSF is dark on T1 and bright on T2, whatever else is drawn."""
    means = []
    for alpha in (0.0, 0.5, 1.0):
        drawn = [
            SpineSynthGenerator(
                resolution_range=(1.0, 1.0), add_bias_field=False, add_noise=False, seed=seed
            ).generate_synthetic_mri(column(), contrast_alpha=alpha)[column() == 4]
            for seed in range(8)
        ]
        means.append(float(np.mean([values.mean() for values in drawn])))
    assert means[0] < means[1] < means[2]


def test_drawn_sacrum_is_in_the_label_of_the_data_set() -> None:
    data = SyntheticDataset([column()], SpineSynthGenerator(), num_augmentations=3, seed=1)
    sacrum = get_scheme("spine6").class_names.index("sacrum")
    item = data[1]
    label = item["label"][0].numpy()
    assert (label == sacrum).sum() > 100
    assert np.array_equal(label[label != sacrum], column()[label != sacrum])
    assert item["image"].shape == item["label"].shape == (1, 120, 140)


def test_scheme_without_a_sacrum_keeps_its_label() -> None:
    codes = column("semantic4")
    data = SyntheticDataset([codes], SpineSynthGenerator(label_scheme="semantic4"))
    assert np.array_equal(data[0]["label"][0].numpy(), codes)


def test_item_depends_on_its_number_alone() -> None:
    generator = SpineSynthGenerator(seed=9)
    data = SyntheticDataset([column()], generator, num_augmentations=2, seed=4)
    first = data[1]["image"]
    generator.generate_synthetic_mri(column())
    data[0]
    assert (data[1]["image"] == first).all()


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"contrast_type": "CT"}, "contrast_type must be one of"),
        ({"resolution_range": (3.0, 1.0)}, "resolution_mm must be an ordered pair"),
        ({"label_scheme": "mine"}, "mine"),
    ],
)
def test_impossible_generator_is_refused(arguments: dict[str, object], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        SpineSynthGenerator(**arguments)  # type: ignore[arg-type]


def test_impossible_maps_are_refused() -> None:
    generator = SpineSynthGenerator()
    with pytest.raises(ValueError, match="2 or 3 axes"):
        generator.generate_synthetic_mri(np.zeros(4, dtype=np.uint8))
    with pytest.raises(ValueError, match="99"):
        generator.generate_synthetic_mri(np.full((8, 8), 99, dtype=np.uint8))
    with pytest.raises(ValueError, match="alpha"):
        generator.generate_synthetic_mri(column(), contrast_alpha=1.5)
    with pytest.raises(IndexError, match="index must be in"):
        SyntheticDataset([column()], generator)[1]
