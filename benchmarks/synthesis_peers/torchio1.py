"""The same chain in TorchIO 1."""

from __future__ import annotations

import importlib
from typing import Any

from torch import Tensor

from benchmarks.synthesis_peers.work import Maker, Work

NOTE = """\
affine, then a B-spline field that is not integrated: two samplings; one Gaussian per label, each
drawn over the whole map, no texture; bias of a cubic polynomial; a blur of all axes, then nearest
sampling and interpolation of one axis; Gaussian noise; gamma; percentiles; flip without swapping
labels. Of a patch it can make the border only by making the volume and cutting: that is its row."""

CUT_NOTE = """\
the same, but the patch is cut from the map first: what is warped in at its border is padding, not
anatomy. Less than the work that is asked for."""


def _chain(tio: Any, *, flat: bool) -> Any:  # noqa: ANN401  # annotates few of its functions
    turn, bend = 15.0, 4.0
    return tio.Compose(
        [
            tio.RandomAffine(
                scales=(0.8, 1.2, 0.8, 1.2, 1, 1) if flat else 0.2,
                degrees=(0, 0, 0, 0, -turn, turn) if flat else (turn, turn / 3, turn / 3),
            ),
            tio.RandomElasticDeformation(
                num_control_points=5, max_displacement=(bend, bend, 0) if flat else bend
            ),
            tio.RandomLabelsToImage(
                label_key="label", default_mean=(0.0, 1.0), default_std=(0.005, 0.06)
            ),
            tio.RandomBiasField(coefficients=0.5),
            tio.RandomBlur(std=(0, 1.5, 0, 1.5, 0, 0) if flat else (0, 1.5)),
            tio.RandomAnisotropy(axes=(0, 1) if flat else (0, 1, 2), downsampling=(1.0, 4.0)),
            tio.RandomNoise(std=(0.01, 0.05)),
            tio.RandomGamma(log_gamma=(-0.4, 0.4)),
            tio.RescaleIntensity((0, 1), percentiles=(0.5, 99.5)),
            tio.RandomFlip(axes=0, flip_probability=1.0),
        ]
    )


def _build(work: Work, *, cut_first: bool) -> Maker:
    tio = importlib.import_module("torchio")
    flat = len(work.size) == 2
    chain = _chain(tio, flat=flat)

    def make(codes: Tensor) -> Tensor:
        source = work.cut(codes) if cut_first else codes
        volume = source[..., None] if flat else source
        subject = tio.Subject(label=tio.LabelMap(tensor=volume.clone()))
        image: Tensor = chain(subject)["image_from_labels"].data
        image = image[..., 0] if flat else image
        return image if cut_first else work.cut(image)

    return make


def build_torchio(work: Work) -> Maker:
    """Return the chain on the whole map, its output cut to the work's size."""
    return _build(work, cut_first=False)


def build_torchio_cut_first(work: Work) -> Maker:
    """Return the chain on the piece of the map that has the work's size."""
    return _build(work, cut_first=True)
