"""Label schemes of other tools, for scoring what they predict.

The numbers are those that the tools' own repositories list. A level that a tool names
counts upward from L5 = 1, as SPIDER's masks do, so that the same vertebra has the same
instance on both sides. L6, L7 and T13, where a tool found one, push what lies above one up.

========================= ====================================================
scheme                    codes and their source
========================= ====================================================
totalspineseg, sct        1 cord, 2 canal, 11-17 C1-C7, 21-32 T1-T12, 41-45
                          L1-L5, 46 L6, 47 L7, 50 sacrum, 63-67 discs C2-C3 to
                          C6-C7, 71 C7-T1, 72-82 T1-T2 to T11-T12, 91 T12-L1,
                          92-95 L1-L2 to L4-L5, 96 L5-L6, 100 the lowest disc, above
                          the sacrum, L6 or not. TotalSpineSeg,
                          ``totalspineseg/resources/labels_maps/tss_map.json`` and (for
                          96) ``totalspineseg/inference.py`` of
                          github.com/neuropoly/totalspineseg (versions of 2024 with
                          codes 18-41, 92 and 200-224 are another scheme). SCT's
                          ``sct_deepseg spine`` runs that tool: its output
                          ``_totalspineseg_all``
tptbox                    1-7 C1-C7, 8-19 T1-T12, 20-24 L1-L5, 25 L6, 28 T13, 26
                          and 29-33 sacrum, 27 coccyx, 39-53 ribs, 100 + X the disc
                          below vertebra X, 200 + X the endplates on both sides of
                          that disc: the upper endplate of a vertebra has the number
                          of the vertebra above it, so endplates have no level here.
                          126 and 226: disc and endplates that SPINEPS gave to the
                          sacrum, no level either.
                          ``Vertebra_Instance`` in ``TPTBox/core/vert_constants.py``
                          of github.com/Hendrik-code/TPTBox; SPINEPS writes it as
                          ``seg-vert`` (``spineps/phase_post.py`` of
                          github.com/Hendrik-code/spineps)
spineps                   26 sacrum, 41-48 arch and processes, 49 and 50 vertebral
                          body, 51 dens axis, 60 cord, 61 canal, 52, 53 and 62 endplates, 63 and
                          64 ribs, 100 disc. README of
                          github.com/Hendrik-code/spineps and ``Location`` of
                          TPTBox; its semantic ``seg-spine``
totalsegmentator          task ``total`` (CT, version 2): 25 sacrum, 26 S1, 27-31
                          L5-L1, 32-43 T12-T1, 44-50 C7-C1, 79 cord, all else to
                          117 no part of the spine.
                          ``totalsegmentator/map_to_binary.py`` of
                          github.com/wasserth/TotalSegmentator
totalsegmentator_mr       task ``total_mr``, there: 18 sacrum, 19 vertebrae, 20
                          discs, 21 cord, all else to 50 no part of the spine
totalsegmentator_vert_mr  task ``vertebrae_mr``, there: 1 sacrum, 2-6 L5-L1, 7-18
                          T12-T1, 19-25 C7-C1
========================= ====================================================

Code 0 is background in all of them. Read in the repositories in November 2026.
"""

from __future__ import annotations

from collections.abc import Mapping

from spinesynth.anatomy.label_scheme import Code, Inserted, LabelScheme
from spinesynth.anatomy.structures import Structure

_CERVICAL = [f"C{n}" for n in range(1, 8)]
_THORACIC = [f"T{n}" for n in range(1, 13)]
_LUMBAR = [f"L{n}" for n in range(1, 6)]
#: Names from the top down; L5 is the lowest.
_LEVELS = (*_CERVICAL, *_THORACIC, *_LUMBAR)
_COUNT = {name: len(_LEVELS) - place for place, name in enumerate(_LEVELS)}
_BELOW = dict(zip(_LEVELS, (*_LEVELS[1:], "S"), strict=True))
#: Upward count that the lowest thoracic vertebra has, which T13 would take.
_ABOVE_L1 = _COUNT["T12"]

_BACKGROUND = Code(Structure.BACKGROUND, None, "background")


def _vertebrae(codes: Mapping[int, str]) -> dict[int, Code]:
    return {code: Code(Structure.VERTEBRA, _COUNT[level], level) for code, level in codes.items()}


def _discs(codes: Mapping[int, str]) -> dict[int, Code]:
    return {
        code: Code(Structure.DISC, _COUNT[level], f"disc {level}-{_BELOW[level]}")
        for code, level in codes.items()
    }


def _plain(structure: Structure, names: Mapping[int, str]) -> dict[int, Code]:
    return {code: Code(structure, None, name) for code, name in names.items()}


def _elsewhere(*codes: int) -> dict[int, Code]:
    return {code: Code(Structure.BACKGROUND, None, f"elsewhere ({code})") for code in codes}


def _from(first: int, levels: list[str]) -> dict[int, str]:
    return dict(enumerate(levels, start=first))


