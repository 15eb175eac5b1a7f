"""What the encoder of a trained network makes of images: one vector an image."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor, nn
from torch.nn import functional

from spinesynth.pipelines.predict import VolumePredictor

#: Slices are taken from the middle half of a volume, where the column is.
_FIRST, _LAST = 0.25, 0.75


def encoder_features(network: nn.Module, images: Tensor) -> Tensor:
    """Return the deepest activations of a network, averaged over space.

    The deepest are those of fewest voxels that any of its layers puts out, of these
    the ones of most features (a decoder may begin by folding them), and of several
    such layers the last. Works for every network of :mod:`spinesynth.networks`, as all
    narrow towards the middle.

    Args:
        network: ``(B, slices, J, K)`` or ``(B, 1, I, J, K)`` to logits.
        images: such a batch.

    Returns:
        float32 ``(B, features)`` on the CPU.
    """
    deepest = _Deepest(images.ndim)
    device = next(network.parameters()).device
    with torch.inference_mode(), _watched(network, deepest):
        network.eval()(images.to(device))
    if deepest.features is None:
        raise ValueError(f"{type(network).__name__} has no layer that puts out images")
    return deepest.features.float().cpu()


class _Deepest:
    """Keep the spatial mean of the output of fewest voxels and most features."""

    def __init__(self, ndim: int) -> None:
        self.ndim, self.best = ndim, (math.inf, 0)
        self.features: Tensor | None = None

    def __call__(self, module: nn.Module, given: tuple[object, ...], output: object) -> None:
        """Look at what a layer put out."""
        if not isinstance(output, Tensor) or output.ndim != self.ndim:
            return
        depth = (math.prod(output.shape[2:]), -output.shape[1])
        if depth <= self.best:
            self.best = depth
            self.features = output.flatten(2).mean(dim=2)


@contextmanager
def _watched(network: nn.Module, watch: _Deepest) -> Iterator[None]:
    """Call ``watch`` after every layer that has none inside it."""
    layers = [module for module in network.modules() if not any(module.children())]
    handles = [layer.register_forward_hook(watch) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def features_of_scan(predictor: VolumePredictor, image: MetaTensor, *, slices: int = 3) -> Tensor:
    """Return the features of a scan as its predictor shows it to the network.

    Args:
        predictor: of the network.
        image: canonical ``(1, I, J, K)``.
        slices: of a 2D network, evenly from the middle half of the volume; fewer
            where there are fewer.

    Returns:
        ``(slices, features)``, or ``(1, features)`` of a 3D network; of the middle of the
        image, cut or filled with padding to the size of the patches.
    """
    shown = predictor.inputs(image)
    if len(predictor.spacing_mm) == 2:
        places = torch.linspace(_FIRST, _LAST, slices) * (len(shown) - 1)
        shown = shown[sorted({round(place) for place in places.tolist()})]
    roi = predictor.inferer.roi_size
    assert not isinstance(roi, int)  # it was made of a size for each axis
    return encoder_features(predictor.network, fit_centre(shown, tuple(roi)))


def fit_centre(images: Tensor, size: tuple[int, ...]) -> Tensor:
    """Return the middle of images, cut or filled with zeros to a size.

    Args:
        images: ``(B, C, *spatial)``.
        size: voxels of each spatial axis.

    Example:
        >>> fit_centre(torch.arange(5.0).reshape(1, 1, 5), (3,)).tolist()
        [[[1.0, 2.0, 3.0]]]
    """
    pads: list[int] = []
    for have, want in zip(reversed(images.shape[2:]), reversed(size), strict=True):
        before = (want - have) // 2
        pads += [before, want - have - before]
    return functional.pad(images, pads)
