"""What made a result: versions, seeds, machine, times, in one JSON file."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from spinesynth import __version__
from spinesynth.anatomy.label_schemes import CLUSTER_SCHEME, PSEUDO_SCHEME
from spinesynth.io.atomic import write_text
from spinesynth.pipelines.phantom_data import PHANTOM_SOURCE
from spinesynth.pipelines.training_data import with_real_image

if TYPE_CHECKING:
    from spinesynth.io.case import Case
    from spinesynth.pipelines.config import ExperimentConfig

_PACKAGES = (
    "torch",
    "monai",
    "torchio",
    "numpy",
    "nibabel",
    "SimpleITK",
    "pandas",
    "scipy",
    "scikit-learn",
)

#: Label maps of real patients, none of their images.
LABEL_MODE = "label-only"
#: Label maps of real patients, divided by the intensities of their real images.
CLUSTER_MODE = "label+EM"
#: Nothing of anybody.
PHANTOM_MODE = "phantom"
#: Real images, alone or beside one of these: model A learnt from a share of them.
REAL_IMAGE_MODE = "real-images"
#: Beside one of these: weights chosen among a training's on real scans of validation patients.
REAL_CHOICE_MODE = "real-choice"
#: What it was chosen on then, as checkpoints and tables say: those patients' scans, whole.
REAL_SCANS = "real scans"
#: Beside one of these, or alone: label maps that a model made of real scans without labels.
PSEUDO_MODE = "pseudo-labels"


def _git_state() -> dict[str, Any]:
    """Return the commit of the checkout that holds this package, if it is one."""
    folder = Path(__file__).resolve().parents[2]
    try:
        commit, status = (
            subprocess.run(
                ["git", "-C", str(folder), *words],
                capture_output=True, text=True, check=True, timeout=10,
            ).stdout.strip()
            for words in (["rev-parse", "HEAD"], ["status", "--porcelain", "-uno"])
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return {"commit": None, "modified": None}
    return {"commit": commit, "modified": bool(status)}


def training_mode(
    config: ExperimentConfig, cases: Sequence[Case] = (), scans: Sequence[Case] = ()
) -> str:
    """Name what the label maps come from that synthetic images are painted over.

    Args:
        config: the experiment.
        cases: those that it trains on.
        scans: real scans that a final choice among checkpoints would be made on.

    Returns:
        ``label-only``, ``label+EM`` (which uses real images), ``phantom`` (which
        uses nothing of anybody), or two of them joined by ``+``; with ``+real-images``
        where a share of the samples were real images (nothing else where all were),
        and ``+real-choice`` where no real image trained, but real scans chose the
        weights. Where only model B trains, nothing is painted and the name is empty.
        ``pseudo-labels`` is joined where they train model A, or B alone.

    Example:
        >>> from spinesynth.pipelines.config_reading import parse_config
        >>> training_mode(parse_config({"name": "x"}))
        'phantom'
    """
    painted, share = "A" in config.models, config.training.real_share
    real = painted and share > 0 and _has_real_image(config, cases)
    chosen = config.training.final_choice == "volumes" and scans
    pseudo = _has_pseudo_labels(config, cases) and opens_cases(config, "A" if painted else "B")
    words = [
        *([_label_mode(config, cases)] if painted and not (real and share == 1) else []),
        *([REAL_IMAGE_MODE] if real else []),
        *([PSEUDO_MODE] if pseudo else []),
        *([REAL_CHOICE_MODE] if painted and chosen and not real else []),
    ]
    return "+".join(words)


def opens_cases(config: ExperimentConfig, model: str) -> bool:
    """Say whether a model opens files of its cases: A may be painted over phantoms alone."""
    return model == "B" or config.synthesis.phantom_share < 1 or config.training.real_share > 0


def _has_real_image(config: ExperimentConfig, cases: Sequence[Case]) -> bool:
    """Say whether a case has the image of a patient; the configuration where none are given."""
    if cases:
        return any(case.source != PHANTOM_SOURCE for case in with_real_image(cases))
    return set(config.data.train_sources) != {PHANTOM_SOURCE} or bool(config.data.pseudo_labels)


def _has_pseudo_labels(config: ExperimentConfig, cases: Sequence[Case]) -> bool:
    """Say whether a model made some of the label maps; as above without cases."""
    if cases:
        return any(case.scheme == PSEUDO_SCHEME for case in cases)
    return config.data.pseudo_labels is not None


def model_mode(
    config: ExperimentConfig,
    model: str,
    cases: Sequence[Case] = (),
    scans: Sequence[Case] = (),
    *,
    before: str = "",
) -> str:
    """Name what the training of a model used, that of the checkpoint it started from included.

    Args:
        config: the experiment.
        model: ``A``, whose mode is that of :func:`training_mode`, or ``B``.
        cases: those that it trains on.
        scans: real scans that a final choice among checkpoints would be made on.
        before: mode of the checkpoint that it starts from; empty where there is none.

    Example:
        >>> from spinesynth.pipelines.config_reading import parse_config
        >>> clinic = parse_config({"name": "x", "data": {"train_sources": ["clinic"]}})
        >>> model_mode(clinic, "B", before="label-only+phantom")
        'label-only+phantom+real-images'
    """
    if model == "A":
        mode = training_mode(config, cases, scans)
    else:
        phantoms = set(config.data.train_sources) == {PHANTOM_SOURCE}
        words = [
            *([PHANTOM_MODE] if phantoms else []),
            *([REAL_IMAGE_MODE] if _has_real_image(config, cases) else []),
            *([PSEUDO_MODE] if _has_pseudo_labels(config, cases) else []),
        ]
        mode = "+".join(words)
    return join_modes((before, mode))


def join_modes(modes: Iterable[str | None], *, chosen_on_real: bool = False) -> str:
    """Return the words of several modes, each once, in their order.

    Args:
        modes: as of :func:`model_mode`; empty ones and None say nothing.
        chosen_on_real: real scans chose the weights, which is said where no real image
            trained them.

    Example:
        >>> join_modes(["label-only+phantom", "phantom"], chosen_on_real=True)
        'label-only+phantom+real-choice'
    """
    words = list(dict.fromkeys(word for mode in modes if mode for word in mode.split("+")))
    told = not chosen_on_real or {REAL_IMAGE_MODE, REAL_CHOICE_MODE} & set(words)
    return "+".join(words if told else [*words, REAL_CHOICE_MODE])


def _label_mode(config: ExperimentConfig, cases: Sequence[Case]) -> str:
    """Name what the label maps come from."""
    sources = set(config.data.train_sources)
    share = config.synthesis.phantom_share
    if share == 1 or sources == {PHANTOM_SOURCE}:
        return PHANTOM_MODE
    clustered = any(case.scheme == CLUSTER_SCHEME for case in cases)
    if not cases:
        clustered = config.data.training_labels is not None
    mode = CLUSTER_MODE if clustered else LABEL_MODE
    return f"{mode}+{PHANTOM_MODE}" if share > 0 or PHANTOM_SOURCE in sources else mode


def describe_run() -> dict[str, Any]:
    """Return versions, machine and thread counts as plain JSON types."""
    return {
        "spinesynth": __version__,
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in _PACKAGES},
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name(0) if torch.cuda.is_available() else "cpu",
        **_git_state(),
    }


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write JSON with sorted keys, complete or not at all."""
    write_text(path, json.dumps(content, indent=2, sort_keys=True) + "\n")
