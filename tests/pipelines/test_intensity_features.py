"""What intensities alone tell of an image."""

from __future__ import annotations

import pytest
import torch

from spinesynth.pipelines.intensity_features import intensity_features


def wavy(sigma: float) -> torch.Tensor:
    """Return a smooth image from 0 to 1, most of it dark, with Gaussian noise."""
    ramp = torch.linspace(0, 1, 128) ** 3
    smooth = ramp[None, None, :, None].expand(1, 4, 128, 128)
    return smooth + sigma * torch.randn(smooth.shape, generator=torch.manual_seed(0))


def test_noise_is_measured_beside_the_range_of_greys() -> None:
    measured = intensity_features(wavy(0.05))["noise"]
    clean = intensity_features(wavy(0.0))["noise"]
    # the range from the 1st to the 99th percentile is about 1.02; 16000 voxels per slice
    assert measured == pytest.approx(0.05, rel=0.1)
    assert clean < 0.001


def test_negative_turns_the_skewness() -> None:
    image = wavy(0.01)
    positive, negative = (intensity_features(i)["skewness"] for i in (image, -image))
    assert positive > 0.2
    # quantiles of mirrored values are those of the values mirrored, up to interpolation
    assert negative == pytest.approx(-positive, abs=1e-4)


@pytest.mark.parametrize(("shift", "expected"), [(0.0, 0.0), (-1000.0, 0.5)])
def test_hounsfield_units_are_known_by_air(shift: float, expected: float) -> None:
    image = torch.full((1, 2, 8, 8), 40.0)
    image[..., :4] = shift
    assert intensity_features(image)["hounsfield_share"] == expected


def test_constant_image_has_no_shape_of_its_greys() -> None:
    assert set(intensity_features(torch.ones(1, 1, 8, 8))) == {"hounsfield_share"}
