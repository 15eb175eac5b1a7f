"""Mean sizes of the spine by level, in mm and degrees, each with its source.

``measured`` marks a value read in the cited paper or its abstract, ``recalled``
one quoted from memory of it, ``nominal`` a rounded value in the range that the
cited papers report, smoothed over levels. :mod:`.population` says how the sizes
vary around the means, :mod:`.cited_ranges` what published ranges they must meet.

Sources:
    * [P92] Panjabi et al. 1992, Spine 17(3):299-306, human lumbar vertebrae,
      quantitative three-dimensional anatomy (recalled: width, canal); [P91]
      Panjabi et al. 1991, Spine 16(8):888-901, thoracic vertebrae.
    * [CB21] Cook & Baker 2021, Int J Spine Surg 15(6):1072-1081, CT of 196
      patients. At L5, measured: posterior body height 26.3 (SD 1.9), anterior
      30.3 (1.9), upper endplate length 35.7 (3.5), canal width 28.2 (3.1),
      canal length 15.6 (2.1), pedicle width 16.1 (2.3), height 12.9 (1.9); the
      canal's length stays about constant over the lumbar levels.
    * [M10] Masharawi et al. 2010, Eur Spine J 19(5):768-773, 240 skeletons:
      wedging of the bodies by level and sex, measured; means of both sexes.
    * [N] MRI of 106 persons in Nepal: disc heights in the middle 7.9 (L1/2),
      12.0 (L4/5), 11.1 (L5/S1), in front 6.9 to 13.6, behind 5.5 to 8.1 (L4/5),
      6.9 (L5/S1), measured; [T] MRI of 14 persons in Tehran (Anatomical
      Sciences Journal 10): front 10.8, 13.1, 15.2, 18.1, 18.7, behind 7.3, 8.6,
      9.1, 10.1, 8.5 from L1/2 to L5/S1, measured.
    * [F02] Frobin et al., Spine 2002, 27(3):263-268, radiographs of 1240 adults:
      disc heights grow by 5 to 8 % from 20 to 69 years, endplates sink; measured.
    * [KB20] Lumbar alignment of 627 volunteers (PMC6680033). Lordosis T12-S1
      lying 36.8 (13.2), standing 49.8 (11.2) degrees: measured; larger in women.
      L4-S1 holds 85 % (lying) and 71 % (standing) of it.
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
    wedge_deg: float  # anterior taller is positive; [M10] measured, T8 and T7 nominal
    depth: float  # mid-endplate, antero-posterior; [CB21] at L5, others [P92] nominal
    width: float  # endplate; [P92] nominal
    canal_depth: float  # bony canal; [P92], [CB21] nominal
    canal_width: float  # bony canal; [P92], [CB21] nominal
    pedicle_width: float  # [P92] nominal
    pedicle_height: float  # [P92] nominal
    transverse_span: float  # tip to tip; [P92] nominal
    spinous_reach: float  # posterior body wall to tip; [P92] nominal
    spinous_height: float  # cranio-caudal height of the plate; nominal
    spinous_slant_deg: float  # downward tilt; nominal
    disc_height: float  # mean of front and back of the healthy disc below; [N], [T] nominal
    disc_wedge_share: float  # share of lordosis (kyphosis if thoracic) in that disc


#: From L5 upwards, so that the index is the instance number less one.
LEVELS: tuple[LevelMeans, ...] = (
    LevelMeans("L5", 26.3, 6.2, 35.4, 48.5, 16.3, 27.6, 16.1, 14.0, 90, 43, 13, 4, 11.2, 0.34),
    LevelMeans("L4", 27.6, 1.9, 35.4, 47.7, 16.6, 25.6, 13.5, 14.5, 82, 50, 18, 6, 12.0, 0.25),
    LevelMeans("L3", 28.2, 0.0, 35.2, 46.0, 16.6, 24.4, 10.5, 14.6, 88, 53, 20, 6, 10.9, 0.18),
    LevelMeans("L2", 28.0, -1.6, 34.8, 44.2, 17.0, 23.8, 9.0, 15.0, 78, 53, 20, 8, 9.7, 0.14),
    LevelMeans("L1", 27.2, -3.3, 33.9, 42.4, 17.5, 23.4, 8.6, 15.6, 72, 50, 19, 10, 8.2, 0.09),
    LevelMeans("T12", 25.6, -4.2, 32.4, 40.8, 17.4, 22.2, 8.4, 15.6, 50, 48, 16.5, 15, 6.9, 0.10),
    LevelMeans("T11", 24.2, -5.0, 31.4, 37.8, 16.4, 20.0, 8.6, 15.0, 52, 47, 14, 24, 5.8, 0.15),
    LevelMeans("T10", 23.0, -3.2, 30.6, 34.8, 15.8, 18.5, 7.6, 14.0, 58, 48, 12.5, 34, 5.2, 0.20),
    LevelMeans("T9", 22.0, -3.8, 29.8, 32.3, 15.6, 18.0, 7.0, 13.0, 60, 49, 11.5, 42, 4.9, 0.25),
    LevelMeans("T8", 21.4, -3.8, 28.8, 30.8, 15.6, 17.6, 6.6, 12.5, 61, 50, 11, 48, 4.7, 0.25),
    LevelMeans("T7", 20.8, -3.8, 27.8, 29.8, 15.6, 17.4, 6.2, 12.0, 61, 50, 10.5, 50, 4.5, 0.25),
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
L1_TILT_MEAN_SD_DEG = (9.0, 7.0)  # nominal; gives lordosis between [KB20] lying and standing
LORDOSIS_OF_SEX_DEG = 2.0  # women more, men less; [KB20] for the sign, nominal
THORACIC_DISC_KYPHOSIS_DEG = 4.0  # per share of one in LEVELS; nominal
DISC_GROWTH_PER_YEAR = 0.0012  # of discs that do not degenerate; [F02] 5 to 8 % in 49 years

#: Lateral deviation of a scoliosis is one sine wave along the spine; nominal.
SCOLIOSIS_WAVELENGTH_MM = 330.0
