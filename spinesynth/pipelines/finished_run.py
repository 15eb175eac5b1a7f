"""Whether a run has been tested with the configuration that is asked for now."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from spinesynth.errors import ConfigError
from spinesynth.io.file_digest import digest_file
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.config_reading import parse_config
from spinesynth.pipelines.pseudo_cases import pseudo_record
from spinesynth.pipelines.results import RUN_JSON
from spinesynth.pipelines.split import Split
from spinesynth.pipelines.split_digest import digest_run_data


def is_finished(folder: Path, config: ExperimentConfig, split: Split | None = None) -> bool:
    """Return whether a run has ended as configured, from the checkpoint as it is now, if any.

    What its record does not name was no setting yet, and means what the default means.
    Records that do not tell the data apart are older, and taken for those of the same.

    Args:
        folder: of the run, which may be missing.
        config: as it would be run.
        split: of the data as they are now; None where they follow from the configuration.
    """
    start = config.training.start_from
    try:
        record = json.loads((folder / RUN_JSON).read_text(encoding="utf-8"))
        if _settings(parse_config(record["config"])) != _settings(config):
            return False
        if split is not None and not _is_of(record, config, split):
            return False
        if start is None:
            return not record.get("started_from")
        return bool(record["started_from"]["sha256"] == digest_file(Path(start)))
    except (OSError, ValueError, LookupError, TypeError, ConfigError):
        return False


def _is_of(record: dict[str, Any], config: ExperimentConfig, split: Split) -> bool:
    """Return whether a record is of the data, and of the pseudo-labels, as they are now."""
    if record.get("pseudo_labels"):
        pseudo = pseudo_record(split.train, config.data.pseudo_labels)
        if record["pseudo_labels"] != pseudo:
            return False
    return "data_sha256" not in record or record["data_sha256"] == digest_run_data(config, split)


def _settings(config: ExperimentConfig) -> ExperimentConfig:
    """Return a configuration without the place of what it starts from: its content counts."""
    training = config.training.model_copy(update={"start_from": None})
    return config.model_copy(update={"training": training})
