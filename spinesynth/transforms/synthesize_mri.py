"""The whole chain in one transform: a tissue map in, an MR image out, with its record."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from monai.config.type_definitions import KeysCollection
from monai.data.meta_tensor import MetaTensor
from monai.transforms.transform import Transform
from torch import Tensor

from spinesynth.seeding import derive_seed32
from spinesynth.transforms.base import RandomKernel, RandomKerneld, Record, as_plain, rewrap
from spinesynth.transforms.chain_order import check_chain
from spinesynth.transforms.chemical_shift import (
    ChemicalShiftRecord,
    RandChemicalShift,
    fat_fraction_map,
)
from spinesynth.transforms.oblique_slice import RandObliqueSlice
from spinesynth.transforms.paint_slices import average_layers, paint_slices
from spinesynth.transforms.recipe import (
    build_stages,
    leave_out,
    read_recipe,
    stage_parameters,
)
from spinesynth.transforms.sagittal_slab import check_odd, layers_as_channels
from spinesynth.transforms.sagittal_slice import RandSagittalSlice
from spinesynth.transforms.side_flip import FlipRecord, RandSideFlip, mirror
from spinesynth.transforms.spatial import RandomSpatial
from spinesynth.transforms.stage_catalogue import stage_catalogue
from spinesynth.transforms.tissue_painter import TissuePainter
from spinesynth.transforms.whole_numbers import whole_numbers

_MOST_LAYERS = 51  # of a thick slice: more is a volume


@dataclass(frozen=True)
class SynthesisRecord(Record):
    """Drawn parameters of each stage by its name; None where a stage did not act."""

    recipe: str
    stages: Mapping[str, Mapping[str, Any] | None]

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters as plain JSON types."""
        stages = {name: None if f is None else dict(f) for name, f in self.stages.items()}
        return {"seed": self.seed, "recipe": self.recipe, "stages": stages}


