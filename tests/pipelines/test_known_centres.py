"""Who may learn the centres of bodies, and what becomes of the heatmap beside a network without."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from spinesynth.errors import ConfigError
from spinesynth.io.case import Case
from spinesynth.io.checkpoint import load_checkpoint, save_checkpoint
from spinesynth.io.manifest import read_manifest
from spinesynth.pipelines.checkpoint_shelf import checkpoint_path
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.config_reading import parse_config
from spinesynth.pipelines.experiment import run_experiment, train_models
from spinesynth.pipelines.finetune import run_finetune
from spinesynth.pipelines.network_plan import build_network
from spinesynth.pipelines.soup import cook_soup
from spinesynth.pipelines.starting_point import read_start
from spinesynth.pipelines.study import Study, run_study
from spinesynth.pipelines.sweep import run_sweep
from spinesynth.pipelines.sweep_plan import read_sweep
from spinesynth.pipelines.train import Trainer
from spinesynth.pipelines.training_data import ModelName, check_centres
from tests.fabricate import write_manifest
from tests.pipelines.sweep_cases import write_sweep
from tests.pipelines.tiny_checkpoint import write_checkpoint
from tests.pipelines.tiny_training import tiny_values

_PHANTOMS = {"phantom_share": 1, "phantoms": 1}


def config(*, models: tuple[str, ...] = ("A",), **sections: Any) -> ExperimentConfig:  # noqa: ANN401 YAML
    training = {"centre_weight": 10.0, **sections.pop("training", {})}
    return parse_config(tiny_values(training, models=list(models), **sections))


def whole_vertebrae(root: Path) -> Path:
    """Write three patients whose label maps do not tell bodies apart."""
    rows = [
        f"{name},{name},home,T2,vertebra disc canal,parts,{file}_image.nii.gz,{file}_label.nii.gz,"
        for name, file in (("a", "p1_t1"), ("b", "p1_t2"), ("c", "p2_t2"))
    ]
    return write_manifest(root, rows)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    return read_manifest(write_manifest(tmp_path_factory.mktemp("data")))


def _unknowing(case: Case) -> Case:
    return dataclasses.replace(case, annotated=frozenset({"vertebra", "disc"}))


@pytest.mark.parametrize(
    ("model", "real_share", "phantom_share", "knowing", "allowed"),
    [
        ("A", 0.0, 0.0, "neither", False),
        ("A", 0.0, 0.5, "neither", True),
        ("A", 0.5, 1.0, "neither", True),
        ("A", 1.0, 1.0, "neither", False),  # no phantom is ever drawn
        ("A", 0.0, 0.0, "label alone", True),
        ("A", 1.0, 0.0, "label alone", False),  # it has no image
        ("A", 1.0, 0.0, "image", True),
        ("A", 0.5, 1.0, "image", True),
        ("B", 0.0, 1.0, "neither", False),  # they are model A's
        ("B", 0.0, 0.0, "image", True),
    ],
)
def test_what_can_be_drawn_decides(
    cases: list[Case],
    model: ModelName,
    real_share: float,
    phantom_share: float,
    knowing: str,
    allowed: bool,
) -> None:
    given = [
        case if knowing == ("image" if case.image else "label alone") else _unknowing(case)
        for case in cases
        if model == "A" or case.image
    ]
    settings = config(
        training={"real_share": real_share},
        synthesis={"phantom_share": phantom_share, "phantoms": 1},
    )
    if allowed:
        check_centres(given, settings, model)
        return
    remedy = "or phantoms" if model == "A" and real_share < 1 else "add such cases, or set it to 0"
    with pytest.raises(ConfigError, match=rf"E-CONF-044.*{remedy}"):
        check_centres(given, settings, model)


def test_validation_cases_need_not_know_bodies(cases: list[Case], tmp_path: Path) -> None:
    real = [case for case in cases if case.image]
    models: tuple[ModelName, ...] = ("A", "B")
    for model in models:
        Trainer(config(), model, train=real[:1], validation=[_unknowing(real[1])], folder=tmp_path)


def _experiment(settings: ExperimentConfig, data: Path, folder: Path) -> None:
    run_experiment(settings, data=data, folder=folder, command="test")


def _train(settings: ExperimentConfig, data: Path, folder: Path) -> None:
    train_models(settings, data=data, folder=folder, command="test")


@pytest.mark.parametrize("begin", [_experiment, _train])
def test_model_b_is_refused_before_model_a_is_trained(
    begin: Callable[[ExperimentConfig, Path, Path], None], tmp_path: Path
) -> None:
    data, folder = whole_vertebrae(tmp_path / "data"), tmp_path / "run"
    with pytest.raises(ConfigError, match=r"E-CONF-044.*no case that model B learns from"):
        begin(config(models=("A", "B"), synthesis=_PHANTOMS), data, folder)
    assert not folder.exists()


def _study(_: Path, data: Path, folder: Path) -> None:
    plain = config(training={"centre_weight": 0.0})
    arms = {"plain": plain, "centres": config(models=("B",))}
    study = Study(name="s", description="", reference="plain", arms=arms)
    run_study(study, data=data, folder=folder, command="test")


def _sweep(root: Path, data: Path, folder: Path) -> None:
    weights = {"setting": "training.centre_weight", "choices": [0, 10]}
    path = write_sweep(
        root, parameters={"weight": weights}, common={"data.train_sources": ["home"]}
    )
    run_sweep(read_sweep(path), data=data, folder=folder, command="test")


def _finetune(root: Path, data: Path, folder: Path) -> None:
    start = with_head(root / "start.pt")
    run_finetune(
        config(models=("B",)), start, data=data, folder=folder, counts=(1,), scratch=False,
        command="test",
    )  # fmt: skip


@pytest.mark.parametrize("begin", [_study, _sweep, _finetune])
def test_every_training_of_a_command_is_looked_at_first(
    begin: Callable[[Path, Path, Path], None], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    with pytest.raises(ConfigError, match=r"E-CONF-044"):
        begin(tmp_path, whole_vertebrae(tmp_path / "data"), folder)
    assert not list(folder.rglob("*.pt"))


def with_head(path: Path, **network: object) -> Path:
    """Write a checkpoint of an untrained network with the heatmap, its weights all different."""
    plain = load_checkpoint(write_checkpoint(path))
    settings = config(network={"base_features": 2, **network})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        weights = build_network(settings).state_dict()
    values = settings.model_dump(mode="json")
    save_checkpoint(path, dataclasses.replace(plain, config=values, weights=weights))
    return path


@pytest.mark.parametrize("first", ["plain", "headed"])
def test_soup_with_and_without_the_heatmap_is_refused(first: str, tmp_path: Path) -> None:
    paths = [write_checkpoint(tmp_path / "plain.pt"), with_head(tmp_path / "headed.pt")]
    paths.sort(key=lambda path: path.stem != first)
    settings = load_checkpoint(paths[0]).config
    for path in paths:  # alike in all else
        old = load_checkpoint(path)
        training = {"training": {**settings["training"]}, "network": settings["network"]}
        training["training"]["centre_weight"] = old.config["training"]["centre_weight"]
        save_checkpoint(path, dataclasses.replace(old, config={**old.config, **training}))
    said = "is not there, of .* learnt" if first == "headed" else "is learnt, of .* not there"
    with pytest.raises(ConfigError, match=rf"E-CONF-042.*the heatmap of centres .*{said}"):
        cook_soup(paths, output=tmp_path / "soup.pt", command="test")


@pytest.mark.parametrize("name", ["unet", "segresnet", "residual_unet"])
def test_start_without_its_heatmap_keeps_the_rest(name: str, tmp_path: Path) -> None:
    """Only where layers after the output's mix its channels, the logits may differ."""
    start = with_head(tmp_path / "start.pt", name=name, base_features=8)
    network = {"name": name, "base_features": 8}
    headed, plain = (
        build_network(config(network=network, training={"centre_weight": weight})).eval()
        for weight in (1.0, 0.0)
    )
    headed.load_state_dict(load_checkpoint(start).weights)
    found = read_start(
        config(network=network, training={"centre_weight": 0.0, "start_from": str(start)})
    )
    assert found is not None
    assert found.loses_centres
    found.fill(plain)
    image = torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        logits, wanted = plain(image), headed(image)
    assert logits.shape == wanted.shape
    if name != "residual_unet":
        # the same sums, in kernels of another number of channels
        torch.testing.assert_close(logits, wanted, rtol=1e-5, atol=1e-5)


