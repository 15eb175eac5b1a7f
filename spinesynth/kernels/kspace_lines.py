"""Lines of k-space along one axis: weigh them without a transform of the whole volume."""

from __future__ import annotations

import torch
from torch import Tensor


def line_numbers(size: int) -> Tensor:
    """Return the signed numbers of the k-space lines of an axis, in the order of the FFT."""
    index = torch.arange(size)
    return torch.where(index <= (size - 1) // 2, index, index - size)


def weigh_lines(image: Tensor, weights: Tensor, *, axis: int) -> tuple[Tensor, Tensor | None]:
    """Multiply the k-space lines along one axis of a real image by weights.

    A weight of +k that is not the conjugate of that of -k gives a complex
    image. Its real and imaginary part each come from half a spectrum, which
    costs less than a complex transform there and back.

    Args:
        image: ``(B, C, *spatial)`` float.
        weights: ``(size,)`` real or complex, in the order of :func:`line_numbers`.
        axis: tensor axis of the lines.

    Returns:
        Real part and imaginary part, each ``(B, C, *spatial)``; the latter None
        where the weights leave the image real.
    """
    size = image.shape[axis]
    weights = weights.to(torch.complex64)
    mirrored = weights.flip(0).roll(1).conj()
    shape = [1] * image.ndim
    shape[axis] = -1
    half = size // 2 + 1
    spectrum = torch.fft.rfft(image, dim=axis)
    parts = [(weights + mirrored) / 2, (weights - mirrored) / 2j]
    real, imaginary = (part[:half].reshape(shape).to(spectrum.device) for part in parts)
    restored = torch.fft.irfft(spectrum * real, n=size, dim=axis)
    if not parts[1].any():
        return restored, None
    return restored, torch.fft.irfft(spectrum * imaginary, n=size, dim=axis)


def magnitude(real: Tensor, imaginary: Tensor | None) -> Tensor:
    """Return the magnitude of an image in two parts, the second None where it is zero."""
    return real.abs() if imaginary is None else torch.hypot(real, imaginary)