class RandSynthesizeMRI(RandomKernel):
    """Turn a tissue map into an MR image by a recipe, in one call.

    The stages are the transforms of this package, drawn and applied without
    anything in between: one sampling at patch size, plain tensors. Each stage
    draws from its own seed, derived from the sample's seed and the stage's name,
    so that switching one off leaves the draws of the others as they were.

    Args:
        recipe: name of a recipe (:func:`list_recipes`) or path of a YAML file.
        patch_size: size of the image; two or three spatial axes.
        spacing_mm: voxel size of the image, one number or one for each axis.
        without: names of stages to leave out.
        overrides: parameters by stage name that replace those of the recipe.
        prob: must be 1; a tissue map that is not painted is no image.

    Shape:
        ``(C, *spatial)`` integer to ``(1, *patch_size)`` float32: the first
        channel holds Tissue codes, others, if any, are warped with it and dropped
        (:meth:`render` returns them).

    Raises:
        ConfigError: if the recipe is unknown, or a stage or parameter is refused.

    Source:
        the recipe's; each stage names its own.

    Example:
        >>> import torch
        >>> synthesise = RandSynthesizeMRI("full", patch_size=(24, 24)).set_random_state(0)
        >>> synthesise(torch.ones(1, 40, 40, dtype=torch.uint8)).shape
        torch.Size([1, 24, 24])
    """

    record_class: ClassVar[type[Record]] = SynthesisRecord

    def __init__(
        self,
        recipe: str | Path = "lumbar",
        *,
        patch_size: Sequence[int],
        spacing_mm: float | Sequence[float] = 1.0,
        without: Sequence[str] = (),
        overrides: Mapping[str, Mapping[str, Any]] | None = None,
        prob: float = 1.0,
    ) -> None:
        super().__init__(prob)
        if prob != 1:
            raise ValueError(f"prob must be 1 (an unpainted tissue map is no image), got {prob}")
        if not isinstance(patch_size, Sequence):
            raise ValueError(f"patch_size must have one size for each axis, got {patch_size!r}")
        if isinstance(without, str):
            raise ValueError(f"without must be a list of names, got {without!r}")
        self.recipe = read_recipe(recipe)
        kept = leave_out(self.recipe.stages, without)
        self.patch_size, self.overrides = tuple(patch_size), overrides or {}
        self._place = f"recipe {self.recipe.name}"
        self._given = {"patch_size": self.patch_size, "spacing_mm": spacing_mm}
        self.stages = build_stages(
            kept,
            stage_catalogue(),
            given=self._given,
            overrides=self.overrides,
            place=self._place,
        )
        check_chain(self.stages, self.patch_size, place=self._place)

    def parameters_of(self, name: str) -> dict[str, Any]:
        """Return the parameters with which a stage of the recipe is built."""
        for stage in self.recipe.stages:
            if stage.name == name:
                form = stage_catalogue()[name]
                return stage_parameters(stage, form, given=self._given, overrides=self.overrides)
        raise ValueError(f"name must be a stage of recipe {self.recipe.name}, got {name!r}")

    def _named(self) -> list[tuple[str, Transform]]:
        return [(type(stage).__name__, stage) for stage in self.stages]

    def draw(self, data: Tensor) -> SynthesisRecord:
        """Draw the parameters of every stage; no image is made."""
        seed, records = self.draw_seed(), dict[str, Mapping[str, Any] | None]()
        for name, stage in self._named():
            if not isinstance(stage, RandomKernel):
                continue
            stage.set_random_state(derive_seed32(seed, name))
            # slices are drawn where labels are, and every voxel has a tissue
            stage.randomize(data[1:2] if len(data) > 1 else data)
            records[name] = None if stage.record is None else stage.record.to_dict()
            if isinstance(stage, RandomSpatial):
                # what follows draws by shape alone
                data = data.new_zeros(()).expand(1, *stage.output_size(data.shape[1:]))
        return SynthesisRecord(seed, self.recipe.name, records)

    def render(
        self, maps: Tensor, record: SynthesisRecord, *, layers: int = 1, slices: int = 1
    ) -> tuple[Tensor, Tensor]:
        """Apply the parameters of a record.

        Args:
            maps: ``(C, *spatial)`` whole numbers, on any device; Tissue codes in
                the first channel, any label maps in the others.
            record: of :meth:`draw`, or read back by :meth:`read_record`.
            layers: how many of the first channels hold Tissue codes: the thin layers
                of thick slices, averaged as soon as they are painted.
            slices: how many slices they make up; it divides ``layers``.

        Returns:
            ``(slices, *patch_size)`` float32 image, and the ``(C, *patch_size)`` maps
            that belong to it.
        """
        image, maps = torch.empty(0), whole_numbers(maps, "maps")
        tissue = maps[:layers]
        for name, stage in self._named():
            if not isinstance(stage, RandomKernel):
                image = as_plain(stage(image))
                continue
            fields = record.stages.get(name)
            if fields is None:
                continue
            drawn = stage.read_record(fields)
            if isinstance(stage, RandomSpatial):
                maps = _move(stage, maps, drawn, layers=layers)
            elif isinstance(stage, RandChemicalShift):
                assert isinstance(drawn, ChemicalShiftRecord)  # its record_class
                fat = average_layers(
                    [fat_fraction_map(layer[None]) for layer in tissue], slices=slices
                )
                image = stage.shift_fat(image, fat, drawn)
            elif isinstance(stage, TissuePainter):
                tissue = stage.tissues_of(maps[:layers])
                image = paint_slices(stage, maps[:layers], drawn, slices=slices)
            else:
                image = stage.apply(image, drawn)
        return image, maps

    def apply(self, data: Tensor, record: SynthesisRecord) -> Tensor:
        """Paint the image of a record: the same voxels for the same record."""
        return self.render(data, record)[0]

    def read_record(self, fields: Mapping[str, Any]) -> Record:
        """Return the record that :meth:`SynthesisRecord.to_dict` wrote.

        Raises:
            ValueError: if it was drawn by another chain.
        """
        wanted = {name for name, stage in self._named() if isinstance(stage, RandomKernel)}
        if set(fields["stages"]) != wanted:
            raise ValueError(
                f"record must hold the stages of recipe {self.recipe.name}, {sorted(wanted)}, got "
                f"those of recipe {fields.get('recipe')}, {sorted(fields['stages'])}"
            )
        return super().read_record(fields)

    def see(self, data: Tensor | np.ndarray) -> None:
        """Take the voxel size of a map from its affine, if it has one."""
        for stage in self.stages:
            if isinstance(stage, RandomSpatial):
                stage.see(data)
                # what the next spatial stage will see
                affine = stage.output_affine()
                size = torch.zeros(()).expand(1, *stage.output_size(data.shape[1:]))
                if isinstance(data, MetaTensor):
                    size = MetaTensor(size, affine=data.affine if affine is None else affine)
                data = size

    def affine(self) -> Tensor | None:
        """Return the affine of the patch: of the last stage that declares one."""
        wanted = None
        for stage in self.stages:
            if isinstance(stage, RandomSpatial):
                wanted = stage.output_affine() if stage.output_affine() is not None else wanted
        return wanted

    def __call__(self, data: Tensor | np.ndarray, randomize: bool = True) -> Tensor:
        """Synthesise an image over a tissue map."""
        plain = as_plain(data)
        self.see(data)
        if randomize:
            self.randomize(plain)
        assert isinstance(self.record, SynthesisRecord)  # prob is 1, so there is always one
        return rewrap(self.apply(plain, self.record), data, affine=self.affine())

    def replay(self, data: Tensor | np.ndarray, record: Mapping[str, Any]) -> Tensor:
        """Return the image of a record that a sample carries, bit for bit."""
        self.see(data)
        drawn = self.read_record(record)
        assert isinstance(drawn, SynthesisRecord)
        return rewrap(self.apply(as_plain(data), drawn), data, affine=self.affine())


