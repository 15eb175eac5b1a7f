"""Codes of other tools mean what the tools' own lists say, levels counted from L5."""

from __future__ import annotations

import pytest
import torch

from spinesynth.anatomy.label_schemes import get_scheme
from spinesynth.anatomy.structures import Structure

BODY, POSTERIOR, DISC = Structure.VERTEBRAL_BODY, Structure.POSTERIOR_ELEMENTS, Structure.DISC
VERTEBRA, SACRUM, CANAL = Structure.VERTEBRA, Structure.SACRUM, Structure.CANAL
CORD, ENDPLATE, OTHER = Structure.CORD, Structure.ENDPLATE, Structure.BACKGROUND

#: scheme, code, structure, upward count (L5 = 1, T12 = 6, T1 = 17, C7 = 18, C1 = 24).
MEANINGS = [
    ("totalspineseg", 1, CORD, 0), ("totalspineseg", 2, CANAL, 0),
    ("totalspineseg", 11, VERTEBRA, 24), ("totalspineseg", 17, VERTEBRA, 18),
    ("totalspineseg", 21, VERTEBRA, 17), ("totalspineseg", 32, VERTEBRA, 6),
    ("totalspineseg", 41, VERTEBRA, 5), ("totalspineseg", 45, VERTEBRA, 1),
    ("totalspineseg", 50, SACRUM, 0), ("totalspineseg", 63, DISC, 23),
    ("totalspineseg", 67, DISC, 19), ("totalspineseg", 71, DISC, 18),
    ("totalspineseg", 72, DISC, 17), ("totalspineseg", 82, DISC, 7),
    ("totalspineseg", 91, DISC, 6), ("totalspineseg", 92, DISC, 5),
    ("totalspineseg", 95, DISC, 2), ("totalspineseg", 100, DISC, 1), ("sct", 95, DISC, 2),
    ("tptbox", 1, VERTEBRA, 24), ("tptbox", 7, VERTEBRA, 18), ("tptbox", 8, VERTEBRA, 17),
    ("tptbox", 19, VERTEBRA, 6), ("tptbox", 20, VERTEBRA, 5), ("tptbox", 24, VERTEBRA, 1),
    ("tptbox", 26, SACRUM, 0), ("tptbox", 27, OTHER, 0), ("tptbox", 33, SACRUM, 0),
    ("tptbox", 123, DISC, 2), ("tptbox", 126, DISC, 0),
    # the upper endplate of L5 is 223 too: endplates stand beside a disc, and have no level
    ("tptbox", 223, ENDPLATE, 0), ("tptbox", 224, ENDPLATE, 0), ("tptbox", 226, ENDPLATE, 0),
    ("spineps", 26, SACRUM, 0), ("spineps", 41, POSTERIOR, 0), ("spineps", 48, POSTERIOR, 0),
    ("spineps", 49, BODY, 0), ("spineps", 51, BODY, 0),
    ("spineps", 60, CORD, 0), ("spineps", 61, CANAL, 0),
    ("spineps", 62, ENDPLATE, 0), ("spineps", 100, DISC, 0),
    ("totalsegmentator", 24, OTHER, 0), ("totalsegmentator", 25, SACRUM, 0),
    ("totalsegmentator", 27, VERTEBRA, 1), ("totalsegmentator", 31, VERTEBRA, 5),
    ("totalsegmentator", 32, VERTEBRA, 6), ("totalsegmentator", 50, VERTEBRA, 24),
    ("totalsegmentator", 79, CORD, 0), ("totalsegmentator", 117, OTHER, 0),
    ("totalsegmentator_mr", 18, SACRUM, 0), ("totalsegmentator_mr", 19, VERTEBRA, 0),
    ("totalsegmentator_mr", 20, DISC, 0), ("totalsegmentator_mr", 21, CORD, 0),
    ("totalsegmentator_mr", 50, OTHER, 0),
    ("totalsegmentator_vert_mr", 1, SACRUM, 0), ("totalsegmentator_vert_mr", 2, VERTEBRA, 1),
    ("totalsegmentator_vert_mr", 7, VERTEBRA, 6), ("totalsegmentator_vert_mr", 25, VERTEBRA, 24),
]  # fmt: skip


@pytest.mark.parametrize(("scheme", "code", "structure", "count"), MEANINGS)
def test_code_means_what_the_tool_says(
    scheme: str, code: int, structure: Structure, count: int
) -> None:
    decoded = get_scheme(scheme).decode(torch.tensor([code]))
    assert (int(decoded.structure), int(decoded.instance)) == (structure, count)


@pytest.mark.parametrize(
    ("scheme", "code"), [("totalspineseg", 18), ("tptbox", 254), ("totalsegmentator_mr", 51)]
)
def test_code_of_another_version_is_refused(scheme: str, code: int) -> None:
    with pytest.raises(ValueError, match=f"got {code};"):
        get_scheme(scheme).decode(torch.tensor([code]))


@pytest.mark.parametrize(
    ("scheme", "codes", "counts"),
    [
        # without L6: L5, disc below L4, L1, T12
        ("tptbox", [24, 123, 20, 19], [1, 2, 5, 6]),
        # L6 is the lowest, what lies above counts one more
        ("tptbox", [25, 125, 24, 123, 20, 19], [1, 1, 2, 3, 6, 7]),
        # T13 lies above L1, T12 above it; below nothing changes
        ("tptbox", [24, 20, 28, 128, 19], [1, 5, 6, 6, 7]),
        # both: L6, L5, L1, T13, T12
        ("tptbox", [25, 24, 20, 28, 19], [1, 2, 6, 7, 8]),
        # endplates and a disc without level tell nothing of the counts
        ("tptbox", [25, 225, 126, 226, 24], [1, 0, 0, 0, 2]),
        # without L6 the discs below L5, L4 and T12
        ("totalspineseg", [45, 100, 95, 91], [1, 1, 2, 6]),
        # the lowest disc is 100 with L6 too, and lies below it; 96 lies below L5
        ("totalspineseg", [46, 45, 95, 100], [1, 2, 3, 1]),
        ("totalspineseg", [46, 45, 44, 100, 96, 95, 91, 32], [1, 2, 3, 1, 2, 3, 7, 7]),
        # disc L5-L6 tells that there is an L6, found or not
        ("sct", [45, 100, 96, 95], [2, 1, 2, 3]),
        # so does L7; no code names disc L6-L7
        ("totalspineseg", [47, 45, 100, 96], [1, 3, 1, 3]),
        # L7, L6, L5 and the canal, which is not counted
        ("totalspineseg", [47, 46, 45, 2], [1, 2, 3, 0]),
    ],
)
def test_rare_vertebra_pushes_what_lies_above(
    scheme: str, codes: list[int], counts: list[int]
) -> None:
    assert get_scheme(scheme).decode(torch.tensor(codes)).instance.tolist() == counts
