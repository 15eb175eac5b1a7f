"""Training data: cases loaded once and cached, random patches drawn by name."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from monai.transforms.compose import Compose
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from spinesynth.anatomy.annotation import class_groups
from spinesynth.anatomy.label_schemes import CLUSTER_SCHEME, get_scheme
from spinesynth.anatomy.phantom.traits import Trait
from spinesynth.anatomy.structures import Structure
from spinesynth.io.case import Case
from spinesynth.networks.partial_label_loss import UNKNOWN_CLASS
from spinesynth.pipelines.case_cache import cache_cases
from spinesynth.pipelines.centre_target import BodyCentresd
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.drawn_phantoms import draw_phantoms
from spinesynth.pipelines.interrupt import end_quietly
from spinesynth.pipelines.phantom_data import PHANTOM_ANNOTATED
from spinesynth.seeding import derive_seed32, make_generator
from spinesynth.transforms.base import as_plain

_WORKER_TIMEOUT_S = 120


class SampleKey(NamedTuple):
    """The name of a sample: it alone decides every random number of the sample."""

    epoch: int
    case: int
    variant: int


class TargetCoder:
    """Translate Structure codes to the classes of the training target."""

    def __init__(self, scheme_name: str) -> None:
        scheme = get_scheme(scheme_name)
        self.num_classes = scheme.num_classes
        by_structure = {code.structure: value for value, code in scheme.codes.items()}
        vertebra = by_structure.get(Structure.VERTEBRA, by_structure.get(Structure.VERTEBRAL_BODY))
        fold = {
            Structure.VERTEBRAL_BODY: vertebra,
            Structure.POSTERIOR_ELEMENTS: vertebra,
            Structure.VERTEBRA: vertebra,
            Structure.ENDPLATE: vertebra,
            Structure.CORD: by_structure.get(Structure.CANAL),
        }
        self.table = torch.tensor(
            [by_structure.get(s, fold.get(s)) or 0 for s in Structure], dtype=torch.uint8
        )
        self.table[Structure.UNKNOWN] = UNKNOWN_CLASS

    def classes(self, structure: Tensor) -> Tensor:
        """Return uint8 classes of a Structure map of any shape."""
        return self.table.to(structure.device)[structure.long()]

    def groups(self, annotated: frozenset[str]) -> tuple[int, ...]:
        """Return the group of each class that a source can tell apart."""
        return class_groups(annotated, num_classes=self.num_classes)


class Begun(NamedTuple):
    """A sample before its chain of transforms.

    Attributes:
        seed: of the chain's random state.
        volumes: that the chain takes.
        known: what the target holds, as words of ``annotated``.
    """

    seed: int
    volumes: dict[str, Any]
    known: frozenset[str]


class NamedSamples(Dataset[dict[str, Any]]):
    """Samples that a key names; keys count up to the length."""

    @abstractmethod
    def __len__(self) -> int:
        """Return how many cases the keys choose among."""

    @abstractmethod
    def __getitem__(self, key: SampleKey) -> dict[str, Any]:
        """Return ``image`` float32 and ``target`` uint8, ``(1, *patch)``, and ``groups``."""

    @staticmethod
    def as_batch(samples: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Return samples as the batch that a loader hands over."""
        return collate(samples)


class SliceDataset(NamedSamples):
    """Random patches of cached cases, 2D or 3D, each named by a :class:`SampleKey`.

    Args:
        cases: cases to draw from; none with a share of phantoms of 1.
        chain: random transforms from volumes to a patch.
        run_seed: seed of the run.
        with_image: load real images; False for synthesis.
        coder: training target.
        phantom_seeds: seeds of the phantoms that stand beside the cases.
        phantom_share: share of samples that are painted over one of them.
        phantoms_without: traits that the phantoms lack.
        centres: also give the centres of vertebral bodies; it stands in the chain, too.
        cache_folder: keeps cases in files there; None keeps them in memory. Samples
            are the same.

    A sample depends on the run seed and its key alone: not on the worker, the
    order, the batch or the other cases (the case enters by its id).
    """

    def __init__(
        self,
        cases: Sequence[Case],
        chain: Compose,
        *,
        run_seed: int,
        with_image: bool,
        coder: TargetCoder,
        phantom_seeds: Sequence[int] = (),
        phantom_share: float = 0.0,
        phantoms_without: Sequence[Trait] = (),
        centres: BodyCentresd | None = None,
        cache_folder: Path | None = None,
    ) -> None:
        if phantom_share > 0 and not phantom_seeds:
            raise ValueError("phantom_seeds must hold a seed for a share of phantoms, got none")
        if not cases and phantom_share < 1:
            raise ValueError(f"cases must not be empty for a share of phantoms of {phantom_share}")
        self.phantom_share = phantom_share
        drawn = phantom_seeds if phantom_share > 0 else ()
        self.with_image = with_image
        self.phantoms = draw_phantoms(drawn, without=phantoms_without, centres=centres)
        self.cases, self.chain, self.run_seed, self.coder = list(cases), chain, run_seed, coder
        self.cache = cache_cases(
            self.cases, with_image=with_image, centres=centres, folder=cache_folder
        )

    def __len__(self) -> int:
        """Return the number of cases, or of phantoms where there are no cases."""
        return len(self.cases) or len(self.phantoms)

    def __getitem__(self, key: SampleKey) -> dict[str, Any]:
        """Return ``image``, ``target``, ``groups`` and, if asked for, ``centre`` uint8."""
        begun = self.begin(key)
        self.chain.set_random_state(begun.seed)
        drawn = self.chain(begun.volumes)
        return as_sample(drawn, coder=self.coder, groups=self.coder.groups(begun.known))

    def begin(self, key: SampleKey) -> Begun:
        """Return what the chain makes a sample of."""
        case = self.cases[key.case] if self.cases else None
        name = (self.run_seed, key.epoch, case.case_id if case else "phantom", key.variant)
        seed, phantom = derive_seed32(*name), self._choose_phantom(name)
        if phantom is not None:
            return Begun(seed, dict(phantom), PHANTOM_ANNOTATED)
        assert case is not None  # without cases every sample is a phantom
        volumes = {k: v for k, v in self.cache[key.case].items() if k != "case"}
        volumes["annotated"] = case.annotated
        return Begun(seed, volumes, self._known(case))

    def _choose_phantom(self, name: tuple[int | str, ...]) -> dict[str, Any] | None:
        """Return the phantom that a sample is painted over, None for the case itself."""
        if not self.phantoms:
            return None
        share, index = torch.rand(2, generator=make_generator("phantom", *name)).tolist()
        return (
            self.phantoms[int(index * len(self.phantoms))] if share < self.phantom_share else None
        )

    def _known(self, case: Case) -> frozenset[str]:
        """Return what the target holds: synthesis also draws a sacrum below a full column."""
        bones = case.annotated & {"body", "vertebra"}
        column = {"disc", "canal"} <= case.annotated and bool(bones)
        drawn = not self.with_image and column and case.scheme != CLUSTER_SCHEME
        return case.annotated | {"sacrum"} if drawn else case.annotated


