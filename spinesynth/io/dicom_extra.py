"""The optional packages of DICOM, loaded on first use."""

from __future__ import annotations

import importlib
from typing import Any

from spinesynth.errors import ConfigError


def load_pydicom() -> Any:  # noqa: ANN401  # the module, which need not be installed
    """Return the module ``pydicom``.

    Raises:
        ConfigError: if it is not installed; names the extra.
    """
    return _load("pydicom")


def load_highdicom() -> Any:  # noqa: ANN401  # the module, which need not be installed
    """Return the module ``highdicom``.

    Raises:
        ConfigError: if it is not installed; names the extra.
    """
    return _load("highdicom")


def _load(name: str) -> Any:  # noqa: ANN401
    try:
        # submodules are attributes only once they are imported
        if name == "pydicom":
            importlib.import_module("pydicom.pixels")
            return importlib.import_module("pydicom")
        importlib.import_module("highdicom.seg")
        return importlib.import_module("highdicom")
    except ImportError as error:
        raise ConfigError(
            f"DICOM needs the package {name}, which is not installed ({error}); "
            f"run: pip install 'spinesynth[dicom]'",
            code="E-DCM-001",
        ) from error
