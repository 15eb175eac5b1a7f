"""Every metric by name, with its unit and the direction that is better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from spinesynth.metrics.boundary import assd, hd95, surface_dice
from spinesynth.metrics.mask_pair import MaskPair
from spinesynth.metrics.overlap import dice, dice_in_extent, iou, one_empty
from spinesynth.metrics.volume import relative_volume_error, volume_error


@dataclass(frozen=True)
class Metric:
    """Describe one metric.

    Args:
        function: takes a :class:`MaskPair`, returns a number, NaN where undefined.
        unit: of that number, ``"1"`` for a ratio.
        better: which direction is better; ``"zero"`` carries a sign, which turns
            when prediction and reference are exchanged.
        title: how a table or axis names it.
        digits: decimals that a table shows.
    """

    function: Callable[[MaskPair], float]
    unit: str
    better: Literal["higher", "lower", "zero"]
    title: str
    digits: int

    @property
    def label(self) -> str:
        """Return the title with its unit, if it has one."""
        return self.title if self.unit == "1" else f"{self.title} ({self.unit})"


#: Metrics chosen before the results were seen: compared side by side, tested, and measured in
#: every condition. All others stand beside them.
HEADLINE_METRICS = ("dice", "hd95")

#: Name in the tables -> metric. A new metric is one entry here.
METRICS: dict[str, Metric] = {
    "dice": Metric(dice, unit="1", better="higher", title="Dice", digits=3),
    "hd95": Metric(hd95, unit="mm", better="lower", title="HD95", digits=2),
    "dice_in_extent": Metric(
        dice_in_extent, unit="1", better="higher", title="Dice in extent", digits=3
    ),
    "iou": Metric(iou, unit="1", better="higher", title="IoU", digits=3),
    "assd": Metric(assd, unit="mm", better="lower", title="ASSD", digits=2),
    "nsd_1mm": Metric(
        partial(surface_dice, tolerance_mm=1.0),
        unit="1", better="higher", title="Surface Dice at 1 mm", digits=3,
    ),
    "nsd_2mm": Metric(
        partial(surface_dice, tolerance_mm=2.0),
        unit="1", better="higher", title="Surface Dice at 2 mm", digits=3,
    ),
    "volume_error": Metric(
        volume_error, unit="ml", better="zero", title="Volume error", digits=2
    ),
    "relative_volume_error": Metric(
        relative_volume_error, unit="1", better="zero", title="Relative volume error", digits=3
    ),
    "one_empty": Metric(
        one_empty, unit="1", better="lower", title="Missed or invented", digits=3
    ),
}  # fmt: skip


def get_metric(name: str) -> Metric:
    """Return the metric of a name, or raise ValueError listing the valid ones."""
    if name not in METRICS:
        raise ValueError(f"metric must be one of {', '.join(METRICS)}, got {name!r}")
    return METRICS[name]
