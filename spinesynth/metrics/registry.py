"""Every metric by name, with its unit and the direction that is better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from spinesynth.metrics.boundary import hd95
from spinesynth.metrics.mask_pair import MaskPair
from spinesynth.metrics.overlap import dice


@dataclass(frozen=True)
class Metric:
    """Describe one metric.

    Args:
        function: takes a :class:`MaskPair`, returns a number, NaN where undefined.
        unit: of that number, ``"1"`` for a ratio.
        better: which direction is better.
        title: how a table or axis names it.
    """

    function: Callable[[MaskPair], float]
    unit: str
    better: Literal["higher", "lower"]
    title: str


#: Name in the tables -> metric. A new metric is one entry here.
METRICS: dict[str, Metric] = {
    "dice": Metric(dice, unit="1", better="higher", title="Dice"),
    "hd95": Metric(hd95, unit="mm", better="lower", title="HD95"),
}


def get_metric(name: str) -> Metric:
    """Return the metric of a name, or raise ValueError listing the valid ones."""
    if name not in METRICS:
        raise ValueError(f"metric must be one of {', '.join(METRICS)}, got {name!r}")
    return METRICS[name]
