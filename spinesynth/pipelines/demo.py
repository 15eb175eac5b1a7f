"""Pictures without any data: what the package does, in a minute."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from spinesynth.anatomy.phantom import draw_phantom, render_phantom
from spinesynth.errors import ConfigError
from spinesynth.io.discover import discover_cases
from spinesynth.io.write import atomic_write
from spinesynth.pipelines.checkpoint_shelf import checkpoint_path
from spinesynth.pipelines.config_reading import parse_config
from spinesynth.pipelines.datasets import SampleKey
from spinesynth.pipelines.evaluate import evaluate_cases, group_masks
from spinesynth.pipelines.overlays import OverlayCollector
from spinesynth.pipelines.predict import load_predictor
from spinesynth.pipelines.results import read_results
from spinesynth.pipelines.split import split_cases
from spinesynth.pipelines.train import Trainer
from spinesynth.pipelines.training_data import make_dataset
from spinesynth.pipelines.write_phantoms import write_phantom_dataset
from spinesynth.seeding import derive_seed
from spinesynth.transforms import SpineSynthGenerator
from spinesynth.viz import Sample, draw_samples, draw_training, encode_png

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_GRID = {"shape": (1, 208, 256), "spacing_mm": (4.0, 1.0, 1.0)}
_PHANTOMS = "phantom_data"
_SHOWN = ("body", "posterior", "disc", "canal", "sacrum")
_CONFIG = {
    "name": "demo_pictures",
    "data": {"phantom_patients": 6, "test_patients": 2, "val_patients": 1},
    "network": {"base_features": 4},
    "training": {
        "steps": 60, "validate_every": 20, "batch_size": 4, "patch_size": [128, 128],
        "val_samples": 8, "workers": 0,
    },
}  # fmt: skip


def _save(figure: Figure, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        temporary.write_bytes(encode_png(figure))
    return path


def _middle_slice(seed: int) -> torch.Tensor:
    """Return the structure codes ``(J, K)`` of a phantom's middle slice."""
    return render_phantom(draw_phantom(seed), **_GRID).structure[0]  # type: ignore[arg-type]


def _sample(title: str, image: np.ndarray, label: torch.Tensor) -> Sample:
    masks = {name: mask.numpy() for name, mask in group_masks(label, _SHOWN).items()}
    return Sample(title, image=image, masks=masks, spacing_mm=(1.0, 1.0))


def demo_synth(folder: Path, seed: int) -> list[Path]:
    """Draw synthetic images of random contrast over phantom label maps."""
    samples = []
    for number in range(8):
        label = _middle_slice(derive_seed(seed, "synth", number))
        image = SpineSynthGenerator("random", seed=seed + number).generate_synthetic_mri(label)
        samples.append(_sample(f"seed {seed + number}", image, label))
    figure = draw_samples(samples, title="Synthetic images from label maps, random contrast")
    return [_save(figure, folder / "synth.png")]


def demo_contrast(folder: Path, seed: int) -> list[Path]:
    """Draw one label map from T1-like to T2-like."""
    label = _middle_slice(derive_seed(seed, "contrast"))
    samples = []
    for alpha in (0.0, 0.25, 0.5, 0.75, 1.0):
        # the same seed for every alpha: only the contrast differs
        image = SpineSynthGenerator(resolution_range=(1.0, 1.0), seed=seed).generate_synthetic_mri(
            label, contrast_alpha=alpha
        )
        samples.append(_sample(f"alpha {alpha}", image, label))
    figure = draw_samples(samples, title="From T1-like (0) to T2-like (1)", columns=5)
    return [_save(figure, folder / "contrast.png")]


def _run_folder(folder: Path, seed: int) -> Path:
    """Return where phantoms and network of a seed go, apart from those of other seeds."""
    return folder / f"tiny_network_seed{seed}"


def demo_training(folder: Path, seed: int) -> list[Path]:
    """Train a tiny network on synthetic images for a moment and draw its curves."""
    config = parse_config({**_CONFIG, "seed": seed})
    run = _run_folder(folder, seed)
    manifest = write_phantom_dataset(
        run / _PHANTOMS, patients=config.data.phantom_patients, seed=seed
    )
    split = split_cases(discover_cases(manifest), config.data)
    Trainer(config, "A", train=split.train, validation=split.validation, folder=run).run()
    data = make_dataset(split.train, config, model="A")
    drawn = [data[SampleKey(0, n % len(data), n)] for n in range(4)]
    samples = [
        _sample(f"sample {n}", s["image"][0].numpy(), s["target"][0]) for n, s in enumerate(drawn)
    ]
    return [
        _save(draw_training(read_results(run).training), folder / "training.png"),
        _save(draw_samples(samples, title="What the network is fed"), folder / "batch.png"),
    ]


def demo_inference(folder: Path, seed: int) -> list[Path]:
    """Segment held-out phantoms with the tiny network, training it first if need be."""
    run = _run_folder(folder, seed)
    checkpoint = checkpoint_path(run, "A", "best")
    if not checkpoint.exists():
        demo_training(folder, seed)
    predictor, saved = load_predictor(checkpoint)
    config = parse_config(saved.config)
    cases = discover_cases(run / _PHANTOMS / "cases.csv")
    overlays = OverlayCollector("tiny")
    held_out = split_cases(cases, config.data).test
    evaluate_cases(predictor, held_out, run=config.name, model="tiny", on_case=overlays)
    return overlays.save(folder / "inference")


DEMOS: dict[str, Callable[[Path, int], list[Path]]] = {
    "synth": demo_synth,
    "contrast": demo_contrast,
    "training": demo_training,
    "inference": demo_inference,
}


def run_demo(name: str, *, folder: Path, seed: int = 42) -> list[Path]:
    """Draw the pictures of one demonstration, or of all.

    Args:
        name: ``synth``, ``contrast``, ``training``, ``inference`` or ``all``.
        folder: where the pictures go.
        seed: of everything random.

    Returns:
        The pictures.

    Raises:
        ConfigError: if the name is none of them.
    """
    if name not in (*DEMOS, "all"):
        raise ConfigError(
            f"demo must be one of {', '.join((*DEMOS, 'all'))}, got {name!r}", code="E-CONF-006"
        )
    chosen = list(DEMOS) if name == "all" else [name]
    folder.mkdir(parents=True, exist_ok=True)
    return [picture for one in chosen for picture in DEMOS[one](folder, seed)]
