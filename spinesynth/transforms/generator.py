"""The plain-Python face of the chain: a label map in, a synthetic MR image out."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, Literal

import numpy as np
import torch
from monai.transforms.compose import Compose
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from spinesynth.anatomy.label_schemes import get_scheme
from spinesynth.anatomy.structures import Structure
from spinesynth.seeding import derive_seed32
from spinesynth.transforms.acquired_resolution import RandAcquiredResolution
from spinesynth.transforms.base import spacing_per_axis
from spinesynth.transforms.bias_gain import RandBiasGain
from spinesynth.transforms.context import RandFillContext
from spinesynth.transforms.intensity import PercentileNormalise
from spinesynth.transforms.kspace_motion import RandKSpaceMotion
from spinesynth.transforms.magnitude_noise import RandMagnitudeNoise
from spinesynth.transforms.tissue_contrast import RandTissueContrast

_CONTRASTS = {"T1": "t1", "T2": "t2", "random": "random", "interpolated": "interpolated"}


class SpineSynthGenerator:
    """Generate synthetic MR images from label maps.

    Args:
        contrast_type: ``"T1"``, ``"T2"``, ``"interpolated"`` (a random place
            between them) or ``"random"`` (any intensity for any tissue).
        resolution_range: acquired voxel size in mm, drawn between the two.
        add_bias_field: multiply a smooth bias.
        add_noise: add Rician noise.
        add_motion: let the patient move during the acquisition.
        label_scheme: scheme of the label maps, see
            :mod:`spinesynth.anatomy.label_schemes`.
        spacing_mm: voxel size of the label maps, one number or one for each axis.
        seed: seed of the sequence of images; None starts anywhere.

    Shape:
        ``(J, K)`` or ``(I, J, K)`` label map; the image has the same.

    Source:
        the chain of Billot et al. 2023, Medical Image Analysis 86:102789; each
        stage names its own.

    Example:
        >>> import numpy as np
        >>> generator = SpineSynthGenerator(contrast_type="T2", seed=0)
        >>> generator.generate_synthetic_mri(np.ones((32, 32), dtype=np.uint8)).shape
        (32, 32)
    """

    def __init__(
        self,
        contrast_type: Literal["T1", "T2", "interpolated", "random"] = "random",
        *,
        resolution_range: tuple[float, float] = (1.0, 4.0),
        add_bias_field: bool = True,
        add_noise: bool = True,
        add_motion: bool = False,
        label_scheme: str = "spine6",
        spacing_mm: float | Sequence[float] = 1.0,
        seed: int | None = None,
    ) -> None:
        if contrast_type not in _CONTRASTS:
            raise ValueError(
                f"contrast_type must be one of {sorted(_CONTRASTS)}, got {contrast_type!r}"
            )
        self.contrast_type, self.spacing_mm = contrast_type, spacing_mm
        self.scheme = get_scheme(label_scheme)
        self.artefacts: list[Any] = []
        if add_bias_field:
            self.artefacts.append(RandBiasGain())
        if add_motion:
            self.artefacts.append(RandKSpaceMotion())
        self.artefacts.append(RandAcquiredResolution(resolution_range, spacing_mm=spacing_mm))
        if add_noise:
            self.artefacts.append(RandMagnitudeNoise())
        self.artefacts.append(PercentileNormalise())
        self.random = np.random.RandomState(np.random.MT19937(seed))

    def seed(self, seed: int) -> None:
        """Start the sequence of images anew at a seed."""
        self.random = np.random.RandomState(np.random.MT19937(seed))

    def _contrast(self, contrast_alpha: float | None) -> RandTissueContrast:
        if contrast_alpha is None:
            return RandTissueContrast(_CONTRASTS[self.contrast_type])  # type: ignore[arg-type]
        return RandTissueContrast("interpolated", alpha=(contrast_alpha, contrast_alpha))

    def generate_synthetic_mri(
        self, label_map: NDArray[Any] | Tensor, contrast_alpha: float | None = None
    ) -> NDArray[np.float32]:
        """Paint one image over a label map.

        Args:
            label_map: ``(J, K)`` sagittal slice or ``(I, J, K)`` volume of codes
                of the label scheme; axes right, anterior, superior.
            contrast_alpha: place on the T1-T2 spectrum in [0, 1] (0 is T1-like);
                None leaves it to ``contrast_type``.

        Returns:
            float32 image in [0, 1] of the label map's shape.

        Raises:
            ValueError: if the map has another number of axes, codes that the
                scheme does not know, or ``contrast_alpha`` is outside [0, 1].
        """
        return self.generate_pair(label_map, contrast_alpha)[0]

    def generate_pair(
        self, label_map: NDArray[Any] | Tensor, contrast_alpha: float | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Paint one image and return it with the label map that belongs to it.

        Where the scheme has a sacrum and the map shows none, one is drawn below
        the lowest disc, and the returned label map holds it.

        Args:
            label_map: as for :meth:`generate_synthetic_mri`.
            contrast_alpha: as for :meth:`generate_synthetic_mri`.

        Returns:
            float32 image in [0, 1] and int64 codes, both of the map's shape.
        """
        codes = torch.as_tensor(np.ascontiguousarray(label_map))
        if codes.ndim not in (2, 3):
            raise ValueError(f"label_map must have 2 or 3 axes, got shape {tuple(codes.shape)}")
        decoded = self.scheme.decode(codes)
        fill = RandFillContext(spacing_per_axis(self.spacing_mm, codes.ndim))
        contrast = self._contrast(contrast_alpha)
        stages = Compose([contrast, *self.artefacts])
        fill.set_random_state(int(self.random.randint(2**31 - 1)))
        stages.set_random_state(int(self.random.randint(2**31 - 1)))
        maps = fill(decoded.structure[None])
        image = torch.as_tensor(stages(maps[1:]))[0]
        drawn = (maps[0] == Structure.SACRUM) & (decoded.structure == Structure.BACKGROUND)
        sacrum = [v for v, c in self.scheme.codes.items() if c.structure == Structure.SACRUM]
        label = torch.where(drawn, sacrum[0], codes.long()) if sacrum else codes.long()
        return np.asarray(image, dtype=np.float32), label.numpy()


