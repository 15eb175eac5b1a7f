"""The ``train.json`` of a MONAI bundle: MONAI's trainer on the samples of our training."""

from __future__ import annotations

from typing import Any

from spinesynth.io.checkpoint import Checkpoint
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.network_plan import network_call

_OURS = "spinesynth.pipelines"


def training(checkpoint: Checkpoint, config: ExperimentConfig) -> dict[str, Any]:
    """Return ``train.json``: the same samples, loss, optimiser and learning rate.

    Args:
        checkpoint: that the bundle is made from.
        config: of the checkpoint.
    """
    network, arguments = network_call(config)
    settings = config.training
    return {
        "bundle_root": ".",
        "dataset_dir": "$@bundle_root + '/data'",
        "ckpt_dir": "$@bundle_root + '/models'",
        "finetune": False,
        "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
        "experiment": {
            "_target_": f"{_OURS}.config_reading.parse_config",
            "values": _plain(config),
        },
        "model": "B" if checkpoint.model == "B" else "A",
        "epoch_length": settings.validate_every,
        "network_def": {"_target_": f"{network.__module__}.{network.__qualname__}", **arguments},
        "network": "$@network_def.to(@device)",
        "loss": {"_target_": f"{_OURS}.bundle_training.BundleLoss", "experiment": "@experiment"},
        "optimizer": {
            "_target_": f"{_OURS}.optimisers.make_optimiser",
            "parameters": "$@network.parameters()",
            "settings": "$@experiment.training",
        },
        "train": {
            "dataset": {
                "_target_": f"{_OURS}.bundle_training.training_samples",
                "experiment": "@experiment",
                "model": "@model",
                "dataset_dir": "@dataset_dir",
            },
            "sampler": {
                "_target_": f"{_OURS}.bundle_training.EpochKeys",
                "samples": "@train#dataset",
                "experiment": "@experiment",
                "steps": "@epoch_length",
            },
            "dataloader": {
                "_target_": "torch.utils.data.DataLoader",
                "dataset": "@train#dataset",
                "sampler": "@train#sampler",
                "batch_size": settings.batch_size,
                "num_workers": settings.workers,
                "collate_fn": "$@train#dataset.as_batch",
            },
            "inferer": {"_target_": "SimpleInferer"},
            "handlers": _handlers(),
            "trainer": {
                "_target_": "SupervisedTrainer",
                "device": "@device",
                "max_epochs": -(-settings.steps // settings.validate_every),
                "epoch_length": "@epoch_length",
                "train_data_loader": "@train#dataloader",
                "network": "@network",
                "optimizer": "@optimizer",
                "loss_function": "@loss",
                "inferer": "@train#inferer",
                "prepare_batch": {
                    "_target_": f"{_OURS}.bundle_training.prepare_batch",
                    "_mode_": "callable",
                },
                "train_handlers": "@train#handlers",
                "decollate": False,
            },
        },
        "initialize": [f"$monai.utils.set_determinism(seed={config.seed})"],
        "run": ["$@train#trainer.run()"],
    }


def _plain(config: ExperimentConfig) -> dict[str, Any]:
    """Return a configuration as plain JSON types, without what lies on the disk it came from."""
    values: dict[str, Any] = config.model_dump(mode="json")
    values["training"]["start_from"] = None
    values["training"]["centre_weight"] = 0.0  # the network of a bundle has no heatmap
    values["synthesis"]["paint_on"] = "loader"
    values["data"] |= {
        "cache": "memory", "cache_dir": None, "training_labels": None, "pseudo_labels": None
    }  # fmt: skip
    return values


def _handlers() -> list[dict[str, Any]]:
    return [
        {
            "_target_": "CheckpointLoader",
            "_disabled_": "$not @finetune",
            "load_path": "$@ckpt_dir + '/model.pt'",
            "load_dict": {"model": "@network"},
            "map_location": "@device",
        },
        {
            "_target_": f"{_OURS}.bundle_training.ScheduleHandler",
            "optimiser": "@optimizer",
            "experiment": "@experiment",
        },
        {
            "_target_": "CheckpointSaver",
            "save_dir": "@ckpt_dir",
            "save_dict": {"model": "@network"},
            "save_final": True,
            "final_filename": "model_trained.pt",
        },
        {"_target_": "StatsHandler", "output_transform": "$lambda output: output['loss']"},
    ]
