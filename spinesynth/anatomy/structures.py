"""What is segmented: the structures of the lumbar spine. The one home of their codes.

:class:`Structure` is the internal code of every label map in this package.
Its first six members are the scheme ``spine6``, the default training target.
Data sets and tools use other codes; :mod:`spinesynth.anatomy.label_schemes`
translates.

==== ================== =======================================================
code structure          meaning
==== ================== =======================================================
0    BACKGROUND         everything else, or not annotated
1    VERTEBRAL_BODY     vertebral body with its cortex
2    POSTERIOR_ELEMENTS pedicles, laminae, articular/transverse/spinous processes
3    DISC               intervertebral disc
4    CANAL              spinal canal with all that it holds
5    SACRUM             sacral bodies and crest
6    VERTEBRA           whole vertebra where a source does not split it into 1, 2
7    CORD               cord where a source annotates it apart from the canal
8    ENDPLATE           vertebral endplate where a source annotates it
9    UNKNOWN            nobody says what is there: teaches nothing, is not scored
==== ================== =======================================================
"""

from __future__ import annotations

from enum import IntEnum


class Structure(IntEnum):
    """Anatomical structure, as an internal label code."""

    BACKGROUND = 0
    VERTEBRAL_BODY = 1
    POSTERIOR_ELEMENTS = 2
    DISC = 3
    CANAL = 4
    SACRUM = 5
    VERTEBRA = 6
    CORD = 7
    ENDPLATE = 8
    UNKNOWN = 9


#: Structures that a report scores, and the internal codes each one unites.
REPORT_GROUPS: dict[str, frozenset[Structure]] = {
    "vertebra": frozenset(
        {
            Structure.VERTEBRAL_BODY,
            Structure.POSTERIOR_ELEMENTS,
            Structure.VERTEBRA,
            Structure.ENDPLATE,
        }
    ),
    "body": frozenset({Structure.VERTEBRAL_BODY, Structure.ENDPLATE}),
    "posterior": frozenset({Structure.POSTERIOR_ELEMENTS}),
    "disc": frozenset({Structure.DISC}),
    "canal": frozenset({Structure.CANAL, Structure.CORD}),
    "sacrum": frozenset({Structure.SACRUM}),
}
