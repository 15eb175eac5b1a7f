"""Turbo spin echo of short TR whose train ends by turning what is left back upright."""

from __future__ import annotations

from torch import Tensor

from spinesynth.kernels.recovery import share_gone, share_left
from spinesynth.kernels.sequence_checks import (
    Value,
    check_below_tr,
    check_echo,
    check_train,
)


def driven_equilibrium(
    pd: Tensor,
    t1_ms: Tensor,
    t2_ms: Tensor,
    *,
    tr_ms: Value,
    te_ms: Value,
    echo_train_length: Value,
    echo_spacing_ms: Value,
) -> Tensor:
    """Return the signal of a turbo spin echo with a restoring pulse after its train.

    ``PD (1 - E1) / (1 - E1 E2) exp(-TE / T2)`` with ``E1 = exp(-(TR - train) / T1)`` and
    ``E2 = exp(-train / T2)``: what of the transverse magnetisation outlives the train starts
    the next recovery. So fluid, whose T2 is long, is bright though its T1 is longer than TR.
    Where T2 is much shorter than the train, this is
    :func:`~spinesynth.kernels.spin_echo.turbo_spin_echo` but for the recovery within the train.

    Args:
        pd: proton density, >= 0.
        t1_ms: longitudinal relaxation time, >= 0.
        t2_ms: transverse relaxation time, >= 0.
        tr_ms: repetition time, > 0, longer than the train.
        te_ms: effective echo time, within the train.
        echo_train_length: echoes for each excitation, a whole number >= 1.
        echo_spacing_ms: time between them, > 0.

    Returns:
        Signal of the broadcast shape, in [0, PD]. Refocusing pulses are of 180 degrees.

    Raises:
        ValueError: naming the first argument out of range.

    Source: van Uijen and den Boef 1984, MRM 1:502 (driven equilibrium; recalled).

    Example:
        >>> import torch
        >>> csf = torch.ones(1), torch.tensor([4300.0]), torch.tensor([1600.0])
        >>> train = {"echo_train_length": 60, "echo_spacing_ms": 4.0}
        >>> round(driven_equilibrium(*csf, tr_ms=1000, te_ms=124, **train).item(), 2)
        0.54
    """
    check_echo(tr_ms, te_ms, pd=pd, t1_ms=t1_ms, t2_ms=t2_ms)
    train_ms = check_train(echo_train_length, echo_spacing_ms, te_ms=te_ms)
    check_below_tr(tr_ms, **{"echo_train_length * echo_spacing_ms": train_ms})
    recovered = share_gone(tr_ms - train_ms, t1_ms)
    # 1 - E1 E2 without the difference of numbers near 1
    lost = recovered + share_left(tr_ms - train_ms, t1_ms) * share_gone(train_ms, t2_ms)
    return pd * recovered / lost * share_left(te_ms, t2_ms)
