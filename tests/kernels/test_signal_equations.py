"""What holds for every signal equation: broadcasting, dtype, gradients, ranges."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from spinesynth.kernels import signal_equations
from spinesynth.kernels.signal_equations import (
    CORD_TRANSFER_RATIO,
    DISC_TRANSFER_RATIO,
    balanced_ssfp,
    dixon,
    inversion_recovery,
    magnetisation_transfer,
    spin_echo,
    spoiled_gradient_echo,
    turbo_spin_echo,
)


def _dixon_echo(pd: Tensor, t1_ms: Tensor, t2_star_ms: Tensor, **sequence: Any) -> Tensor:  # noqa: ANN401
    fraction = torch.full_like(pd, 0.4)
    return dixon(pd, t1_ms, t2_star_ms, fraction, **sequence).echo


Equation = Callable[..., Tensor]
#: Two protocols for each equation; numbers that float32 holds exactly.
PROTOCOLS: list[tuple[Equation, dict[str, tuple[float, float]]]] = [
    (spin_echo, {"tr_ms": (500, 2000), "te_ms": (10, 80)}),
    (
        turbo_spin_echo,
        {
            "tr_ms": (500, 3000),
            "te_ms": (16, 96),
            "echo_train_length": (3, 16),
            "echo_spacing_ms": (8, 12),
        },
    ),
    (inversion_recovery, {"tr_ms": (4000, 9000), "te_ms": (60, 100), "ti_ms": (160, 2500)}),
    (spoiled_gradient_echo, {"tr_ms": (7, 400), "te_ms": (2, 12), "flip_deg": (8, 30)}),
    (balanced_ssfp, {"tr_ms": (4, 8), "flip_deg": (40, 70)}),
    (
        _dixon_echo,
        {"tr_ms": (7, 400), "te_ms": (2, 4.5), "flip_deg": (8, 30), "field_t": (1.5, 3)},
    ),
]
EACH = pytest.mark.parametrize(("equation", "protocols"), PROTOCOLS)


def _tissues(dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    values = [[1, 0.9, 0.6], [4300, 300, 700], [1800, 80, 100]]
    pd, t1_ms, t2_ms = torch.tensor(values, dtype=dtype)
    return pd, t1_ms, t2_ms


@EACH
def test_batch_of_protocols_equals_one_after_another(
    equation: Equation, protocols: dict[str, tuple[float, float]]
) -> None:
    columns = {name: torch.tensor(values)[:, None] for name, values in protocols.items()}

    together = equation(*_tissues(), **columns)

    assert together.shape == (2, 3)
    for row in range(2):
        alone = equation(*_tissues(), **{name: values[row] for name, values in protocols.items()})
        # a number is kept in double precision, a tensor of float32 is not
        torch.testing.assert_close(together[row], alone, rtol=1e-5, atol=1e-6)
        for column in range(3):
            single = equation(
                *(part[column] for part in _tissues()),
                **{name: values[row] for name, values in protocols.items()},
            )
            torch.testing.assert_close(alone[column], single)


@EACH
def test_tissues_of_each_sample_broadcast_too(
    equation: Equation, protocols: dict[str, tuple[float, float]]
) -> None:
    tissues = tuple(torch.stack([part, part.flip(0)]) for part in _tissues())
    columns = {name: torch.tensor(values)[:, None] for name, values in protocols.items()}

    both = equation(*tissues, **columns)

    torch.testing.assert_close(both[0], equation(*_tissues(), **columns)[0])
    torch.testing.assert_close(both[1], equation(*_tissues(), **columns)[1].flip(0))


@EACH
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dtype_and_device_are_the_tissues(
    equation: Equation, protocols: dict[str, tuple[float, float]], dtype: torch.dtype
) -> None:
    for tissues in (_tissues(dtype), tuple(part[0] for part in _tissues(dtype))):
        signal = equation(*tissues, **{name: values[0] for name, values in protocols.items()})
        assert signal.dtype == dtype
        assert signal.device == tissues[0].device


@pytest.mark.gpu
@EACH
def test_gpu_gives_the_same(
    equation: Equation, protocols: dict[str, tuple[float, float]], cuda_device: torch.device
) -> None:
    sequence = {name: values[0] for name, values in protocols.items()}
    signal = equation(*(part.to(cuda_device) for part in _tissues()), **sequence)
    assert signal.device == cuda_device
    torch.testing.assert_close(signal.cpu(), equation(*_tissues(), **sequence))


@EACH
def test_signal_is_proportional_to_and_below_the_proton_density(
    equation: Equation, protocols: dict[str, tuple[float, float]]
) -> None:
    pd, t1_ms, t2_ms = _tissues()
    sequence = {name: values[1] for name, values in protocols.items()}
    signal = equation(pd, t1_ms, t2_ms, **sequence)
    assert torch.all((signal > 0) & (signal < pd))
    torch.testing.assert_close(equation(3 * pd, t1_ms, t2_ms, **sequence), 3 * signal)


@EACH
def test_gradients_are_those_of_differences(
    equation: Equation, protocols: dict[str, tuple[float, float]]
) -> None:
    tissues = tuple(part.clone().requires_grad_() for part in _tissues(torch.float64))
    sequence = {name: values[1] for name, values in protocols.items()}

    assert torch.autograd.gradcheck(lambda *parts: equation(*parts, **sequence), tissues)


@EACH
@pytest.mark.parametrize("number", [0.0, -3.0, math.inf, math.nan])
def test_sequence_times_must_be_finite_and_positive(
    equation: Equation, protocols: dict[str, tuple[float, float]], number: float
) -> None:
    sequence = {name: values[0] for name, values in protocols.items()}
    for name in {"tr_ms", "te_ms", "ti_ms", "echo_spacing_ms", "field_t"} & set(sequence):
        for value in (number, torch.tensor([[5.0], [number]])):
            with pytest.raises(ValueError, match=f"{name} must be finite and > 0, got {number}"):
                equation(*_tissues(), **(sequence | {name: value}))


@EACH
@pytest.mark.parametrize("number", [-3.0, math.inf, math.nan])
def test_tissues_must_be_finite_and_not_negative(
    equation: Equation, protocols: dict[str, tuple[float, float]], number: float
) -> None:
    sequence = {name: values[0] for name, values in protocols.items()}
    for place, name in enumerate(("pd", "t1_ms", r"t2_(star_)?ms")):
        tissues = [part.clone() for part in _tissues()]
        tissues[place][1] = number
        with pytest.raises(ValueError, match=f"{name} must be finite and >= 0, got {number}"):
            equation(*tissues, **sequence)


def test_echo_of_one_protocol_of_many_after_its_repetition_is_refused() -> None:
    with pytest.raises(ValueError, match="te_ms must be less than tr_ms, got 80 and tensor"):
        spin_echo(*_tissues(), tr_ms=torch.tensor([[90.0], [50.0]]), te_ms=80)


def test_magnetisation_transfer_takes_its_share() -> None:
    signal = torch.tensor([1.0, 2.0, 4.0])
    ratio = torch.tensor([0.0, 0.25, 1.0])

    assert magnetisation_transfer(signal, ratio).tolist() == [1, 1.5, 0]
    assert 0 < DISC_TRANSFER_RATIO < CORD_TRANSFER_RATIO < 1


@pytest.mark.parametrize("ratio", [-0.1, 1.1, math.nan])
def test_impossible_transfer_ratio_is_refused(ratio: float) -> None:
    with pytest.raises(ValueError, match=rf"transfer_ratio must be in \[0, 1\], got {ratio}"):
        magnetisation_transfer(torch.ones(1), ratio)


def test_every_public_equation_names_its_source_and_shows_an_example() -> None:
    functions = [getattr(signal_equations, name) for name in signal_equations.__all__]
    for function in filter(inspect.isfunction, functions):
        text = inspect.getdoc(function) or ""
        assert ">>>" in text, function.__name__
        assert "Source:" in text or function.__name__ == "opposed_phase_te_ms", function.__name__
