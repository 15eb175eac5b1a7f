"""No patient, image or mask of the training in the test, under whatever name.

Images and masks are compared by their voxels (:mod:`spinesynth.pipelines.content_digest`), not
by the bytes of their files: another format, compression, orientation or header hides nothing,
nor do other words for what a mask annotates. Of a training only what it read is compared:
model A learns from label maps alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from spinesynth.errors import InputError
from spinesynth.io.case import Case
from spinesynth.pipelines.content_digest import TURNED, Digests, digest_image, digest_mask

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
    return [
        Content(digests.turned, kind, case.case_id)
        for case in cases
        for kind, digests in _digests_of(case, images=images)
    ]


def find_learnt(
    trained: Sequence[Content], cases: Sequence[Case], *, where: str = "the training"
) -> list[str]:
    """Name every tested case with an image or mask that trained, as :func:`find_leaks`.

    Args:
        trained: as files keep them; those of older files, digested without turning,
            are compared with such digests of the test.
        cases: of the test, whose files are read.
        where: what the first were trained in, for the text.

    Raises:
        InputError: if a file is refused.
    """
    tested = contents_of(cases, images=True)
    if not all(content.digest.startswith(TURNED) for content in trained):
        tested += [
            Content(digests.plain, kind, case.case_id)
            for case in cases
            for kind, digests in _digests_of(case, images=True)
        ]
    return find_leaks(trained, tested, where=where)


def _digests_of(case: Case, *, images: bool) -> list[tuple[Kind, Digests]]:
    found: list[tuple[Kind, Digests]] = []
    if images and case.image is not None:
        found.append(("image", digest_image(case.image)))
    mask = digest_mask(case)
    return [*found, ("mask", mask)] if mask.turned else found


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


def find_seen_patients(patients: Iterable[tuple[str, str]], cases: Sequence[Case]) -> list[str]:
    """Name every tested patient that has trained.

    One id in two sources is two patients, unless one of the sources is not known.

    Args:
        patients: source (empty where it is not known) and id of those of the training.
        cases: of the test.

    Returns:
        One text for each such patient.
    """
    trained = defaultdict[str, set[str]](set)
    for source, patient in patients:
        trained[patient].add(source.casefold())
    tested = defaultdict[str, list[str]](list)
    for case in cases:
        sources = trained.get(case.patient_id, set())
        if case.source.casefold() in sources or "" in sources or (sources and not case.source):
            tested[case.patient_id].append(case.case_id)
    return [
        f"patient {patient} ({', '.join(tested[patient])}) is in the training"
        for patient in sorted(tested)
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
        refuse_leaks(find_learnt(parse_contents(lines), cases, where=where))


def leak_error(leaks: Sequence[str]) -> InputError:
    """Return the error that names every pair."""
    return InputError(
        f"training and test share what they must not: {'; '.join(leaks)}; leave these cases out of "
        "one of the two, or give all scans of one person one patient_id",
        code="E-SPLIT-002",
    )
