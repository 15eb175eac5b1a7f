"""Write the network of a checkpoint as a MONAI bundle, whole or not at all."""

from __future__ import annotations

import importlib.metadata
import json
from importlib.resources import files
from pathlib import Path

import torch
from torch import Tensor

import spinesynth
from spinesynth.errors import ConfigError
from spinesynth.io.checkpoint import Checkpoint
from spinesynth.networks.centre_head import without_centre
from spinesynth.pipelines.bundle_config import SCHEMA, inference, metadata
from spinesynth.pipelines.bundle_train_config import training
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.config_reading import parse_config
from spinesynth.pipelines.network_plan import network_call
from spinesynth.pipelines.nnunet_place import unfinished
from spinesynth.pipelines.predict import load_network

_LOGGING = """[loggers]
keys=root

[handlers]
keys=consoleHandler

[formatters]
keys=fullFormatter

[logger_root]
level=INFO
handlers=consoleHandler

[handler_consoleHandler]
class=StreamHandler
level=INFO
formatter=fullFormatter
args=(sys.stdout,)

[formatter_fullFormatter]
format=%(asctime)s - %(name)s - %(levelname)s - %(message)s
"""

_README = """# {task}

{description}. Not for diagnosis.

The configurations are code: MONAI runs every expression in them that begins with `$`. Run a
bundle of strangers only where you would run their programs. This one needs SpineSynth
{version} (`pip install 'spinesynth[bundle]'`), whose transforms it names.

From this bundle's folder, offline:

    python -m monai.bundle verify_metadata --meta_file configs/metadata.json \\
        --filepath docs/{schema}
    python -m monai.bundle verify_net_in_out network_def --meta_file configs/metadata.json \\
        --config_file configs/inference.json --n 2
    python -m monai.bundle run --config_file configs/inference.json --bundle_root . \\
        --dataset_dir FOLDER_OF_IMAGES --output_dir FOLDER_OF_LABELS
    python -m monai.bundle onnx_export network_def --filepath models/model.onnx \\
        --ckpt_file models/model.pt --meta_file configs/metadata.json \\
        --config_file configs/inference.json --input_shape "{shape}"
    python -m monai.bundle run --config_file configs/train.json --bundle_root . \\
        --dataset_dir FOLDER_OR_MANIFEST --finetune True

The last one trains on, with MONAI's trainer, and writes models/model_trained.pt; without
`--finetune True` it trains anew. Samples, loss, optimiser and learning rate are those of the
training that made the weights, which also averaged them, clipped gradients, validated and could be
resumed: `spinesynth train` does.

Labels: {labels}.

The schema in this folder is MONAI's, under the Apache License 2.0.
"""


def export_bundle(checkpoint: Path, output: Path) -> str:
    """Write the network of a checkpoint as a MONAI bundle.

    Args:
        checkpoint: file that this package wrote.
        output: folder of the bundle, missing or empty.

    Returns:
        What was written, in one line.

    Raises:
        CheckpointError: if the checkpoint is refused.
        ConfigError: if the folder holds something, or is a file.
        OSError: if the disk refuses it; nothing is left then.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise ConfigError(
            f"{output} is not an empty folder; remove it, or choose another --output",
            code="E-RUN-002",
        )
    network, saved = load_network(checkpoint)
    config = parse_config(saved.config, source=str(checkpoint))
    weights = _plain_weights(network.state_dict(), config)
    output.parent.mkdir(parents=True, exist_ok=True)
    with unfinished(output.absolute()) as folder:
        _write(folder, saved, config)
        torch.save(weights, folder / "models" / "model.pt")
    size = sum(value.numel() * value.element_size() for value in weights.values())
    return f"{output}: MONAI bundle, weights of {size / 1e6:.1f} MB"


def _plain_weights(weights: dict[str, Tensor], config: ExperimentConfig) -> dict[str, Tensor]:
    """Return the weights of the network without the heatmap that only training has."""
    if config.training.centre_weight == 0:
        return weights
    network, arguments = network_call(config)
    return without_centre(weights, network(**arguments))


def _write(folder: Path, checkpoint: Checkpoint, config: ExperimentConfig) -> None:
    """Write all but the weights."""
    for name in ("configs", "models", "docs"):
        (folder / name).mkdir()
    told = metadata(checkpoint, config)
    for name, content in (
        ("metadata", told), ("inference", inference(config)),
        ("train", training(checkpoint, config)),
    ):  # fmt: skip
        text = json.dumps(content, indent=2) + "\n"
        (folder / "configs" / f"{name}.json").write_text(text, encoding="utf-8")
    (folder / "configs" / "logging.conf").write_text(_LOGGING, encoding="utf-8")
    size = [1, config.network.slices, *config.training.patch_size]
    readme = _README.format(
        task=told["task"],
        description=told["description"],
        version=spinesynth.__version__,
        schema=SCHEMA,
        shape=json.dumps(size),
        labels=told["label_classes"],
    )
    (folder / "docs" / "README.md").write_text(readme, encoding="utf-8")
    schema = files("spinesynth.pipelines") / "templates" / SCHEMA
    (folder / "docs" / SCHEMA).write_text(schema.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "LICENSE").write_text(_licence(), encoding="utf-8")


def _licence() -> str:
    """Return the licence of the package, from the checkout or the installed wheel."""
    beside = Path(spinesynth.__file__).parents[1] / "LICENSE"
    if beside.is_file():
        return beside.read_text(encoding="utf-8")
    for file in importlib.metadata.files("spinesynth") or ():
        if file.name == "LICENSE":
            return file.read_text(encoding="utf-8")
    return "Apache License 2.0, of The SpineSynth contributors.\n"