class RandSynthesizeMRId(RandomKerneld):
    """Dictionary form of :class:`RandSynthesizeMRI`.

    Maps with one axis more than the patch, ``(1, n, J, K)`` for a patch ``(J, K)``, are
    the thin layers of one thick slice (:class:`RandSagittalSlabd` cuts them): each is
    painted, the image is their mean, and the labels are those of the middle layer.
    With ``slices`` they are those of neighbouring slices, which become the channels of
    the image; the labels are those of the middle slice.

    Args:
        keys: label maps on the grid of the tissue map; they are warped with it.
        tissue_key: key of the tissue map (see :class:`RandFillContextd`), warped too.
        image_key: key under which the image is put.
        record_key: key under which the record is put, as JSON text, so that samples
            can be collated.
        slices: odd; how many slices a map's layers make up.
        allow_missing_keys: do not raise if a label map is missing.
        **parameters: those of :class:`RandSynthesizeMRI`.
    """

    array_class: ClassVar[type[RandomKernel]] = RandSynthesizeMRI
    transform: RandSynthesizeMRI

    def __init__(
        self,
        keys: KeysCollection,
        *,
        tissue_key: str = "tissue",
        image_key: str = "image",
        record_key: str = "image_record",
        slices: int = 1,
        allow_missing_keys: bool = False,
        **parameters: Any,  # noqa: ANN401  # those of RandSynthesizeMRI
    ) -> None:
        super().__init__(keys, allow_missing_keys=allow_missing_keys, **parameters)
        check_odd("slices", slices)
        self.slices = slices
        self.tissue_key, self.image_key, self.record_key = tissue_key, image_key, record_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Put the image and its record beside the warped maps."""
        return self._render(data, None)

    def replay(
        self, data: Mapping[Hashable, Any], record: str | Mapping[str, Any]
    ) -> dict[Hashable, Any]:
        """Return the sample of a record once more, bit for bit.

        Args:
            data: what this transform was given: the tissue map before it was warped.
            record: what stood under ``record_key`` of the sample.
        """
        return self._render(data, json.loads(record) if isinstance(record, str) else record)

    def _count_layers(self, tissue: Tensor) -> int | None:
        """Return how many layers of one thick slice a map holds, None if it holds no slab."""
        cuts = any(
            isinstance(s, RandSagittalSlice | RandObliqueSlice) for s in self.transform.stages
        )
        deeper = tissue.ndim == len(self.transform.patch_size) + 2
        if cuts or not deeper:
            return None
        layers, rest = divmod(tissue.shape[1], self.slices)
        if rest:
            raise ValueError(
                f"{self.tissue_key!r} must hold the layers of {self.slices} slices, as many of "
                f"each, got shape {tuple(tissue.shape)}; cut them by RandSagittalSlabd(..., "
                f"slices={self.slices})"
            )
        if layers % 2 == 0 or layers > _MOST_LAYERS:
            raise ValueError(
                f"{self.tissue_key!r} must hold an odd number of layers of a thick slice, at "
                f"most {_MOST_LAYERS}, for a patch of {len(self.transform.patch_size)} axes, got "
                f"shape {tuple(tissue.shape)}; cut volumes by RandSagittalSlabd or "
                "RandSagittalSliced"
            )
        return tissue.shape[1]

    def _render(
        self, data: Mapping[Hashable, Any], record: Mapping[str, Any] | None
    ) -> dict[Hashable, Any]:
        result = dict(data)
        keys = [k for k in self.key_iterator(result) if k != self.tissue_key]
        if not keys and self.tissue_key not in result and self.allow_missing_keys:
            return result
        if self.tissue_key not in result:
            raise KeyError(
                f"no tissue map under {self.tissue_key!r}; put RandFillContextd before this "
                "transform, or name the key by tissue_key"
            )
        names: list[Hashable] = [self.tissue_key, *keys]
        given = [_tensor(result[name]) for name in names]
        slab = self._count_layers(given[0])
        if slab is None and self.slices > 1:
            raise ValueError(
                f"{self.tissue_key!r} must hold the layers of {self.slices} slices, got shape "
                f"{tuple(given[0].shape)}; cut them by RandSagittalSlabd"
            )
        if slab is not None:
            given = [layers_as_channels(v, middle=n > 0) for n, v in enumerate(given)]
        layers = slab or 1
        sizes = {name: tuple(value.shape) for name, value in zip(names, given, strict=True)}
        wanted = {
            name: (layers if n == 0 else 1, *given[0].shape[1:]) for n, name in enumerate(names)
        }
        if sizes != wanted:
            raise ValueError(f"keys must share one grid and have one channel, got shapes {sizes}")
        plain = [whole_numbers(as_plain(v), str(n)) for n, v in zip(names, given, strict=True)]
        maps = torch.cat(plain)  # the widest integer holds all
        transform = self.transform
        transform.see(given[0])
        if record is None:
            transform.randomize(torch.cat([maps[:1], maps[layers:]]))
        else:
            transform.record = transform.read_record(record)
        drawn = transform.record
        assert isinstance(drawn, SynthesisRecord)  # prob is 1, so there is always one
        image, maps = transform.render(maps, drawn, layers=layers, slices=self.slices)
        affine = transform.affine()
        kept = (maps[layers // 2], *maps[layers:])  # the middle layer: any thickness collates
        for name, value, warped in zip(names, given, kept, strict=True):
            result[name] = rewrap(warped[None].to(value.dtype), value, affine=affine)
        result[self.image_key] = rewrap(image, given[0], affine=affine)
        result[self.record_key] = json.dumps(drawn.to_dict(), allow_nan=False)
        return result


def _move(stage: RandomSpatial, maps: Tensor, record: Record, *, layers: int) -> Tensor:
    """Move tissue and label maps alike; only the labels have sides to exchange."""
    if isinstance(stage, RandSideFlip) and stage.swap:
        assert isinstance(record, FlipRecord)  # its record_class
        return torch.cat([mirror(maps[:layers], record), stage.apply(maps[layers:], record)])
    return stage.apply(maps, record)


def _tensor(data: Tensor | np.ndarray) -> Tensor:
    return data if isinstance(data, Tensor) else torch.as_tensor(data)