def _totalspineseg(name: str) -> LabelScheme:
    bones = _from(11, _CERVICAL) | _from(21, _THORACIC) | _from(41, _LUMBAR)
    discs = _from(63, _CERVICAL[1:6]) | {71: "C7"} | _from(72, _THORACIC[:11])
    discs |= {91: "T12", **_from(92, _LUMBAR[:4])}
    lowest = {
        46: Code(Structure.VERTEBRA, 1, "L6"),
        47: Code(Structure.VERTEBRA, 1, "L7"),
        96: Code(Structure.DISC, _COUNT["L5"], "disc L5-L6"),
        100: Code(Structure.DISC, 1, "lowest disc"),
    }
    return LabelScheme(
        name,
        {0: _BACKGROUND}
        | _plain(Structure.CORD, {1: "cord"})
        | _plain(Structure.CANAL, {2: "canal"})
        | _vertebrae(bones)
        | lowest
        | _plain(Structure.SACRUM, {50: "sacrum"})
        | _discs(discs),
        inserted=(
            Inserted(1, signs=(46, 47, 96), unmoved=(46, 47, 100)),
            Inserted(1, signs=(47,), unmoved=(47, 100)),
        ),
    )


def _tptbox() -> LabelScheme:
    bones = _from(1, list(_LEVELS))
    codes = {0: _BACKGROUND} | _vertebrae(bones)
    codes |= _discs({100 + code: level for code, level in bones.items()})
    for code, level, count in ((25, "L6", 1), (28, "T13", _ABOVE_L1)):
        codes[code] = Code(Structure.VERTEBRA, count, level)
        codes[100 + code] = Code(Structure.DISC, count, f"disc below {level}")
    codes[126] = Code(Structure.DISC, 0, "disc without level")
    beside = [code for code in codes if 100 < code < 200]
    codes |= _plain(Structure.ENDPLATE, {100 + c: f"endplates at {codes[c].name}" for c in beside})
    sacrum = {26: "S1"} | {27 + n: f"S{n}" for n in range(2, 7)}
    codes |= _plain(Structure.SACRUM, sacrum) | _elsewhere(27, *range(39, 54))
    return LabelScheme(
        "tptbox",
        codes,
        inserted=(
            Inserted(_ABOVE_L1, signs=(28, 128, 228), unmoved=(28, 128)),
            Inserted(1, signs=(25, 125, 225), unmoved=(25, 125)),
        ),
    )


def _spineps() -> LabelScheme:
    processes = ["arch", "spinous process", "costal process left", "costal process right"]
    processes += [
        f"{where} articular process {side}"
        for where in ("superior", "inferior")
        for side in ("left", "right")
    ]
    return LabelScheme(
        "spineps",
        {0: _BACKGROUND}
        | _plain(Structure.SACRUM, {26: "sacrum"})
        | _plain(Structure.POSTERIOR_ELEMENTS, dict(enumerate(processes, start=41)))
        | _plain(Structure.VERTEBRAL_BODY, {49: "body with border", 50: "body", 51: "dens"})
        | _plain(Structure.ENDPLATE, {52: "upper endplate", 53: "lower endplate"})
        | _plain(Structure.CORD, {60: "cord"})
        | _plain(Structure.CANAL, {61: "canal"})
        | _plain(Structure.ENDPLATE, {62: "endplate"})
        | _elsewhere(63, 64)
        | _plain(Structure.DISC, {100: "disc"}),
    )


def _totalsegmentator() -> LabelScheme:
    bones = _from(27, [*reversed(_LEVELS)])
    return LabelScheme(
        "totalsegmentator",
        {0: _BACKGROUND}
        | _elsewhere(*range(1, 118))
        | _plain(Structure.SACRUM, {25: "sacrum", 26: "S1"})
        | _vertebrae(bones)
        | _plain(Structure.CORD, {79: "cord"}),
    )


def _totalsegmentator_mr() -> LabelScheme:
    return LabelScheme(
        "totalsegmentator_mr",
        {0: _BACKGROUND}
        | _elsewhere(*range(1, 51))
        | _plain(Structure.SACRUM, {18: "sacrum"})
        | _plain(Structure.VERTEBRA, {19: "vertebrae"})
        | _plain(Structure.DISC, {20: "discs"})
        | _plain(Structure.CORD, {21: "cord"}),
    )


def _totalsegmentator_vert_mr() -> LabelScheme:
    return LabelScheme(
        "totalsegmentator_vert_mr",
        {0: _BACKGROUND}
        | _plain(Structure.SACRUM, {1: "sacrum"})
        | _vertebrae(_from(2, [*reversed(_LEVELS)])),
    )


#: The schemes of this module.
TOOL_SCHEMES: tuple[LabelScheme, ...] = (
    _totalspineseg("totalspineseg"),
    _totalspineseg("sct"),
    _tptbox(),
    _spineps(),
    _totalsegmentator(),
    _totalsegmentator_mr(),
    _totalsegmentator_vert_mr(),
)
