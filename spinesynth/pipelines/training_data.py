"""What a model learns from: synthetic images for A, real ones for B, or both for A."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from spinesynth.anatomy.label_schemes import CLUSTER_SCHEME, PSEUDO_SCHEME
from spinesynth.errors import ConfigError
from spinesynth.io.case import Case
from spinesynth.pipelines.centre_target import knows_bodies
from spinesynth.pipelines.chains import augmentation_chain, centres_of, synthesis_chain
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.data_digest import Digests, digest_cases
from spinesynth.pipelines.datasets import NamedSamples, SliceDataset, TargetCoder
from spinesynth.pipelines.device_synthesis import UnpaintedDataset
from spinesynth.pipelines.leak_guard import Content, contents_of
from spinesynth.pipelines.mixed_dataset import MixedDataset
from spinesynth.pipelines.phantom_data import PHANTOM_SOURCE
from spinesynth.seeding import derive_seed

ModelName = Literal["A", "B"]
Part = Literal["train", "validation"]


def make_training_data(
    cases: Sequence[Case], config: ExperimentConfig, *, model: ModelName, part: Part = "train"
) -> NamedSamples:
    """Return the patches that a model learns from, or is validated on.

    Without ``training.real_share`` those of model A are :func:`make_dataset`'s, which
    opens no image; with it, that share of them are what model B would get. Where
    no validation patient has an image, model A is validated on synthetic ones alone.
    With ``synthesis.paint_on: device`` its training samples are still to be painted.

    Raises:
        ConfigError: if training cases know nothing of centres that are to be learnt.
    """
    if part == "train":
        check_centres(cases, config, model)
    on_device = model == "A" and part == "train" and config.synthesis.paint_on == "device"
    data = make_dataset(cases, config, model=model, part=part, painted=not on_device)
    share = config.training.real_share
    if model == "B" or share == 0:
        return data
    labelled = with_real_image(cases)
    if part == "validation" and not labelled:
        return data
    real = make_dataset(labelled, config, model="B", part=part)
    return MixedDataset(data, real, real_share=share)


def check_centres(cases: Sequence[Case], config: ExperimentConfig, model: ModelName) -> None:
    """Refuse a ``training.centre_weight`` that has nothing to weigh.

    Args:
        cases: training cases.
        config: the experiment.
        model: that would learn from them.

    Raises:
        ConfigError: if nothing that can be drawn for the model knows any centre.
    """
    if config.training.centre_weight == 0 or _draws_bodies(cases, config, model):
        return
    painted = model == "A" and config.training.real_share < 1
    more = " or phantoms (synthesis.phantom_share)" if painted else ""
    raise ConfigError(
        f"training.centre_weight: no case that model {model} learns from shows vertebral bodies "
        "apart from what is behind them ('body' in the column annotated; pseudo-labels and "
        f"clusters do not count); add such cases{more}, or set it to 0",
        code="E-CONF-044",
    )


def _draws_bodies(cases: Sequence[Case], config: ExperimentConfig, model: ModelName) -> bool:
    """Return whether samples of bodies whose centres are known can be drawn."""
    if model == "B":
        return any(map(knows_bodies, cases))
    real, phantoms = config.training.real_share, config.synthesis.phantom_share
    if real > 0 and any(map(knows_bodies, with_real_image(cases))):
        return True
    return real < 1 and (phantoms > 0 or any(map(knows_bodies, cases)))


def with_real_image(cases: Sequence[Case]) -> list[Case]:
    """Return the cases whose image is there and labelled by structures, not by clusters."""
    return [case for case in cases if case.image is not None and case.scheme != CLUSTER_SCHEME]


def make_dataset(
    cases: Sequence[Case],
    config: ExperimentConfig,
    *,
    model: ModelName,
    part: Part = "train",
    painted: bool = True,
) -> SliceDataset:
    """Return patches of one kind: synthetic ones for model A, real ones for B.

    Model A gets label maps only: its data set never opens an image file. The
    phantoms beside them, if any, are others in validation than in training. Those of
    model A are maps to be painted by :class:`DevicePainter` unless ``painted``.
    """
    synthetic = model == "A"
    count = config.synthesis.phantoms
    share = config.synthesis.phantom_share if synthetic else 0.0
    return (SliceDataset if painted else UnpaintedDataset)(
        # phantoms alone need no label map either: none is opened
        cases if share < 1 else (),
        synthesis_chain(config) if synthetic else augmentation_chain(config),
        run_seed=config.seed,
        with_image=not synthetic,
        coder=TargetCoder(config.target_scheme),
        phantom_seeds=[
            derive_seed(config.seed, part, "phantom", number)
            for number in range(count if part == "train" else max(1, count // 4))
        ],
        phantom_share=share,
        phantoms_without=config.synthesis.phantoms_without,
        centres=centres_of(config),
        cache_folder=config.data.cache_folder,
    )


def patients_behind(config: ExperimentConfig, model: ModelName, cases: Sequence[Case]) -> set[str]:
    """Return the patients whose label maps or images a model learns from.

    Phantoms alone are nobody; the name of their source stands for them.
    """
    if model == "B" or config.synthesis.phantom_share < 1:
        return {case.patient_id for case in cases}
    # no label map is opened, and of the images those that the real share asks for
    real = with_real_image(cases) if config.training.real_share > 0 else []
    return {PHANTOM_SOURCE, *(case.patient_id for case in real)}


def contents_behind(
    config: ExperimentConfig, model: ModelName, cases: Sequence[Case]
) -> list[Content]:
    """Return the digests of the label maps and images that a model learns from.

    Files are read that its training reads too, and the images of pseudo-labels: a model
    has drawn those from them.
    """
    if model == "B":
        return contents_of(cases, images=True)
    real = with_real_image(cases) if config.training.real_share > 0 else []
    painted = cases if config.synthesis.phantom_share < 1 else []
    drawn = [case for case in painted if case.scheme == PSEUDO_SCHEME]
    found = [*contents_of(painted, images=False), *contents_of([*drawn, *real], images=True)]
    return list(dict.fromkeys(found))


def digest_data(data: NamedSamples, part: str) -> dict[str, Digests]:
    """Return the digests of the cases of a part of the data, real images on their own.

    Args:
        data: of :func:`make_training_data`.
        part: ``training`` or ``validation``.
    """
    if isinstance(data, MixedDataset):
        return {
            part: digest_cases(data.synthetic),
            f"{part} image": digest_cases(data.real),
        }
    return {part: digest_cases(data) if isinstance(data, SliceDataset) else []}
