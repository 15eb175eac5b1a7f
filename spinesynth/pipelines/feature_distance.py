"""How far real scans lie from the synthetic images that a network was trained on.

Images are compared by what the network's encoder makes of them, standardised by the
synthetic ones. A source that lies far away shows what the synthesis lacks; whether it
also has a low Dice is asked by a rank correlation over sources.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from monai.data.meta_tensor import MetaTensor
from scipy.stats import spearmanr

from spinesynth.anatomy.label_schemes import CLUSTER_SCHEME, PSEUDO_SCHEME
from spinesynth.errors import InputError
from spinesynth.io.case import Case
from spinesynth.io.volume import read_image
from spinesynth.metrics import LEAST_FOR_INTERVAL, summarise
from spinesynth.metrics.distribution_distance import (
    frechet_distance,
    kernel_distance,
    standardise,
)
from spinesynth.pipelines.chains import synthesis_chain
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.datasets import SampleKey, SliceDataset, TargetCoder
from spinesynth.pipelines.encoder_features import encoder_features, features_of_scan
from spinesynth.pipelines.predict import VolumePredictor
from spinesynth.seeding import derive_seed

#: Name of the row that compares the synthetic images with themselves.
SYNTHETIC = "synthetic"
DISTANCE_COLUMNS = (
    "model", "source", "contrast", "mmd", "mmd_low", "mmd_high", "frechet", "n_patients",
    "n_images", "dice", "note",
)  # fmt: skip
#: A rank correlation over fewer points says nothing: of 3, one order in six is perfect.
_LEAST_SOURCES = 4
#: At most so many label maps, evenly from the data; phantoms take seconds each to draw.
_LABEL_MAPS, _PHANTOMS = 24, 12


@dataclass(frozen=True)
class FeatureSet:
    """Hold features of images with the patients they are of.

    Args:
        vectors: ``(images, features)``.
        patients: whose each image is.
    """

    vectors: npt.NDArray[np.float64]
    patients: npt.NDArray[np.str_]


def synthetic_features(
    predictor: VolumePredictor, cases: Sequence[Case], config: ExperimentConfig, *, images: int = 48
) -> FeatureSet:
    """Return features of images such as the network was trained on.

    They are painted over label maps of the data; over phantoms where the configuration
    knows these alone. With a share of phantoms it is still the label maps.

    Args:
        predictor: of the network.
        cases: whose label maps are painted over; images are not opened.
        config: of the training, with its recipe and seed.
        images: how many; several over one label map are of one patient.

    Raises:
        InputError: if there is no label map to paint over.
    """
    rows, patients = [], list[str]()
    sources = _sources(cases, config, images)
    for number in range(images):
        patient, data, place = sources[number % len(sources)]
        sample = data[SampleKey(0, place, number)]["image"]
        rows.append(encoder_features(predictor.network, sample[None]))
        patients.append(patient)
    return FeatureSet(_float64(torch.cat(rows)), np.array(patients))


def _sources(
    cases: Sequence[Case], config: ExperimentConfig, images: int
) -> list[tuple[str, SliceDataset, int]]:
    """Return patient, data and place of each label map or phantom to paint over."""
    seed = derive_seed(config.seed, "distance")
    common: dict[str, Any] = {"run_seed": seed, "with_image": False}
    common["coder"] = TargetCoder(config.target_scheme)
    if config.synthesis.phantom_share >= 1:
        alone: dict[str, Any] = {
            "phantom_share": 1.0,
            "phantoms_without": config.synthesis.phantoms_without,
        }
        seeds = [derive_seed(seed, "phantom", number) for number in range(min(images, _PHANTOMS))]
        painted = [
            SliceDataset([], synthesis_chain(config), phantom_seeds=[one], **alone, **common)
            for one in seeds
        ]
        return [(f"phantom{number}", data, 0) for number, data in enumerate(painted)]
    labelled = [case for case in cases if _paintable(case, config)]
    if not labelled:
        raise InputError(
            "the data hold no label map to paint over; add label maps, which need no image",
            code="E-CASE-005",
        )
    chosen = labelled[:: -(-len(labelled) // _LABEL_MAPS)]
    data = SliceDataset(chosen, synthesis_chain(config), **common)
    return [(case.patient_id, data, place) for place, case in enumerate(chosen)]


def _paintable(case: Case, config: ExperimentConfig) -> bool:
    clusters = config.synthesis.recipe == "clusters"
    return (
        case.label is not None
        and case.scheme != PSEUDO_SCHEME
        and (case.scheme == CLUSTER_SCHEME) == clusters
    )


def _read(case: Case) -> MetaTensor:
    assert case.image is not None  # only cases with an image are asked for
    return read_image(case.image)


def real_features(
    predictor: VolumePredictor,
    cases: Sequence[Case],
    *,
    reader: Callable[[Case], MetaTensor] = _read,
) -> dict[tuple[str, str], FeatureSet]:
    """Return features of the scans of each source and contrast; label maps are not opened.

    Args:
        predictor: of the network.
        cases: those without an image are left out.
        reader: reads the image ``(1, I, J, K)`` of a case.
    """
    groups: dict[tuple[str, str], list[Case]] = {}
    for case in cases:
        if case.image is not None:
            groups.setdefault((case.source, case.contrast), []).append(case)
    found = {}
    for key, members in sorted(groups.items()):
        rows, patients = [], list[str]()
        for case in members:
            rows.append(features_of_scan(predictor, reader(case)))
            patients += [case.patient_id] * len(rows[-1])
        found[key] = FeatureSet(_float64(torch.cat(rows)), np.array(patients))
    return found


def measure_distances(
    synthetic: FeatureSet,
    real: dict[tuple[str, str], FeatureSet],
    *,
    model: str,
    scores: pd.DataFrame | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the distance of every source and contrast from the synthetic images.

    Args:
        synthetic: features of synthetic images.
        real: features of real ones by source and contrast.
        model: name of the model, for the table and to choose its scores.
        scores: long table, for the mean Dice over structures; None for no Dice.
        seed: of the intervals.

    Returns:
        Columns :data:`DISTANCE_COLUMNS`, sources in order; the last row compares one
        half of the synthetic patients with the other, as what no distance looks like.
    """
    dice = {} if scores is None else _mean_dice(scores, model)
    scaled = FeatureSet(standardise(synthetic.vectors, synthetic.vectors), synthetic.patients)
    rows = []
    for (source, contrast), features in real.items():
        other = FeatureSet(standardise(features.vectors, synthetic.vectors), features.patients)
        row = _row(scaled, other, model, seed)
        at = (source, contrast)
        rows.append(row | {"source": source, "contrast": contrast, "dice": dice.get(at, np.nan)})
    names = np.unique(scaled.patients)
    half = np.isin(scaled.patients, names[::2])
    halves = [FeatureSet(scaled.vectors[h], scaled.patients[h]) for h in (half, ~half)]
    if len(names) > 1:
        row = _row(halves[0], halves[1], model, seed)
        rows.append(row | {"source": SYNTHETIC, "contrast": "", "dice": np.nan})
    return pd.DataFrame(rows, columns=list(DISTANCE_COLUMNS))


