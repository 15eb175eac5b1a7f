"""Label schemes: the integer codes that data sets and tools give to structures.

Internally a label map is two maps: ``structure`` (codes of
:class:`~spinesynth.anatomy.structures.Structure`) and ``instance`` (which
vertebra or disc, counted upward: 1 is the lowest annotated vertebra, disc k
lies below vertebra k, 0 where a structure has no instance or it is unknown).

=============== ==============================================================
scheme          codes
=============== ==============================================================
spider          1-9 vertebra k counted upward, 100 canal, 101-125 partly
                visible vertebra k-100, 201-209 disc below vertebra k-200
semantic4       1 vertebra, 2 disc, 3 canal
spine6          1 vertebral body, 2 posterior elements, 3 disc, 4 canal,
                5 sacrum (the codes of ``Structure``)
parts           1 vertebral body, 2 disc, 3 canal, 4 posterior elements,
                5 cord, 6 endplate
roadmap12       1-5 L1..L5 (top-down), 6-10 discs L1-L2..L5-S1, 11 canal
seed14          1-6 L5..L1, T12 (bottom-up), 7-12 the disc below each, 13 canal
binary_vertebra 1 vertebra
=============== ==============================================================

Code 0 is background, or not annotated, in all of them.

Rules of encoding:

* A finer structure folds into the coarser one a scheme has: endplate into body,
  body and posterior elements into vertebra, cord into canal.
* A structure that a scheme lacks altogether becomes background.
* A whole vertebra is refused by ``spine6`` and ``parts``, which need it split.
* ``roadmap12`` has no place for vertebrae above L1 and the discs below them:
  they become background.
* ``seed14`` folds instances above 6 (T11 and higher) into its topmost classes
  6 and 12, so that no vertebra is ever taught to be background.
* Names of levels are provisional: the lowest annotated vertebra is taken for
  L5, although it may be L4 or L6. They are never printed as ground truth.

Sources: SPIDER (van der Graaf et al. 2024, doi:10.1038/s41597-024-03090-w).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from spinesynth.anatomy.structures import Structure

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
_MAX_INSTANCE = 25

#: Column of the encoding table for every instance beyond the highest.
_BEYOND = _MAX_INSTANCE + 1


class Code(NamedTuple):
    """Meaning of one integer code.

    Args:
        structure: the structure it stands for.
        instance: upward count of the vertebra or disc, ``None`` if not counted.
        name: word for tables and legends.
    """

    structure: Structure
    instance: int | None
    name: str


class DecodedLabels(NamedTuple):
    """Structure and instance of every voxel, two uint8 tensors of one shape."""

    structure: Tensor
    instance: Tensor


@dataclass(frozen=True)
class LabelScheme:
    """Translate integer codes to structures and instances, and back.

    Args:
        name: key in :data:`SCHEMES`.
        codes: meaning of every code; any other code is an error.
        folds_top: whether instances above the highest one of the scheme fold
            into it (``True``) or become background (``False``); ``None`` makes
            them an error.

    Example:
        >>> get_scheme("spider").decode(torch.tensor([0, 2, 100, 201])).instance.tolist()
        [0, 2, 0, 1]
    """

    name: str
    codes: Mapping[int, Code]
    folds_top: bool | None = None

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
        present = torch.unique(plain).tolist()
        unknown = [code for code in present if code not in self.codes]
        if unknown:
            raise ValueError(
                f"codes must be in scheme '{self.name}' ({_ranges(self.codes)}), "
                f"got {_listed(unknown)}; name the right scheme or map the codes first"
            )
        structure, instance = self._decode_tables.to(plain.device)
        index = plain.long()
        return DecodedLabels(structure[index], instance[index])

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
        unknown = [code for code in torch.unique(plain).tolist() if code not in known]
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
        if structure is Structure.VERTEBRA and Structure.VERTEBRAL_BODY in self.structures:
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
        for code in sorted(self.codes):
            # the first code wins: a whole vertebra before a partly visible one
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


def get_scheme(name: str) -> LabelScheme:
    """Return the label scheme of a name.

    Raises:
        ValueError: if there is no such scheme; lists the valid names.
    """
    if name not in SCHEMES:
        raise ValueError(f"scheme must be one of {', '.join(sorted(SCHEMES))}, got '{name}'")
    return SCHEMES[name]


def convert(codes: Tensor, *, source: str, target: str, instance: Tensor | None = None) -> Tensor:
    """Translate codes of one scheme into codes of another.

    Args:
        codes: any shape, integer dtype, codes of ``source``.
        source: name of the scheme of ``codes``.
        target: name of the scheme wanted.
        instance: same shape, for a source that does not count its vertebrae.

    Returns:
        Codes of ``target``, uint8, same shape.

    Raises:
        ValueError: as :meth:`LabelScheme.decode` and :meth:`LabelScheme.encode`.

    Example:
        >>> convert(torch.tensor([0, 1, 100, 201]), source="spider", target="semantic4").tolist()
        [0, 1, 3, 2]
    """
    scheme = get_scheme(source)
    decoded = scheme.decode(codes)
    if instance is None and scheme.is_counted:
        instance = decoded.instance
    return get_scheme(target).encode(decoded.structure, instance)


def _plain_integers(values: Tensor, *, name: str) -> Tensor:
    """Return the values without tensor subclass, refusing non-integer dtypes."""
    if values.is_floating_point() or values.is_complex():
        raise TypeError(f"{name} must be of an integer dtype, got {values.dtype}; round it first")
    plain = values.as_subclass(Tensor)
    return plain.to(torch.uint8) if plain.dtype == torch.bool else plain


def _listed(values: Iterable[int]) -> str:
    """Spell out codes, at most :data:`_MAX_LISTED` of them."""
    ordered = sorted(values)
    more = f" and {len(ordered) - _MAX_LISTED} more" if len(ordered) > _MAX_LISTED else ""
    return ", ".join(str(value) for value in ordered[:_MAX_LISTED]) + more


def _ranges(codes: Iterable[int]) -> str:
    """Spell out codes as ranges, for example ``0-9, 100-125``."""
    spans: list[list[int]] = []
    for code in sorted(codes):
        if spans and code == spans[-1][1] + 1:
            spans[-1][1] = code
        else:
            spans.append([code, code])
    return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in spans)


_BACKGROUND = Code(Structure.BACKGROUND, None, "background")


def _plain(*members: tuple[Structure, str]) -> dict[int, Code]:
    """Number structures 1, 2, ... in the order given, background being 0."""
    return {0: _BACKGROUND} | {
        code: Code(structure, None, name) for code, (structure, name) in enumerate(members, start=1)
    }


def _spider() -> dict[int, Code]:
    """Return SPIDER's table: released masks, and the partly visible vertebrae."""
    codes = {0: _BACKGROUND, 100: Code(Structure.CANAL, None, "canal")}
    for k in range(1, 10):
        codes[k] = Code(Structure.VERTEBRA, k, f"vertebra {k}")
        codes[200 + k] = Code(Structure.DISC, k, f"disc {k}")
    for k in range(1, _MAX_INSTANCE + 1):
        codes[100 + k] = Code(Structure.VERTEBRA, k, f"partial vertebra {k}")
    return codes


