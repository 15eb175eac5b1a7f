"""SNOMED CT codes of the structures, for formats that name anatomy by code.

======================= ========= ==============================================
structure               code      meaning, and where it stands
======================= ========= ==============================================
vertebra                51282000  Vertebra; DICOM CID 7151
vertebral body          3572006   Structure of body of vertebra; HL7 mCODE's map
                                  of AAPM TG-263 (``CM_TG263``)
posterior elements      40265002  Arch of vertebra; DICOM CID 6115. The processes
                                  arise from it; SNOMED has no code for both
disc                    360499006 Intervertebral disc structure; SNOMED CT
canal                   61853006  Vertebral canal; DICOM CID 6115
sacrum                  54735007  Sacrum; DICOM CID 4031
cord                    2748008   Spinal cord; DICOM CID 7151
T12 to L5               below     "L1 vertebra"; DICOM CID 7603
bodies of L1 to L5      below     Structure of body of first lumbar vertebra;
                                  HL7 mCODE's map of AAPM TG-263
discs T12/L1 to L5/S1   below     "L1/L2 disc"; DICOM CID 7604
======================= ========= ==============================================

Sources: DICOM PS3.16 (2024), context groups as named; HL7 mCODE implementation guide,
``input/fsh/CM_TG263.fsh``.
"""

from __future__ import annotations

from typing import NamedTuple

from spinesynth.anatomy.structures import Structure


class Term(NamedTuple):
    """A SNOMED CT concept.

    Args:
        code: its number, as text.
        meaning: a name of it, at most 64 characters as DICOM asks.
    """

    code: str
    meaning: str


#: Category of all structures here; DICOM CID 7150.
ANATOMICAL_STRUCTURE = Term("91723000", "Anatomical Structure")

_STRUCTURES = {
    Structure.VERTEBRA: Term("51282000", "Vertebra"),
    Structure.VERTEBRAL_BODY: Term("3572006", "Vertebral body"),
    Structure.POSTERIOR_ELEMENTS: Term("40265002", "Arch of vertebra"),
    Structure.DISC: Term("360499006", "Intervertebral disc"),
    Structure.CANAL: Term("61853006", "Vertebral canal"),
    Structure.SACRUM: Term("54735007", "Sacrum"),
    Structure.CORD: Term("2748008", "Spinal cord"),
}

_VERTEBRAE = {
    "T12": Term("23215003", "T12 vertebra"),
    "L1": Term("66794005", "L1 vertebra"),
    "L2": Term("14293000", "L2 vertebra"),
    "L3": Term("36470004", "L3 vertebra"),
    "L4": Term("11994002", "L4 vertebra"),
    "L5": Term("49668003", "L5 vertebra"),
}

_BODIES = {
    "L1": Term("61032001", "Body of L1 vertebra"),
    "L2": Term("53983007", "Body of L2 vertebra"),
    "L3": Term("55492004", "Body of L3 vertebra"),
    "L4": Term("71996003", "Body of L4 vertebra"),
    "L5": Term("21799000", "Body of L5 vertebra"),
}

#: By the vertebra above.
_DISCS = {
    "T12": Term("76206002", "T12/L1 disc"),
    "L1": Term("80064006", "L1/L2 disc"),
    "L2": Term("67459009", "L2/L3 disc"),
    "L3": Term("62551000", "L3/L4 disc"),
    "L4": Term("84020006", "L4/L5 disc"),
    "L5": Term("715056000", "L5/S1 disc"),
}

_LEVELS = {
    Structure.VERTEBRA: _VERTEBRAE,
    Structure.VERTEBRAL_BODY: _BODIES,
    Structure.DISC: _DISCS,
}


def snomed_term(structure: Structure, level: str | None = None) -> Term:
    """Return the SNOMED CT concept of a structure.

    Args:
        structure: any that SNOMED has a code for.
        level: of the vertebra (for a disc: of the vertebra above it), such as ``L4``, where
            it is known; None, or a level without a code of its own (L6, T13), gives the
            structure's general code.

    Raises:
        ValueError: if the structure has no code here (background, endplate, unknown).

    Example:
        >>> snomed_term(Structure.DISC, "L5")
        Term(code='715056000', meaning='L5/S1 disc')
        >>> snomed_term(Structure.VERTEBRA, "L6").meaning
        'Vertebra'
    """
    if structure not in _STRUCTURES:
        known = ", ".join(member.name for member in _STRUCTURES)
        raise ValueError(f"structure must be one of {known}, got {structure.name}")
    return _LEVELS.get(structure, {}).get(level or "", _STRUCTURES[structure])
