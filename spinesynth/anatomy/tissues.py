"""What is painted: tissues by their MR signal, each with its intensity priors and sources.

A *structure* is anatomy (the training target); a *tissue* is what gives signal.
A vertebral body, for example, is marrow inside a cortical shell.

The priors are ranges of the mean intensity relative to the brightest tissue of
the image. They are deliberately wide and overlapping: a degenerate disc is dark
on T2, hydrated discs are bright; marrow on turbo spin echo is intermediate to
bright because fat stays bright under a train of refocusing pulses. A network
trained on narrow priors learns them by heart and fails on real scans.

Sources: ``T1 + T2`` orderings follow the relaxation times measured in the
lumbar spine by Drake-Perez et al. 2018 (AJNR, SyMRI in 32 examinations; disc by
hydration, marrow, CSF, cord), de Bazelaire et al. 2004 (Radiology 230:652;
marrow, muscle, fat at 3 T) and Gold et al. 2004 (AJR 183:343; muscle, fat) put
into the spin-echo equation at the repetition and echo times of the SPIDER
series (T1: TR 446-745 ms, TE 7-14 ms; T2: TR 1000-5570 ms, TE 80-124 ms;
van der Graaf et al. 2024, doi 10.1038/s41597-024-03090-w). The ranges around
them are **nominal**: a prior, not a measurement.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from spinesynth.anatomy.structures import Structure


class Tissue(IntEnum):
    """Tissue by its MR signal, as a code of tissue maps."""

    AIR = 0
    FAT = 1
    MUSCLE = 2
    VISCERA_A = 3
    VISCERA_B = 4
    VISCERA_C = 5
    VESSEL = 6
    LIGAMENT = 7
    CORTEX = 8
    MARROW_BODY = 9
    MARROW_POSTERIOR = 10
    NUCLEUS = 11
    ANNULUS = 12
    CSF = 13
    CORD = 14
    MARROW_SACRUM = 15
    SKIN = 16
    BOWEL_GAS = 17
    FAT_EPIDURAL = 18
    NUCLEUS_DRY = 19
    MARROW_OEDEMA = 20
    MARROW_FATTY = 21
    MARROW_SCLEROTIC = 22
    MARROW_LESION = 23
    METAL = 24


@dataclass(frozen=True, kw_only=True)
class IntensityPrior:
    """Ranges of a tissue's mean intensity, relative to the brightest tissue.

    Args:
        t1: (low, high) on a T1-weighted turbo spin echo.
        t2: (low, high) on a T2-weighted turbo spin echo.
        basis: why the two ranges lie where they lie.
    """

    t1: tuple[float, float]
    t2: tuple[float, float]
    basis: str


_TSE_FAT = "short T1; stays bright in a refocusing train (Gold 2004, de Bazelaire 2004)"
_MARROW = "fatty marrow, fat fraction 4-82 % (Ruschke 2021, doi 10.1002/nbm.4439)"
_NO_SIGNAL = "T2 under a few ms (cortical bone 0.4 ms, PMC3899101; tendon, PMC4297256)"
_MIXED = "soft tissue between muscle and fluid; nominal"

TISSUE_PRIORS: dict[Tissue, IntensityPrior] = {
    Tissue.AIR: IntensityPrior(t1=(0.0, 0.04), t2=(0.0, 0.04), basis="no protons"),
    Tissue.FAT: IntensityPrior(t1=(0.65, 1.0), t2=(0.45, 1.0), basis=_TSE_FAT),
    Tissue.MUSCLE: IntensityPrior(
        t1=(0.2, 0.45), t2=(0.05, 0.3), basis="T1 898 ms, T2 29 ms at 3 T (de Bazelaire 2004)"
    ),
    Tissue.VISCERA_A: IntensityPrior(t1=(0.2, 0.6), t2=(0.1, 0.6), basis=_MIXED),
    Tissue.VISCERA_B: IntensityPrior(t1=(0.1, 0.7), t2=(0.15, 0.8), basis=_MIXED),
    Tissue.VISCERA_C: IntensityPrior(t1=(0.05, 0.5), t2=(0.05, 0.9), basis=_MIXED),
    Tissue.VESSEL: IntensityPrior(
        t1=(0.0, 0.4), t2=(0.0, 0.4), basis="flow void to slow-flow signal; nominal"
    ),
    Tissue.LIGAMENT: IntensityPrior(t1=(0.0, 0.25), t2=(0.0, 0.2), basis=_NO_SIGNAL),
    Tissue.CORTEX: IntensityPrior(t1=(0.0, 0.2), t2=(0.0, 0.2), basis=_NO_SIGNAL),
    Tissue.MARROW_BODY: IntensityPrior(t1=(0.3, 0.85), t2=(0.2, 0.7), basis=_MARROW),
    Tissue.MARROW_POSTERIOR: IntensityPrior(t1=(0.3, 0.9), t2=(0.2, 0.75), basis=_MARROW),
    Tissue.NUCLEUS: IntensityPrior(
        t1=(0.15, 0.5), t2=(0.08, 0.9), basis="T2 55.6 (dry) to 101.9 ms (Drake-Perez 2018)"
    ),
    Tissue.ANNULUS: IntensityPrior(
        t1=(0.08, 0.45), t2=(0.03, 0.4), basis="drier than the nucleus; nominal"
    ),
    Tissue.CSF: IntensityPrior(
        t1=(0.03, 0.3), t2=(0.55, 1.0), basis="T1 4273 ms, T2 1578 ms (Drake-Perez 2018)"
    ),
    Tissue.CORD: IntensityPrior(
        t1=(0.2, 0.55), t2=(0.15, 0.6), basis="T1 780 ms, T2 102 ms (Drake-Perez 2018)"
    ),
    Tissue.MARROW_SACRUM: IntensityPrior(t1=(0.3, 0.9), t2=(0.2, 0.75), basis=_MARROW),
    Tissue.SKIN: IntensityPrior(t1=(0.1, 0.5), t2=(0.05, 0.4), basis=_MIXED),
    Tissue.BOWEL_GAS: IntensityPrior(t1=(0.0, 0.06), t2=(0.0, 0.06), basis="no protons"),
    Tissue.FAT_EPIDURAL: IntensityPrior(t1=(0.6, 1.0), t2=(0.4, 1.0), basis=_TSE_FAT),
    Tissue.NUCLEUS_DRY: IntensityPrior(
        t1=(0.1, 0.45), t2=(0.05, 0.45), basis="grey nucleus, Pfirrmann grade III (Pfirrmann 2001)"
    ),
    Tissue.MARROW_OEDEMA: IntensityPrior(
        t1=(0.1, 0.45), t2=(0.4, 0.9), basis="dark on T1, bright on T2 (type 1, Modic 1988)"
    ),
    Tissue.MARROW_FATTY: IntensityPrior(
        t1=(0.55, 1.0),
        t2=(0.4, 0.95),
        basis="bright on T1, iso or more on T2 (type 2, Modic 1988)",
    ),
    Tissue.MARROW_SCLEROTIC: IntensityPrior(
        t1=(0.03, 0.3), t2=(0.02, 0.25), basis="dark on T1 and T2 (type 3, Modic 1988)"
    ),
    Tissue.MARROW_LESION: IntensityPrior(
        t1=(0.05, 0.4), t2=(0.1, 0.85), basis="tumour displaces fat: dark on T1, any T2; nominal"
    ),
    Tissue.METAL: IntensityPrior(
        t1=(0.0, 0.04), t2=(0.0, 0.04), basis="no protons, and dephasing around it"
    ),
}

#: The tissue that fills a structure before it is subdivided.
MAIN_TISSUE: dict[Structure, Tissue] = {
    Structure.VERTEBRAL_BODY: Tissue.MARROW_BODY,
    Structure.POSTERIOR_ELEMENTS: Tissue.MARROW_POSTERIOR,
    Structure.DISC: Tissue.ANNULUS,
    Structure.CANAL: Tissue.CSF,
    Structure.SACRUM: Tissue.MARROW_SACRUM,
    Structure.VERTEBRA: Tissue.MARROW_BODY,
    Structure.CORD: Tissue.CORD,
    Structure.ENDPLATE: Tissue.CORTEX,
}
