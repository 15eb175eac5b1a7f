"""A TorchIO subject for the tests of the faces, and how two of them are compared."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torchio as tio
from torch import Tensor

from spinesynth.anatomy.tissues import Tissue
from tests.transforms.contract_case import make_codes, make_image, make_structure

SIZE = (6, 20, 24)
SPACING_MM = (4.0, 1.2, 0.8)


def scalar(tensor: Tensor, affine: np.ndarray | None = None) -> tio.ScalarImage:
    return tio.ScalarImage(tensor=tensor, affine=affine)  # type: ignore[no-untyped-call]  # TorchIO


def labels(tensor: Tensor, affine: np.ndarray | None = None) -> tio.LabelMap:
    return tio.LabelMap(tensor=tensor, affine=affine)  # type: ignore[no-untyped-call]  # TorchIO


def make_subject(**changes: tio.Image) -> tio.Subject:
    affine = np.diag([*SPACING_MM, 1.0])
    affine[:3, 3] = (-7.0, 11.0, 3.0)
    tissue = torch.arange(6 * 20 * 24).remainder(len(Tissue)).reshape(1, *SIZE).to(torch.uint8)
    images: dict[str, Any] = {
        "t1": scalar(make_image(*SIZE), affine=affine),
        "t2": scalar(make_image(*SIZE), affine=affine),
        "codes": labels(make_codes(*SIZE), affine=affine),
        "structure": labels(make_structure(*SIZE), affine=affine),
        "tissues": labels(tissue, affine=affine),
        "age": 61,
    }
    return tio.Subject({**images, **changes})


def contents(subject: tio.Subject) -> dict[str, tuple[Tensor, np.ndarray]]:
    images = subject.get_images_dict(intensity_only=False)
    return {name: (image.data, image.affine) for name, image in images.items()}


def assert_same(one: tio.Subject, two: tio.Subject) -> None:
    first, second = contents(one), contents(two)
    assert set(first) == set(second)
    for name, (data, affine) in first.items():
        assert data.dtype == second[name][0].dtype, name
        assert torch.equal(data, second[name][0]), name
        assert np.array_equal(affine, second[name][1]), name


def codes_of(image: tio.Image) -> set[int]:
    return set(image.data.flatten().tolist())


def differs(one: tio.Subject, two: tio.Subject) -> bool:
    first, second = contents(one), contents(two)
    return set(first) != set(second) or any(
        first[name][0].shape != second[name][0].shape
        or not torch.equal(first[name][0], second[name][0])
        for name in first
    )
