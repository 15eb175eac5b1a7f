"""What every random transform of this package shares: a record, a draw, an application.

A transform draws its parameters, seed included, from its own random state into
a small frozen record and then calls a kernel with it. Applying a record again
gives the same voxels, so each sample can be replayed and written to JSON.
"""

from __future__ import annotations

import dataclasses
import math
from abc import abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from copy import deepcopy
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import torch
from monai.config.type_definitions import KeysCollection
from monai.data.meta_tensor import MetaTensor
from monai.transforms.transform import MapTransform, Randomizable, Transform
from monai.utils.enums import MetaKeys, TransformBackends
from torch import Tensor

_MAX_SEED = 2**31 - 1


@dataclasses.dataclass(frozen=True)
class Record:
    """The parameters of one application, complete with the seed of its noise."""

    seed: int

    def generator(self) -> torch.Generator:
        """Return a CPU generator at the record's seed."""
        return torch.Generator().manual_seed(self.seed)

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters as plain JSON types."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}


def as_plain(data: Tensor | np.ndarray) -> Tensor:
    """Return the plain tensor of an array, tensor or MetaTensor."""
    if isinstance(data, MetaTensor):
        return data.as_tensor()
    return torch.as_tensor(data)


def rewrap(result: Tensor, like: Tensor | np.ndarray, *, affine: Tensor | None = None) -> Tensor:
    """Give a result a copy of its source's metadata, with another affine if one is given."""
    if not isinstance(like, MetaTensor):
        return result
    # MONAI keeps the dictionary it is given: a shared one would change the source's affine
    meta = {key: deepcopy(value) for key, value in like.meta.items() if key != MetaKeys.AFFINE}
    source = like.affine.clone() if affine is None else affine
    return MetaTensor(as_plain(result), affine=source, meta=meta)


class RandomKernel(Randomizable, Transform):
    """Base of the array transforms: ``randomize`` draws a record, ``apply`` uses it.

    A stage of images returns the floating dtype that it was given, and float32
    for integers, whether it acts or not. One that moves or reads labels sets
    ``takes_codes`` and decides for itself.

    Args:
        prob: probability in [0, 1] that the transform acts at all.
    """

    backend: ClassVar[list[TransformBackends]] = [  # type: ignore[misc]  # plain in MONAI
        TransformBackends.TORCH
    ]
    record_class: ClassVar[type[Record]] = Record
    takes_codes: ClassVar[bool] = False

    def __init__(self, prob: float = 1.0) -> None:
        check_number("prob", prob, low=0, high=1)
        self.prob = prob
        self.record: Record | None = None
        # MONAI's R is one object shared by all instances; each of ours has its own
        self.R = np.random.RandomState(np.random.MT19937())
        self._owns_state = True

    def set_random_state(
        self, seed: int | None = None, state: np.random.RandomState | None = None
    ) -> Self:
        """Seed the transform, as MONAI's ``Compose`` does for its members."""
        if seed is not None and state is None and self._owns_state:
            self.R.seed(seed % 2**32)  # the same sequence as of a new one, at a tenth of its cost
            return self
        super().set_random_state(seed, state)
        self._owns_state = state is None
        return self

    def randomize(self, data: Tensor) -> None:
        """Draw whether to act and with which parameters."""
        acts = self.R.rand() < self.prob
        record = self.draw(data)
        self.record = record if acts else None

    def draw_seed(self) -> int:
        """Draw the seed of a record."""
        return int(self.R.randint(_MAX_SEED))

    def uniform(self, bounds: tuple[float, float]) -> float:
        """Draw one number between two bounds."""
        return float(self.R.uniform(*bounds))

    @abstractmethod
    def draw(self, data: Tensor) -> Record:
        """Draw the parameters of one application from ``self.R``."""

    @abstractmethod
    def apply(self, data: Tensor, record: Any) -> Tensor:  # noqa: ANN401  # its own Record
        """Apply the parameters of a record; equal records give equal voxels."""

    def read_record(self, fields: Mapping[str, Any]) -> Record:
        """Return the record that :meth:`Record.to_dict` wrote, also after a way through JSON."""
        return self.record_class(**fields)

    def __call__(self, data: Tensor | np.ndarray, randomize: bool = True) -> Tensor:
        """Transform a channel-first array ``(C, *spatial)``.

        Args:
            data: image or label map; not modified.
            randomize: draw new parameters; False applies the last record again.
        """
        plain = as_plain(data)
        if randomize:
            self.randomize(plain)
        result = plain.clone() if self.record is None else self.apply(plain, self.record)
        if not self.takes_codes:
            result = result.to(plain.dtype if plain.is_floating_point() else torch.float32)
        return rewrap(result, data)


