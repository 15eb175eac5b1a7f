"""What a training has learnt from, in a few bytes: it goes on with the same data or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from spinesynth.few import name_few
from spinesynth.io.case import Case
from spinesynth.io.load_case import load_case
from spinesynth.pipelines.datasets import SliceDataset

_HEX_DIGITS = 32  # 128 bits: no two volumes share them by accident
_NAMED = 3  # cases that a refusal names

#: Case ids in the order of the data set, each with the digest of its content.
Digests = list[list[str]]


def digest_cases(data: SliceDataset) -> Digests:
    """Return a digest of each cached case: its voxels, its grid and what it annotates.

    Phantoms have none: they follow from the configuration.

    Args:
        data: data set whose cases are loaded.

    Returns:
        Pairs of case id and hexadecimal digits.
    """
    return [[case.case_id, _digest(case, data.cache[n])] for n, case in enumerate(data.cases)]


def digest_scans(cases: Sequence[Case]) -> Digests:
    """Return a digest of the image and label map of each case, which are read for it.

    Args:
        cases: with image and label map each.

    Returns:
        Pairs of case id and hexadecimal digits.

    Raises:
        InputError: if a file is refused.
    """
    return [
        [one.case.case_id, _digest(one.case, {"image": one.image, "label": one.structure})]
        for one in map(load_case, cases)
    ]


def _digest(case: Case, volumes: Mapping[str, Any]) -> str:
    total = hashlib.sha256(f"{sorted(case.annotated)} {case.scheme}".encode())
    for name in sorted(volumes):
        value = volumes[name]
        if isinstance(value, Tensor):
            total.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            total.update(value.numpy(force=True).tobytes())
            total.update(value.affine.numpy(force=True).tobytes())  # type: ignore[attr-defined]  # MetaTensor
    return total.hexdigest()[:_HEX_DIGITS]


def describe_differences(before: Sequence[Sequence[str]], now: Digests, *, part: str) -> list[str]:
    """Say in what the cases of a part of the data differ from those before.

    Args:
        before: of :func:`digest_cases`, as it was saved.
        now: of :func:`digest_cases`.
        part: ``training``, ``validation``, ``starting`` (the checkpoint that training started
            from) or ``final choice``.

    Example:
        >>> describe_differences([["a", "1"]], [["a", "2"]], part="training")
        ['the content of training case a has changed']
        >>> describe_differences([["a", "1"]], [], part="validation")
        ['validation case a is missing']
    """
    old, new = {name: digest for name, digest in before}, {name: digest for name, digest in now}
    said = []
    for names, text in (
        ([name for name in old if name not in new], "{part} case {names} is missing"),
        ([name for name in new if name not in old], "{part} case {names} is new"),
        (
            [name for name in old if name in new and old[name] != new[name]],
            "the content of {part} case {names} has changed",
        ),
    ):
        if names:
            said.append(text.format(part=part, names=name_few(names, limit=_NAMED)))
    if not said and list(old) != list(new):
        said.append(f"the {part} cases stand in another order")
    return said
