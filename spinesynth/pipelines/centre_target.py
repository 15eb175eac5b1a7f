"""Where the centres of vertebral bodies are: from label maps to what a network regresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from monai.data.meta_tensor import MetaTensor
from monai.transforms.transform import Transform
from scipy import ndimage
from torch import Tensor

from spinesynth.anatomy.label_schemes import CLUSTER_SCHEME, PSEUDO_SCHEME
from spinesynth.anatomy.structures import REPORT_GROUPS
from spinesynth.io.case import Case
from spinesynth.kernels.body_centres import UNKNOWN_CENTRE, centre_codes
from spinesynth.transforms.base import as_plain, rewrap
from spinesynth.transforms.sagittal_slab import layers_as_channels

#: A piece of body that is smaller is a speck of a mask: a lumbar body has 20 ml and more. Nominal.
_LEAST_ML = 1.0
_MOST_BODIES = 255  # of a uint8


def knows_bodies(case: Case) -> bool:
    """Return whether a case's label map shows whole bodies apart from what is behind them.

    Pseudo-labels do not: what of a body is unknown would shift its centre. Nor do
    clusters of intensity, or masks of whole vertebrae.
    """
    return "body" in case.annotated and case.scheme not in (CLUSTER_SCHEME, PSEUDO_SCHEME)


def number_bodies(structure: MetaTensor, instance: MetaTensor | None) -> MetaTensor:
    """Return a number for each vertebral body of a volume.

    Args:
        structure: ``(1, I, J, K)`` Structure codes.
        instance: numbers of vertebrae on the same grid. Bodies without one are the
            connected components of 1 ml and more of what is left (corners connect
            nothing, so that bodies whose masks touch there stay apart).

    Returns:
        uint8 ``(1, I, J, K)``, 0 outside of the bodies.
    """
    plain = as_plain(structure)
    codes = torch.tensor(sorted(REPORT_GROUPS["body"]), dtype=plain.dtype)
    body = torch.isin(plain, codes)
    numbers = torch.zeros_like(plain) if instance is None else as_plain(instance) * body
    voxel_ml = float(structure.affine[:3, :3].det().abs()) / 1000
    rest = _components(
        body & (numbers == 0), least_voxels=_LEAST_ML / voxel_ml, after=int(numbers.max())
    )
    return MetaTensor(numbers.to(torch.uint8) + rest, affine=structure.affine.clone())


def _components(body: Tensor, *, least_voxels: float, after: int) -> Tensor:
    """Return numbers above ``after`` of the components that are large enough, else 0."""
    found, count = ndimage.label(body.numpy())
    labels = torch.from_numpy(found).long()
    sizes = torch.bincount(labels.flatten(), minlength=count + 1)
    sizes[0] = 0  # what is no body
    large = (sizes >= least_voxels).nonzero().flatten()[: _MOST_BODIES - after]
    table = torch.zeros(count + 1, dtype=torch.uint8)
    table[large] = torch.arange(after + 1, after + 1 + len(large)).to(torch.uint8)
    return table[labels]


class BodyCentresd(Transform):
    """Put the codes of :func:`~spinesynth.kernels.body_centres.centre_codes` under ``centre``.

    They are made of ``bodies`` before anything is deformed or cut to a patch, so that a
    body that the patch cuts keeps its centre, and are warped like labels after that.
    Of a slice they tell the centres of what it shows of each body, of a volume those of
    the bodies: the latter are the same in every sample, and made once (:meth:`kept`).
    Without ``bodies`` nothing is known.

    Args:
        sigma_mm: of the Gaussians.
        flat: the arrays are slabs of slices, ``(1, n, J, K)``, of which the middle layer
            counts.
    """

    def __init__(self, *, sigma_mm: float, flat: bool) -> None:
        self.sigma_mm, self.flat = sigma_mm, flat

    def kept(self, bodies: MetaTensor) -> dict[str, MetaTensor]:
        """Return what to keep of the numbered bodies of a case, by name.

        Args:
            bodies: of :func:`number_bodies`.
        """
        if self.flat:
            return {"bodies": bodies}
        return {"centre": MetaTensor(self._codes(bodies), affine=bodies.affine.clone())}

    def decides(self) -> dict[str, Any]:
        """Return all that :meth:`kept` depends on beside the bodies, as plain JSON types."""
        return {"with_bodies": True} if self.flat else {"centre_sigma_mm": self.sigma_mm}

    def _codes(self, bodies: MetaTensor) -> Tensor:
        shown = layers_as_channels(bodies, middle=True) if self.flat else bodies
        plain = as_plain(shown)[0]
        spacing = [float(step) for step in bodies.pixdim[-plain.ndim :]]
        return centre_codes(plain, spacing_mm=spacing, sigma_mm=self.sigma_mm)[None]

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return the dictionary with ``centre`` in place of ``bodies``."""
        result = dict(data)
        if "centre" in result:
            return result
        label, bodies = data["label"], result.pop("bodies", None)
        if bodies is None:
            codes = torch.full(label.shape, UNKNOWN_CENTRE, dtype=torch.uint8)
        else:
            codes = self._codes(bodies).expand(label.shape).clone()
        result["centre"] = rewrap(codes, label)
        return result
