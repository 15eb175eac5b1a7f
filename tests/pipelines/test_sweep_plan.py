"""What a sweep tries, and what it refuses before a training begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from spinesynth.errors import ConfigError
from spinesynth.pipelines.sweep_plan import read_sweep
from tests.pipelines.sweep_cases import BATCH, RATE, write_sweep

ROOT = Path(__file__).parents[2]
WEIGHT = {
    "choices": {
        "0.3": {"training.loss_parameters": {"lambda_dice": 0.3, "lambda_ce": 0.7}},
        "0.7": {"training.loss_parameters": {"lambda_dice": 0.7, "lambda_ce": 0.3}},
    }
}


def test_grid_is_every_combination_and_the_last_changes_fastest(tmp_path: Path) -> None:
    sweep = read_sweep(write_sweep(tmp_path))
    assert [(point["rate"], point["batch"]) for point in sweep.grid()] == [
        *((1e-4, "1"), (1e-4, "2"), (1e-3, "1"), (1e-3, "2"), (1e-2, "1"), (1e-2, "2")),
    ]
    assert sweep.count == 6
    assert read_sweep(write_sweep(tmp_path), trials=4).count == 4
    assert read_sweep(write_sweep(tmp_path), trials=9).count == 6


def test_a_trial_is_the_base_with_its_settings_replaced(tmp_path: Path) -> None:
    noise = "synthesis.overrides.RandMagnitudeNoise.sigma"
    parameters = {"weight": WEIGHT, "noise": {"setting": noise, "choices": [[0, 0.03], [0, 0.05]]}}
    sweep = read_sweep(write_sweep(tmp_path, parameters=parameters))
    config = sweep.configure({"weight": "0.3", "noise": "[0, 0.05]"}, name="t")
    assert config.training.loss_parameters == {"lambda_dice": 0.3, "lambda_ce": 0.7}
    assert config.synthesis.overrides == {"RandMagnitudeNoise": {"sigma": [0, 0.05]}}
    assert config.training.final_choice == "volumes"
    plain = sweep.configure({}, name="t")
    assert plain.training.loss_parameters == {}
    assert plain.synthesis.overrides == {}  # trials share nothing that one could change


def test_the_table_of_the_project_is_swept() -> None:
    """The ranges are those of the sensitivity table that the project was given."""
    sweep = read_sweep(ROOT / "configs" / "sweep.yaml")
    parameters = sweep.parameters
    assert parameters["learning_rate"].bounds == (1e-4, 1e-2)
    assert parameters["batch_size"].labels == ("2", "4", "8")
    assert parameters["dice_weight"].labels == ("0.3", "0.5", "0.7")
    assert parameters["resolution_mm"].labels == ("[1, 2]", "[1, 3]", "[1, 4]")
    assert parameters["noise_sigma"].labels == ("[0.01, 0.03]", "[0.01, 0.05]")
    for label in parameters["dice_weight"].labels:
        (weights,) = parameters["dice_weight"].settings(label).values()
        assert weights["lambda_dice"] == float(label)
        assert sum(weights.values()) == pytest.approx(1)
    assert read_sweep(ROOT / "configs" / "sweep.yaml", sampler="grid", trials=1000).count == 162


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        ({"sampler": "random"}, r"E-CONF-040.*sampler: .*'grid' or 'tpe'"),
        ({"sampler": "tpe"}, "must say how many trials"),
        ({"parameters": {}}, "parameters: .*at least 1 item"),
        ({"parameters": {"rate": {**RATE, "choices": [1, 2]}}}, "a range or choices, got both"),
        ({"parameters": {"rate": {**RATE, "low": 0}}}, "above 0 with log, got 0 and 0.01"),
        ({"parameters": {"rate": {**RATE, "low": 1}}}, "low must be below high"),
        ({"parameters": {"rate": {**RATE, "high": None}}}, "must have setting, low and high"),
        ({"parameters": {"batch": {**BATCH, "choices": [2]}}}, "two different ones at least"),
        ({"parameters": {"batch": {**BATCH, "choices": [2, 2]}}}, "two different ones at least"),
        ({"parameters": {"w": {"choices": [1, 2]}}}, "a list with a setting"),
        ({"parameters": {"w": {**WEIGHT, "setting": "seed"}}}, "settings by name without"),
        ({"parameters": {"a": BATCH, "b": BATCH}}, "sweeps training.batch_size as a and as b"),
        (
            {"parameters": {"a": {"setting": "data.split_seed", "choices": [1, 2]}}},
            "sweeps data.split_seed, which all trials must share",
        ),
        (
            {"parameters": {"a": {"setting": "training.final_choice", "choices": ["a", "b"]}}},
            "sweeps training.final_choice, which all trials must share",
        ),
        (
            {"parameters": {"a": {"setting": "training.step", "choices": [1, 2]}}},
            "E-CONF-002.*training.step: .*steps",
        ),
        (  # an end of a range that no training takes
            {"parameters": {"a": {"setting": "training.momentum", "low": 0.5, "high": 2}}},
            "E-CONF-002.*training.momentum",
        ),
        ({"parameters": {"a": {"setting": "seed.x", "choices": [1, 2]}}}, "a: seed of seed.x is"),
        ({"common": {"models": ["A", "B"]}}, "must train one model"),
        ({"common": {"seed.x": 1}}, "common: seed of seed.x is no section"),
    ],
)
def test_a_sweep_that_cannot_be_run_is_refused(
    tmp_path: Path, sweep: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        read_sweep(write_sweep(tmp_path, **sweep))
