"""What a source annotates: the limits of training loss and of scoring.

A source rarely annotates everything. Where it does not, background says
nothing. The words are ``body``, ``posterior``, ``vertebra`` (whole, not split
into the two before), ``disc``, ``canal``, ``sacrum``.
"""

from __future__ import annotations

from collections.abc import Iterable

from spinesynth.anatomy.label_schemes import SCHEMES, LabelScheme
from spinesynth.anatomy.structures import REPORT_GROUPS, Structure

_WORD_OF: dict[Structure, str] = {
    Structure.VERTEBRAL_BODY: "body",
    Structure.POSTERIOR_ELEMENTS: "posterior",
    Structure.VERTEBRA: "vertebra",
    Structure.DISC: "disc",
    Structure.CANAL: "canal",
    Structure.SACRUM: "sacrum",
}

#: The words that ``annotated`` may hold.
WORDS: frozenset[str] = frozenset(_WORD_OF.values())

_PARTS_OF_VERTEBRA = frozenset({"body", "posterior"})
_UNANNOTATED = "nothing known"

#: Training targets by their number of classes.
_TARGETS: dict[int, LabelScheme] = {
    SCHEMES[name].num_classes: SCHEMES[name] for name in ("spine6", "semantic4", "binary_vertebra")
}


def parse_annotated(text: str) -> frozenset[str]:
    """Read the words that say what a source annotates.

    Args:
        text: words of :data:`WORDS` separated by spaces, commas or semicolons.

    Returns:
        The words, in lower case.

    Raises:
        ValueError: if there is no word, an unknown one, or ``vertebra`` (whole)
            stands beside ``body`` or ``posterior`` (split).

    Example:
        >>> sorted(parse_annotated("body disc canal"))
        ['body', 'canal', 'disc']
    """
    words = frozenset(text.lower().replace(",", " ").replace(";", " ").split())
    unknown = sorted(words - WORDS)
    if unknown or not words:
        got = ", ".join(unknown) if unknown else "nothing"
        raise ValueError(f"annotated must hold words of {', '.join(sorted(WORDS))}, got {got}")
    if "vertebra" in words and words & _PARTS_OF_VERTEBRA:
        raise ValueError(
            "annotated must hold 'vertebra' (whole) or 'body' and 'posterior' (split), got both; "
            "write 'body posterior' where the label map splits vertebrae"
        )
    return words


def class_groups(annotated: frozenset[str], *, num_classes: int = 6) -> tuple[int, ...]:
    """Say which classes of a training target a source can tell apart.

    Args:
        annotated: words of :data:`WORDS`.
        num_classes: 6 for the target ``spine6``, 4 for ``semantic4``, 2 for
            ``binary_vertebra``.

    Returns:
        One group index per class. Group 0 is background and every class the
        source does not annotate; the others are numbered in order of class.

    Raises:
        ValueError: if no training target has that number of classes.

    Example:
        >>> class_groups(frozenset({"vertebra", "disc"}))
        (0, 1, 1, 2, 0, 0)
    """
    if num_classes not in _TARGETS:
        raise ValueError(f"num_classes must be one of {sorted(_TARGETS)}, got {num_classes}")
    codes = _TARGETS[num_classes].codes
    order = [_UNANNOTATED]
    groups: list[int] = []
    for code in sorted(codes):
        word = _known_as(codes[code].structure, annotated)
        if word not in order:
            order.append(word)
        groups.append(order.index(word))
    return tuple(groups)


def report_groups(annotated: frozenset[str]) -> tuple[str, ...]:
    """Name the report's structures that can honestly be scored.

    Args:
        annotated: words of :data:`WORDS`.

    Returns:
        Keys of ``REPORT_GROUPS`` in their order; ``vertebra`` also where both
        of its parts are annotated.

    Example:
        >>> report_groups(frozenset({"body", "posterior", "disc"}))
        ('vertebra', 'body', 'posterior', 'disc')
    """
    known = set(annotated)
    if _PARTS_OF_VERTEBRA <= known:
        known.add("vertebra")
    return tuple(name for name in REPORT_GROUPS if name in known)


def words_of(structures: Iterable[Structure]) -> frozenset[str]:
    """Return the words for what some structures annotate.

    Args:
        structures: that a label map, or a network, can tell apart.

    Example:
        >>> sorted(words_of([Structure.BACKGROUND, Structure.DISC, Structure.CANAL]))
        ['canal', 'disc']
    """
    return frozenset(_WORD_OF[structure] for structure in structures if structure in _WORD_OF)


def _known_as(structure: Structure, annotated: frozenset[str]) -> str:
    """Return the word under which a source knows a structure."""
    word = _WORD_OF.get(structure, _UNANNOTATED)
    if word in annotated:
        return word
    if word == "vertebra" and annotated >= _PARTS_OF_VERTEBRA:
        return word
    if word in _PARTS_OF_VERTEBRA and "vertebra" in annotated:
        return "vertebra"
    return _UNANNOTATED