class SyntheticDataset(Dataset[dict[str, Tensor]]):
    """Images drawn on the fly: each label map gives ``num_augmentations`` of them.

    Args:
        label_maps: ``(J, K)`` or ``(I, J, K)`` label maps.
        generator: paints them; a copy is used, its own sequence does not move.
        num_augmentations: images for each label map, at least 1.
        seed: with an item's number, decides its image.

    Shape:
        items have ``image`` and ``label``, each ``(1, J, K)`` or ``(1, I, J, K)``.

    Source:
        :class:`SpineSynthGenerator`.

    Example:
        >>> import numpy as np
        >>> maps = [np.ones((16, 16), dtype=np.uint8)]
        >>> len(SyntheticDataset(maps, SpineSynthGenerator(), num_augmentations=5))
        5
    """

    def __init__(
        self,
        label_maps: Sequence[NDArray[Any] | Tensor],
        generator: SpineSynthGenerator,
        *,
        num_augmentations: int = 1,
        seed: int = 0,
    ) -> None:
        if num_augmentations < 1:
            raise ValueError(f"num_augmentations must be at least 1, got {num_augmentations}")
        self.label_maps, self.generator = list(label_maps), deepcopy(generator)
        self.num_augmentations, self.seed = num_augmentations, seed

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.label_maps) * self.num_augmentations

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """Return ``image`` float32 and ``label`` int64, channel first."""
        if not 0 <= index < len(self):
            raise IndexError(f"index must be in [0, {len(self)}), got {index}")
        label_map = self.label_maps[index // self.num_augmentations]
        self.generator.seed(derive_seed32(self.seed, "synthetic", index))
        image, label = self.generator.generate_pair(label_map)
        return {"image": torch.from_numpy(image)[None], "label": torch.from_numpy(label)[None]}
