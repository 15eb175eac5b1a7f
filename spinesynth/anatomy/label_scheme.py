"""One label scheme: a table of integer codes, translated both ways by lookup.

The schemes themselves, and the rules of encoding in words, are in
:mod:`spinesynth.anatomy.label_schemes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from spinesynth.anatomy.present_codes import is_one_of, present_codes
from spinesynth.anatomy.structures import Structure
from spinesynth.few import name_few

#: Structures of which there are several, told apart by their instance.
COUNTED: frozenset[Structure] = frozenset(
    {
        Structure.VERTEBRAL_BODY,
        Structure.POSTERIOR_ELEMENTS,
        Structure.VERTEBRA,
        Structure.ENDPLATE,
        Structure.DISC,
    }
)

#: What a structure is folded into, nearest first, where a scheme lacks it.
_FOLDS: dict[Structure, tuple[Structure, ...]] = {
    Structure.ENDPLATE: (Structure.VERTEBRAL_BODY, Structure.VERTEBRA),
    Structure.VERTEBRAL_BODY: (Structure.VERTEBRA,),
    Structure.POSTERIOR_ELEMENTS: (Structure.VERTEBRA,),
    Structure.CORD: (Structure.CANAL,),
}

#: Longest list of codes that an error message spells out.
_MAX_LISTED = 12

_NOT_IN_TABLE = -1

#: Highest instance that any scheme names (SPIDER's partly visible vertebrae).
MAX_INSTANCE = 25

#: Column of the encoding table for every instance beyond the highest.
_BEYOND = MAX_INSTANCE + 1


class Code(NamedTuple):
    """Meaning of one integer code.

    Args:
        structure: the structure it stands for.
        instance: upward count of the vertebra or disc, ``None`` if not counted, 0 if a
            scheme that counts cannot tell this one's level.
        name: word for tables and legends.
    """

    structure: Structure
    instance: int | None
    name: str


class Inserted(NamedTuple):
    """A vertebra that few people have, and what its presence does to the counts.

    Args:
        place: its own upward count; where it is present, counts from this one rise by one.
        signs: codes that tell that it is present.
        unmoved: codes that keep their count all the same.
    """

    place: int
    signs: tuple[int, ...]
    unmoved: tuple[int, ...]


class DecodedLabels(NamedTuple):
    """Structure and instance of every voxel, two uint8 tensors of one shape."""

    structure: Tensor
    instance: Tensor


@dataclass(frozen=True)
class LabelScheme:
    """Translate integer codes to structures and instances, and back.

    Args:
        name: key in :data:`spinesynth.anatomy.label_schemes.SCHEMES`.
        codes: meaning of every code; any other code is an error.
        folds_top: whether instances above the highest one of the scheme fold
            into it (``True``) or become background (``False``); ``None`` makes
            them an error.
        inserted: vertebrae that few people have (L6, T13), from the top down: where one
            is present, what lies above counts one more.

    Example:
        >>> disc = Code(Structure.DISC, 1, "lowest disc")
        >>> LabelScheme("mine", {7: disc}).decode(torch.tensor([7, 7])).instance.tolist()
        [1, 1]
    """

    name: str
    codes: Mapping[int, Code]
    folds_top: bool | None = None
    inserted: tuple[Inserted, ...] = ()

    @property
    def num_classes(self) -> int:
        """Number of codes, background included."""
        return len(self.codes)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names in the order of the codes, background first."""
        return tuple(self.codes[code].name for code in sorted(self.codes))

    @cached_property
    def structures(self) -> frozenset[Structure]:
        """Structures that the scheme has a code for."""
        return frozenset(code.structure for code in self.codes.values())

    @cached_property
    def is_counted(self) -> bool:
        """Whether codes tell one vertebra from another."""
        return any(code.instance is not None for code in self.codes.values())

    def decode(self, codes: Tensor) -> DecodedLabels:
        """Translate codes into structures and instances.

        Args:
            codes: any shape, integer dtype, codes of this scheme.

        Returns:
            Two uint8 tensors of the same shape; instance 0 where not counted.

        Raises:
            TypeError: if ``codes`` is not an integer tensor.
            ValueError: if a code is not in the scheme; lists all such codes.
        """
        plain = _plain_integers(codes, name="codes")
        unknown = [code for code in present_codes(plain) if code not in self.codes]
        if unknown:
            raise ValueError(
                f"codes must be in scheme '{self.name}' ({_ranges(self.codes)}), "
                f"got {_listed(unknown)}; name the right scheme or map the codes first"
            )
        structure, instance = self._decode_tables.to(plain.device)
        index = plain.long()
        return DecodedLabels(structure[index], self._with_inserted(plain, instance[index]))

    def _with_inserted(self, codes: Tensor, instance: Tensor) -> Tensor:
        """Count vertebrae that few people have where they are present."""
        for extra in self.inserted:
            if bool(is_one_of(codes, extra.signs).any()):
                moved = (instance >= extra.place) & ~is_one_of(codes, extra.unmoved)
                instance = torch.where(moved, instance + 1, instance)
        return instance

    def encode(self, structure: Tensor, instance: Tensor | None = None) -> Tensor:
        """Translate structures and instances into codes of this scheme.

        Args:
            structure: any shape, integer dtype, ``Structure`` codes.
            instance: same shape, upward counts; needed by schemes that count.

        Returns:
            Codes, uint8, same shape. See the module for the rules of folding.

        Raises:
            TypeError: if a tensor is not of integer dtype.
            ValueError: if a structure cannot be encoded, or an instance that
                the scheme needs is missing or out of its range.
        """
        plain = _plain_integers(structure, name="structure")
        known = [int(member) for member in Structure]
        unknown = [code for code in present_codes(plain) if code not in known]
        if unknown:
            raise ValueError(f"structure must hold codes 0-{max(known)}, got {_listed(unknown)}")
        counts = self._counts(plain, instance)
        table = self._encode_table.to(plain.device)
        codes = table[plain.long(), counts]
        if bool((codes == _NOT_IN_TABLE).any()):
            self._refuse(plain, counts, codes)
        return codes.to(torch.uint8)

    def _counts(self, structure: Tensor, instance: Tensor | None) -> Tensor:
        """Return clamped int64 instances, zeros for a scheme that does not count."""
        if not self.is_counted or instance is None:
            return torch.zeros_like(structure, dtype=torch.long)
        plain = _plain_integers(instance, name="instance").long()
        if plain.shape != structure.shape:
            raise ValueError(
                f"instance must have the shape of structure {tuple(structure.shape)}, "
                f"got {tuple(plain.shape)}"
            )
        return plain.clamp(0, _BEYOND)

    def _refuse(self, structure: Tensor, counts: Tensor, codes: Tensor) -> None:
        """Raise the error that explains the first voxel without a code."""
        bad = codes == _NOT_IN_TABLE
        first = Structure(int(structure[bad][0]))
        count = int(counts[bad][0])
        target = self._target(first)
        if first is Structure.UNKNOWN:
            raise ValueError(
                f"scheme '{self.name}' cannot say what is unknown, and background says more; "
                "use 'pseudo'"
            )
        if target is None:
            raise ValueError(
                f"scheme '{self.name}' splits vertebrae into body and posterior elements, "
                f"got whole vertebrae ({first.name}); use 'semantic4' or 'spider' instead"
            )
        wanted = sorted(
            code.instance
            for code in self.codes.values()
            if code.structure is target and code.instance
        )
        raise ValueError(
            f"scheme '{self.name}' needs instances {wanted[0]}-{wanted[-1]} for {first.name}, "
            f"got {count}; pass instance= with upward counts (1 = lowest), "
            f"or use a scheme without instances such as 'semantic4'"
        )

    def _target(self, structure: Structure) -> Structure | None:
        """Return what a structure is encoded as, or None if it cannot be."""
        for candidate in (structure, *_FOLDS.get(structure, ())):
            if candidate in self.structures:
                return candidate
        splits = Structure.VERTEBRAL_BODY in self.structures
        if structure is Structure.UNKNOWN or (structure is Structure.VERTEBRA and splits):
            return None
        return Structure.BACKGROUND

    @cached_property
    def _decode_tables(self) -> Tensor:
        """Lookup tables of structure and instance, uint8 (2, highest code + 1)."""
        tables = torch.zeros(2, max(self.codes) + 1, dtype=torch.uint8)
        for code, meaning in self.codes.items():
            tables[0, code] = int(meaning.structure)
            tables[1, code] = meaning.instance or 0
        return tables

    @cached_property
    def _encode_table(self) -> Tensor:
        """Lookup table of codes, int64 (structures, instances)."""
        direct: dict[tuple[Structure, int | None], int] = {}
        signs = {code for extra in self.inserted for code in extra.signs}
        for code in sorted(self.codes, key=lambda code: (code in signs, code)):
            # the first code wins: a whole vertebra before a partly visible one, and the spine
            # that most people have before the signs of a further vertebra
            direct.setdefault((self.codes[code].structure, self.codes[code].instance), code)
        table = torch.full((len(Structure), _BEYOND + 1), _NOT_IN_TABLE, dtype=torch.long)
        for structure in Structure:
            target = self._target(structure)
            if target is None:
                continue
            for count in range(_BEYOND + 1):
                table[structure, count] = self._code_of(direct, target, count)
        return table

    def _code_of(
        self, direct: Mapping[tuple[Structure, int | None], int], target: Structure, count: int
    ) -> int:
        """Return the code of one structure and instance by the scheme's rule."""
        if (target, None) in direct:
            return direct[target, None]
        if (target, count) in direct:
            return direct[target, count]
        top = max(code for structure, code in direct if structure is target and code is not None)
        if count <= top or self.folds_top is None:
            return _NOT_IN_TABLE
        return direct[target, top] if self.folds_top else int(Structure.BACKGROUND)


def _plain_integers(values: Tensor, *, name: str) -> Tensor:
    """Return the values without tensor subclass, refusing non-integer dtypes."""
    if values.is_floating_point() or values.is_complex():
        raise TypeError(f"{name} must be of an integer dtype, got {values.dtype}; round it first")
    plain = values.as_subclass(Tensor)
    return plain.to(torch.uint8) if plain.dtype == torch.bool else plain


def _listed(values: Iterable[int]) -> str:
    """Spell out codes, at most :data:`_MAX_LISTED` of them."""
    return name_few(sorted(values), limit=_MAX_LISTED)


def _ranges(codes: Iterable[int]) -> str:
    """Spell out codes as ranges, for example ``0-9, 100-125``."""
    spans: list[list[int]] = []
    for code in sorted(codes):
        if spans and code == spans[-1][1] + 1:
            spans[-1][1] = code
        else:
            spans.append([code, code])
    return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in spans)
