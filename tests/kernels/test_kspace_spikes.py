"""Spikes against NumPy's Fourier transform and against the stripes of one wave."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from spinesynth.kernels.kspace_spikes import add_kspace_spikes
from spinesynth.transforms import RandKSpaceSpikes


@pytest.mark.parametrize(
    ("size", "positions"),
    [
        ((12, 16), [(3, -5), (0, 8)]),
        ((11, 15), [(-5, 7)]),
        ((4, 6, 10), [(1, -3, 5), (-2, 0, 4), (0, 0, 1)]),
        ((1, 9), [(0, 4)]),
    ],
)
def test_spikes_are_single_samples_of_kspace(
    size: tuple[int, ...], positions: list[tuple[int, ...]]
) -> None:
    image = torch.rand((2, 1, *size), generator=torch.Generator().manual_seed(0))
    amplitudes, phases = [0.3, 0.5, 0.1][: len(positions)], [0.4, 2.0, 5.0][: len(positions)]
    wanted = []
    for plain in image[:, 0].numpy().astype(float):
        spectrum = np.fft.fftn(plain)
        largest = np.abs(spectrum).max()
        for position, amplitude, phase in zip(positions, amplitudes, phases, strict=True):
            spectrum[position] += amplitude * largest * np.exp(1j * phase)
        wanted.append(np.abs(np.fft.ifftn(spectrum)))

    striped = add_kspace_spikes(image, positions, amplitudes=amplitudes, phases_rad=phases)

    np.testing.assert_allclose(striped[:, 0].numpy(), wanted, atol=3e-6)


def test_spike_lays_one_wave_over_the_image() -> None:
    flat = torch.full((1, 1, 8, 32), 2.0)

    striped = add_kspace_spikes(flat, [(0, 4)], amplitudes=[0.1], phases_rad=[0.0])[0, 0]

    # |2 + 0.2 exp(i t)|: between 1.8 and 2.2, four times along the last axis
    assert float(striped.max()) == pytest.approx(2.2, abs=1e-5)
    assert float(striped.min()) == pytest.approx(1.8, abs=1e-5)
    assert torch.nonzero(striped[0] > 2.199).flatten().tolist() == [0, 8, 16, 24]
    assert torch.equal(striped, striped[:1].expand(8, 32))


def test_phase_moves_the_stripes() -> None:
    flat = torch.ones(1, 1, 1, 32)

    striped = add_kspace_spikes(flat, [(0, 1)], amplitudes=[0.1], phases_rad=[math.pi / 2])

    assert int(striped.flatten().argmax()) == 24  # a quarter turn earlier in a period of 32


def test_no_spikes_are_the_identity() -> None:
    image = torch.rand(1, 1, 5, 6)

    assert torch.equal(add_kspace_spikes(image, [], amplitudes=[], phases_rad=[]), image)


def test_empty_image_stays_empty() -> None:
    image = torch.zeros(1, 1, 5, 6)

    assert torch.equal(add_kspace_spikes(image, [(1, 2)], amplitudes=[0.5], phases_rad=[1]), image)


@pytest.mark.parametrize("radius", [(0.5, 0.5), (1.0, 1.0)])
def test_radius_is_the_way_from_the_centre_to_the_edge(radius: tuple[float, float]) -> None:
    spike = RandKSpaceSpikes(count=(1, 3), radius=radius)
    spike.set_random_state(0)
    for _ in range(20):
        for row, column in spike.draw(torch.rand(1, 40, 60)).positions:
            reach = max(abs(row) / 20, abs(column) / 30)
            assert reach == pytest.approx(radius[0], abs=1 / 40)  # rounded to whole lines


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"amplitude": (-0.1, 0.1)}, "amplitude must be"),
        ({"count": (0, 2)}, r"count must be an ordered pair within \[1, 100\]"),
        ({"count": (3, 2)}, "count must be"),
        ({"radius": (0.0, 1.2)}, "radius must be"),
    ],
)
def test_impossible_parameters_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RandKSpaceSpikes(**parameters)
