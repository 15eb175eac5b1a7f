"""How the contract test drives each transform: fabricated arrays, and a table by class name."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

import spinesynth.transforms
from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import Tissue

Shape = tuple[int, ...]

FLAT, DEEP = (20, 24), (6, 20, 24)
#: Codes that an average of two others would not hit.
FAR_CODES = (0, 3, 90, 200)


def make_image(*spatial: int) -> Tensor:
    """Draw an image in [0.1, 1] with a padded corner of zeros."""
    image = torch.rand((1, *spatial), generator=torch.Generator().manual_seed(1)) * 0.9 + 0.1
    image[..., :4, :5] = 0
    return image


def make_binary(*spatial: int) -> Tensor:
    """Draw an image of zeros and ones."""
    return (make_image(*spatial) > 0.5).float()


def make_codes(*spatial: int) -> Tensor:
    """Draw a label map of far-apart codes."""
    index = torch.randint(4, (1, *spatial), generator=torch.Generator().manual_seed(2))
    return torch.tensor(FAR_CODES, dtype=torch.uint8)[index]


def make_tissue(*spatial: int) -> Tensor:
    """Draw a map that holds every tissue."""
    cells = torch.arange(math.prod(spatial)) % len(Tissue)
    return cells.reshape(1, *spatial).to(torch.uint8)


def make_structure(*spatial: int) -> Tensor:
    """Draw a body over a disc, in front of a canal and a process."""
    codes = torch.zeros((1, *spatial), dtype=torch.uint8)
    codes[..., 10:20, 12:20] = int(Structure.VERTEBRAL_BODY)
    codes[..., 10:20, 8:12] = int(Structure.DISC)
    codes[..., 6:10, 4:24] = int(Structure.CANAL)
    codes[..., 2:6, 12:16] = int(Structure.POSTERIOR_ELEMENTS)
    return codes


def with_affine(array: Tensor) -> MetaTensor:
    """Give an array voxel sizes that differ from axis to axis, and an origin."""
    axes = array.ndim - 1
    affine = torch.diag(torch.tensor([*(4.0, 1.2, 0.8)[-axes:], 1.0], dtype=torch.float64))
    affine[:axes, -1] = torch.arange(1.0, axes + 1)
    return MetaTensor(array, affine=affine, meta={"case_id": "fabricated", "notes": [1, 2]})


def keep(data: Tensor, record: Any) -> Tensor:  # noqa: ANN401  # any record
    """Return the input: what a neutral transform does."""
    return data


def paint_flat(tissue: Tensor, record: Any) -> Tensor:  # noqa: ANN401  # a contrast record
    """Return each voxel's mean: what a mixture without spread paints."""
    return torch.tensor(record.means)[tissue.long()]


