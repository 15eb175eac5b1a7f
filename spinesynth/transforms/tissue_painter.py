"""What the stages share that make an image of a label map."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, ClassVar

import numpy as np
from monai.config.type_definitions import KeysCollection
from torch import Tensor

from spinesynth.anatomy.tissues import Tissue
from spinesynth.kernels.mixture import label_lookup
from spinesynth.transforms.base import RandomKernel, RandomKerneld, as_plain

#: Distances between independent nodes of smooth texture within tissues, in voxels.
TEXTURE_SCALES_VOX = (2.0, 5.0, 14.0)
#: Widest blur at borders that makes sense, in voxels.
WIDEST_BLUR_VOX = 20.0


class TissuePainter(RandomKernel):
    """Base of the array transforms that paint a map: codes in, an image out.

    Args:
        prob: must be 1; a map that is not painted is no image.
        labels: tissue, or its name in lower case, of each code of the map; None if the
            codes are those of :class:`~spinesynth.anatomy.tissues.Tissue`.
    """

    takes_codes: ClassVar[bool] = True

    def __init__(
        self, prob: float = 1.0, *, labels: Mapping[int, Tissue | str] | None = None
    ) -> None:
        super().__init__(prob)
        if prob != 1:
            raise ValueError(f"prob must be 1 (an unpainted map is no image), got {prob}")
        self._lookup = None if labels is None else _read_labels(labels)

    def __call__(self, data: Tensor | np.ndarray, randomize: bool = True) -> Tensor:
        """Paint a map, or refuse what is none.

        Raises:
            ValueError: if the map holds fractions: an image, or a map that was interpolated.
        """
        plain = as_plain(data)
        if plain.is_floating_point() and bool((plain != plain.round()).any()):
            broken = plain[plain != plain.round()][0].item()
            raise ValueError(
                f"the map must hold whole codes of tissues, got {broken:g}; give the label map, "
                "and resample it by nearest neighbours"
            )
        return super().__call__(data, randomize)

    def tissues_of(self, labels: Tensor) -> Tensor:
        """Return the Tissue codes of a map whose codes ``labels`` may have named otherwise."""
        if self._lookup is None:
            return labels
        return self._lookup.to(labels.device)[labels.long()]


def _read_labels(labels: Mapping[int, Tissue | str]) -> Tensor:
    """Return the table from code to tissue."""
    names = {tissue.name.lower(): tissue for tissue in Tissue}
    gaussians: dict[int, int] = {}
    for code, tissue in labels.items():
        found = names.get(tissue) if isinstance(tissue, str) else tissue
        if not isinstance(found, Tissue) or not isinstance(code, int):
            raise ValueError(
                f"labels must map integers to tissues of {tuple(names)}, got {code!r}: {tissue!r}"
            )
        gaussians[code] = int(found)
    return label_lookup(gaussians)


class TissuePainterd(RandomKerneld):
    """Base of their dictionary forms: the image is put beside the map.

    Args:
        keys: key of the tissue map.
        image_key: key under which the image is put.
        allow_missing_keys: do not raise if the tissue map is missing.
        **parameters: those of ``array_class``.
    """

    def __init__(
        self,
        keys: KeysCollection,
        *,
        image_key: str = "image",
        allow_missing_keys: bool = False,
        **parameters: Any,  # noqa: ANN401  # those of array_class
    ) -> None:
        super().__init__(keys, allow_missing_keys=allow_missing_keys, **parameters)
        self.image_key = image_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Put the painted image beside the tissue map."""
        result = dict(data)
        for key in self.key_iterator(result):
            result[self.image_key] = self.transform(result[key])
        return result
