"""The configurations of a MONAI bundle: what runs it, and what it says of itself."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import torch

from spinesynth import __version__
from spinesynth.anatomy.label_schemes import get_scheme
from spinesynth.io.checkpoint import Checkpoint
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.network_plan import (
    network_call,
    size_multiple,
    spacing_of,
    takes_any_size,
)

SCHEMA = "meta_schema_20240725.json"
#: Where MONAI publishes the schema; a copy lies in the bundle, so that nothing is downloaded.
_SCHEMA_URL = (
    "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/" + SCHEMA
)
#: Packages that a run needs beside MONAI, torch and numpy.
_NEEDED = ("nibabel", "pytorch-ignite", "fire")

Content = dict[str, Any]


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "any"


def _tensor(config: ExperimentConfig, channels: int, **further: object) -> Content:
    shape: list[int | str] = [f"{step}*n" for step in size_multiple(config)]
    if not takes_any_size(config):
        shape = list(config.training.patch_size)
    return {
        "type": "image",
        "num_channels": channels,
        "spatial_shape": shape,
        "dtype": "float32",
        "is_patch_data": True,
        **further,
    }


def metadata(checkpoint: Checkpoint, config: ExperimentConfig) -> Content:
    """Return ``metadata.json``.

    Args:
        checkpoint: that the bundle is made from.
        config: of the checkpoint.
    """
    names = get_scheme(config.target_scheme).class_names
    slices = config.network.slices
    return {
        "schema": _SCHEMA_URL,
        "name": "Lumbar spine MRI segmentation",
        "version": __version__,
        "changelog": {__version__: f"exported by SpineSynth {__version__}"},
        "monai_version": _version("monai"),
        "pytorch_version": torch.__version__.split("+")[0],
        "numpy_version": _version("numpy"),
        "required_packages_version": {
            "spinesynth": __version__, **{name: _version(name) for name in _NEEDED}
        },
        "task": f"Segmentation of the lumbar spine in MRI: {', '.join(names[1:])}",
        "description": f"{config.description or config.name}; model {checkpoint.model}, "
        f"{checkpoint.step} steps",
        "authors": "The SpineSynth contributors",
        "copyright": "The SpineSynth contributors; Apache License 2.0",
        "intended_use": "Research. Not for diagnosis.",
        "data_source": checkpoint.mode or "see the configuration of the training",
        "data_type": "nifti or metaimage",
        "image_classes": "one channel, MRI of any contrast, canonical axes",
        "label_classes": ", ".join(f"{code} {name}" for code, name in enumerate(names)),
        "network_data_format": {
            "inputs": {
                "image": _tensor(
                    config, slices, format="magnitude", modality="MR", value_range=[0, 1],
                    channel_def={str(n): f"slice {n - slices // 2:+d}" for n in range(slices)},
                )
            },
            "outputs": {
                "pred": _tensor(
                    config, len(names), format="segmentation", value_range=[],
                    channel_def={str(n): name for n, name in enumerate(names)},
                )
            },
        },
    }  # fmt: skip


def _inferer(config: ExperimentConfig) -> Content:
    """Return MONAI's inferer with the windows that the predictor has."""
    windows: Content = {
        "roi_size": list(config.training.patch_size),
        "sw_batch_size": config.evaluation.batch_size,
        "overlap": config.evaluation.overlap,
        "mode": "gaussian",
    }
    if config.network.dims == 2:
        return {"_target_": "SliceInferer", "spatial_dim": 0, **windows}
    return {"_target_": "SlidingWindowInferer", **windows}


def _preprocessing(config: ExperimentConfig) -> Content:
    return {
        "_target_": "Compose",
        "transforms": [
            {
                "_target_": "LoadImaged",
                "keys": "image",
                "reader": {"_target_": "spinesynth.io.monai_reader.MetaImageReader"},
                "ensure_channel_first": True,
            },
            {"_target_": "Orientationd", "keys": "image", "axcodes": "RAS", "labels": None},
            {
                "_target_": "spinesynth.bundle.ToNetworkGridd",
                "keys": "image",
                "spacing_mm": list(spacing_of(config)),
                "slices": config.network.slices,
                "neighbour_mm": config.network.neighbour_mm,
            },
        ],
    }


def _postprocessing(config: ExperimentConfig) -> Content:
    return {
        "_target_": "Compose",
        "transforms": [
            {
                "_target_": "spinesynth.bundle.ToLabelsd",
                "keys": "pred",
                "image": "image",
                "target_scheme": config.target_scheme,
            },
            {
                "_target_": "SaveImaged",
                "keys": "pred",
                "output_dir": "@output_dir",
                "output_postfix": "seg",
                "output_ext": ".nii.gz",
                "output_dtype": "$numpy.uint8",
                "resample": True,  # to the axes of the file: nothing but their order changes
                "mode": "nearest",
                "separate_folder": False,
            },
        ],
    }


def inference(config: ExperimentConfig) -> Content:
    """Return ``inference.json``: every image of a folder, each label map on its image's grid."""
    network, arguments = network_call(config)
    return {
        "imports": ["$import glob"],
        "bundle_root": ".",
        "dataset_dir": "$@bundle_root + '/images'",
        "output_dir": "$@bundle_root + '/labels'",
        "files": "$sorted(sum([glob.glob(@dataset_dir + '/*' + s) for s in @suffixes], []))",
        "suffixes": [".nii", ".nii.gz", ".mha"],
        "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
        "network_def": {
            "_target_": f"{network.__module__}.{network.__qualname__}",
            **arguments,
        },
        "network": "$@network_def.to(@device)",
        "preprocessing": _preprocessing(config),
        "dataset": {
            "_target_": "Dataset",
            "data": "$[{'image': name} for name in @files]",
            "transform": "@preprocessing",
        },
        "dataloader": {
            "_target_": "DataLoader",
            "dataset": "@dataset",
            "batch_size": 1,
            "shuffle": False,
            "num_workers": 0,
        },
        "inferer": _inferer(config),
        "postprocessing": _postprocessing(config),
        "handlers": [
            {
                "_target_": "CheckpointLoader",
                "load_path": "$@bundle_root + '/models/model.pt'",
                "load_dict": {"model": "@network"},
                "map_location": "@device",
            },
            {"_target_": "StatsHandler", "iteration_log": False},
        ],
        "evaluator": {
            "_target_": "SupervisedEvaluator",
            "device": "@device",
            "val_data_loader": "@dataloader",
            "network": "@network",
            "inferer": "@inferer",
            "postprocessing": "@postprocessing",
            "val_handlers": "@handlers",
        },
        "initialize": ["$monai.utils.set_determinism(seed=0)"],
        "run": ["$@evaluator.run()"],
    }
