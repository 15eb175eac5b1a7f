"""Flags: what about a scan or its prediction is not as it should be, and by how much.

====================== =========================================================
flag                   raised where
====================== =========================================================
``empty``              nothing was found
``little_spine``       what was found is shorter than in any usable prediction
``ct``                 intensities are Hounsfield units
``inverted``           the dark end of the grey scale is the longer one
``noise``              noise takes too much of the grey scale
``unsure``             the network is undecided about all that it found
``disc_proportion``    too little or too much disc for the bone
``canal_proportion``   too little or too much canal for the bone
``canal_in_front``     the canal does not lie behind the vertebral bodies
``upside_down``        the sacrum does not lie below the vertebral bodies
``low_quality``        a structure's predicted Dice is low
====================== =========================================================

A limit is the farthest that any usable prediction on phantoms went, see
:mod:`spinesynth.pipelines.fit_quality`; ``empty``, ``ct``, ``canal_in_front`` and
``low_quality`` have limits of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from spinesynth.pipelines.quality_model import Limit

_LEAST_DICE = 1 / 3  # most of what is drawn is wrong; nominal


@dataclass(frozen=True)
class Flag:
    """Say that something is not as it should be.

    Args:
        name: key of the table above.
        value: of what was looked at.
        limit: that it crosses.
        source: of the limit.
        message: in words.
    """

    name: str
    value: float
    limit: float
    source: str
    message: str

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON types."""
        return asdict(self)


@dataclass(frozen=True)
class Rule:
    """Describe what a flag looks at.

    Args:
        feature: key of ``Features.scan``.
        message: of the flag.
        low: whether small values raise it.
        high: whether great ones do.
        without: conditions of the robustness suite whose scans say nothing about its limit.
    """

    feature: str
    message: str
    low: bool = False
    high: bool = False
    without: tuple[str, ...] = ()


_INVERTING = ("inversion", "random_remap")
#: Flags whose limits are those of phantoms.
LEARNT_RULES: dict[str, Rule] = {
    "little_spine": Rule(
        "length_mm", "hardly any spine was found: is it in the field of view?", low=True
    ),
    "inverted": Rule(
        "skewness", "the grey scale may be inverted, with bright air", low=True,
        without=_INVERTING,
    ),
    "noise": Rule("noise", "there may be too little signal for the noise", high=True),
    "unsure": Rule("entropy", "the network is unsure about all that it found", high=True),
    "disc_proportion": Rule(
        "disc_per_bone", "discs are too small or large for the vertebrae: another part of the "
        "body?", low=True, high=True,
    ),
    "canal_proportion": Rule(
        "canal_per_bone", "the canal is too small or large for the vertebrae: another part of the "
        "body?", low=True, high=True,
    ),
    "upside_down": Rule(
        "sacrum_below_share",
        "the sacrum does not lie far enough below the vertebrae: is the scan upside down?",
        low=True,
    ),
}  # fmt: skip
#: Flags whose limits are known without phantoms.
_KNOWN_RULES: dict[str, tuple[Rule, Limit]] = {
    "ct": (
        Rule("hounsfield_share", "intensities are those of CT, not of MRI", high=True),
        Limit(
            high=0.02,
            source="magnitude images of MRI hold nothing from -1100 to -50, Hounsfield units have "
            "air and fat there; the share is nominal",
        ),
    ),
    "canal_in_front": (
        Rule(
            "canal_behind_share",
            "the canal lies in front of the vertebrae: is the orientation right?", low=True,
        ),
        Limit(low=0.5, source="anatomy: it lies behind them; the share of heights is nominal"),
    ),
}  # fmt: skip
_EMPTY = Flag(
    "empty", 0.0, 0.0, "definition",
    "no structure was found: is this an MRI of the lumbar spine, and the right way up?",
)  # fmt: skip


def raise_flags(
    scan: Mapping[str, float], quality: Mapping[str, float], limits: Mapping[str, Limit]
) -> tuple[Flag, ...]:
    """Return the flags that a scan and its prediction raise.

    Args:
        scan: features of the scan, as of ``Features.scan``.
        quality: predicted Dice of each structure that was found.
        limits: learnt ones, by flag; none of a flag leaves it out.
    """
    flags = [_EMPTY] if scan["found_ml"] == 0 else []
    known = {name: (rule, limits[name]) for name, rule in LEARNT_RULES.items() if name in limits}
    for name, (rule, limit) in {**_KNOWN_RULES, **known}.items():
        flags += _crossings(name, rule, limit, scan)
    if quality:
        worst = min(quality, key=lambda name: quality[name])
        if quality[worst] < _LEAST_DICE:
            message = f"the {worst} is probably wrong: predicted Dice {quality[worst]:.2f}"
            flags.append(Flag("low_quality", quality[worst], _LEAST_DICE, "nominal", message))
    return tuple(flags)


def _crossings(name: str, rule: Rule, limit: Limit, scan: Mapping[str, float]) -> Iterator[Flag]:
    """Yield a flag if a feature that is known crosses its limit."""
    value = scan.get(rule.feature)
    if value is None or (scan["found_ml"] == 0 and rule.feature == "length_mm"):
        return  # nothing found is a flag of its own
    if rule.low and limit.low is not None and value < limit.low:
        yield Flag(name, value, limit.low, limit.source, rule.message)
    if rule.high and limit.high is not None and value > limit.high:
        yield Flag(name, value, limit.high, limit.source, rule.message)
