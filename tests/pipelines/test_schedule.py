from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from spinesynth.errors import ConfigError
from spinesynth.pipelines.config import TrainingConfig
from spinesynth.pipelines.config_reading import parse_config
from spinesynth.pipelines.schedule import Schedule, cosine_share, polynomial_share


def _rates(settings: TrainingConfig, scores: list[float]) -> list[float]:
    """The learning rate of each step; a validation follows each."""
    optimiser = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=settings.learning_rate)
    schedule, rates = Schedule(optimiser, settings), []
    for score in scores:
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.after_step()
        schedule.after_validation(score)
    return rates


def test_cosine_rises_in_a_line_and_falls_along_half_a_cosine() -> None:
    settings = TrainingConfig(schedule="cosine", steps=21, warmup_steps=4, learning_rate=0.8)

    rates = _rates(settings, [0.0] * 21)

    assert rates[:4] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert rates[4] == pytest.approx(0.8)
    assert rates[12] == pytest.approx(0.4)  # half way between steps 4 and 20
    assert rates[8] == pytest.approx(0.4 * (1 + math.cos(math.pi / 4)))
    assert rates[20] == pytest.approx(0.0008)


def test_polynomial_falls_as_the_power_of_what_is_left() -> None:
    settings = TrainingConfig(schedule="polynomial", steps=21, warmup_steps=4, learning_rate=0.8)

    rates = _rates(settings, [0.0] * 21)

    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8])
    assert rates[12] == pytest.approx(0.8 * 0.5**0.9)  # half way between steps 4 and 20
    assert rates[20] == pytest.approx(0.0008)


def test_cosine_does_not_look_at_scores_and_plateau_not_at_steps() -> None:
    cosine = TrainingConfig(schedule="cosine", steps=8)
    assert _rates(cosine, [0.1] * 8) == _rates(cosine, [0.1 * n for n in range(8)])
    plateau = TrainingConfig(schedule="plateau", plateau_patience=1, plateau_factor=0.5)
    assert len(set(_rates(plateau, [0.1 * n for n in range(8)]))) == 1
    assert _rates(plateau, [0.1] * 5)[-1] == pytest.approx(plateau.learning_rate / 2)


@pytest.mark.parametrize(("steps", "warmup_steps"), [(1, 0), (2, 1), (3, 2)])
def test_shortest_trainings_have_a_rate_at_every_step(steps: int, warmup_steps: int) -> None:
    for curve in (cosine_share, polynomial_share):
        shares = [curve(n, steps=steps, warmup_steps=warmup_steps) for n in range(steps + 1)]
        assert all(0 < share <= 1 for share in shares)


def test_warm_up_that_never_ends_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"warmup_steps must be fewer than steps \(10\), got 10"):
        parse_config({"name": "x", "training": {"steps": 10, "warmup_steps": 10}})
