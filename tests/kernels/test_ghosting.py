"""Ghosts of a point and of a disc of signal, against positions and heights worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from spinesynth.kernels.ghosting import anterior_share, apply_periodic_ghosting, ghosting_weights
from spinesynth.transforms import RandPeriodicGhosting, RandPeriodicGhostingd


def _weights(size: int, **changes: float) -> Tensor:
    values = {"cycles": 8.0, "amplitude": 0.3, "displacement_vox": 0.0, "phase_rad": 0.7}
    return ghosting_weights(size, **{**values, **changes})


def _image(*size: int) -> Tensor:
    return torch.rand((1, 1, *size), generator=torch.Generator().manual_seed(0)) + 0.1


@pytest.mark.parametrize("size", [64, 63])
@pytest.mark.parametrize("cycles", [1, 8, 20])
def test_n_cycles_put_ghosts_of_half_the_amplitude_n_voxels_away(size: int, cycles: int) -> None:
    image = torch.zeros(1, 1, size, 3)
    image[0, 0, 30, 1] = 1

    ghosts = apply_periodic_ghosting(image, _weights(size, cycles=cycles), axis=2)[0, 0]

    point = float(ghosts[30, 1])
    # cos = (e + 1/e) / 2 and a factor e^(2 pi i n k / N) shifts by n
    assert point == pytest.approx(1, abs=1e-6)
    for place in (30 + cycles, 30 - cycles):
        assert float(ghosts[place, 1]) == pytest.approx(0.15, abs=1e-6)
        ghosts[place, 1] = 0
    ghosts[30, 1] = 0
    assert float(ghosts.max()) < 1e-6


def test_ghosts_wrap_around_the_field_of_view() -> None:
    image = torch.zeros(1, 1, 1, 32)
    image[..., 4] = 1

    ghosts = apply_periodic_ghosting(image, _weights(32), axis=3).flatten()

    assert torch.nonzero(ghosts > 1e-3).flatten().tolist() == [4, 12, 28]  # 4 - 8 is 28


def test_breathing_in_sequential_lines_keeps_the_ratio_of_scan_to_breath() -> None:
    # 128 lines of 1 s and a breath of 4 s: 32 breaths, ghosts a quarter of the view away
    image = torch.zeros(1, 1, 128)
    image[..., 50] = 1

    ghosts = apply_periodic_ghosting(image, _weights(128, cycles=128 / 4), axis=2).flatten()

    assert torch.nonzero(ghosts > 1e-3).flatten().tolist() == [18, 50, 82]


@pytest.mark.parametrize("axis", [2, 3, 4])
@pytest.mark.parametrize("displacement", [0.0, 1.3])
def test_lines_are_those_of_an_image_that_changes_while_it_is_acquired(
    axis: int, displacement: float
) -> None:
    image = _image(7, 9, 8)
    size = image.shape[axis]
    spectrum = np.fft.fft(image.numpy().astype(float), axis=axis)
    changed = np.zeros_like(spectrum)
    for number, line in enumerate(np.fft.fftfreq(size) * size):
        angle = 2 * np.pi * 2.5 * line / size + 0.7
        signal = 1 + 0.3 * np.cos(angle)
        shift = np.exp(-2j * np.pi * line / size * displacement * np.sin(angle))
        at = tuple(number if n == axis else slice(None) for n in range(5))
        changed[at] = spectrum[at] * signal * shift
    wanted = np.abs(np.fft.ifft(changed, axis=axis))
    weights = _weights(size, cycles=2.5, displacement_vox=displacement)

    ghosts = apply_periodic_ghosting(image, weights, axis=axis)

    np.testing.assert_allclose(ghosts.numpy(), wanted, atol=2e-6)


@pytest.mark.parametrize("displacement", [0.0, 2.0])
def test_flat_image_takes_the_signal_of_the_central_line(displacement: float) -> None:
    weights = _weights(32, displacement_vox=displacement)
    flat = torch.ones(1, 1, 32, 4)

    assert complex(weights[0]) == pytest.approx(1 + 0.3 * math.cos(0.7), abs=1e-6)
    wanted = flat * (1 + 0.3 * math.cos(0.7))  # its ghosts fall onto itself
    torch.testing.assert_close(apply_periodic_ghosting(flat, weights, axis=2), wanted)


def test_movement_ghosts_edges_and_not_the_inside() -> None:
    image = torch.zeros(1, 1, 128)
    image[..., 32:96] = 1

    moved = _weights(128, cycles=30, amplitude=0, displacement_vox=0.5)
    ghosts = apply_periodic_ghosting(image, moved, axis=2).flatten()

    edge, inside = ghosts[0:4], ghosts[10:14]  # the edges at 32 and 96 appear at 2 and 126
    assert float(edge.max()) > 5 * float(inside.max())


def test_tissue_that_rests_leaves_no_ghost() -> None:
    image = torch.zeros(1, 1, 10, 64)
    image[0, 0, 2, 20] = image[0, 0, 8, 20] = 1
    share = torch.zeros(10, 1)
    share[5:] = 1

    ghosts = apply_periodic_ghosting(image, _weights(64), axis=3, moving=share)[0, 0]

    torch.testing.assert_close(ghosts[2], image[0, 0, 2], rtol=0, atol=1e-6)
    assert torch.nonzero(ghosts[8] > 1e-3).flatten().tolist() == [12, 20, 28]


def test_all_moving_is_as_if_no_share_were_given() -> None:
    image = _image(12, 16)
    weights = _weights(16)

    whole = apply_periodic_ghosting(image, weights, axis=3)
    shared = apply_periodic_ghosting(image, weights, axis=3, moving=torch.ones(12, 1))

    torch.testing.assert_close(shared, whole, rtol=0, atol=1e-6)


def test_anterior_share_lies_at_the_end_of_the_axis() -> None:
    share = anterior_share(100, 0.4)

    assert not share[:60].any()
    assert torch.equal(share[70:], torch.ones(30))  # behind a ramp of a tenth
    assert bool((share[60:70].diff() > 0).all())
    assert not anterior_share(100, 0.0).any()


@pytest.mark.parametrize("axis", [1, -2])
def test_anterior_axis_may_be_counted_from_either_end(axis: int) -> None:
    image = torch.zeros(1, 20, 32)
    image[0, [2, 18], 16] = 1
    ghost = RandPeriodicGhosting(
        (0.5, 0.5),
        cycles=(5, 5),
        displacement_vox=(0, 0),
        axis=2,
        moving="anterior",
        anterior_axis=axis,
    )

    seen = ghost(image)[0]

    torch.testing.assert_close(seen[2], image[0, 2], rtol=0, atol=1e-6)
    assert float(seen[18, 21]) > 0.1


@pytest.mark.parametrize("size", [(1, 9), (9, 1), (1, 1), (1, 5, 7), (2, 2, 1)])
@pytest.mark.parametrize("axis", [-1, -2])
def test_ghosts_of_thin_images_are_finite(size: tuple[int, ...], axis: int) -> None:
    image = _image(*size)

    ghosts = apply_periodic_ghosting(image, _weights(size[axis], cycles=2.3), axis=axis)

    assert bool(torch.isfinite(ghosts).all())
    assert bool((ghosts >= 0).all())


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"amplitude": (0.0, 1.0)}, r"amplitude must be an ordered pair within \[0, 0.99\]"),
        ({"cycles": (-1.0, 4.0)}, "cycles must be"),
        ({"displacement_vox": (2.0, 1.0)}, "displacement_vox must be"),
        ({"anterior_fraction": (0.0, 1.1)}, "anterior_fraction must be"),
        ({"axis": 0}, "axis must be None or one of .* as 0 holds the channels, got 0"),
        ({"anterior_axis": 4}, "anterior_axis must be None or one of .*, got 4"),
        ({"moving": "spine"}, r"moving must be one of \('all', 'anterior'\), got 'spine'"),
    ],
)
def test_impossible_parameters_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RandPeriodicGhosting(**parameters)
    with pytest.raises(ValueError, match=message):
        RandPeriodicGhostingd("image", **parameters)


@pytest.mark.parametrize("axis", [-3, 3])
def test_axis_that_the_image_lacks_is_refused(axis: int) -> None:
    with pytest.raises(ValueError, match=f"a spatial axis .* of 3 dimensions, got {axis}"):
        RandPeriodicGhosting(axis=axis)(torch.rand(1, 8, 8))
