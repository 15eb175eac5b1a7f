"""Segmentation over HTTP: requests in, jobs in one worker process, label maps out.

==================== ==========================================================
``serve``            run the service until it is told to stop
``create_app``       its ASGI application, around a :class:`Service`
``Service``          what the routes share: jobs, worker, limits, counters
``Limits``           sizes, times and numbers that bound it
``segment_with``     what its worker runs: shipped or own weights, loaded once
==================== ==========================================================

Each is loaded from its module when it is first asked for. ``docs/serve.md`` is the manual.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spinesynth.service.app import create_app
    from spinesynth.service.limits import Limits
    from spinesynth.service.segment_job import segment_with
    from spinesynth.service.server import serve
    from spinesynth.service.service import Service

_HOMES = {
    "Limits": "limits",
    "Service": "service",
    "create_app": "app",
    "segment_with": "segment_job",
    "serve": "server",
}

__all__ = ["Limits", "Service", "create_app", "segment_with", "serve"]


def __getattr__(name: str) -> object:
    """Return what is loaded on demand."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
