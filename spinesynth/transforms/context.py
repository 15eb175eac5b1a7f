"""Complete a structure map to a tissue map with random, plausible surroundings."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from monai.config.type_definitions import KeysCollection
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.anatomy.structures import Structure
from spinesynth.kernels.context import fill_context
from spinesynth.transforms.base import (
    RandomKernel,
    RandomKerneld,
    Record,
    check_spacing,
    rewrap,
    spacing_per_axis,
)
from spinesynth.transforms.whole_numbers import whole_numbers


class RandFillContext(RandomKernel):
    """Turn a structure map into structure and tissue maps, with surroundings.

    Cortex, nucleus, cord and a sacrum below the lowest vertebra are drawn too;
    the sacrum gets its structure code where nothing was labelled.

    Args:
        spacing_mm: voxel size of each spatial axis, the last two being anterior
            and superior; None takes it from the affine of a MetaTensor.
        annotated: what the source annotates (``body`` or ``vertebra``, ``disc``, ...);
            None tells by what a map shows.
        prob: must be 1; an incomplete tissue map has one black background.

    Shape:
        ``(1, J, K)`` or ``(1, I, J, K)`` integer Structure codes to
        ``(2, ...)`` uint8: structure and tissue.

    Source:
        :func:`spinesynth.kernels.context.fill_context`.

    Example:
        >>> import torch
        >>> fill = RandFillContext(spacing_mm=(1, 1)).set_random_state(0)
        >>> fill(torch.ones(1, 32, 32, dtype=torch.uint8)).shape
        torch.Size([2, 32, 32])
    """

    takes_codes: ClassVar[bool] = True

    def __init__(
        self,
        spacing_mm: float | Sequence[float] | None = None,
        *,
        annotated: Collection[str] | None = None,
        prob: float = 1.0,
    ) -> None:
        super().__init__(prob)
        if prob != 1:
            raise ValueError(f"prob must be 1 (the context is part of the map), got {prob}")
        if spacing_mm is not None:
            check_spacing("spacing_mm", spacing_mm)
        self.spacing_mm, self.annotated = spacing_mm, annotated
        self._spacing = spacing_mm

    def __call__(self, data: Tensor | np.ndarray, randomize: bool = True) -> Tensor:
        """Fill the surroundings of a channel-first structure map."""
        axes = data.ndim - 1
        self._spacing = self.spacing_mm
        if self._spacing is None:
            if not isinstance(data, MetaTensor):
                raise ValueError("spacing_mm must be given for a tensor without an affine")
            self._spacing = [float(p) for p in data.pixdim[-axes:]]
        return super().__call__(data, randomize)

    def draw(self, data: Tensor) -> Record:
        """Draw the seed; everything else follows from it."""
        return Record(self.draw_seed())

    def apply(self, data: Tensor, record: Record) -> Tensor:
        """Fill the surroundings of a record."""
        if self._spacing is None:
            raise ValueError("spacing_mm must be given to apply a record to a plain tensor")
        structure = _structure_codes(data[0])
        maps = fill_context(
            structure,
            spacing_mm=spacing_per_axis(self._spacing, structure.ndim),
            generator=record.generator(),
            annotated=None if self.annotated is None else frozenset(self.annotated),
        )
        return torch.stack(maps)


def _structure_codes(data: Tensor) -> Tensor:
    """Return a map of Structure codes as integers, or raise naming the others."""
    codes = whole_numbers(data, "structure map")
    low, high = codes.aminmax()
    if int(low) < 0 or int(high) >= Structure.UNKNOWN:  # the codes have no gap
        unknown = sorted(c for c in set(codes.flatten().tolist()) if not 0 <= c < Structure.UNKNOWN)
        raise ValueError(
            f"structure map must hold the codes 0-{Structure.UNKNOWN - 1} of Structure, "
            f"got {unknown}; "
            "codes of a label scheme become those by get_scheme(name).decode(codes).structure"
        )
    return codes


class RandFillContextd(RandomKerneld):
    """Dictionary form of :class:`RandFillContext`.

    Args:
        keys: key of the structure map; the completed one replaces it.
        tissue_key: key under which the tissue map is put. A map that is already
            there (a phantom brings its own) is kept, and nothing is filled.
        annotated_key: key under which a case says what its source annotates; where
            it is missing, ``annotated`` holds.
        allow_missing_keys: do not raise if the structure map is missing.
        **parameters: those of :class:`RandFillContext`.
    """

    array_class: ClassVar[type[RandomKernel]] = RandFillContext
    transform: RandFillContext

    def __init__(
        self,
        keys: KeysCollection,
        *,
        tissue_key: str = "tissue",
        annotated_key: str = "annotated",
        allow_missing_keys: bool = False,
        **parameters: Any,  # noqa: ANN401  # those of array_class
    ) -> None:
        super().__init__(keys, allow_missing_keys=allow_missing_keys, **parameters)
        self.tissue_key, self.annotated_key = tissue_key, annotated_key
        self._annotated = self.transform.annotated

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Put the completed structure map and the tissue map."""
        result = dict(data)
        if self.tissue_key in result:
            return result
        self.transform.annotated = result.get(self.annotated_key, self._annotated)
        for key in self.key_iterator(result):
            both = self.transform(result[key])
            result[key], result[self.tissue_key] = (rewrap(both[n : n + 1], both) for n in range(2))
        return result