@dataclass(frozen=True, kw_only=True)
class Case:
    """An array form with what it takes, and what it declares to change.

    Args:
        parameters: keyword arguments under which it acts visibly.
        neutral: keyword arguments under which it changes nothing.
        make: draws its input.
        sizes: spatial sizes to try.
        neutral_make: draws the input of the neutral test, if another.
        neutral_sizes: spatial sizes of that input, if others.
        expected: what the neutral form returns for an input and the drawn record.
        shape: output shape for an input shape; None keeps it.
        dtype: output dtype; None keeps it.
        new_affine: the voxel size changes.
        adds: key that the dictionary form adds.
        invents: codes that it may add to a label map; None if it takes images only.
        always: ``prob`` must be 1.
        random: draws anything at all.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    neutral: Mapping[str, Any] = field(default_factory=dict)
    make: Callable[..., Tensor] = make_image
    sizes: tuple[Shape, ...] = (FLAT, DEEP)
    neutral_make: Callable[..., Tensor] | None = None
    neutral_sizes: tuple[Shape, ...] | None = None
    expected: Callable[[Tensor, Any], Tensor] = keep
    shape: Callable[[Shape], Shape] | None = None
    dtype: torch.dtype | None = None
    new_affine: bool = False
    adds: str | None = None
    invents: frozenset[int] | None = None
    always: bool = False
    random: bool = True

    def inputs(self) -> list[Tensor]:
        """Return a fresh input of each size."""
        return [self.make(*size) for size in self.sizes]

    def neutral_inputs(self) -> list[Tensor]:
        """Return a fresh input of each size for the neutral form."""
        make = self.neutral_make or self.make
        return [make(*size) for size in self.neutral_sizes or self.sizes]


def _deform(size: Shape, patch: Shape, spacing_mm: Shape | float, **changes: Any) -> Case:  # noqa: ANN401
    still = {"rotation_deg": 0.0, "scale": 0.0, "shear": 0.0, "elastic_mm": (0.0, 0.0)}
    values: dict[str, Any] = {
        "parameters": {"patch_size": patch, "spacing_mm": spacing_mm, "elastic_mm": (2.0, 4.0)},
        "neutral": {"patch_size": size, "spacing_mm": 1.0, **still, "margin": 0.0},
        "make": make_codes,
        "sizes": (size,),
        "shape": lambda shape: (shape[0], *patch),
        "new_affine": True,
        "invents": frozenset(),
        "always": True,
    }
    return Case(**{**values, **changes})


def _context(size: Shape, spacing_mm: tuple[float, ...]) -> Case:
    """Return a case whose neutral form meets no background to fill."""

    def make_full(*spatial: int) -> Tensor:
        full = make_structure(*spatial)
        return torch.where(full == 0, torch.full_like(full, int(Structure.VERTEBRA)), full)

    return Case(
        parameters={"spacing_mm": spacing_mm},
        neutral={"spacing_mm": spacing_mm},
        make=make_structure,
        sizes=(size,),
        neutral_make=make_full,
        shape=lambda shape: (2, *shape[1:]),
        dtype=torch.uint8,
        adds="tissue",
        invents=frozenset({int(Structure.SACRUM)}),
        always=True,
    )


#: Array forms by class name; words after the name tell several cases of one class apart.
CASES: dict[str, Case] = {
    "PercentileNormalise": Case(neutral_make=make_binary, random=False),
    "RandAcquiredResolution": Case(
        parameters={"resolution_mm": (1.5, 4.0)}, neutral={"resolution_mm": (1.0, 1.0)}
    ),
    "RandBiasGain": Case(parameters={"strength": (0.3, 0.5)}, neutral={"strength": (0.0, 0.0)}),
    "RandDeformPatch": _deform(FLAT, (10, 12), 0.7),
    "RandDeformPatch in 3D": _deform(DEEP, (4, 10, 12), 0.7),
    "RandDeformPatch of an image": _deform(FLAT, (10, 12), 0.7, make=make_image, invents=None),
    "RandDirectionalBlur": Case(neutral={"sigma_vox": (0.0, 0.0)}),
    "RandFillContext": _context((24, 28), (1.2, 0.8)),
    "RandFillContext in 3D": _context((3, 24, 28), (4.0, 1.2, 0.8)),
    "RandGammaCurve": Case(parameters={"log_gamma": (0.2, 0.4)}, neutral={"log_gamma": (0.0, 0.0)}),
    "RandKSpaceMotion": Case(neutral={"max_shift_vox": 0.0, "max_angle_deg": 0.0}),
    "RandMagnitudeNoise": Case(
        parameters={"correlation_vox": (0.5, 1.0)}, neutral={"sigma": (0.0, 0.0)}
    ),
    "RandMagnitudeNoise of Gauss": Case(
        parameters={"kind": "gaussian"}, neutral={"kind": "gaussian", "sigma": (0.0, 0.0)}
    ),
    "RandSagittalSlice": Case(
        make=make_codes,
        sizes=(DEEP,),
        neutral_sizes=((1, *FLAT),),
        expected=lambda data, record: data[:, 0],
        shape=lambda shape: (shape[0], *shape[2:]),
        new_affine=True,
        invents=frozenset(),
        always=True,
    ),
    "RandSurfaceCoil": Case(neutral={"floor": (1.0, 1.0)}),
    "RandTissueContrast": Case(
        neutral={"spread": (0.0, 0.0), "texture": (0.0, 0.0)},
        make=make_tissue,
        expected=paint_flat,
        dtype=torch.float32,
        adds="image",
        always=True,
    ),
}

#: The plain-Python face: whole label maps in, images out, so that nothing in it is neutral.
FACES = ("SpineSynthGenerator", "SyntheticDataset")


def class_name(name: str) -> str:
    """Return the class of a case's name."""
    return name.split()[0]


def make_array_form(name: str, **changes: Any) -> Any:  # noqa: ANN401  # any transform
    """Build the array form of a case, acting visibly unless changed."""
    form = getattr(spinesynth.transforms, class_name(name))
    return form(**{**CASES[name].parameters, **changes})


def make_dictionary_form(name: str, keys: Any = "data", **changes: Any) -> Any:  # noqa: ANN401
    """Build the dictionary form of a case, acting on ``data`` unless told otherwise."""
    form = getattr(spinesynth.transforms, class_name(name) + "d")
    return form(keys, **{**CASES[name].parameters, **changes})
