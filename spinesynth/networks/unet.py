"""The default network: a BasicUNet whose features double over five levels."""

from __future__ import annotations

from monai.networks.nets.basic_unet import BasicUNet
from torch import Tensor, nn
from torch.nn import functional

_LEVELS = 5
#: What each axis of an input is padded to a multiple of.
STRIDE = 2 ** (_LEVELS - 1)


class UNet(nn.Module):
    """U-Net of five levels with instance norm and LeakyReLU, for any input size.

    Args:
        in_channels: channels of the image, at least 1.
        num_classes: channels of the logits, at least 2.
        base_features: features of the first level; they double at each of the
            five levels. 8 gives about 0.49 M parameters in 2D, 16 gives 1.95 M,
            32 gives 7.8 M; :meth:`count_parameters` says exactly.
        dims: 2 or 3 spatial axes.

    Shape:
        ``(B, in_channels, *spatial)`` to logits ``(B, num_classes, *spatial)``.

    Source:
        Falk et al. 2019, doi 10.1038/s41592-018-0261-2, as ``BasicUNet`` of MONAI.

    Example:
        >>> import torch
        >>> UNet(1, 4, 8)(torch.zeros(1, 1, 33, 20)).shape
        torch.Size([1, 4, 33, 20])
    """

    def __init__(
        self, in_channels: int = 1, num_classes: int = 6, base_features: int = 16, *, dims: int = 2
    ) -> None:
        super().__init__()
        for name, value, least in (
            ("in_channels", in_channels, 1),
            ("num_classes", num_classes, 2),
            ("base_features", base_features, 1),
        ):
            if value < least:
                raise ValueError(f"{name} must be at least {least}, got {value}")
        if dims not in (2, 3):
            raise ValueError(f"dims must be 2 or 3, got {dims}")
        doubling = [base_features * 2**level for level in range(_LEVELS)]
        self.body = BasicUNet(
            spatial_dims=dims,
            in_channels=in_channels,
            out_channels=num_classes,
            features=(*doubling, base_features),
            act=("LeakyReLU", {"negative_slope": 0.1, "inplace": True}),
            norm=("instance", {"affine": True}),
        )

    def forward(self, image: Tensor) -> Tensor:
        """Return the logits of an image of any size."""
        size = image.shape[2:]
        # four poolings need a multiple of 16, and at least 32 for instance norm to have a spread
        wanted = [max(2 * STRIDE, -(-n // STRIDE) * STRIDE) for n in size]
        pads = [(w - n) for w, n in zip(wanted, size, strict=True)]
        if any(pads):
            image = functional.pad(image, [p for pad in reversed(pads) for p in (0, pad)])
        logits: Tensor = self.body(image)
        kept: tuple[slice, ...] = tuple(slice(0, n) for n in size)
        return logits[(slice(None), slice(None), *kept)]

    def count_parameters(self) -> int:
        """Return the number of trainable parameters."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)
