"""The same chain in TorchIO 2, where affine and elastic are one sampling."""

from __future__ import annotations

import importlib
from typing import Any

import torch
from torch import Tensor

from benchmarks.synthesis_peers.work import Maker, Work

NOTE = """\
affine and a trilinear field that is not integrated in one sampling, a patch of which it samples
from the whole map (`Spatial(target=...)`); one Gaussian per label, each drawn over the output, no
texture; exponential bias; a blur of all axes, then sampling and interpolation of one axis; Rician
noise; gamma; percentiles; flip without swapping labels."""


def _target(work: Work) -> Any:  # noqa: ANN401  # a size and an affine, or None
    if work.size == work.source:
        return None
    affine = torch.eye(4, dtype=torch.float64)
    affine[:3, 3] = torch.tensor(work.corner, dtype=torch.float64)
    return work.size, affine.numpy()


def _chain(tio: Any, work: Work) -> Any:  # noqa: ANN401  # checked against TorchIO 1
    turn, bend = 15.0, 4.0
    flat = len(work.size) == 2
    return tio.Compose(
        [
            tio.Spatial(
                target=_target(work),
                scales=(0.8, 1.2, 0.8, 1.2, 1, 1) if flat else (0.8, 1.2),
                degrees=(0, 0, 0, 0, -turn, turn)
                if flat
                else (-turn, turn, -turn / 3, turn / 3, -turn / 3, turn / 3),
                max_displacement=(0, bend, 0, bend, 0, 0) if flat else (0, bend),
                num_control_points=5,
                locked_borders=0,
            ),
            tio.LabelsToImage(
                label_key="label", default_mean=(0.0, 1.0), default_std=(0.005, 0.06)
            ),
            tio.BiasField(std=(0.0, 0.5)),
            tio.Blur(std=(0, 1.5, 0, 1.5, 0, 0) if flat else (0, 1.5)),
            tio.Anisotropy(axes=(0, 1) if flat else (0, 1, 2), downsampling=(1.0, 4.0)),
            tio.Noise(std=(0.01, 0.05), rician=True),
            tio.Gamma(log_gamma=(-0.4, 0.4)),
            tio.RescaleIntensity(out_min=0, out_max=1, percentile_low=0.5, percentile_high=99.5),
            tio.Flip(axes=0, flip_probability=1.0),
        ]
    )


def build_torchio2(work: Work) -> Maker:
    """Return the chain, from the whole map to an image of the work's size."""
    tio = importlib.import_module("torchio")
    if not hasattr(tio, "Spatial"):
        raise RuntimeError(f"TorchIO must be version 2, got {tio.__version__}")
    flat = len(work.size) == 2
    chain = _chain(tio, work)

    def make(codes: Tensor) -> Tensor:
        volume = codes[..., None] if flat else codes
        subject = tio.Subject(label=tio.LabelMap(volume.clone()))
        image: Tensor = chain(subject)["image_from_labels"].data
        return image[..., 0] if flat else image

    return make
