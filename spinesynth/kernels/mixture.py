"""Paint a label map: one Gaussian per tissue, looked up by code, and texture over it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import torch
from torch import Tensor

from spinesynth.kernels.axis_product import apply_along_axis, stable_product
from spinesynth.kernels.partial_volume import blend_borders
from spinesynth.kernels.smooth_noise import bspline_matrix, noise_nodes

_CODES = 256  # label maps hold codes of one byte
_CHUNK_VOXELS = 2**16
_SLAB_VOXELS = 2**18


def label_lookup(gaussian_of: dict[int, int]) -> Tensor:
    """Return the dense table from label code to Gaussian.

    Args:
        gaussian_of: number of the Gaussian of each label code in [0, 255]; the
            codes need not be contiguous, and several may share a Gaussian.

    Returns:
        ``(256,)`` int32, -1 for codes without a Gaussian.

    Raises:
        ValueError: if a code or a Gaussian is out of range.

    Example:
        >>> label_lookup({0: 0, 100: 1, 201: 1})[[0, 5, 100, 201]].tolist()
        [0, -1, 1, 1]
    """
    table = torch.full((_CODES,), -1, dtype=torch.int32)
    for code, gaussian in gaussian_of.items():
        if not (0 <= code < _CODES and gaussian >= 0):
            raise ValueError(
                f"label codes must be in [0, {_CODES - 1}] and their Gaussians >= 0, "
                f"got {code}: {gaussian}"
            )
        table[code] = gaussian
    return table


def _gaussian_index(labels: Tensor, count: int, lookup: Tensor | None) -> Tensor:
    """Return each voxel's Gaussian as flat int64, refusing codes that have none."""
    labels = labels.flatten()
    index = labels.long()  # looked up faster than int32
    if lookup is not None:
        known = index.clamp(0, len(lookup) - 1)
        index = torch.where(known == index, lookup.index_select(0, known).long(), -1)
    low, high = (labels if lookup is None else index).aminmax()  # narrow codes are faster
    if int(low) < 0 or int(high) >= count:
        lost = sorted(set(labels[(index < 0) | (index >= count)].tolist()))
        raise ValueError(
            f"labels hold the codes {lost}, which have no Gaussian; there are {count} Gaussians"
        )
    return index


def _each_chunk(
    tissue: Tensor, count: int, lookup: Tensor | None, second_part: Tensor | None
) -> Iterator[tuple[int, slice, Tensor]]:
    """Give sample, voxels and their Gaussians, few enough voxels at a time for the cache."""
    lookup = lookup if lookup is None else lookup.to(tissue.device)
    voxels = tissue[0].numel()
    step = _CHUNK_VOXELS if tissue.device.type == "cpu" else voxels
    flat = tissue.reshape(len(tissue), -1)
    second = None if second_part is None else second_part.reshape(len(tissue), -1)
    for sample in range(len(tissue)):
        for start in range(0, voxels, step):
            span = slice(start, start + step)
            index = _gaussian_index(flat[sample, span], count, lookup)
            if second is not None:
                index = index + second[sample, span] * count  # the index may be the caller's map
            yield sample, span, index


def paint_mixture(
    tissue: Tensor,
    means: Tensor,
    *,
    spreads: Tensor,
    generator: torch.Generator,
    lookup: Tensor | None = None,
    second_part: Tensor | None = None,
    partial_volume_vox: float = 0.0,
) -> Tensor:
    """Draw an image from a Gaussian mixture conditioned on the tissue map.

    Args:
        tissue: ``(B, 1, *spatial)`` integer codes in [0, T), or any codes that
            ``lookup`` knows.
        means: ``(B, T)`` float, mean intensity of each Gaussian; ``(B, 2 T)``
            with ``second_part``.
        spreads: float >= 0 of the same shape, standard deviation of each.
        generator: CPU generator.
        lookup: table of :func:`label_lookup`; without it a code is the number of
            its Gaussian.
        second_part: ``(B, 1, *spatial)`` bool; where it is true, a voxel takes
            the Gaussian T further on, so that a tissue may have two parts.
        partial_volume_vox: full width at half maximum, in voxels, of the blur
            that mixes the means (not the noise) at borders; 0 is sharp.

    Returns:
        ``(B, 1, *spatial)`` float32.

    Raises:
        ValueError: naming the codes that have no Gaussian.

    Source: Billot et al. 2023, Medical Image Analysis 86:102789, section 3.2.
    """
    count = means.shape[1] if second_part is None else means.shape[1] // 2
    image = torch.randn(tissue.shape, generator=generator).to(means.device)
    flat = image.view(len(tissue), -1)
    chunks = partial(_each_chunk, tissue, count, lookup, second_part)
    if partial_volume_vox == 0:
        for sample, span, index in chunks():
            noise = flat[sample, span]
            mean = means[sample].index_select(0, index)
            torch.addcmul(mean, spreads[sample].index_select(0, index), noise, out=noise)
        return image
    mixed = torch.empty_like(image)
    for sample, span, index in chunks():
        torch.index_select(means[sample], 0, index, out=mixed.view_as(flat)[sample, span])
        flat[sample, span] *= spreads[sample].index_select(0, index)
    return image.add_(blend_borders(mixed, partial_volume_vox))


