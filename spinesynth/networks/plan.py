"""What is asked of a network, whichever it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class NetworkPlan:
    """What a network must take and give.

    Args:
        num_classes: channels of the logits, at least 2.
        patch_size: voxels of the patches that it sees, one number an axis; 2 or 3.
        in_channels: channels of the image.
        base_features: features of the first level.
        spacing_mm: voxel size of the patches, one number an axis; None for equal ones.
        gradient_checkpointing: save memory by computing activations twice.
        deep_supervision: also give logits of coarser levels, while it is trained.

    Example:
        >>> NetworkPlan(num_classes=6, patch_size=(96, 96)).dims
        2
    """

    num_classes: int
    patch_size: tuple[int, ...]
    in_channels: int = 1
    base_features: int = 16
    spacing_mm: tuple[float, ...] | None = None
    gradient_checkpointing: bool = False
    deep_supervision: bool = False

    def __post_init__(self) -> None:
        if len(self.patch_size) not in (2, 3):
            raise ValueError(f"patch_size must have 2 or 3 axes, got {self.patch_size}")
        if len(self.spacing) != len(self.patch_size):
            raise ValueError(
                f"spacing_mm must have one number for each of {self.dims} axes, "
                f"got {self.spacing_mm}"
            )

    @property
    def dims(self) -> int:
        """Number of spatial axes."""
        return len(self.patch_size)

    @property
    def spacing(self) -> tuple[float, ...]:
        """Voxel size along each axis in mm; 1 where none is said."""
        return self.spacing_mm or (1.0,) * len(self.patch_size)
