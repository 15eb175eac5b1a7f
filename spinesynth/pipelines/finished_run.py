"""Whether a run has been tested with the configuration that is asked for now."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from spinesynth.errors import ConfigError
from spinesynth.pipelines.config import ExperimentConfig, parse_config
from spinesynth.pipelines.results import RUN_JSON


def is_finished(folder: Path, config: ExperimentConfig) -> bool:
    """Return whether a run has ended as configured, from the checkpoint as it is now, if any.

    What its record does not name was no setting yet, and means what the default means.

    Args:
        folder: of the run, which may be missing.
        config: as it would be run.
    """
    start = config.training.start_from
    try:
        record = json.loads((folder / RUN_JSON).read_text(encoding="utf-8"))
        if _settings(parse_config(record["config"])) != _settings(config):
            return False
        if start is None:
            return not record.get("started_from")
        digest = hashlib.sha256(Path(start).read_bytes()).hexdigest()
        return bool(record["started_from"]["sha256"] == digest)
    except (OSError, ValueError, LookupError, TypeError, ConfigError):
        return False


def _settings(config: ExperimentConfig) -> ExperimentConfig:
    """Return a configuration without the place of what it starts from: its content counts."""
    training = config.training.model_copy(update={"start_from": None})
    return config.model_copy(update={"training": training})