class RandomKerneld(MapTransform, Randomizable):
    """Base of the dictionary transforms: one draw, applied to every key.

    Args:
        keys: keys of the arrays to transform.
        allow_missing_keys: do not raise if a key is missing.
        **parameters: those of the array transform ``array_class``.
    """

    array_class: ClassVar[type[RandomKernel]]

    def __init__(
        self,
        keys: KeysCollection,
        *,
        allow_missing_keys: bool = False,
        **parameters: Any,  # noqa: ANN401  # those of array_class
    ) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        self.transform = self.array_class(**parameters)
        self.R = self.transform.R

    def set_random_state(
        self, seed: int | None = None, state: np.random.RandomState | None = None
    ) -> Self:
        """Seed the transform, as MONAI's ``Compose`` does for its members."""
        self.transform.set_random_state(seed, state)
        self.R = self.transform.R
        return self

    @property
    def record(self) -> Record | None:
        """The parameters of the last application, None where it did not act."""
        return self.transform.record

    def randomize(self, data: Tensor) -> None:
        """Draw the parameters for a first array."""
        self.transform.randomize(data)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Transform the arrays under ``keys`` of a copied dictionary."""
        result = dict(data)
        for number, key in enumerate(self.key_iterator(result)):
            result[key] = self.transform(result[key], randomize=number == 0)
        return result


class FixedKernel(Transform):
    """Base of the array transforms that draw nothing."""

    backend: ClassVar[list[TransformBackends]] = [  # type: ignore[misc]  # plain in MONAI
        TransformBackends.TORCH
    ]

    @abstractmethod
    def apply(self, data: Tensor) -> Tensor:
        """Transform a plain tensor into a new one."""

    def __call__(self, data: Tensor | np.ndarray) -> Tensor:
        """Transform an array; a MetaTensor keeps its metadata."""
        return rewrap(self.apply(as_plain(data)), data)


class FixedKerneld(MapTransform):
    """Base of their dictionary forms: the arrays under ``keys``, each on its own."""

    array_class: ClassVar[type[FixedKernel]]

    def __init__(self, keys: KeysCollection, *, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.transform = self.array_class()

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Transform the arrays of a copied dictionary."""
        result = dict(data)
        for key in self.key_iterator(result):
            result[key] = self.transform(result[key])
        return result


def is_whole(value: object) -> bool:
    """Return whether a value is an integer, of Python or of numpy; 2.0 is none."""
    return isinstance(value, Integral)


def is_number(value: object) -> bool:
    """Return whether a value is one real number, of Python, numpy or torch."""
    return isinstance(value, Real) or (isinstance(value, Tensor) and value.ndim == 0)


def as_list(value: object) -> list[Any]:
    """Return the items of a sequence or an array; of anything else, text among it, none."""
    if isinstance(value, np.ndarray | Tensor):
        return list(value) if value.ndim else []
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else []


def check_range(name: str, bounds: tuple[float, float], *, low: float, high: float) -> None:
    """Raise unless a range is a pair of finite numbers in order, within its allowed interval."""
    pair = as_list(bounds)
    finite = all(is_number(bound) and math.isfinite(bound) for bound in pair)
    if len(pair) != 2 or not finite or not low <= pair[0] <= pair[1] <= high:
        got = repr(bounds) if not pair else tuple(pair)
        raise ValueError(
            f"{name} must be an ordered pair within [{low}, {high}], finite, got {got}"
        )


def check_number(name: str, value: float, *, low: float, high: float = math.inf) -> None:
    """Raise unless a parameter is one finite number within its allowed interval."""
    if not is_number(value) or not math.isfinite(value) or not low <= value <= high:
        bounds = f"in [{low:g}, {high:g}]" if high < math.inf else f"finite and at least {low:g}"
        raise ValueError(f"{name} must be {bounds}, got {value!r}")


def check_count(name: str, value: int, *, low: int) -> None:
    """Raise unless a parameter is a whole number of at least ``low``."""
    if not is_whole(value) or value < low:
        raise ValueError(f"{name} must be at least {low}, a whole number, got {value!r}")


def check_spacing(name: str, spacing_mm: float | Sequence[float], axes: int | None = None) -> None:
    """Raise unless voxel sizes are finite and > 0: one number, or one for each axis.

    Args:
        name: what to call them in the error.
        spacing_mm: one number for all axes, or one each.
        axes: number of axes; None where only the data tell, which have two or three.
    """
    alone = is_number(spacing_mm)
    sizes: Sequence[Any] = [spacing_mm] if alone else as_list(spacing_mm)
    counts = (2, 3) if axes is None else (axes,)
    if not alone and len(sizes) not in counts:
        wanted = " or ".join(map(str, counts))
        raise ValueError(f"{name} must be one number or {wanted} numbers, got {spacing_mm}")
    if not all(is_number(size) and 0 < size < math.inf for size in sizes):
        raise ValueError(f"{name} must be finite and > 0, got {spacing_mm}")


def spacing_per_axis(spacing_mm: float | Sequence[float], axes: int) -> list[float]:
    """Return one voxel size for each axis; a single number holds for all.

    Raises:
        ValueError: if there are several, but not one for each axis.
    """
    if is_number(spacing_mm):
        return [float(spacing_mm)] * axes  # type: ignore[arg-type]  # a number
    sizes = [float(size) for size in spacing_mm]  # type: ignore[union-attr]  # no number
    if len(sizes) != axes:
        raise ValueError(
            f"spacing_mm must be one number or {axes} numbers, one for each axis, got {sizes}"
        )
    return sizes