def multiply_texture(
    image: Tensor,
    amplitudes: Sequence[float],
    *,
    scales_vox: Sequence[float],
    generator: torch.Generator,
    out: Tensor | None = None,
) -> Tensor:
    """Multiply an image by ``1 + a noise`` at each of several scales.

    Args:
        image: ``(B, C, *spatial)`` float, two or three spatial axes; all its
            members take the same texture.
        amplitudes: standard deviation a of the variation at each scale; a scale
            of amplitude 0 draws nothing.
        scales_vox: distance between independent nodes at each scale, in voxels.
        generator: CPU generator.
        out: where to put the result; may be ``image`` itself.

    Returns:
        ``out``, or a new tensor of the shape of ``image``.

    Source: noise of :func:`~spinesynth.kernels.smooth_noise.smooth_noise`, in
        slabs that fit the cache. The 1 is added to the coarse nodes, since the
        weights of a B-spline sum to 1.
    """
    shape = (1,) * (5 - image.ndim) + tuple(image.shape[2:])
    out = torch.empty_like(image) if out is None else out
    source, target = image.reshape(-1, *shape), out.view(-1, *shape)
    fields = [
        _texture_rows(image.shape[2:], amplitude, scale, generator, mean=1.0).to(image)
        for amplitude, scale in zip(amplitudes, scales_vox, strict=True)
        if amplitude != 0
    ]
    if not fields:
        return out.copy_(image)
    for start, stop in _slabs(shape, out.device):
        slab, drawn = target[:, start:stop], source[:, start:stop]
        for rows in fields:
            torch.mul(drawn, _upsample_slab(rows, shape, start, stop), out=slab)
            drawn = slab
    return out


def add_tissue_texture(
    image: Tensor,
    tissue: Tensor,
    gains: Tensor,
    *,
    scales_vox: Sequence[float],
    generator: torch.Generator,
    lookup: Tensor | None = None,
) -> Tensor:
    """Add smooth texture that each tissue shows in its own strength.

    ``image + sum over s of gains[s, tissue] noise_s``: one field for each scale, of which a
    tissue shows much, little, or the negative. It costs what :func:`multiply_texture` does
    and a table look-up at each scale.

    Args:
        image: ``(B, 1, *spatial)`` float, two or three spatial axes; changed in place.
        tissue: integer codes of that shape, as of :func:`paint_mixture`.
        gains: ``(B, S, T)`` float, standard deviation of the texture of each tissue at each
            scale, with a sign.
        scales_vox: S distances between independent nodes, in voxels.
        generator: CPU generator.
        lookup: as of :func:`paint_mixture`.

    Returns:
        ``image``.

    Raises:
        ValueError: naming the codes that have no gain.
    """
    shape = (1,) * (5 - image.ndim) + tuple(image.shape[2:])
    target, codes = image.view(-1, *shape), tissue.reshape(-1, *shape)
    lookup = lookup if lookup is None else lookup.to(image.device)
    fields = [
        _texture_rows(image.shape[2:], 1.0, scale, generator, mean=0.0).to(image)
        for scale in scales_vox
    ]
    for start, stop in _slabs(shape, image.device):
        slabs = [
            (slab, gain, _gaussian_index(part, gains.shape[2], lookup))
            for slab, gain, part in zip(
                target[:, start:stop], gains, codes[:, start:stop], strict=True
            )
        ]
        for scale, rows in enumerate(fields):
            field = _upsample_slab(rows, shape, start, stop)
            for slab, gain, index in slabs:
                slab.addcmul_(gain[scale].index_select(0, index).view_as(slab), field)
    return image


def _slabs(shape: Sequence[int], device: torch.device) -> Iterator[tuple[int, int]]:
    """Give first and last slice of slabs ``(I, J, K)`` that fit the cache."""
    step = max(1, _SLAB_VOXELS // (shape[1] * shape[2])) if device.type == "cpu" else shape[0]
    for start in range(0, shape[0], step):
        yield start, min(start + step, shape[0])


def _texture_rows(
    size: Sequence[int],
    amplitude: float,
    scale_vox: float,
    generator: torch.Generator,
    *,
    mean: float,
) -> Tensor:
    """Draw the nodes of ``mean + a noise``, upsampled along the last axis but one."""
    coarse, spread = noise_nodes(size, [scale_vox] * len(size))
    nodes = torch.randn(coarse, generator=generator).mul_(amplitude / spread).add_(mean)
    nodes = nodes.reshape(-1, *coarse[-2:])  # a slice is a volume of one
    return apply_along_axis(bspline_matrix(size[-2], coarse[-2]), nodes, -2)


def _upsample_slab(rows: Tensor, shape: Sequence[int], start: int, stop: int) -> Tensor:
    """Upsample some slices along the first and the last axis."""
    nodes, _, last = rows.shape
    if nodes > 1:
        # only the nodes within two of a slice weigh in it
        first = max(0, start * (nodes - 1) // max(1, shape[0] - 1) - 1)
        end = min(nodes, (stop - 1) * (nodes - 1) // max(1, shape[0] - 1) + 3)
        weights = bspline_matrix(shape[0], nodes)[start:stop, first:end].to(rows)
        near = rows[first:end]
        rows = stable_product(weights, near.flatten(1)).reshape(-1, *rows.shape[1:])
    return stable_product(rows, bspline_matrix(shape[2], last).to(rows).T)