def _row(first: FeatureSet, second: FeatureSet, model: str, seed: int) -> dict[str, object]:
    patients = len(np.unique(second.patients))
    mmd = kernel_distance(first.vectors, second.vectors, first.patients, second.patients, seed=seed)
    few = patients < LEAST_FOR_INTERVAL
    return {
        "model": model, "mmd": mmd.value, "mmd_low": mmd.low, "mmd_high": mmd.high,
        "frechet": frechet_distance(first.vectors, second.vectors), "n_patients": patients,
        "n_images": len(second.patients), "note": "too few patients" if few else "",
    }  # fmt: skip


def _dice_of(scores: pd.DataFrame, model: str) -> pd.DataFrame:
    """Return the mean Dice over patients, ``source, contrast, structure, mean``."""
    chosen = scores[
        (scores["metric"] == "dice")
        & (scores["condition"] == "standard")
        & (scores["model"] == model)
    ]
    return summarise(chosen, ["source", "contrast", "structure"])


def _mean_dice(scores: pd.DataFrame, model: str) -> dict[tuple[str, str], float]:
    """Return the mean over structures of the mean Dice over patients, by source and contrast."""
    means = _dice_of(scores, model)
    mean = means.groupby(["source", "contrast"], sort=True)["mean"].mean().reset_index()
    return {(row["source"], row["contrast"]): row["mean"] for row in mean.to_dict("records")}


def correlate_with_dice(distances: pd.DataFrame, scores: pd.DataFrame, model: str) -> pd.DataFrame:
    """Return Spearman's rank correlation of each distance with Dice over sources, by structure.

    Structures are told apart, as sources annotate different ones and a mean over them
    would tell what is annotated.

    Args:
        distances: of :func:`measure_distances`.
        scores: long table.
        model: whose scores.

    Returns:
        One row for each distance and structure: ``distance, structure, spearman,
        n_groups, n_sources, note``; negative where scans that lie farther away are
        segmented worse. A group is a source and contrast of at least 3 patients; of fewer
        than 4 different sources the correlation is not known.
    """
    known = distances[distances["note"] == ""].drop(columns="dice")
    means = _dice_of(scores, model)
    rows = []
    for name in ("mmd", "frechet"):
        for structure, group in means.groupby("structure", sort=True):
            pairs = known.merge(group, on=["source", "contrast"]).dropna(subset=[name, "mean"])
            sources = pairs["source"].nunique()
            enough = sources >= _LEAST_SOURCES and pairs["mean"].nunique() > 1
            value = float(spearmanr(pairs[name], pairs["mean"]).statistic) if enough else np.nan
            note = "" if enough else f"fewer than {_LEAST_SOURCES} sources"
            rows.append((name, structure, value, len(pairs), sources, note))
    columns = ["distance", "structure", "spearman", "n_groups", "n_sources", "note"]
    return pd.DataFrame(rows, columns=columns)


def _float64(tensor: torch.Tensor) -> npt.NDArray[np.float64]:
    return np.asarray(tensor.numpy(), dtype=np.float64)
