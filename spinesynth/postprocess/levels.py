"""Names of the counted vertebrae and discs, each with the confidence that it deserves."""

from __future__ import annotations

from typing import NamedTuple

from spinesynth.anatomy.phantom.demography import LUMBAR_COUNT_SHARES
from spinesynth.postprocess.names import UNKNOWN, disc_name, name_below, names_upwards
from spinesynth.postprocess.numbering import Counted
from spinesynth.postprocess.reading import DISC_OFFSET

#: Share of people with five lumbar vertebrae: a count from the sacrum cannot know more.
_FIVE_SHARE = 1.0 - sum(LUMBAR_COUNT_SHARES.values())
_TRUST_AFTER_GAP = 0.7  # of a name above a vertebra that was not found, nominal


class NamedLevel(NamedTuple):
    """Name of a level and its confidence in [0, 1]."""

    name: str
    confidence: float


def name_levels(counted: Counted, lowest: str | None) -> dict[int, NamedLevel]:
    """Return the name of each instance of vertebrae and discs.

    Args:
        counted: the column.
        lowest: what a user calls the lowest vertebra found; None if nobody says.

    Returns:
        By code of the instance map.
    """
    numbers = [*counted.bodies, *counted.discs]
    if counted.bodies and (lowest is not None or counted.anchor is not None):
        names, trust = _names(counted, lowest)
    else:
        names, trust = dict.fromkeys(numbers, UNKNOWN), 0.0
    base = min(counted.bodies, default=1)
    on_sacrum = lowest is None or (counted.anchor is not None and base == 1)
    named = {}
    for number in counted.bodies:
        passed = sum(gap < number for gap in counted.gaps)
        named[number] = NamedLevel(names[number], trust * _TRUST_AFTER_GAP**passed)
    for number in counted.discs:
        above = names.get(number, UNKNOWN)
        lower = names.get(number - 1, "S1" if on_sacrum else name_below(above))
        name = disc_name(above, lower)
        passed = sum(gap < number for gap in counted.gaps)
        confidence = 0.0 if name == UNKNOWN else trust * _TRUST_AFTER_GAP**passed
        named[DISC_OFFSET + number] = NamedLevel(name, confidence)
    return named


def _names(counted: Counted, lowest: str | None) -> tuple[dict[int, str], float]:
    """Return the names by number, one beyond the highest too, and the trust in the lowest."""
    top = max([*counted.bodies, *counted.discs]) + 1
    if lowest is not None:
        first = min(counted.bodies)
        upwards = names_upwards(lowest, top - first + 1)
        return dict(enumerate(upwards, start=first)), 1.0
    assert counted.anchor is not None  # the caller has looked
    upwards = names_upwards("L5", top)
    return dict(enumerate(upwards, start=1)), counted.anchor.confidence * _FIVE_SHARE
