"""What the training of each model used, as the record of a run says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def modes_of_models(record: Mapping[str, Any]) -> dict[str, str]:
    """Return what the training of each model used, as a run's record says.

    An older record has one mode, that of its first model; where model B trained
    alone it has none.

    Args:
        record: contents of ``run.json``.

    Returns:
        Mode by the name of the model; empty where nothing is known.

    Example:
        >>> modes_of_models({"modes": {"A": "label-only", "B": "real-images"}})
        {'A': 'label-only', 'B': 'real-images'}
        >>> modes_of_models({"mode": "phantom", "config": {"models": ["A", "B"]}})
        {'A': 'phantom'}
    """
    modes, config = record.get("modes"), record.get("config")
    if isinstance(modes, Mapping):
        return {str(model): str(mode) for model, mode in modes.items() if mode}
    models = (config.get("models") if isinstance(config, Mapping) else None) or ["A"]
    return {str(models[0]): str(record["mode"])} if record.get("mode") else {}
