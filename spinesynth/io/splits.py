"""Split cases by patient, never by case or slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from spinesynth.io.case import Case
from spinesynth.io.problems import InputFileError
from spinesynth.seeding import derive_seed


def split_patients(
    cases: Sequence[Case],
    *,
    seed: int,
    test_fraction: float | None = None,
    counts: Mapping[str, int] | None = None,
) -> dict[str, list[Case]]:
    """Part cases into sets that share no patient.

    The order of patients is drawn from each one's name, so that a patient more
    or less leaves the order of the others alone.

    Args:
        cases: in any order.
        seed: of the draw.
        test_fraction: share of patients in ``test``, in (0, 1); the others are
            ``train``.
        counts: number of patients of each named set; the others are ``train``.

    Returns:
        Cases of every set, in the order given. Each set has a patient.

    Raises:
        ValueError: unless exactly one of ``test_fraction`` and ``counts`` is
            given, or if there are too few patients for it.
    """
    patients = sorted(
        {case.patient_id for case in cases},
        key=lambda name: (derive_seed("split", seed, name), name),
    )
    if (test_fraction is None) == (counts is None):
        raise ValueError("give exactly one of test_fraction and counts")
    if test_fraction is not None:
        if not 0 < test_fraction < 1:
            raise ValueError(f"test_fraction must be in (0, 1), got {test_fraction}")
        counts = {"test": max(1, round(test_fraction * len(patients)))}
    wanted = dict(counts or {})
    if "train" in wanted or min(wanted.values(), default=0) < 1:
        raise ValueError(f"counts must name sets other than 'train' with at least 1, got {wanted}")
    if sum(wanted.values()) >= len(patients):
        raise ValueError(
            f"counts {wanted} leave no patient for 'train' among {len(patients)}; ask for fewer"
        )
    set_of = dict.fromkeys(patients, "train")
    start = 0
    for name, count in wanted.items():
        set_of |= dict.fromkeys(patients[start : start + count], name)
        start += count
    return {
        name: [case for case in cases if set_of[case.patient_id] == name]
        for name in ("train", *wanted)
    }


def check_split(split: Mapping[str, Sequence[Case]]) -> None:
    """Refuse a split in which a patient, or a file, is in two sets.

    Args:
        split: cases by name of the set.

    Raises:
        InputError: E-SPLIT-001, naming the patient and both sets.
    """
    owner: dict[str, tuple[str, Case]] = {}
    for name, cases in split.items():
        for case in cases:
            for key in _keys(case):
                first, other = owner.setdefault(key, (name, case))
                if first != name:
                    raise _in_two(_file_of(case), other, (first, name), key)


def find_split_patients(table: Path, cases: Sequence[Case]) -> list[InputFileError]:
    """Report every patient whose cases the source puts in two subsets."""
    first: dict[str, Case] = {}
    problems: dict[str, InputFileError] = {}
    for case in cases:
        if not case.subset:
            continue
        other = first.setdefault(case.patient_id, case)
        if other.subset != case.subset:
            sets = (other.subset, case.subset)
            key = f"patient {case.patient_id}"
            problems.setdefault(case.patient_id, _in_two(table, case, sets, key))
    return list(problems.values())


def _keys(case: Case) -> list[str]:
    files = [str(file.resolve()) for file in (case.image, case.label) if file is not None]
    return [f"patient {case.patient_id}", *files]


def _file_of(case: Case) -> Path:
    return case.image or case.label or Path(case.case_id)


def _in_two(file: Path, case: Case, sets: tuple[str, str], key: str) -> InputFileError:
    return InputFileError(
        file,
        f"{key} is in two splits, '{sets[0]}' and '{sets[1]}' (case {case.case_id})",
        remedy="keep all cases of one patient in one split",
        code="E-SPLIT-001",
    )
