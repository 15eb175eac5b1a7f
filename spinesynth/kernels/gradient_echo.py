"""Gradient echoes in the steady state: spoiled, and balanced."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from spinesynth.kernels.recovery import share_gone, share_left
from spinesynth.kernels.sequence_checks import (
    Value,
    check_echo,
    check_flip,
    check_times,
    check_tissue,
)


def spoiled_gradient_echo(
    pd: Tensor,
    t1_ms: Tensor,
    t2_star_ms: Tensor,
    *,
    tr_ms: Value,
    te_ms: Value,
    flip_deg: Value,
) -> Tensor:
    """Return ``PD sin(a) (1 - E1) / (1 - E1 cos(a)) exp(-TE / T2*)``, ``E1 = exp(-TR / T1)``.

    Args:
        pd: proton density, >= 0.
        t1_ms: longitudinal relaxation time, >= 0.
        t2_star_ms: transverse relaxation time with dephasing, >= 0.
        tr_ms: repetition time, > 0.
        te_ms: echo time, > 0 and less than TR.
        flip_deg: flip angle a in (0, 180] degrees.

    Returns:
        Signal of the broadcast shape, in [0, PD]. Spoiling is perfect.

    Raises:
        ValueError: naming the first argument out of range.

    Source: Ernst and Anderson 1966, Review of Scientific Instruments 37:93.

    Example:
        >>> tissue = torch.ones(1), torch.tensor([800.0]), torch.tensor([30.0])
        >>> round(spoiled_gradient_echo(*tissue, tr_ms=7, te_ms=2.1, flip_deg=8).item(), 3)
        0.062
    """
    check_flip(flip_deg)
    check_echo(tr_ms, te_ms, pd=pd, t1_ms=t1_ms, t2_star_ms=t2_star_ms)
    sine, versine = _sine_and_versine(flip_deg)
    recovered = share_gone(tr_ms, t1_ms)
    # 1 - E1 cos(a) without the difference of two numbers near 1
    steady = recovered / (recovered + share_left(tr_ms, t1_ms) * versine)
    return pd * sine * steady * share_left(te_ms, t2_star_ms)


def balanced_ssfp(
    pd: Tensor, t1_ms: Tensor, t2_ms: Tensor, *, tr_ms: Value, flip_deg: Value
) -> Tensor:
    """Return the signal of balanced SSFP on resonance, at its echo time of TR / 2.

    ``PD sin(a) (1 - E1) / (1 - (E1 - E2) cos(a) - E1 E2) exp(-TR / 2 T2)`` with pulses of
    alternating sign. For a short TR it tends to
    ``PD sin(a) / (1 + cos(a) + (1 - cos(a)) T1 / T2)``.

    Args:
        pd: proton density, >= 0.
        t1_ms: longitudinal relaxation time, >= 0.
        t2_ms: transverse relaxation time, >= 0.
        tr_ms: repetition time, > 0.
        flip_deg: flip angle a in (0, 180] degrees.

    Returns:
        Signal of the broadcast shape, in [0, PD]; bands of an uneven field are left out.

    Raises:
        ValueError: naming the first argument out of range.

    Source: Scheffler and Lehnhardt 2003, European Radiology 13:2409; Freeman and Hill 1971,
        Journal of Magnetic Resonance 4:366.

    Example:
        >>> tissue = torch.ones(1), torch.tensor([4300.0]), torch.tensor([2150.0])
        >>> round(balanced_ssfp(*tissue, tr_ms=0.01, flip_deg=90).item(), 3)
        0.333
    """
    check_flip(flip_deg)
    check_times(tr_ms=tr_ms)
    check_tissue(pd=pd, t1_ms=t1_ms, t2_ms=t2_ms)
    sine, versine = _sine_and_versine(flip_deg)
    gone1, gone2 = share_gone(tr_ms, t1_ms), share_gone(tr_ms, t2_ms)
    # 1 - (E1 - E2) cos(a) - E1 E2, without the difference of numbers near 1
    denominator = gone1 * (2 - gone2) + (gone2 - gone1) * versine
    return pd * sine * gone1 / denominator * share_left(tr_ms / 2, t2_ms)


def ernst_angle_deg(t1_ms: Tensor, *, tr_ms: Value) -> Tensor:
    """Return the flip angle of the largest spoiled gradient echo, ``arccos(exp(-TR / T1))``.

    Args:
        t1_ms: longitudinal relaxation time, >= 0.
        tr_ms: repetition time, > 0.

    Returns:
        Angle in (0, 90] degrees, of the broadcast shape.

    Raises:
        ValueError: naming the first argument out of range.

    Source: Ernst and Anderson 1966, Review of Scientific Instruments 37:93.

    Example:
        >>> round(ernst_angle_deg(torch.tensor(1000.0), tr_ms=10).item(), 1)
        8.1
    """
    check_times(tr_ms=tr_ms)
    check_tissue(t1_ms=t1_ms)
    # half the angle: the cosine of a small angle has lost it in single precision
    return torch.rad2deg(2 * torch.asin(torch.sqrt(share_gone(tr_ms, t1_ms) / 2)))


def _sine_and_versine(flip_deg: Value) -> tuple[Value, Value]:
    """Return sin(a) and 1 - cos(a), the latter exact for small angles."""
    if isinstance(flip_deg, Tensor):
        angle = torch.deg2rad(flip_deg)
        return angle.sin(), 2 * (angle / 2).sin() ** 2
    angle_rad = math.radians(flip_deg)
    return math.sin(angle_rad), 2 * math.sin(angle_rad / 2) ** 2
