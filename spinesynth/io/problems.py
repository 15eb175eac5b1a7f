"""Why a file is refused: one error class, and the list of its stable codes.

========== ===================================================================
code       meaning
========== ===================================================================
E-IN-001   path missing, or nothing to read was found there
E-IN-002   not a regular file, or empty
E-IN-003   file type not supported
E-IN-004   the operating system refuses to read it
E-FMT-001  contents are not what the file's name says
E-FMT-002  file is cut short
E-FMT-003  compressed data are corrupt (checksum)
E-FMT-004  length differs from what the header promises
E-FMT-005  header cannot be used (dimensions, fields)
E-FMT-006  voxel type not supported (colour, complex, extended precision)
E-FMT-007  decoded volume larger than the limit
E-GEOM-001 affine is not finite, or its origin absurdly far
E-GEOM-002 affine is singular
E-GEOM-003 image and label map lie on different grids
E-GEOM-004 image and label map do not overlap
E-GEOM-005 voxel spacing absurd
E-GEOM-006 affine is sheared
E-GEOM-007 header contradicts itself about geometry
E-GEOM-008 image smaller than any spine
E-VAL-001  voxels that are not finite
E-VAL-002  image is constant
E-VAL-003  intensity scaling of the header cannot be used
E-LAB-001  label map holds codes that its scheme does not know
E-LAB-002  label map holds values that are no integers
E-LAB-003  label map holds negative or too large values
E-LAB-004  instance map contradicts the label map
E-LAB-005  label map holds whole vertebrae where its parts are announced
E-CASE-001 case lacks the image or label map that is needed
E-CASE-002 image without label map, or label map without image
E-CASE-003 cell of a table holds a value that is not allowed
E-CASE-004 case id given twice
E-CSV-001  table cannot be read as text
E-CSV-002  column missing or given twice
E-CSV-003  row has too many or too few cells
E-SPLIT-001 one patient is in two splits
E-OUT-001  output could not be written or verified
E-OUT-002  output would overwrite an input
E-OUT-003  output file type not supported
========== ===================================================================
"""

from __future__ import annotations

from pathlib import Path

from spinesynth.errors import InputError


class InputFileError(InputError):
    """A file was refused: which, why, and what mends it.

    Args:
        path: the file or folder.
        problem: what is wrong with it.
        remedy: what the user can do.
        code: stable identifier, see the module.
    """

    def __init__(self, path: Path | str, problem: str, *, remedy: str, code: str) -> None:
        super().__init__(f"{path}: {problem}; {remedy}", code=code)
        self.path = Path(path)
        self.problem = problem
        self.remedy = remedy


def unreadable(path: Path, error: OSError) -> InputFileError:
    """Return the error for a path that the operating system refuses to read."""
    return InputFileError(
        path,
        f"cannot be read ({error.strerror or error})",
        remedy="check its permissions and the disk",
        code="E-IN-004",
    )
