"""Keep one slice of each case while it is scored, and draw best, median and worst.

These pictures show scans. They belong into the folder ``overlays`` of a run,
which is never committed.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from torch import Tensor

from spinesynth.anatomy.annotation import report_groups
from spinesynth.io.atomic import atomic_write
from spinesynth.pipelines.evaluate import CaseResult, group_masks
from spinesynth.viz import Overlay, draw_overlays, encode_png


class _Kept(NamedTuple):
    """One case's slice and its rank."""

    source: str
    score: float
    overlay: Overlay


def best_slice(reference: Tensor) -> int:
    """Return the sagittal slice of ``(I, J, K)`` codes with the most annotated voxels."""
    return int(reference.bool().sum(dim=(1, 2)).argmax())


class OverlayCollector:
    """Collect a slice of each scored case; pass it as ``on_case``.

    Args:
        model: name of the model, for titles and file names.

    Example:
        ``evaluate_cases(..., on_case=collector)`` and then ``collector.save(folder)``.
    """

    def __init__(self, model: str) -> None:
        self.model = model
        self._kept: list[_Kept] = []

    def __call__(self, result: CaseResult) -> None:
        """Keep the slice with the most annotated voxels of a case."""
        case, place = result.case, best_slice(result.reference)
        groups = [name for name in report_groups(case.annotated) if name != "vertebra"]
        if "vertebra" in case.annotated:
            groups.insert(0, "vertebra")  # whole vertebrae only where their parts are unknown
        scores = result.table.loc[result.table["metric"] == "dice", "value"].dropna()
        score = float(scores.mean()) if len(scores) else float("nan")
        reference, prediction = (
            {name: mask.numpy() for name, mask in group_masks(codes[place], groups).items()}
            for codes in (result.reference, result.prediction)
        )
        image = result.image.as_tensor()[0, place].cpu().numpy()
        overlay = Overlay(
            title=f"{case.case_id} · {case.contrast}\nmean Dice {score:.3f}",
            image=image.astype(np.float32), reference=reference, prediction=prediction,
            spacing_mm=result.spacing_mm[1:],
        )  # fmt: skip
        self._kept.append(_Kept(case.source, score, overlay))

    def save(self, folder: Path) -> list[Path]:
        """Write one picture over all sources and one for each source.

        Args:
            folder: created if it is missing.

        Returns:
            Files written; none if no case has a score.
        """
        folder.mkdir(parents=True, exist_ok=True)
        ranked = [kept for kept in self._kept if not math.isnan(kept.score)]
        sources = sorted({kept.source for kept in ranked})
        chosen = {self.model: ranked} if ranked else {}
        if len(sources) > 1:
            for source in sources:
                chosen[overlay_name(self.model, source)] = [
                    kept for kept in ranked if kept.source == source
                ]
        return [self._draw(folder / f"{name}.png", kept) for name, kept in chosen.items()]

    def _draw(self, path: Path, kept: list[_Kept]) -> Path:
        """Draw best, median and worst of some cases into one file."""
        figure = draw_overlays(_pick(kept), title=f"Model {self.model}")
        with atomic_write(path) as temporary:
            temporary.write_bytes(encode_png(figure))
        return path


def overlay_name(model: str, source: str | None = None) -> str:
    """Return the name of a picture, without its suffix.

    Args:
        model: name of the model.
        source: whose cases it shows; None for all.

    Example:
        >>> overlay_name("A", "a clinic")
        'A_a_clinic'
    """
    return model if source is None else f"{model}_{re.sub('[^A-Za-z0-9._-]', '_', source)}"


def rank_places(count: int) -> dict[int, str]:
    """Return the places of best, median and worst in an order by falling score.

    Args:
        count: of cases, each of which stands once; none gives nothing.

    Example:
        >>> rank_places(5), rank_places(2), rank_places(1)
        ({0: 'best', 2: 'median', 4: 'worst'}, {0: 'best', 1: 'worst'}, {0: 'only case'})
    """
    few: list[dict[int, str]] = [{}, {0: "only case"}, {0: "best", 1: "worst"}]
    last = count - 1
    return few[count] if count < len(few) else {0: "best", last // 2: "median", last: "worst"}


def _pick(kept: list[_Kept]) -> list[Overlay]:
    """Return best, median and worst by score, each case once."""
    order = sorted(kept, key=lambda item: -item.score)
    return [
        order[place].overlay._replace(title=f"{rank}: {order[place].overlay.title}")
        for place, rank in rank_places(len(order)).items()
    ]
