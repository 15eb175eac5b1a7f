"""Signal of a tissue in a sequence: the steady state in closed form.

Every equation takes properties of tissues as tensors and parameters of a sequence as numbers
or tensors, and broadcasts all against all: ``(K,)`` tissues and one protocol give ``(K,)``,
``(K,)`` tissues and protocols of ``(B, 1)`` give ``(B, K)``, and maps of a volume work alike.
Dtype and device are those of the tissues (a parameter that is a tensor of a wider dtype
widens the result). Signals are magnitudes in the unit of the proton density.

A relaxation time may be 0, its limit is meant: T2 = 0 gives no signal, as in air or cortex,
T1 = 0 recovers at once. Signals are differentiable in every tensor; the gradients are finite
where the relaxation times are above 0.

There is no equation of its own for proton density weighting: it is :func:`spin_echo` or
:func:`turbo_spin_echo` with TR much longer than T1 and TE much shorter than T2, where
``S = PD``. STIR and FLAIR are :func:`inversion_recovery` at the inversion time at which fat
and CSF are zero (:func:`null_inversion_time_ms`). Pulses are perfect and the field is even.
"""

from __future__ import annotations

from spinesynth.kernels.fat_water import DixonSignals, dixon, opposed_phase_te_ms
from spinesynth.kernels.gradient_echo import balanced_ssfp, ernst_angle_deg, spoiled_gradient_echo
from spinesynth.kernels.magnetisation_transfer import (
    CORD_TRANSFER_RATIO,
    DISC_TRANSFER_RATIO,
    MUSCLE_TRANSFER_RATIO,
    SOFT_TISSUE_TRANSFER_RATIO,
    magnetisation_transfer,
)
from spinesynth.kernels.spin_echo import (
    inversion_recovery,
    null_inversion_time_ms,
    spin_echo,
    turbo_spin_echo,
)

__all__ = [
    "CORD_TRANSFER_RATIO",
    "DISC_TRANSFER_RATIO",
    "MUSCLE_TRANSFER_RATIO",
    "SOFT_TISSUE_TRANSFER_RATIO",
    "DixonSignals",
    "balanced_ssfp",
    "dixon",
    "ernst_angle_deg",
    "inversion_recovery",
    "magnetisation_transfer",
    "null_inversion_time_ms",
    "opposed_phase_te_ms",
    "spin_echo",
    "spoiled_gradient_echo",
    "turbo_spin_echo",
]
