"""The frozen record that names one phantom, and its way to JSON and back.

All lengths are in mm, all angles in degrees. Level tuples run upwards from the
lowest member (mostly L5, the L5/S1 disc), sacral segments downwards from S1.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from math import radians, tan
from typing import Any

from spinesynth.anatomy.phantom.findings import Finding, FindingKind


@dataclass(frozen=True)
class Person:
    """Whose spine it is."""

    age_years: float
    sex: str  # "F" or "M"
    stature_mm: float


@dataclass(frozen=True)
class SpineVariant:
    """Which levels there are, and how the lowest meets the sacrum.

    Attributes:
        lumbar_count: 4, 5 or 6; the lowest is L4, L5 or L6.
        junction: ``typical``; ``sacralised`` (the lowest lumbar vertebra has broad
            transverse processes over a rudimentary disc) or ``lumbarised`` (S1 is
            square over a well-formed disc, and still counts as sacrum).
    """

    lumbar_count: int
    junction: str


@dataclass(frozen=True)
class VertebraSize:
    """Sizes of one vertebra."""

    name: str
    posterior_height_mm: float
    wedge_deg: float  # angle between its endplates, anterior taller is positive
    depth_mm: float  # antero-posterior, at the endplates
    width_mm: float  # lateral, at the endplates
    waist_mm: float  # how far the walls curve in at mid-height
    endplate_concavity_mm: float
    corner_radius_mm: float
    canal_depth_mm: float  # of the bony canal
    canal_width_mm: float
    pedicle_width_mm: float
    pedicle_height_mm: float
    transverse_span_mm: float
    transverse_height_mm: float  # of the transverse process, at its root
    transverse_rise_mm: float  # of its tip above its root
    spinous_reach_mm: float  # from the posterior body wall to the tip
    spinous_height_mm: float
    spinous_slant_deg: float
    lamina_thickness_mm: float
    axial_rotation_deg: float
    basivertebral_mm: float  # depth of the basivertebral notch, 0 for none
    rib_mm: float  # modelled length of each rib, 0 for none

    @property
    def has_rib(self) -> bool:
        """Say whether the vertebra bears ribs."""
        return self.rib_mm > 0.0

    @property
    def anterior_height_mm(self) -> float:
        """Return the height of the anterior wall, from the posterior one and the wedge."""
        return self.posterior_height_mm + self.depth_mm * tan(radians(self.wedge_deg))


@dataclass(frozen=True)
class DiscSize:
    """Sizes of one intervertebral disc."""

    name: str
    posterior_height_mm: float
    wedge_deg: float
    bulge_mm: float  # beyond the endplate rim at mid-height
    degeneration: float  # 0 healthy to 1 collapsed; the heights already hold it
    nucleus_fraction: float  # of the disc's radius, 0 for no visible nucleus
    has_cleft: bool  # intranuclear cleft; of a collapsed disc, gas (vacuum)
    slip_mm: float = 0.0  # of all above it, anterior against all below


@dataclass(frozen=True)
class SacralSegment:
    """Sizes of one sacral segment and of the rudimentary disc below it."""

    name: str
    height_mm: float
    depth_top_mm: float
    depth_bottom_mm: float
    width_mm: float
    span_mm: float  # of the lateral masses
    tilt_deg: float  # of its axis, forward from vertical (absolute)
    canal_depth_mm: float
    disc_height_mm: float


@dataclass(frozen=True)
class CanalSize:
    """Sizes of what the bony canal holds."""

    sac_depth_fraction: float  # of the bony depth, L1 to L4
    sac_width_fraction: float
    anterior_gap_lumbar_mm: float  # epidural space between body and sac
    anterior_gap_sacral_mm: float
    fat_pad_mm: float  # depth of the posterior fat pads between the laminae
    sac_end_segments: float  # tip of the sac, in sacral segments below the S1 endplate
    conus_levels: float  # tip of the conus, in vertebrae above the S1 endplate
    cord_depth_mm: float
    cord_width_mm: float
    cauda_fraction: float  # of the sac's section that roots fill below the conus
    cauda_packing: float = 0.0  # 0 strands apart in fluid, 1 one band at the back of the sac
    sac_fullness: float = 0.0  # 0 tapers from L5 on, 1 keeps its section to its last centimetres
    dura_mm: float = 0.0  # dark line about the sac


@dataclass(frozen=True)
class Habitus:
    """Soft tissues around the spine."""

    fat_back_mm: float  # subcutaneous, at L2
    fat_sacral_mm: float  # added over the sacrum
    fat_front_mm: float
    skin_mm: float
    trunk_half_width_mm: float
    trunk_depth_mm: float  # L3 body front to the skin of the belly
    back_flattening: float  # 0 back follows the spinous tips, 1 straight (table)
    psoas_radius_mm: float  # at L4
    muscle_fat: float  # 0 lean to 1 fatty paraspinal muscles
    aorta_radius_mm: float
    cava_radius_mm: float
    aorta_side_mm: float  # to the left of the midline
    cava_side_mm: float  # to the right of the midline
    viscera_fill: float  # share of the abdomen that organs fill
    viscera_size_mm: float
    gas_share: float
    has_lung: bool


@dataclass(frozen=True)
class Placement:
    """Where the field of view lies and how it is turned."""

    centre_level: float  # vertebrae above the S1 endplate, at the centre of the grid
    offset_mm: tuple[float, float, float]  # of the grid's centre from that point, R A S
    rotation_deg: tuple[float, float, float]  # about the R, A and S axes


@dataclass(frozen=True)
class Outline:
    """Where labels end beside the tissue they name, as annotators differ; none changes a tissue."""

    endplate_gap_mm: float = 0.0  # of bone at either end of a body that its label leaves out
    wall_gap_mm: float = 0.0  # of bone at the walls of a body
    arch_gap_mm: float = 0.0  # of bone all around posterior elements
    disc_gap_mm: float = 0.0  # of disc beside bone
    canal_margin_mm: float = 0.0  # about the sac, of epidural fat and ligament that it takes in


@dataclass(frozen=True)
class PhantomRecord:
    """Everything that names one phantom; equal records render equal maps."""

    seed: int
    person: Person
    variant: SpineVariant
    sacral_slope_deg: float
    scoliosis_mm: float
    scoliosis_phase: float
    irregularity_mm: float  # standard deviation of the smooth displacement
    roughness_mm: float  # standard deviation of the surface roughness
    cortex_mm: float
    outline: Outline
    vertebrae: tuple[VertebraSize, ...]
    discs: tuple[DiscSize, ...]
    sacrum: tuple[SacralSegment, ...]
    canal: CanalSize
    habitus: Habitus
    placement: Placement
    findings: tuple[Finding, ...] = ()

    @property
    def lumbar_lordosis_deg(self) -> float:
        """Return the angle between the endplates of L1 (upper) and S1."""
        lumbar = [v.name.startswith("L") for v in self.vertebrae]
        wedges = [
            v.wedge_deg + d.wedge_deg for v, d in zip(self.vertebrae, self.discs, strict=True)
        ]
        return sum(w for w, is_lumbar in zip(wedges, lumbar, strict=True) if is_lumbar)

    def has_finding(self, kind: FindingKind, level: str) -> bool:
        """Say whether a level has a finding of a kind."""
        return any(f.kind is kind and f.level == level for f in self.findings)

    def to_json(self) -> str:
        """Return the record as JSON text; :meth:`from_json` takes it back."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> PhantomRecord:
        """Return the record that :meth:`to_json` wrote.

        Args:
            text: JSON text of one record.

        Raises:
            TypeError: if a size is missing or unknown; it names the field.
            KeyError: if a whole group of sizes is missing; it names the group.
        """
        fields: dict[str, Any] = json.loads(text)
        placement = dict(fields["placement"])
        placement["offset_mm"] = tuple(placement["offset_mm"])
        placement["rotation_deg"] = tuple(placement["rotation_deg"])
        fields |= {
            "person": Person(**fields["person"]),
            "variant": SpineVariant(**fields["variant"]),
            "outline": Outline(**fields["outline"]),
            "vertebrae": tuple(VertebraSize(**v) for v in fields["vertebrae"]),
            "discs": tuple(DiscSize(**d) for d in fields["discs"]),
            "sacrum": tuple(SacralSegment(**s) for s in fields["sacrum"]),
            "canal": CanalSize(**fields["canal"]),
            "habitus": Habitus(**fields["habitus"]),
            "placement": Placement(**placement),
            "findings": tuple(Finding(**f) for f in fields.get("findings", ())),
        }
        return cls(**fields)
