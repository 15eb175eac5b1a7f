"""A network that ONNX Runtime runs, where a module of torch would stand."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from spinesynth.errors import CheckpointError, ConfigError
from spinesynth.io.checkpoint import Checkpoint, refuse_checkpoint
from spinesynth.io.onnx_file import RECORD, is_sealed, read_description


def find_onnxruntime() -> ModuleType:
    """Import ONNX Runtime, or say how to install it.

    Raises:
        ConfigError: if the extra is missing.
    """
    try:
        return import_module("onnxruntime")
    except ImportError as error:
        raise refuse_without_onnx(error) from error


def refuse_without_onnx(error: ImportError) -> ConfigError:
    """Return the error that names the extra."""
    return ConfigError(
        f"ONNX cannot be used ({error}); install it with \"pip install 'spinesynth[onnx]'\", or "
        "use the engine torch",
        code="E-CONF-090",
    )


class OnnxNetwork(nn.Module):
    """Run an exported network: images of any size in, logits of the same size out.

    Images go in filled up with zeros at the far end of each axis, as
    :class:`spinesynth.networks.unet.UNet` does itself. It runs on the CPU.

    Args:
        model: contents of a file that ``spinesynth export onnx`` wrote.
        multiple: what each spatial axis must be a multiple of.
        threads: of the computation; None for as many as torch has.

    Shape:
        ``(B, in_channels, *spatial)`` float to logits ``(B, num_classes, *spatial)``.

    Raises:
        ConfigError: if ONNX Runtime is not installed.
        RuntimeError: if the contents are no model, as ONNX Runtime says it.
    """

    def __init__(
        self, model: bytes, *, multiple: tuple[int, ...], threads: int | None = None
    ) -> None:
        super().__init__()
        runtime = find_onnxruntime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads or torch.get_num_threads()
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors, not hints about the graph
        # threads that wait for work would take the cores from torch between two windows
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        (self.input,) = self.session.get_inputs()
        self.multiple = multiple

    @property
    def description(self) -> str:
        """What the file says of itself; empty if it says nothing."""
        return str(self.session.get_modelmeta().custom_metadata_map.get(RECORD, ""))

    def forward(self, image: Tensor) -> Tensor:
        """Return the logits of an image, on the CPU.

        Raises:
            RuntimeError: if ONNX Runtime cannot compute them, as torch raises it.
        """
        size = image.shape[2:]
        # twice the multiple at least: a norm over one voxel has no spread
        wanted = [
            max(2 * step, -(-n // step) * step) for n, step in zip(size, self.multiple, strict=True)
        ]
        pads = [(0, w - n) for n, w in zip(size, wanted, strict=True)]
        filled = functional.pad(image.float().cpu(), [p for pad in reversed(pads) for p in pad])
        given = np.ascontiguousarray(filled.numpy())
        try:
            (logits,) = self.session.run(None, {self.input.name: given})
        except Exception as error:  # its classes have no other base in common
            said = " ".join(str(error).split())  # which has several lines
            raise RuntimeError(f"ONNX Runtime cannot run the network: {said}") from error
        kept = tuple(slice(0, n) for n in size)
        return torch.from_numpy(logits)[(slice(None), slice(None), *kept)]


def load_onnx(path: Path, *, threads: int | None = None) -> tuple[OnnxNetwork, Checkpoint]:
    """Return the network of an ONNX file, and what the file says of itself.

    Args:
        path: that ``spinesynth export onnx`` wrote.
        threads: of the computation; None for as many as torch has.

    Raises:
        CheckpointError: if the file is missing, damaged or not one of this package.
        ConfigError: if ONNX Runtime is not installed.
    """
    if not path.is_file():
        raise CheckpointError(
            f"no ONNX file at {path}; write one with 'spinesynth export onnx'", code="E-CKPT-001"
        )
    try:
        model = path.read_bytes()
    except OSError as error:
        raise refuse_checkpoint(path, f"it cannot be read ({error})") from error
    if not is_sealed(model):
        raise refuse_checkpoint(
            path, "it is no ONNX file of this package, or its contents do not match its checksum"
        )
    return open_onnx(model, path, threads=threads)


def open_onnx(
    model: bytes, path: Path, *, threads: int | None = None
) -> tuple[OnnxNetwork, Checkpoint]:
    """Return the network of a sealed file's contents, and what they say of themselves.

    Args:
        model: from :func:`spinesynth.pipelines.onnx_export.to_onnx`.
        path: where they come from, for messages.
        threads: as of :func:`load_onnx`.

    Raises:
        CheckpointError: if they hold no description that is understood.
        ConfigError: if ONNX Runtime is not installed.
    """
    network = OnnxNetwork(model, multiple=(), threads=threads)
    try:
        checkpoint, network.multiple = read_description(network.description)
    except (KeyError, TypeError, ValueError) as error:
        raise refuse_checkpoint(path, f"it does not say what it holds ({error})") from error
    return network, checkpoint
