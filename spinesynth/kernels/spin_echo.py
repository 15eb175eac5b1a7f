"""Spin echo, turbo spin echo and inversion recovery."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from spinesynth.kernels.recovery import missing_at_excitation, share_gone, share_left
from spinesynth.kernels.sequence_checks import (
    Value,
    check_below_tr,
    check_echo,
    check_times,
    check_tissue,
    check_train,
)


def spin_echo(pd: Tensor, t1_ms: Tensor, t2_ms: Tensor, *, tr_ms: Value, te_ms: Value) -> Tensor:
    """Return the spin-echo signal ``PD (1 - exp(-TR / T1)) exp(-TE / T2)``.

    The refocusing pulse is taken to leave the longitudinal magnetisation alone. In truth it
    inverts what recovered in TE / 2, so that this signal is too high by its share
    ``2 (exp(TE / 2 T1) - 1) / (exp(TR / T1) - 1)``, which is at most TE / TR.
    :func:`turbo_spin_echo` with one echo, spaced by TE, counts it.

    Args:
        pd: proton density, >= 0, in any unit.
        t1_ms: longitudinal relaxation time, >= 0.
        t2_ms: transverse relaxation time, >= 0.
        tr_ms: repetition time, > 0.
        te_ms: echo time, > 0 and less than TR.

    Returns:
        Signal of the broadcast shape, in [0, PD].

    Raises:
        ValueError: naming the first argument out of range.

    Source: Brown et al. 2014, Magnetic Resonance Imaging, 2nd ed., chapter 8.

    Example:
        >>> t1_ms, t2_ms = torch.tensor([[3000.0, 300.0], [2000.0, 80.0]])  # CSF and fat
        >>> signal = spin_echo(torch.ones(2), t1_ms, t2_ms, tr_ms=500, te_ms=10)
        >>> [round(s, 2) for s in signal.tolist()]
        [0.15, 0.72]
    """
    check_echo(tr_ms, te_ms, pd=pd, t1_ms=t1_ms, t2_ms=t2_ms)
    return pd * share_gone(tr_ms, t1_ms) * share_left(te_ms, t2_ms)


def turbo_spin_echo(
    pd: Tensor,
    t1_ms: Tensor,
    t2_ms: Tensor,
    *,
    tr_ms: Value,
    te_ms: Value,
    echo_train_length: Value,
    echo_spacing_ms: Value,
) -> Tensor:
    """Return the signal of a spin echo with a train of refocusing pulses.

    The train keeps the longitudinal magnetisation near 0, so that recovery starts when it
    ends, half a spacing after the last echo: ``PD (1 - exp(-(TR - train) / T1)) exp(-TE / T2)``
    with a train of echoes times spacing. The little that is there at that moment, at most
    ``(spacing / 2 T1)^2``, is counted too, which makes the equation exact for pulses of 180
    degrees, one pulse included. Smaller pulses, and fat that stays bright as a train decouples
    its protons, are left out.

    Args:
        pd: proton density, >= 0.
        t1_ms: longitudinal relaxation time, >= 0.
        t2_ms: transverse relaxation time, >= 0.
        tr_ms: repetition time, > 0, longer than the train.
        te_ms: effective echo time, that of the centre of k-space, within the train.
        echo_train_length: echoes for each excitation, a whole number >= 1.
        echo_spacing_ms: time between them, > 0.

    Returns:
        Signal of the broadcast shape, in [0, PD]. Blurring by decay along the train is for
        :func:`~spinesynth.kernels.echo_train.blur_along_echo_train`.

    Raises:
        ValueError: naming the first argument out of range.

    Source: Meara and Barker 2005, MRM 54:241 (longitudinal magnetisation in a train).

    Example:
        >>> csf = {"pd": torch.ones(1), "t1_ms": torch.tensor([4300.0])}
        >>> sequence = {"tr_ms": 3500, "echo_train_length": 16, "echo_spacing_ms": 12.5}
        >>> signal = turbo_spin_echo(**csf, t2_ms=torch.tensor([1500.0]), te_ms=100, **sequence)
        >>> round(signal.item(), 2)
        0.5
    """
    check_echo(tr_ms, te_ms, pd=pd, t1_ms=t1_ms, t2_ms=t2_ms)
    train_ms = check_train(echo_train_length, echo_spacing_ms, te_ms=te_ms)
    check_below_tr(tr_ms, **{"echo_train_length * echo_spacing_ms": train_ms})
    missing = missing_at_excitation(t1_ms, tr_ms, echo_train_length, echo_spacing_ms)
    return pd * (1 - missing) * share_left(te_ms, t2_ms)


def inversion_recovery(
    pd: Tensor,
    t1_ms: Tensor,
    t2_ms: Tensor,
    *,
    tr_ms: Value,
    te_ms: Value,
    ti_ms: Value,
    echo_train_length: Value | None = None,
    echo_spacing_ms: Value | None = None,
    magnitude: bool = True,
) -> Tensor:
    """Return ``PD |1 - 2 exp(-TI / T1) + exp(-TR / T1)| exp(-TE / T2)``.

    Args:
        pd: proton density, >= 0.
        t1_ms: longitudinal relaxation time, >= 0.
        t2_ms: transverse relaxation time, >= 0.
        tr_ms: time from one inversion to the next, > 0.
        te_ms: (effective) echo time after excitation, > 0.
        ti_ms: time from inversion to excitation, > 0; TI + TE, or TI and the train, are
            less than TR.
        echo_train_length: echoes for each excitation; None neglects that refocusing holds
            recovery up, otherwise it starts after the train as in :func:`turbo_spin_echo`.
        echo_spacing_ms: time between the echoes; given with ``echo_train_length`` or not at all.
        magnitude: False keeps the sign, negative before the null.

    Returns:
        Signal of the broadcast shape, in [0, PD], or [-PD, PD] with its sign.

    Raises:
        ValueError: naming the first argument out of range.

    Source: Bydder and Young 1985, Journal of Computer Assisted Tomography 9:659 (finite TR);
        Meara and Barker 2005, MRM 54:241 (train).

    Example:
        >>> fat = {"pd": torch.ones(1), "t1_ms": torch.tensor([300.0])}
        >>> ti_ms = null_inversion_time_ms(fat["t1_ms"], tr_ms=4000)
        >>> stir = inversion_recovery(
        ...     **fat, t2_ms=torch.tensor([80.0]), tr_ms=4000, te_ms=60, ti_ms=ti_ms
        ... )
        >>> round(ti_ms.item()), round(stir.item(), 6)
        (208, 0.0)
    """
    check_times(ti_ms=ti_ms)
    check_echo(tr_ms, te_ms, pd=pd, t1_ms=t1_ms, t2_ms=t2_ms)
    check_below_tr(tr_ms, **{"ti_ms + te_ms": ti_ms + te_ms})
    if echo_train_length is not None and echo_spacing_ms is not None:
        train_ms = check_train(echo_train_length, echo_spacing_ms, te_ms=te_ms)
        check_below_tr(tr_ms, **{"ti_ms + echo_train_length * echo_spacing_ms": ti_ms + train_ms})
    missing = missing_at_excitation(t1_ms, tr_ms, echo_train_length, echo_spacing_ms)
    signal = pd * (1 - 2 * share_left(ti_ms, t1_ms) + missing) * share_left(te_ms, t2_ms)
    return signal.abs() if magnitude else signal


def null_inversion_time_ms(
    t1_ms: Tensor,
    *,
    tr_ms: Value,
    echo_train_length: Value | None = None,
    echo_spacing_ms: Value | None = None,
) -> Tensor:
    """Return the inversion time at which a tissue gives no signal.

    ``T1 (ln 2 - ln(1 + exp(-TR / T1)))``, which is ``T1 ln 2`` for a long TR: about 210 ms for
    fat in STIR, about 2000 ms or more for CSF in FLAIR.

    Args:
        t1_ms: longitudinal relaxation time, >= 0.
        tr_ms: repetition time, > 0.
        echo_train_length: as in :func:`inversion_recovery`, whose null it is.
        echo_spacing_ms: as there.

    Returns:
        Inversion time in [0, T1 ln 2], of the broadcast shape.

    Raises:
        ValueError: naming the first argument out of range.

    Source: Bydder and Young 1985, Journal of Computer Assisted Tomography 9:659.

    Example:
        >>> round(null_inversion_time_ms(torch.tensor(300.0), tr_ms=1e6).item(), 1)
        207.9
    """
    check_times(tr_ms=tr_ms)
    check_tissue(t1_ms=t1_ms)
    if echo_train_length is not None and echo_spacing_ms is not None:
        train_ms = check_train(echo_train_length, echo_spacing_ms, te_ms=None)
        check_below_tr(tr_ms, **{"echo_train_length * echo_spacing_ms": train_ms})
    missing = missing_at_excitation(t1_ms, tr_ms, echo_train_length, echo_spacing_ms)
    return t1_ms * (math.log(2) - torch.log1p(missing))
