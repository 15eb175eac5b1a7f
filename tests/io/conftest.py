"""What tests of several formats share."""

from __future__ import annotations

import importlib
from typing import Any

import pytest


@pytest.fixture(scope="session")
def sitk() -> Any:  # noqa: ANN401  # a module without annotations
    """Return SimpleITK, an independent reader."""
    return importlib.import_module("SimpleITK")
