"""Wrap-around: what lies outside the field of view folds over onto its other side."""

from __future__ import annotations

from torch import Tensor


def wrap_around(
    image: Tensor, field_of_view_vox: int, *, start: int, gain: float, axis: int, dark: bool
) -> Tensor:
    """Fold what lies outside a smaller field of view back into it.

    Args:
        image: ``(B, C, *spatial)`` float >= 0.
        field_of_view_vox: voxels of the field of view along ``axis``, at least
            half of the axis and at most all of it; all of it is neutral.
        start: first voxel of the field of view.
        gain: share of its signal with which folded tissue is received.
        axis: tensor axis of phase encoding.
        dark: leave zeros outside the field of view, so that a gain of 1 keeps
            the total signal. Otherwise what lies there stays and receives the
            repetition of the folded image, so that nothing loses its signal.

    Returns:
        ``(B, C, *spatial)`` float >= 0. The signals add up in phase.

    Source: Graves and Mitchell 2013, JMRI 38:269 (aliasing along phase encoding).
    """
    size, stop = image.shape[axis], start + field_of_view_vox
    folded = image.clone()
    for begin, length, step in (
        (0, start, field_of_view_vox),
        (stop, size - stop, -field_of_view_vox),
    ):
        outer, inner = image.narrow(axis, begin, length), begin + step
        folded.narrow(axis, inner, length).add_(outer, alpha=gain)
        if dark:
            folded.narrow(axis, begin, length).zero_()
        else:
            opposite = image.narrow(axis, inner, length)
            folded.narrow(axis, begin, length).add_(opposite, alpha=gain)
    return folded
