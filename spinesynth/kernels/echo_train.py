"""Echo train: the lines of k-space are read while the signal decays, which blurs the image."""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch
from torch import Tensor

from spinesynth.kernels.kspace_lines import line_numbers, magnitude, weigh_lines
from spinesynth.kernels.sequence_checks import check_train

EncodingOrder: TypeAlias = Literal["linear", "centric"]


def echo_of_each_line(
    size: int, *, echo_train_length: int, effective_echo: int, order: EncodingOrder
) -> Tensor:
    """Return which echo of the train, counted from 1, reads each line of k-space.

    Args:
        size: lines along the axis of phase encoding.
        echo_train_length: echoes for each excitation.
        effective_echo: the echo that reads the centre.
        order: ``"linear"`` goes from one edge of k-space, where the first echo reads, through
            the centre to the other edge, where the last one does; all echoes of one side read
            as many lines. ``"centric"`` goes from the centre out to both edges, each echo
            reads as many lines, and those before the effective one read none. Scanners differ
            in how they reach an effective echo that is not in the middle: nominal.

    Returns:
        ``(size,)`` int64, in the order of the FFT.

    Example:
        >>> def read(order, echo):
        ...     echoes = echo_of_each_line(
        ...         9, echo_train_length=5, effective_echo=echo, order=order
        ...     )
        ...     return torch.fft.fftshift(echoes).tolist()
        >>> read("linear", 3), read("centric", 1)
        ([1, 1, 2, 2, 3, 4, 4, 5, 5], [5, 4, 3, 2, 1, 2, 3, 4, 5])
    """
    line, later = line_numbers(size), echo_train_length - effective_echo
    distance = line.abs()
    if order == "centric":
        return effective_echo + (2 * distance * (later + 1) // size).clamp(max=later)
    # half of the centre's lines lie on either side, hence echoes and a half
    echoes = torch.where(line < 0, effective_echo - 1, later)
    steps = -((size - 2 * distance * (2 * echoes + 1)) // (2 * size))
    return effective_echo + line.sign() * steps


def echo_train_weights(
    size: int,
    t2_ms: float,
    *,
    te_ms: float,
    echo_train_length: int,
    echo_spacing_ms: float,
    order: EncodingOrder,
) -> Tensor:
    """Return the decay of each line relative to the centre, ``exp(-(TE_n - TE) / T2)``.

    Args:
        size: lines along the axis of phase encoding.
        t2_ms: transverse relaxation time, > 0; infinite does not decay.
        te_ms: effective echo time, within the train; the nearest echo reads the centre.
        echo_train_length: echoes for each excitation, >= 1.
        echo_spacing_ms: time between them, > 0.
        order: as in :func:`echo_of_each_line`.

    Returns:
        ``(size,)`` float64 in the order of the FFT, 1 at the centre.

    Raises:
        ValueError: naming the first argument out of range.
    """
    check_train(echo_train_length, echo_spacing_ms, te_ms=te_ms)
    if not t2_ms > 0:
        raise ValueError(f"t2_ms must be > 0, got {t2_ms}")
    if order not in ("linear", "centric"):
        raise ValueError(f"order must be 'linear' or 'centric', got {order!r}")
    centre = min(max(round(te_ms / echo_spacing_ms), 1), echo_train_length)
    echoes = echo_of_each_line(
        size, echo_train_length=echo_train_length, effective_echo=centre, order=order
    )
    return torch.exp(-(echoes - centre).double() * echo_spacing_ms / t2_ms)


def blur_along_echo_train(image: Tensor, weights: Tensor, *, axis: int) -> Tensor:
    """Weigh the lines of phase encoding by their echoes' decay.

    The centric order dampens the edges of k-space, which blurs; the linear one raises one edge
    and dampens the other. The shorter T2 against the train, the stronger. One T2 serves the
    whole image: tissues that shall differ go through
    :func:`~spinesynth.kernels.kspace_lines.weigh_lines` one by one and are added before the
    magnitude.

    Args:
        image: ``(B, C, *spatial)`` float >= 0, with the signal of the effective echo time.
        weights: ``(size,)`` of :func:`echo_train_weights`.
        axis: tensor axis of phase encoding.

    Returns:
        ``(B, C, *spatial)`` magnitude image; before the magnitude the mean is kept.

    Source: Constable and Gore 1992, MRM 28:9 (loss of small objects in echo trains).

    Example:
        >>> train = {"te_ms": 10, "echo_train_length": 16, "echo_spacing_ms": 10}
        >>> line = torch.zeros(1, 1, 64)
        >>> line[..., 32] = 1
        >>> weights = echo_train_weights(64, 60, order="centric", **train)
        >>> round(blur_along_echo_train(line, weights, axis=2).max().item(), 2)
        0.36
    """
    if bool((weights == 1).all()):
        return image.clone()
    return magnitude(*weigh_lines(image, weights, axis=axis))
