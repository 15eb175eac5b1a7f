"""What a MONAI bundle of ours names by ``_target_``: our reading of images, and labels back.

``spinesynth export bundle`` writes configurations that chain these with MONAI's own
classes. Both do what :class:`spinesynth.pipelines.predict.VolumePredictor` does.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config.type_definitions import KeysCollection
from monai.data.meta_tensor import MetaTensor
from monai.transforms.transform import MapTransform
from torch import nn

from spinesynth.anatomy.label_schemes import get_scheme
from spinesynth.kernels.resize import resize_linear
from spinesynth.pipelines.predict import VolumePredictor

#: Names, in the meta data of an image that a network is shown, of the grid that it came from.
_SHAPE = "native_shape"


class ToNetworkGridd(MapTransform):
    """Show images as the network was trained to see them.

    Args:
        keys: of canonical images, ``(1, I, J, K)`` MetaTensor, finite.
        spacing_mm: voxel size of the network, (J, K) or (I, J, K).
        slices: neighbouring slices that it sees as channels.
        neighbour_mm: least distance of neighbours, as it was trained.

    Shape:
        to ``(slices, I, J', K')`` for a 2D network, ``(1, I', J', K')`` for a 3D one, in
        [0, 1]. The affine stays that of the image's own grid, which
        :class:`ToLabelsd` goes back to.

    Example:
        >>> affine = torch.diag(torch.tensor([4.0, 2.0, 2.0, 1.0]))
        >>> image = MetaTensor(torch.rand(1, 3, 20, 20), affine=affine)
        >>> ToNetworkGridd("image", spacing_mm=(1.0, 1.0))({"image": image})["image"].shape
        torch.Size([1, 3, 40, 40])
    """

    def __init__(
        self,
        keys: KeysCollection,
        spacing_mm: Sequence[float],
        slices: int = 1,
        neighbour_mm: float = 2.0,
    ) -> None:
        super().__init__(keys)
        self.reading = VolumePredictor(
            nn.Identity(),  # only how images are read is asked for
            spacing_mm=tuple(spacing_mm),
            patch_size=(1,) * len(spacing_mm),
            slices=slices,
            neighbour_mm=neighbour_mm,
        )

    def __call__(self, data: Mapping[Hashable, MetaTensor]) -> dict[Hashable, MetaTensor]:
        """Return the data with every image as the network is shown it."""
        result = dict(data)
        for key in self.key_iterator(result):
            image = result[key]
            shown = self.reading.inputs(image)
            flat = len(self.reading.spacing_mm) == 2
            shown = shown.movedim(0, 1) if flat else shown[0]
            meta = {**image.meta, _SHAPE: torch.tensor(image.shape[1:])}
            result[key] = MetaTensor(shown, meta=meta)
        return result


class ToLabelsd(MapTransform):
    """Turn logits into a label map on the grid that the image came with.

    Args:
        keys: of logits, ``(C, I, J', K')`` of a 2D network or ``(C, I', J', K')``.
        image: key of what the network was shown, from :class:`ToNetworkGridd`.
        target_scheme: label scheme of the channels, whose codes are written.

    Shape:
        to uint8 ``(1, I, J, K)``, with the image's affine.

    Raises:
        ValueError: if logits are not finite.
    """

    def __init__(self, keys: KeysCollection, image: str, target_scheme: str) -> None:
        super().__init__(keys)
        self.image = image
        self.codes = torch.tensor(sorted(get_scheme(target_scheme).codes), dtype=torch.uint8)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the data with every tensor of logits as a label map."""
        result = dict(data)
        meta = result[self.image].meta
        layers, *plane = (int(size) for size in torch.as_tensor(meta[_SHAPE]).flatten())
        for key in self.key_iterator(result):
            logits = torch.as_tensor(result[key]).float().cpu()
            if not bool(torch.isfinite(logits).all()):
                raise ValueError("the network's output is not finite; the weights cannot be used")
            coarse = torch.softmax(logits, 0)
            if coarse.shape[1] != layers:
                coarse = resize_linear(coarse[None], [layers, *coarse.shape[2:]])[0]
            slabs = (resize_linear(one, plane) for one in torch.split(coarse, 1, dim=1))
            labels = torch.cat([self.codes[slab.max(0).indices] for slab in slabs])
            kept = {name: value for name, value in meta.items() if name != _SHAPE}
            result[key] = MetaTensor(labels[None], meta=kept)
        return result
