"""What a condition does to a scan: each takes a level and draws from one generator.

Kernels act on slices ``(S, 1, A, B)`` one by one, or on the volume ``(1, 1, S, A, B)``.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Generator, Tensor

from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import Tissue
from spinesynth.kernels.chemical_shift import apply_chemical_shift
from spinesynth.kernels.draws import uniform
from spinesynth.kernels.fields import apply_bias_field
from spinesynth.kernels.ghosting import apply_periodic_ghosting, ghosting_weights
from spinesynth.kernels.intensity import apply_gamma, high_intensity, saturate
from spinesynth.kernels.intensity_curve import apply_intensity_curve
from spinesynth.kernels.motion import apply_kspace_motion
from spinesynth.kernels.noise import add_rician_noise
from spinesynth.kernels.resolution import degrade_resolution
from spinesynth.kernels.truncation import truncate_kspace
from spinesynth.kernels.warp import rotation_matrix, sampling_grid, warp_linear, warp_nearest
from spinesynth.pipelines.scan import Scan
from spinesynth.transforms.chemical_shift import FAT_FRACTIONS

_CURVE_NODES = 6  # of a random curve, its ends included; nominal
_BIAS_NODES = 4  # along each axis, as SynthSeg's
_NOISE_WIDTH_VOX = 1.0  # of noise that a scanner has interpolated; nominal
_MOVES, _MIDDLE = 4, (0.2, 0.8)  # one in each quarter of this part of k-space; nominal
_DEG_PER_MM = 0.5  # a patient who shifts turns too; nominal
_GHOST_CYCLES = (4.0, 60.0)  # of breathing and pulsation in one acquisition; nominal
#: Bone of the reference -> tissue whose share of fat its marrow has.
_MARROW = {
    Structure.VERTEBRAL_BODY: Tissue.MARROW_BODY,
    Structure.VERTEBRA: Tissue.MARROW_BODY,
    Structure.POSTERIOR_ELEMENTS: Tissue.MARROW_POSTERIOR,
    Structure.SACRUM: Tissue.MARROW_SACRUM,
}


def _sign(generator: Generator) -> int:
    """Draw -1 or 1."""
    return 1 - 2 * int(torch.randint(2, (), generator=generator))


def bend_gamma(scan: Scan, level: float, generator: Generator) -> Scan:
    """Raise intensities, up to the brightest half per cent, to ``exp(level)`` or its inverse."""
    gamma = math.exp(_sign(generator) * level)
    # a few bright voxels would else make all others dark
    image = scan.image.clamp(max=high_intensity(scan.image))
    return scan.with_image(apply_gamma(image[None, None], gamma))


def turn_over(scan: Scan, level: float, generator: Generator) -> Scan:
    """Mirror the brightest share of the grey scale; all of it is the negative."""
    edge = 1 - level
    lift = max(0.0, 1 - 2 * edge)
    places, values = [0.0, edge, 1.0], [lift, edge + lift, 2 * edge - 1 + lift]
    if level == 1:
        places, values = [0.0, 1.0], [1.0, 0.0]
    return scan.with_image(apply_intensity_curve(scan.image, places, values))


def _bend(scan: Scan, weight: float, drawn: Tensor) -> Scan:
    """Blend the straight curve with one that was drawn, ``(n,)`` from 0 to a maximum of 1."""
    places = torch.linspace(0, 1, len(drawn))
    values = (1 - weight) * places + weight * drawn
    return scan.with_image(apply_intensity_curve(scan.image, places.tolist(), values.tolist()))


def remap_in_order(scan: Scan, level: float, generator: Generator) -> Scan:
    """Bend the grey scale by a random rising curve, of that weight beside the straight one."""
    steps = torch.rand(_CURVE_NODES - 1, generator=generator)
    rising = torch.cat([torch.zeros(1), steps.cumsum(0)])
    return _bend(scan, level, rising / rising[-1])


def remap_freely(scan: Scan, level: float, generator: Generator) -> Scan:
    """Bend the grey scale by a random curve that rises and falls; air stays dark."""
    heights = torch.rand(_CURVE_NODES - 1, generator=generator)
    return _bend(scan, level, torch.cat([torch.zeros(1), heights / heights.max()]))


def coarsen_in_plane(scan: Scan, level: float, generator: Generator) -> Scan:
    """Acquire pixels that are so many times larger, Gaussian, and interpolate back."""
    return scan.with_image(degrade_resolution(scan.image[:, None], (level, level)))


def coarsen_to_pixel(scan: Scan, level: float, generator: Generator) -> Scan:
    """Acquire square pixels of a size in mm, Gaussian, and interpolate back.

    An axis whose voxels are as large already stays as it was.
    """
    factor = tuple(max(1.0, level / size_mm) for size_mm in scan.spacing_mm[1:])
    return scan.with_image(degrade_resolution(scan.image[:, None], factor))


def thicken_slices_by(scan: Scan, level: float, generator: Generator) -> Scan:
    """Acquire slices so many times as thick, Gaussian, and interpolate back."""
    return scan.with_image(degrade_resolution(scan.image[None, None], (level, 1.0, 1.0)))


def thicken_slices(scan: Scan, level: float, generator: Generator) -> Scan:
    """Acquire slices of a thickness in mm without gaps, Gaussian, and interpolate back."""
    return thicken_slices_by(scan, level / scan.spacing_mm[0], generator)


def shade(scan: Scan, level: float, generator: Generator) -> Scan:
    """Multiply by a smooth field whose logarithm has that spread."""
    nodes = level * torch.randn((1, 1, *[_BIAS_NODES] * 3), generator=generator)
    return scan.with_image(apply_bias_field(scan.image[None, None], nodes))


def add_noise(scan: Scan, level: float, generator: Generator) -> Scan:
    """Add white Rician noise, in per cent of the brightest intensities."""
    sigma = level / 100 * high_intensity(scan.image)
    return scan.with_image(add_rician_noise(scan.image[:, None], sigma, generator=generator))


def lower_snr(scan: Scan, level: float, generator: Generator) -> Scan:
    """Add noise that the scanner has interpolated, to reach an SNR of what is labelled."""
    sigma = float(scan.image[scan.structure > 0].mean()) / level
    noisy = add_rician_noise(
        scan.image[:, None], sigma, generator=generator, correlation_vox=_NOISE_WIDTH_VOX
    )
    return scan.with_image(noisy)


def move(scan: Scan, level: float, generator: Generator) -> Scan:
    """Move the patient by so many mm while the middle of k-space is acquired, turn him a little."""
    times, angles, shifts = [], [], []
    low, high = _MIDDLE
    for part in range(_MOVES):
        share = (part + uniform(0, 1, generator=generator)) / _MOVES
        times.append(low + (high - low) * share)
        turn = uniform(-1, 1, generator=generator) * _DEG_PER_MM * level
        angles.append(math.radians(turn))
        way = uniform(0, 2 * math.pi, generator=generator)
        across, along = level * math.cos(way), level * math.sin(way)
        shifts.append((across / scan.spacing_mm[1], along / scan.spacing_mm[2]))
    moved = apply_kspace_motion(
        scan.image[:, None], times, angles_rad=angles, shifts_vox=shifts,
        pixel_aspect=scan.spacing_mm[2] / scan.spacing_mm[1],
    )  # fmt: skip
    return scan.with_image(moved)


def ghost(scan: Scan, level: float, generator: Generator) -> Scan:
    """Repeat the image along a drawn in-plane axis: a ghost has half of the amplitude."""
    axis = 2 + int(torch.randint(2, (), generator=generator))
    slices = scan.image[:, None]
    weights = ghosting_weights(
        slices.shape[axis],
        cycles=uniform(*_GHOST_CYCLES, generator=generator),
        amplitude=level,
        displacement_vox=0.0,
        phase_rad=uniform(0, 2 * math.pi, generator=generator),
    )
    return scan.with_image(apply_periodic_ghosting(slices, weights, axis=axis))


def ring(scan: Scan, level: float, generator: Generator) -> Scan:
    """Keep the central share of k-space along both in-plane axes, without a window."""
    return scan.with_image(
        truncate_kspace(scan.image[:, None], (level, level), axes=(2, 3), hamming=False)
    )


def marrow_fat(structure: Tensor) -> Tensor:
    """Return the share of fat in the signal, where it can be known: in the labelled bone."""
    table = torch.zeros(int(max(Structure)) + 1)
    for bone, tissue in _MARROW.items():
        table[int(bone)] = FAT_FRACTIONS[tissue]
    return table[structure.long()]


def shift_marrow(scan: Scan, level: float, generator: Generator) -> Scan:
    """Shift the fat of the labelled bone by so many voxels along a drawn in-plane axis."""
    axis = 2 + int(torch.randint(2, (), generator=generator))
    fat = marrow_fat(scan.structure)[:, None]
    shifted = apply_chemical_shift(scan.image[:, None], fat, _sign(generator) * level, axis=axis)
    return scan.with_image(shifted)


def crop_field(scan: Scan, level: float, generator: Generator) -> Scan:
    """Empty image and reference outside a window of that share of both in-plane axes.

    The window of a smaller share lies within that of a larger one of the same draw.
    """
    inside = torch.ones(1, 1, 1, dtype=torch.bool)
    for axis in (1, 2):
        size = scan.image.shape[axis]
        kept = kept_voxels(size, level)
        start = int(uniform(0, 1, generator=generator) * (size - kept + 1))
        start = min(start, size - kept)
        index = torch.arange(size)
        shape = [1, 1, 1]
        shape[axis] = -1
        inside = inside & ((index >= start) & (index < start + kept)).reshape(shape)
    return replace(scan, image=scan.image * inside, structure=scan.structure * inside)


def kept_voxels(size: int, share: float) -> int:
    """Return how many voxels of an axis a share of it is, at least 1."""
    return max(1, round(share * size))


def rotate(scan: Scan, level: float, generator: Generator) -> Scan:
    """Turn image (linear) and reference (nearest) about the centre of the slices, degrees."""
    angle = _sign(generator) * math.radians(level)
    size = scan.image.shape[1:]
    grid = sampling_grid(
        size, rotation_matrix([angle]), centre_vox=[(n - 1) / 2 for n in size],
        spacing_out_mm=scan.spacing_mm[1:], spacing_in_mm=scan.spacing_mm[1:],
    )  # fmt: skip
    return replace(
        scan, image=warp_linear(scan.image, grid), structure=warp_nearest(scan.structure, grid)
    )


def missing_count(slices: int, share: float) -> int:
    """Return how many of some slices a share is, at least 1."""
    return max(1, round(share * slices))


def drop_slices(scan: Scan, level: float, generator: Generator) -> Scan:
    """Empty a share of the slices, drawn at random; the reference stays."""
    slices = len(scan.image)
    gone = torch.randperm(slices, generator=generator)[: missing_count(slices, level)]
    image = scan.image.clone()
    image[gone] = 0
    return scan.with_image(image)


def clip(scan: Scan, level: float, generator: Generator) -> Scan:
    """Clip so many per cent of the voxels above the padding at either end."""
    return scan.with_image(saturate(scan.image, 100 - level, low_percentile=level))