def as_sample(
    drawn: Mapping[Hashable, Any], *, coder: TargetCoder, groups: tuple[int, ...]
) -> dict[str, Any]:
    """Return a sample of what a chain gives: ``image``, ``label`` and, if there is, ``centre``."""
    return {
        "image": as_plain(drawn["image"]).float(),
        "target": coder.classes(as_plain(drawn["label"])),
        "groups": groups,
        **({"centre": as_plain(drawn["centre"])} if "centre" in drawn else {}),
    }


class KeySampler(Sampler[SampleKey]):
    """Name the samples of one epoch: cases in a shuffled cycle, each draw a new variant.

    Args:
        cases: to choose from.
        samples: of the whole epoch.
        epoch: its number.
        run_seed: seed of the run.
        skip: samples at its start that were drawn before the run was stopped.
        share: which of how many equal shares of each batch to name.
        batch_size: samples of a whole batch; the others are whole batches of it.
    """

    def __init__(
        self,
        cases: int,
        *,
        samples: int,
        epoch: int,
        run_seed: int,
        skip: int = 0,
        share: tuple[int, int] = (0, 1),
        batch_size: int = 1,
    ) -> None:
        self.cases, self.samples, self.epoch, self.run_seed = cases, samples, epoch, run_seed
        self.skip, self.share, self.batch_size = skip, share, batch_size

    def __len__(self) -> int:
        """Return the number of samples that are left."""
        return (self.samples - self.skip) // self.share[1]

    def __iter__(self) -> Iterator[SampleKey]:
        """Yield the keys in an order that depends on the run seed and epoch alone."""
        generator = make_generator(self.run_seed, "order", self.epoch)
        order: list[int] = []
        for number in range(self.samples):
            if not order:
                order = torch.randperm(self.cases, generator=generator).tolist()
            key = SampleKey(self.epoch, order.pop(), number)
            of_share = number % self.batch_size * self.share[1] // self.batch_size == self.share[0]
            if number >= self.skip and of_share:
                yield key


def collate(samples: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Stack tensors by their names; keep all else, as the groups, as lists."""
    batch: dict[str, Any] = {name: [s[name] for s in samples] for name in samples[0]}
    return {
        name: torch.stack(values) if isinstance(values[0], Tensor) else values
        for name, values in batch.items()
    }


def make_loader(
    dataset: NamedSamples,
    *,
    samples: int,
    epoch: int,
    config: ExperimentConfig,
    skip: int = 0,
    share: tuple[int, int] = (0, 1),
) -> DataLoader[dict[str, Any]]:
    """Return a loader over the samples of one epoch.

    Args:
        dataset: to draw from.
        samples: of the whole epoch.
        epoch: its number.
        config: the experiment.
        skip: samples at the start of the epoch to leave out, in whole batches.
        share: which of how many equal shares of each batch to load.
    """
    workers, size = config.training.workers, config.training.batch_size
    keys = KeySampler(
        len(dataset), samples=samples, epoch=epoch, run_seed=config.seed, skip=skip,
        share=share, batch_size=size,
    )  # fmt: skip
    return DataLoader(
        dataset,
        batch_size=size // share[1],
        sampler=keys,
        num_workers=workers,
        collate_fn=dataset.as_batch,
        timeout=_WORKER_TIMEOUT_S if workers else 0,
        worker_init_fn=end_quietly,
        # else torch would draw the seed of the workers from the global generator
        generator=make_generator(config.seed, "workers", epoch),
    )
