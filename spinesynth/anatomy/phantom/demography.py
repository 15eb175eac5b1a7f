"""Who is scanned, and how sizes and variants spread among people.

``measured``, ``recalled`` and ``nominal`` mean what they mean in
:mod:`~spinesynth.anatomy.phantom.morphometry`, which also names [CB21] and [M10].
"""

from __future__ import annotations

from dataclasses import dataclass

AGE_MEAN_SD_YEARS = (50.0, 17.0)  # of adults sent to a lumbar scan, nominal
AGE_RANGE_YEARS = (18.0, 88.0)
#: Europeans and others pooled; NCD Risk Factor Collaboration 2016, eLife 5:e13410, recalled.
STATURE_MEAN_SD_MM = {"F": (1625.0, 65.0), "M": (1755.0, 70.0)}


@dataclass(frozen=True)
class Spread:
    """How one kind of size varies among people.

    Attributes:
        male_to_female: ratio of the means.
        sd: of the factor that the levels of one spine share, within a sex.
        with_stature: correlation of that factor with stature, within a sex.
        with_build: loading on how stoutly built the bones are.
    """

    male_to_female: float
    sd: float
    with_stature: float
    with_build: float


#: Ratios: [CB21] at L5, measured, but the width: nominal, so that the section of women is
#: a fifth smaller (Gilsanz et al. 1994, Radiology 190(3):678-682: 25 %, measured).
#: Spreads: [CB21] within sexes, less what levels vary. Correlations: "moderate" of vertebral
#: heights (EPOLOS, Pol Arch Med Wewn 2010;120:189-96), "slightly larger" canals in taller
#: people (Griffith et al. 2016, Quant Imaging Med Surg 6(6)); the numbers are nominal.
SPREADS = {
    "height": Spread(1.051, 0.060, with_stature=0.55, with_build=0.3),
    "depth": Spread(1.114, 0.075, with_stature=0.35, with_build=0.6),
    "width": Spread(1.120, 0.060, with_stature=0.35, with_build=0.6),
    "canal_depth": Spread(1.053, 0.110, with_stature=0.15, with_build=0.1),
    "canal_width": Spread(1.033, 0.095, with_stature=0.15, with_build=0.3),
}
BODY_GROWTH_PER_YEAR = 0.0024  # of depth: [CB21] 0.084 mm of 35.7 mm, measured; of width nominal
#: Added to the wedge of bodies in women, taken from it in men: half of [M10]'s difference
#: (0.8 to 1.6 degrees, measured), less than half of [CB21]'s at L5 (0.5); between.
WEDGE_OF_SEX_DEG = 0.8

#: Scale of the (half-normal) Cobb angle below 40 years, and its rise per year beyond. Gives
#: 10 degrees or more in 7 to 15 %: lumbar scoliosis in 2 % below 45 and 15 % above 60 years
#: (Perennou et al. 1994, Spine 19(2):123-128, measured), 13 and 36 % below and above 60
#: (McAviney et al. 2020, Eur Spine J 29:2960-2969, measured).
COBB_SD_DEG = (5.5, 0.05)
#: Rotation of the apex per degree of Cobb angle, nominal; they correlate with r = 0.68
#: (Morrison et al. 2015, Eur Spine J 24(2):306-312, measured).
ROTATION_PER_COBB = 0.35

#: Six lumbar vertebrae: 5.5 % (Yan et al. 2018, J Orthop Surg Res 13:124, measured), 6.6 %
#: (Apazidis et al. 2011, Spine J 11(9):858-862, measured). Four: nominal, fewer than six.
LUMBAR_COUNT_SHARES = {"4": 0.025, "6": 0.055}
#: Lumbosacral transitional vertebrae: sacralised 17.2, 4.1 and 2.7 %, lumbarised 1.7, 5.8 and
#: 6.2 % (Ucar et al. 2013, Arthritis 461425; French et al. 2014, Global Spine J 4(4):229-232;
#: CT of 226 persons, PMC3948909; all measured); the middle of each, rounded.
JUNCTION_SHARES = {"sacralised": 0.08, "lumbarised": 0.045}
RUDIMENTARY_DISC_SHARE = 0.45  # of the usual height, nominal
#: Of 1340 spines 11 % had a thoracolumbar transitional vertebra and 7 % 11 ribs (a Korean
#: study of pain patients, synapse.koreamed.org 1158507, measured). Lengths nominal.
T12_RIB_SHARES = {"absent": 0.07, "short": 0.06}
SHORT_RIB_MM = (8.0, 30.0)
RIB_MM = 50.0  # of a long rib only its root is modelled

#: Infrarenal aorta, [Rogers et al. 2013, Circ Cardiovasc Imaging] 16.7 and 19.3 mm across in
#: women and men, recalled.
AORTA_RADIUS_MEAN_SD_MM = {"F": (8.4, 0.8), "M": (9.7, 0.9)}
AORTA_WIDENING_PER_YEAR = 0.02  # mm of radius, nominal
