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
em_clusters     20 s + c: cluster c, by rising intensity, of ``Structure`` s
pseudo          the codes of ``Structure``, with 9 where a model was not confident
others          of other tools: :mod:`spinesynth.anatomy.tool_schemes`
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

Sources: SPIDER (van der Graaf et al., Sci Data 11:264, 2024, Zenodo 10159290).
"""

from __future__ import annotations

from torch import Tensor

from spinesynth.anatomy.label_scheme import (
    COUNTED,
    MAX_INSTANCE,
    Code,
    DecodedLabels,
    LabelScheme,
)
from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tool_schemes import TOOL_SCHEMES

__all__ = [
    "CLUSTER_SCHEME",
    "COUNTED",
    "MAX_CLUSTERS",
    "PSEUDO_SCHEME",
    "SCHEMES",
    "Code",
    "DecodedLabels",
    "LabelScheme",
    "convert",
    "get_scheme",
]

#: Scheme of label maps whose structures are divided into clusters of intensity.
CLUSTER_SCHEME = "em_clusters"
#: Their source is that of the images that divided them, after this.
CLUSTER_SOURCE_PREFIX = "em_"
#: Scheme of label maps that a model made, with what it was not confident of as unknown.
PSEUDO_SCHEME = "pseudo"
#: Clusters that a structure may have: all codes fit one byte.
MAX_CLUSTERS = 20


def get_scheme(name: str) -> LabelScheme:
    """Return the label scheme of a name.

    Raises:
        ValueError: if there is no such scheme; lists the valid names.

    Example:
        >>> import torch
        >>> codes = torch.tensor([0, 2, 100, 201])
        >>> get_scheme("spider").decode(codes).instance.tolist()
        [0, 2, 0, 1]
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
        >>> import torch
        >>> convert(torch.tensor([0, 1, 100, 201]), source="spider", target="semantic4").tolist()
        [0, 1, 3, 2]
    """
    scheme = get_scheme(source)
    decoded = scheme.decode(codes)
    if instance is None and scheme.is_counted:
        instance = decoded.instance
    return get_scheme(target).encode(decoded.structure, instance)


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
    for k in range(1, MAX_INSTANCE + 1):
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


def _clusters() -> dict[int, Code]:
    """Return the codes of structures that are divided by intensity."""
    return {
        int(structure) * MAX_CLUSTERS + cluster: Code(
            structure, None, f"{structure.name.lower()}, cluster {cluster}"
        )
        for structure in Structure
        if structure is not Structure.UNKNOWN
        for cluster in range(MAX_CLUSTERS)
    }


def _internal() -> dict[int, Code]:
    """Return the internal codes themselves, the unknown among them."""
    return {
        int(structure): Code(structure, None, structure.name.lower().replace("_", " "))
        for structure in Structure
    }


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
        LabelScheme(CLUSTER_SCHEME, _clusters()),
        LabelScheme(PSEUDO_SCHEME, _internal()),
        *TOOL_SCHEMES,
    )
}
