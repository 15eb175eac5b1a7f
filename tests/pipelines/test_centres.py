"""Training that also regresses the centres of vertebral bodies."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.data.meta_tensor import MetaTensor

from spinesynth.anatomy.structures import Structure
from spinesynth.errors import CheckpointError, ConfigError
from spinesynth.io.case import Case
from spinesynth.io.checkpoint import load_checkpoint, load_training_state
from spinesynth.io.load_case import load_case
from spinesynth.io.manifest import read_manifest
from spinesynth.kernels.body_centres import UNKNOWN_CENTRE, centre_codes, heatmap_of
from spinesynth.networks import centre_loss, split_centre
from spinesynth.pipelines.centre_target import BodyCentresd, number_bodies
from spinesynth.pipelines.checkpoint_shelf import checkpoint_path
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.config_reading import parse_config
from spinesynth.pipelines.datasets import SampleKey, collate
from spinesynth.pipelines.learner import Learner
from spinesynth.pipelines.network_plan import build_network
from spinesynth.pipelines.predict import load_predictor
from spinesynth.pipelines.train import Trainer
from spinesynth.pipelines.training_data import ModelName, make_dataset, make_training_data
from spinesynth.pipelines.training_state import state_path
from spinesynth.transforms import RandDeformPatch
from spinesynth.transforms.base import as_plain
from spinesynth.transforms.deform_patch import DeformRecord
from tests.fabricate import SPACING_MM, write_manifest
from tests.pipelines.tiny_training import Snapshots, differences, tiny_config

#: Centres of the fabricated bodies along A and S, in voxels: rows 18-29, and ten of every 14.
_CENTRES = ((23.5, 10.5), (23.5, 24.5), (23.5, 38.5))
_VOLUMES: dict[str, Any] = {"dims": 3}
_SAMPLES = [
    pytest.param("A", {}, id="A-2D"),
    pytest.param("B", {}, id="B-2D"),
    pytest.param("A", {"slices": 3}, id="A-2.5D"),
    pytest.param("B", {"slices": 3}, id="B-2.5D"),
    pytest.param("A", _VOLUMES, id="A-3D"),
    pytest.param("B", _VOLUMES, id="B-3D"),
]


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    root = tmp_path_factory.mktemp("data")
    return [case for case in read_manifest(write_manifest(root)) if case.image and case.label]


def centred(
    network: dict[str, Any] | None = None,
    *,
    weight: float = 10.0,
    **more: Any,  # noqa: ANN401 YAML
) -> ExperimentConfig:
    given = network or {}
    patch = [4, 32, 32] if given.get("dims") == 3 else [32, 32]
    training = {"patch_size": patch, "centre_weight": weight, "foreground_share": 1.0}
    config = tiny_config().model_dump(mode="json")
    config["network"] |= given
    config["training"] |= training | more.pop("training", {})
    return parse_config(config | more)


@pytest.mark.parametrize(("model", "network"), _SAMPLES)
def test_samples_are_those_without_it_and_hold_a_centre(
    cases: list[Case], model: ModelName, network: dict[str, Any]
) -> None:
    with_it = make_dataset(cases, centred(network), model=model)
    without = make_dataset(cases, centred(network, weight=0.0), model=model)
    peaks = []
    for variant in range(4):
        one, other = (data[SampleKey(0, 0, variant)] for data in (with_it, without))
        assert torch.equal(one["image"], other["image"])
        assert torch.equal(one["target"], other["target"])
        assert "centre" not in other
        assert one["centre"].shape == one["target"].shape
        assert one["centre"].dtype == torch.uint8
        heat, _ = heatmap_of(one["centre"])
        peaks.append(float(heat.max()))
        far = one["target"][heat > 0.98].float()  # within a fifth of 5 mm of a centre
        assert bool((far == Structure.VERTEBRAL_BODY).all())
    # the patch of 32 mm lies about a labelled voxel of a column of 33 mm
    assert max(peaks) > 0.9


def test_cache_on_the_disk_holds_the_bodies(cases: list[Case], tmp_path: Path) -> None:
    data = {"cache": "disk", "cache_dir": str(tmp_path)}
    plain = make_dataset(cases, centred(weight=0.0, data=data), model="A")
    files = set(tmp_path.iterdir())
    disk = make_dataset(cases, centred(data=data), model="A")
    assert len(set(tmp_path.iterdir())) == 2 * len(files)  # those without them are no use
    memory = make_dataset(cases, centred(), model="A")
    key = SampleKey(0, 1, 2)
    assert torch.equal(disk[key]["centre"], memory[key]["centre"])
    assert torch.equal(disk[key]["image"], plain[key]["image"])


def test_codes_of_a_volume_are_made_once(
    cases: list[Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[int, ...]] = []

    def counted(bodies: torch.Tensor, **words: Any) -> torch.Tensor:  # noqa: ANN401 passed on
        made.append(tuple(bodies.shape))
        return centre_codes(bodies, **words)

    monkeypatch.setattr("spinesynth.pipelines.centre_target.centre_codes", counted)
    data = {"cache": "disk", "cache_dir": str(tmp_path)}
    for sigma_mm, files in ((5.0, 1), (6.0, 2), (5.0, 2)):
        config = centred(_VOLUMES, data=data, training={"centre_sigma_mm": sigma_mm})
        samples = make_dataset(cases[:1], config, model="A")
        for variant in range(3):
            samples[SampleKey(0, 0, variant)]
        assert len(list(tmp_path.iterdir())) == len(made) == files


def test_phantoms_know_their_centres(cases: list[Case]) -> None:
    config = centred(synthesis={"phantom_share": 1, "phantoms": 1})
    config = parse_config(
        config.model_dump(mode="json") | {"training": {**_training(config), "patch_size": [96, 96]}}
    )
    sample = make_dataset(cases, config, model="A")[SampleKey(0, 0, 0)]
    heat, known = heatmap_of(sample["centre"])
    body = sample["target"] == Structure.VERTEBRAL_BODY
    assert float(heat[body].max()) > 0.9
    assert bool(known[body].any())


def _training(config: ExperimentConfig) -> dict[str, Any]:
    values: dict[str, Any] = config.training.model_dump(mode="json")
    return values


def test_centres_of_instances_and_of_components_are_those_of_the_bodies(cases: list[Case]) -> None:
    """Numbered masks and plain ones of the same anatomy give the same map."""
    plain = load_case(cases[0], need_image=False)
    assert plain.structure is not None
    numbers = torch.zeros_like(as_plain(plain.structure))
    for number, (_, k) in enumerate(_CENTRES, 1):
        numbers[..., int(k - 4.5) : int(k + 5.5)] = number + 7  # also where there is no body
    numbered = MetaTensor(numbers, affine=plain.structure.affine)
    only = torch.arange(numbers.shape[-1]) < 17  # two bodies have no number
    some = MetaTensor(numbers * only, affine=plain.structure.affine)
    maps = [number_bodies(plain.structure, given) for given in (None, numbered, some)]
    assert [torch.unique(as_plain(bodies)).tolist() for bodies in maps] == [
        [0, 1, 2, 3], [0, 8, 9, 10], [0, 8, 9, 10],
    ]  # fmt: skip
    codes = [
        centre_codes(as_plain(bodies)[0], spacing_mm=SPACING_MM, sigma_mm=5.0) for bodies in maps
    ]
    assert torch.equal(codes[0], codes[1])
    assert torch.equal(codes[0], codes[2])


def test_specks_are_no_bodies() -> None:
    structure = torch.zeros(1, 20, 20, 20, dtype=torch.uint8)
    structure[0, 2:14, 2:14, 2:14] = Structure.VERTEBRAL_BODY  # 1.7 ml
    structure[0, 17, 17, 17] = Structure.VERTEBRAL_BODY
    bodies = number_bodies(MetaTensor(structure, affine=torch.eye(4)), None)
    assert bodies[0, 17, 17, 17] == 0
    assert bodies[0, 5, 5, 5] == 1


def test_body_that_the_patch_cuts_keeps_its_centre(cases: list[Case]) -> None:
    structure = load_case(cases[0], need_image=False).structure
    assert structure is not None
    put = BodyCentresd(sigma_mm=5.0, flat=False)
    data = put({"label": structure, "bodies": number_bodies(structure, None)})
    deform = RandDeformPatch((2, 8, 8), spacing_mm=SPACING_MM)
    # voxels 2-3, 26-33 and 12-19 as they are: a corner of the lowest body, without its centre
    record = DeformRecord(0, (2.5, 29.5, 15.5), (0.0,) * 3, (1.0,) * 3, (0.0,) * 6, 0.0, SPACING_MM)
    patch = deform.apply(as_plain(data["centre"]), record)
    heat, known = heatmap_of(patch[0])
    assert bool(known.all())
    beyond = deform.apply(
        as_plain(data["centre"]), dataclasses.replace(record, centre_vox=(-9,) * 3)
    )
    assert not bool(heatmap_of(beyond)[1].any())  # nobody knows what lies outside of a scan
    j, k = torch.meshgrid(torch.arange(26, 34), torch.arange(12, 20), indexing="ij")
    wanted = torch.zeros(2, 8, 8)
    for centre in _CENTRES:
        along = ((j - centre[0]) * SPACING_MM[1]) ** 2 + ((k - centre[1]) * SPACING_MM[2]) ** 2
        square = along + (0.5 * SPACING_MM[0]) ** 2  # both layers lie half a voxel beside 2.5
        wanted = torch.maximum(wanted, torch.exp(-square / 50))
    # a code is a fiftieth of a sigma, at most a hundredth off; the slope is at most 0.61
    torch.testing.assert_close(heat, wanted, atol=0.0062, rtol=0)


@pytest.mark.parametrize("annotated", [{"vertebra", "disc"}, {"disc", "canal"}])
def test_sources_without_bodies_are_masked_and_refused_alone(
    cases: list[Case], annotated: set[str]
) -> None:
    other = dataclasses.replace(cases[0], case_id="other", annotated=frozenset(annotated))
    for dims in (2, 3):
        config = centred({"dims": dims})
        for model in ("A", "B"):
            data = make_training_data([other, *cases], config, model=model)
            sample = data[SampleKey(0, 0, 0)]
            assert set(sample["centre"].flatten().tolist()) == {UNKNOWN_CENTRE}
    with pytest.raises(ConfigError, match=r"E-CONF-044.*no case that model B learns from"):
        make_training_data([other], centred(), model="B")


@pytest.mark.parametrize(
    ("network", "training"),
    [
        pytest.param({}, {}, id="2D"),
        pytest.param({"slices": 3}, {"accumulate_steps": 2}, id="2.5D"),
        pytest.param(_VOLUMES, {}, id="3D", marks=pytest.mark.slow),
        pytest.param(
            {"name": "dynunet", "deep_supervision": True}, {}, id="deep supervision",
            marks=pytest.mark.slow,
        ),
    ],
)  # fmt: skip
def test_steps_on_one_sample_lower_its_term(
    cases: list[Case], network: dict[str, Any], training: dict[str, Any]
) -> None:
    config = centred(
        network, weight=1.0, training={"batch_size": 2, "learning_rate": 0.01, **training}
    )
    sample = make_dataset(cases, config, model="A")[SampleKey(0, 0, 1)]
    batch = collate([sample, sample])
    learner = Learner(config)

    def term() -> float:
        with torch.no_grad():
            output = learner.logits(learner.network.train(), batch["image"])
        _, heat = split_centre(output, dims=config.network.dims)
        return float(centre_loss(heat, *heatmap_of(batch["centre"])))

    before = term()
    for number in range(15):
        learner.take_step(batch, number)
    assert term() < 0.5 * before


def test_overflow_where_nothing_is_known_counts_nothing() -> None:
    predicted = torch.tensor([[[torch.inf, 3.0]]], requires_grad=True)
    wanted, known = torch.zeros(1, 1, 2), torch.tensor([[[False, True]]])
    loss = centre_loss(predicted, wanted, known)
    loss.backward()  # type: ignore[no-untyped-call]  # of torch
    assert float(loss.detach()) == 9  # 3 squared over the one voxel that is known
    assert predicted.grad is not None
    assert predicted.grad.tolist() == [[[0.0, 6.0]]]


def test_without_it_the_network_and_its_weights_are_the_plain_ones() -> None:
    plain, headed = (build_network(centred(weight=weight)) for weight in (0.0, 1.0))
    assert type(plain).__name__ == "UNet"
    assert {f"network.{name}" for name in plain.state_dict()} == set(headed.state_dict())


def test_weights_of_every_network_are_counted() -> None:
    config = centred({"name": "basic_unet"}, weight=0.0)
    wanted = sum(weight.numel() for weight in build_network(config).parameters())
    assert Learner(config).count_parameters() == wanted


@pytest.mark.parametrize("model", ["A", pytest.param("B", marks=pytest.mark.slow)])
def test_checkpoint_predicts_and_training_goes_on_bit_for_bit(
    cases: list[Case], model: ModelName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = centred(training={"checkpoint_every": 3, "steps": 6})

    def trainer(folder: Path) -> Trainer:
        return Trainer(config, model, train=cases[1:], validation=cases[:1], folder=folder)

    with monkeypatch.context() as patch:
        snapshots = Snapshots(tmp_path / "at", patch)
        trainer(tmp_path / "whole").run()
    reached = [load_training_state(state_path(folder, model)).step for folder in snapshots.folders]
    half = snapshots.folders[reached.index(3)]
    trainer(half).run(resume=True)
    assert differences(tmp_path / "whole", half, model=model) == []

    predictor, _ = load_predictor(checkpoint_path(half, model, "best"))
    image = load_case(cases[0]).image
    assert image is not None
    assert predictor.probabilities(image).shape == (6, *image.shape[1:])  # no heatmap


def test_start_without_the_head_is_refused(cases: list[Case], tmp_path: Path) -> None:
    config = centred(weight=0.0, training={"steps": 1, "validate_every": 1})
    Trainer(config, "A", train=cases[1:], validation=cases[:1], folder=tmp_path).run()
    best = checkpoint_path(tmp_path, "A", "best")
    assert not any(name.startswith("network.") for name in load_checkpoint(best).weights)
    with pytest.raises(CheckpointError, match=r"has no heatmap of centres"):
        Learner(centred(training={"start_from": str(best)}))