#: Provisional names of the levels, lowest vertebra first.
_LEVELS = ("L5", "L4", "L3", "L2", "L1", "T12")
_BELOW = ("S1", *_LEVELS)


def _roadmap12() -> dict[int, Code]:
    """Return the roadmap's table: L1 to L5 top-down, their discs, the canal."""
    codes = {0: _BACKGROUND, 11: Code(Structure.CANAL, None, "canal")}
    for k in range(1, 6):
        codes[6 - k] = Code(Structure.VERTEBRA, k, _LEVELS[k - 1])
        codes[11 - k] = Code(Structure.DISC, k, f"{_LEVELS[k - 1]}-{_BELOW[k - 1]}")
    return codes


def _seed14() -> dict[int, Code]:
    """Return the consistent reading of the owner's 14 classes, bottom-up."""
    codes = {0: _BACKGROUND, 13: Code(Structure.CANAL, None, "canal")}
    for k in range(1, 7):
        codes[k] = Code(Structure.VERTEBRA, k, _LEVELS[k - 1])
        codes[6 + k] = Code(Structure.DISC, k, f"{_LEVELS[k - 1]}-{_BELOW[k - 1]}")
    return codes


_BODY = (Structure.VERTEBRAL_BODY, "vertebral body")
_POSTERIOR = (Structure.POSTERIOR_ELEMENTS, "posterior elements")
_VERTEBRA = (Structure.VERTEBRA, "vertebra")
_DISC = (Structure.DISC, "disc")
_CANAL = (Structure.CANAL, "canal")
_SACRUM = (Structure.SACRUM, "sacrum")
_CORD = (Structure.CORD, "cord")
_ENDPLATE = (Structure.ENDPLATE, "endplate")

#: Every scheme by name.
SCHEMES: dict[str, LabelScheme] = {
    scheme.name: scheme
    for scheme in (
        LabelScheme("spider", _spider()),
        LabelScheme("semantic4", _plain(_VERTEBRA, _DISC, _CANAL)),
        LabelScheme("spine6", _plain(_BODY, _POSTERIOR, _DISC, _CANAL, _SACRUM)),
        LabelScheme("parts", _plain(_BODY, _DISC, _CANAL, _POSTERIOR, _CORD, _ENDPLATE)),
        LabelScheme("roadmap12", _roadmap12(), folds_top=False),
        LabelScheme("seed14", _seed14(), folds_top=True),
        LabelScheme("binary_vertebra", _plain(_VERTEBRA)),
    )
}
