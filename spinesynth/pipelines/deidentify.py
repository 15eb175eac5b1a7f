"""Tell nothing of scans whose names, folders or headers may name a patient.

A digest is a pseudonym: whoever has a list of names can find out which of them it is of.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from spinesynth.errors import SpineSynthError
from spinesynth.pipelines.scan_list import Scan
from spinesynth.printable import printable

#: Digits of a digest: two of a billion scans share one with a chance below a tenth.
_DIGITS = 16
_LEFT_OUT = "what its reader warns of may name the patient and is left out"


def hide_name(scan: Scan) -> Scan:
    """Return a scan under the digest of its name.

    Example:
        >>> hide_name(Scan("Quixote", Path("Quixote.nii"))).name
        'case-1b44bba7feb59178'
    """
    digest = hashlib.sha256(scan.name.encode(errors="surrogatepass")).hexdigest()
    return scan._replace(name=f"case-{digest[:_DIGITS]}")


def hide_paths(lines: Iterable[str], path: Path) -> tuple[str, ...]:
    """Return warnings without those that name a file.

    Args:
        lines: warnings of one scan.
        path: of the scan, with which all begin that readers give.

    Example:
        >>> hide_paths(["a.nii: only 9 voxels", "nothing was found"], Path("a.nii"))[1]
        'nothing was found'
    """
    start = printable(f"{path}:")
    kept = [line for line in lines if not line.startswith(start)]
    hidden = [line for line in lines if line.startswith(start)]
    return (*([_LEFT_OUT] if hidden else []), *kept)


def hide_reason(scan: Scan, error: SpineSynthError) -> str:
    """Return what is told of a scan that is refused: its code, no name of a file.

    Example:
        >>> hide_reason(Scan("case-1", Path("Q.nii")), SpineSynthError("Q.nii", code="E-SEG-001"))
        '[E-SEG-001] case-1: refused; a run without --deidentify says why'
    """
    return f"[{error.code}] {scan.name}: refused; a run without --deidentify says why"
