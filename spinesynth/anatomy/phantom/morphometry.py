"""Mean sizes of the spine by level, in mm and degrees, each with its source.

``measured`` marks a value read in the cited paper, ``nominal`` a rounded value
in the range that the cited papers report, smoothed over levels. The phantom
draws around these means; it does not claim to be a population model.

Sources:
    * [P92] Panjabi et al. 1992, Spine 17(3):299-306, human lumbar vertebrae,
      quantitative three-dimensional anatomy; [P91] Panjabi et al. 1991, Spine
      16(8):888-901, thoracic vertebrae. Endplate depth and width, canal,
      pedicle, transverse and spinous process: nominal.
    * [CB21] Cook & Baker 2021, Int J Spine Surg 15(6):1072-1081, CT of 196
      patients. At L5, measured: posterior body height 26.3 (SD 1.9), anterior
      30.3 (1.9), upper endplate length 35.7 (3.5), canal width 28.2 (3.1),
      canal length 15.6 (2.1), pedicle width 16.1 (2.3), height 12.9 (1.9).
    * [Z00] Zhou et al. 2000, Eur Spine J 9(3):242-248, CT of the lower lumbar
      vertebrae and discs: disc height, body depth: nominal.
    * [KB20] Lumbar alignment of 627 volunteers (PMC6680033). Lordosis T12-S1
      lying 36.8 (13.2), standing 49.8 (11.2) degrees: measured. L4-S1 holds
      85 % (lying) and 71 % (standing) of it.
    * [R05] Roussouly et al. 2005, Spine 30(3):346-353, and [V05] Vialle et al.
      2005, J Bone Joint Surg Am 87(2):260-267: sacral slope 40 (8): nominal.
    * [S98] Saifuddin et al. 1998, Spine 23(13):1452-1456: conus tip from T12
      to L3, mean at the lower third of L1.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LevelMeans:
    """Mean sizes of one vertebra and of the disc below it, in mm or degrees."""

    name: str
    posterior_height: float  # [CB21] L5 measured, others nominal
    wedge_deg: float  # anterior taller is positive; nominal after [CB21] heights
    depth: float  # mid-endplate, antero-posterior; [P92] nominal
    width: float  # endplate; [P92] nominal
    canal_depth: float  # bony canal; [P92], [CB21] nominal
    canal_width: float  # bony canal; [P92], [CB21] nominal
    pedicle_width: float  # [P92] nominal
    pedicle_height: float  # [P92] nominal
    transverse_span: float  # tip to tip; [P92] nominal
    spinous_reach: float  # posterior body wall to tip; [P92] nominal
    spinous_height: float  # cranio-caudal height of the plate; nominal
    spinous_slant_deg: float  # downward tilt; nominal
    disc_height: float  # mean height of the disc below; [Z00] nominal
    disc_wedge_share: float  # share of lordosis (kyphosis if thoracic) in that disc


#: From L5 upwards, so that the index is the instance number less one.
LEVELS: tuple[LevelMeans, ...] = (
    LevelMeans("L5", 26.3, 6.0, 35.2, 48.5, 16.5, 27.5, 16.1, 14.0, 90, 43, 13, 4, 10.0, 0.34),
    LevelMeans("L4", 27.6, 2.0, 35.0, 47.5, 16.6, 25.0, 13.5, 14.5, 82, 50, 18, 6, 11.2, 0.25),
    LevelMeans("L3", 28.2, 0.5, 34.8, 46.0, 16.8, 24.0, 10.5, 14.6, 88, 53, 20, 6, 10.6, 0.18),
    LevelMeans("L2", 28.0, -1.0, 34.2, 44.0, 17.2, 23.6, 9.0, 15.0, 78, 53, 20, 8, 9.6, 0.14),
    LevelMeans("L1", 27.2, -2.5, 33.2, 42.0, 17.6, 23.2, 8.6, 15.6, 72, 50, 19, 10, 8.4, 0.09),
    LevelMeans("T12", 25.6, -3.0, 31.8, 40.5, 17.4, 22.2, 8.4, 15.6, 50, 48, 16.5, 15, 7.0, 0.10),
    LevelMeans("T11", 24.2, -3.5, 30.8, 37.5, 16.4, 20.0, 8.6, 15.0, 52, 47, 14, 24, 5.8, 0.15),
    LevelMeans("T10", 23.0, -3.0, 30.0, 34.5, 15.8, 18.5, 7.6, 14.0, 58, 48, 12.5, 34, 5.2, 0.20),
    LevelMeans("T9", 22.0, -3.0, 29.2, 32.0, 15.6, 18.0, 7.0, 13.0, 60, 49, 11.5, 42, 4.9, 0.25),
    LevelMeans("T8", 21.4, -3.0, 28.2, 30.5, 15.6, 17.6, 6.6, 12.5, 61, 50, 11, 48, 4.7, 0.25),
    LevelMeans("T7", 20.8, -3.0, 27.2, 29.5, 15.6, 17.4, 6.2, 12.0, 61, 50, 10.5, 50, 4.5, 0.25),
)

#: How many of :data:`LEVELS` are lumbar.
LUMBAR_COUNT = 5


@dataclass(frozen=True)
class SacralMeans:
    """Mean sizes of one sacral segment, in mm and degrees. All nominal."""

    name: str
    height: float
    depth_top: float
    depth_bottom: float
    width: float  # of the body part
    span: float  # tip to tip of the lateral masses at its top
    tilt_deg: float  # of its axis against the normal of the S1 endplate
    canal_depth: float
    disc_height: float  # of the rudimentary disc below


SACRAL_LEVELS: tuple[SacralMeans, ...] = (
    SacralMeans("S1", 28.0, 34.0, 22.0, 46.0, 106, 5.0, 14.0, 3.6),
    SacralMeans("S2", 23.0, 21.0, 15.0, 34.0, 92, 9.0, 10.5, 2.2),
    SacralMeans("S3", 19.5, 14.5, 11.0, 28.0, 74, 1.0, 7.5, 1.6),
    SacralMeans("S4", 17.5, 11.0, 8.5, 24.0, 56, -16.0, 5.0, 1.2),
    SacralMeans("S5", 15.0, 8.5, 6.0, 20.0, 36, -36.0, 3.0, 0.8),
)

SACRAL_SLOPE_MEAN_SD_DEG = (38.0, 8.0)  # [R05], [V05]
#: Excess of the lordosis L1-S1 over the sacral slope, so the tilt of L1 backwards.
L1_TILT_MEAN_SD_DEG = (10.0, 7.0)  # nominal; gives lordosis 48, between [KB20] lying and standing
THORACIC_DISC_KYPHOSIS_DEG = 4.0  # per share of one in LEVELS; nominal
