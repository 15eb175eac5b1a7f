"""Scans of phantoms, good, degraded and plainly wrong, to learn what doubt looks like.

Nobody's image is among them: what is learnt of them may be shipped with weights that have
seen phantoms alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.anatomy.phantom import PhantomMaps, draw_phantom, render_phantom
from spinesynth.anatomy.phantom.parameters import PhantomRecord
from spinesynth.io.case import Case
from spinesynth.io.load_case import LoadedCase
from spinesynth.kernels.draws import choose, happens, uniform
from spinesynth.pipelines.conditions import CONDITIONS, SEVERITIES, degrade_case, obstacle
from spinesynth.pipelines.phantom_data import PHANTOM_ANNOTATED, PHANTOM_SOURCE, make_scanner
from spinesynth.pipelines.scan import on_grid
from spinesynth.seeding import derive_seed, derive_seed32, make_generator
from spinesynth.transforms.contrast_names import ContrastName

#: What no network should be asked to segment, or only with a warning.
Challenge = Literal["negative", "upside_down", "turned", "noise_alone", "flank"]
CHALLENGES: tuple[Challenge, ...] = get_args(Challenge)
PRIORS: tuple[ContrastName, ...] = ("t1", "t2", "random")
_SLICES = (1, 2, 3, 4)
_SLICE_MM, _PIXEL_MM = (3.0, 5.0), (0.7, 1.2)
_FIELD_MM = ((150.0, 190.0), (180.0, 280.0))  # of common lumbar protocols; nominal
_BESIDE_MM = 15.0  # of the middle slice at most: a few slices need not show the canal; nominal
_DEGRADED = 0.8  # of the scans; nominal
_FLANK_MM = 80.0  # beside the middle, where no part of the spine is seen
_NOISE_PEAK = 100.0


@dataclass(frozen=True)
class PhantomScan:
    """Hold one scan of a phantom with its reference.

    Args:
        loaded: image and reference.
        condition: key of ``CONDITIONS``, ``original``, or a challenge.
        severity: 0 to 5.
        number: of the phantom.
    """

    loaded: LoadedCase
    condition: str
    severity: int
    number: int


def draw_scan(seed: int, number: int) -> PhantomScan:
    """Draw a phantom's scan, four of five degraded by one condition of the robustness suite.

    Args:
        seed: of all scans.
        number: of this one.
    """
    generator = make_generator(seed, "quality", number)
    loaded = _scan(seed, number, generator)
    if not happens(_DEGRADED, generator=generator):
        return PhantomScan(loaded, "original", 0, number)
    severity = choose(SEVERITIES, generator=generator)
    name = list(CONDITIONS)[choose(range(len(CONDITIONS)), generator=generator)]
    if obstacle(loaded, name, severity):
        return PhantomScan(loaded, "original", 0, number)
    degraded = degrade_case(loaded, name, severity, seed=seed)
    return PhantomScan(degraded, name, severity, number)


def draw_challenge(seed: int, number: int, challenge: Challenge) -> PhantomScan:
    """Draw a phantom's scan that deserves a flag.

    Args:
        seed: of all scans.
        number: of this one.
        challenge: what is wrong with it.
    """
    generator = make_generator(seed, "challenge", number)
    loaded = _scan(seed, number, generator, aside_mm=_FLANK_MM if challenge == "flank" else 0.0)
    assert loaded.image is not None  # a phantom's scan has both
    assert loaded.structure is not None
    image = spoil(loaded.image, challenge, generator=generator)
    turn = {"upside_down": (3,), "turned": (2, 3)}.get(challenge, ())
    structure = on_grid(loaded.structure, loaded.structure.as_tensor().flip(turn))
    if challenge == "noise_alone":
        structure = on_grid(structure, torch.zeros_like(structure.as_tensor()))
    return PhantomScan(
        replace(loaded, image=image, structure=structure), challenge, SEVERITIES[-1], number
    )


def spoil(image: MetaTensor, challenge: str, *, generator: torch.Generator) -> MetaTensor:
    """Return an image that deserves a flag, on the same grid.

    Args:
        image: ``(1, I, J, K)`` float, canonical axes.
        challenge: ``negative``, ``upside_down``, ``turned`` by half a circle in the sagittal
            plane, or ``noise_alone``; any other leaves it as it is.
        generator: of the noise.
    """
    voxels = image.as_tensor()
    if challenge == "negative":
        return on_grid(image, voxels.max() + voxels.min() - voxels)
    if challenge == "upside_down":
        return on_grid(image, voxels.flip(3))
    if challenge == "turned":
        return on_grid(image, voxels.flip((2, 3)))
    if challenge == "noise_alone":
        parts = torch.randn((2, *voxels.shape), generator=generator)
        return on_grid(image, _NOISE_PEAK * torch.linalg.vector_norm(parts, dim=0))
    return image


def _scan(
    seed: int, number: int, generator: torch.Generator, *, aside_mm: float = 0.0
) -> LoadedCase:
    """Draw anatomy, grid and contrast of a phantom and scan it."""
    beside_mm = aside_mm + uniform(-_BESIDE_MM, _BESIDE_MM, generator=generator)
    record = _aside(draw_phantom(derive_seed(seed, "quality", number)), beside_mm)
    pixel_mm = uniform(*_PIXEL_MM, generator=generator)
    spacing_mm = (uniform(*_SLICE_MM, generator=generator), pixel_mm, pixel_mm)
    field = [round(uniform(*limits, generator=generator) / pixel_mm) for limits in _FIELD_MM]
    shape = (choose(_SLICES, generator=generator), field[0], field[1])
    maps = render_phantom(record, shape=shape, spacing_mm=spacing_mm)
    prior = PRIORS[choose(range(len(PRIORS)), generator=generator)]
    case = Case(
        case_id=f"phantom{number}", patient_id=f"phantom{number}", source=PHANTOM_SOURCE,
        contrast=prior, annotated=PHANTOM_ANNOTATED, scheme="spine6", image=None, label=None,
    )  # fmt: skip
    structure = MetaTensor(maps.structure[None].to(torch.uint8), affine=maps.affine)
    image = MetaTensor(
        _paint(maps, prior, spacing_mm, derive_seed32(seed, "paint", number)), affine=maps.affine
    )
    return LoadedCase(case, image, structure, None)


def _aside(record: PhantomRecord, aside_mm: float) -> PhantomRecord:
    """Return a phantom whose middle lies so far to the right of the field's centre."""
    place = record.placement
    offset_mm = (place.offset_mm[0] + aside_mm, *place.offset_mm[1:])
    return replace(record, placement=replace(place, offset_mm=offset_mm))


def _paint(
    maps: PhantomMaps, prior: ContrastName, spacing_mm: tuple[float, float, float], seed: int
) -> Tensor:
    """Return an image ``(1, I, J, K)`` of a phantom from a good scanner."""
    scanner = make_scanner(
        prior, spacing_mm=spacing_mm, spread=(0.01, 0.03), texture=(0.02, 0.08),
        noise=(0.01, 0.03),
    ).set_random_state(seed)  # fmt: skip
    return torch.as_tensor(scanner(maps.tissue[None]))
