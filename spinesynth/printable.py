"""Text that takes one line and steers no terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Return a text with ``_`` for whatever cannot be printed: line ends, control codes.

    Args:
        text: that may hold the name of a file, in which anything may stand.

    Example:
        >>> printable("my\nscan \x1b[31m, é 🦴")
        'my_scan _[31m, é 🦴'
    """
    return "".join(letter if letter.isprintable() else "_" for letter in text)
