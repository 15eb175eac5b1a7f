"""No patient, image or mask of the training in the test, under whatever name.

Images and masks are compared by their voxels in canonical order, not by the bytes of their
files: another format, compression, orientation or header hides nothing. Of a training only
what it read is compared: model A learns from label maps alone.
"""

from __future__ import annotations

import functools
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from torch import Tensor

from spinesynth.errors import InputError
from spinesynth.io.case import Case
from spinesynth.io.load_case import load_case
from spinesynth.io.volume import read_image

_HEX_DIGITS = 32  # 128 bits: no two volumes share them by accident
Kind = Literal["image", "mask"]


class Content(NamedTuple):
    """What a volume holds, and whose it is.

    Attributes:
        digest: hexadecimal, of the voxels.
        kind: ``image`` or ``mask``.
        case_id: of the case.
    """

    digest: str
    kind: Kind
    case_id: str

    def as_text(self) -> str:
        """Return one line, as checkpoints and data sets keep it."""
        return " ".join(self)


def parse_contents(lines: Iterable[str]) -> list[Content]:
    """Return what :meth:`Content.as_text` wrote, leaving out what it did not write.

    Args:
        lines: each ``digest kind case_id``.

    Example:
        >>> parse_contents(["ab12 mask p1", "nonsense"])
        [Content(digest='ab12', kind='mask', case_id='p1')]
    """
    found: list[Content] = []
    for line in lines:
        words = line.split(" ", 2)
        if len(words) == len(Content._fields) and words[1] in ("image", "mask"):
            found.append(Content(words[0], "image" if words[1] == "image" else "mask", words[2]))
    return found


def contents_of(cases: Iterable[Case], *, images: bool) -> list[Content]:
    """Return the digests of the masks of cases, and of their images if asked for.

    A mask without any structure is like every other one, and left out.

    Args:
        cases: whose files are read, each once in a process as long as it does not change.
        images: read the images too.

    Raises:
        InputError: if a file is refused.
    """
    found: list[Content] = []
    for case in cases:
        if images and case.image is not None:
            found.append(Content(_digest_image(case.image), "image", case.case_id))
        digest = _digest_mask(case)
        if digest:
            found.append(Content(digest, "mask", case.case_id))
    return found


def digest_voxels(voxels: Tensor) -> str:
    """Return hexadecimal digits that only equal voxels of equal shape share.

    Args:
        voxels: any shape and type, in canonical order.

    Example:
        >>> import torch
        >>> digest_voxels(torch.zeros(2)) == digest_voxels(-torch.zeros(2))
        True
    """
    plain = voxels.as_subclass(Tensor).contiguous()
    if plain.is_floating_point():
        plain = plain + 0.0  # -0.0 is 0.0
    total = hashlib.sha256(f"{plain.dtype} {tuple(plain.shape)}".encode())
    total.update(plain.numpy(force=True).tobytes())
    return total.hexdigest()[:_HEX_DIGITS]


def find_leaks(
    trained: Sequence[Content], tested: Sequence[Content], *, where: str = "the training"
) -> list[str]:
    """Name every pair of a trained and a tested case with one image or one mask.

    Args:
        trained: of :func:`contents_of`.
        tested: of the same.
        where: what the first were trained in, for the text.

    Returns:
        One text for each tested case and kind, naming all cases of the training that it is.

    Example:
        >>> find_leaks([Content("1", "mask", "a")], [Content("1", "mask", "b")])
        ['the mask of b is that of a in the training']
    """
    owners = defaultdict[tuple[str, Kind], list[str]](list)
    for content in trained:
        owners[content.digest, content.kind].append(content.case_id)
    return [
        f"the {content.kind} of {content.case_id} is that of "
        f"{', '.join(sorted(set(owners[content.digest, content.kind])))} in {where}"
        for content in tested
        if (content.digest, content.kind) in owners
    ]


def find_seen_patients(patients: Iterable[str], cases: Sequence[Case]) -> list[str]:
    """Name every tested patient that has trained.

    Args:
        patients: of the training.
        cases: of the test.

    Returns:
        One text for each such patient.
    """
    tested = defaultdict[str, list[str]](list)
    for case in cases:
        tested[case.patient_id].append(case.case_id)
    return [
        f"patient {patient} ({', '.join(tested[patient])}) is in the training"
        for patient in sorted(set(patients) & tested.keys())
    ]


def refuse_leaks(leaks: Sequence[str]) -> None:
    """Raise one error that names every pair, if there is any.

    Raises:
        InputError: E-SPLIT-002.
    """
    if leaks:
        raise leak_error(leaks)


def refuse_seen_content(
    lines: Sequence[str], cases: Sequence[Case], *, where: str = "the training"
) -> None:
    """Raise one error that names every tested image and mask that has trained.

    Args:
        lines: as a checkpoint keeps them; where there are none, no file is read.
        cases: of the test.
        where: what was trained, for the text.

    Raises:
        InputError: E-SPLIT-002, or if a file is refused.
    """
    if lines:
        tested = contents_of(cases, images=True)
        refuse_leaks(find_leaks(parse_contents(lines), tested, where=where))


def leak_error(leaks: Sequence[str]) -> InputError:
    """Return the error that names every pair."""
    return InputError(
        f"training and test share what they must not: {'; '.join(leaks)}; leave these cases out of "
        "one of the two, or give all scans of one person one patient_id",
        code="E-SPLIT-002",
    )


def _digest_image(path: Path) -> str:
    known = path.stat()
    return _image(path.resolve(), known.st_size, known.st_mtime_ns)


@functools.cache
def _image(path: Path, _size: int, _changed_ns: int) -> str:
    return digest_voxels(read_image(path))


def _digest_mask(case: Case) -> str:
    if case.label is None:
        return ""
    known = case.label.stat()
    return _mask(case, known.st_size, known.st_mtime_ns)


@functools.cache
def _mask(case: Case, _size: int, _changed_ns: int) -> str:
    structure = load_case(case, need_image=False).structure
    if structure is None or not bool(structure.any()):
        return ""
    return digest_voxels(structure)
