"""The packages that the service needs beside the others, and what is said without them."""

from __future__ import annotations

from importlib.util import find_spec

from spinesynth.errors import ConfigError

_PACKAGES = {
    "fastapi": "fastapi",
    "multipart": "python-multipart",
    "prometheus_client": "prometheus-client",
    "uvicorn": "uvicorn",
}


def check_extra() -> None:
    """Refuse to go on without the extra ``serve``.

    Raises:
        ConfigError: if one of its packages is missing; names them.
    """
    missing = [name for module, name in _PACKAGES.items() if find_spec(module) is None]
    if missing:
        raise ConfigError(
            f"the service needs {', '.join(missing)}; run: pip install 'spinesynth[serve]'",
            code="E-SERVE-019",
        )