def test_whole_vertebrae_teach_further_what_learnt_centres(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    start = with_head(tmp_path / "start.pt")
    real = [case for case in read_manifest(whole_vertebrae(tmp_path / "data")) if case.image]
    settings = config(models=("B",), training={"centre_weight": 0.0, "start_from": str(start)})
    with caplog.at_level(logging.WARNING):
        trainer = Trainer(
            settings, "B", train=real[:1], validation=real[1:2], folder=tmp_path / "run"
        )
    assert f"{start}: its heatmap of centres is left out" in caplog.text
    trainer.run()
    saved = load_checkpoint(checkpoint_path(trainer.folder, "B", "best"))
    assert not any(name.startswith("network.") for name in saved.weights)


@pytest.mark.parametrize(
    ("recipe", "overrides", "said"),
    [
        ("lumbar", {"RandDeformPatch": {"fill": 3}}, "fill of RandDeformPatch: must be 0 .* got 3"),
        ("synthseg", {"RandSideFlip": {"swap": [[1, 2]]}}, "swap of RandSideFlip: must be none"),
    ],
)
def test_stages_that_would_change_the_codes_are_refused(
    recipe: str, overrides: dict[str, Any], said: str
) -> None:
    synthesis = {"recipe": recipe, "overrides": overrides}
    with pytest.raises(ConfigError, match=said):
        config(synthesis=synthesis)
    config(synthesis=synthesis, training={"centre_weight": 0.0})
    config(synthesis={"recipe": recipe})
