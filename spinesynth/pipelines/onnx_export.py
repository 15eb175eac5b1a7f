"""Write the network of a checkpoint as an ONNX file, compared with torch before it is kept."""

from __future__ import annotations

import contextlib
import io
import logging
import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from spinesynth.errors import CheckpointError, ConfigError, OutputError
from spinesynth.io.atomic import atomic_write
from spinesynth.io.checkpoint import Checkpoint
from spinesynth.io.file_digest import digest_file
from spinesynth.io.onnx_file import DIGEST, OPEN_DIGEST, RECORD, describe_checkpoint, seal
from spinesynth.io.weights_digest import digest_weights
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.config_reading import parse_config
from spinesynth.pipelines.network_plan import size_multiple, takes_any_size
from spinesynth.pipelines.onnx_network import OnnxNetwork, refuse_without_onnx
from spinesynth.pipelines.quality_model import (
    quality_beside,
    quality_path,
    write_quality,
)

#: Largest difference of a probability that an export may have; nominal: sums of float32 in
#: another order move it by less.
TOLERANCE = 1e-3
_INPUT, _OUTPUT = "image", "logits"
_MOST = 4096  # multiples along an axis, a bound that the exporter asks for; nominal
_TRIALS = 2  # batches of the comparison, of different sizes
_FILLED = 8  # the last image of a batch is empty but for this part of it; nominal


class Agreement(NamedTuple):
    """How an exported network agrees with its original.

    Attributes:
        largest: difference of any class probability.
        other_labels: share of voxels whose most probable class is another.
    """

    largest: float
    other_labels: float


def to_onnx(
    network: nn.Module, checkpoint: Checkpoint, config: ExperimentConfig, *, digest: str = ""
) -> bytes:
    """Return a network as the contents of an ONNX file that say what they are.

    Batch and, where the network takes any size, spatial axes are dynamic.

    Args:
        network: in evaluation mode, on the CPU.
        checkpoint: that it comes from.
        config: of the checkpoint.
        digest: SHA-256 of the checkpoint's file.

    Raises:
        ConfigError: if the extra is missing.
        CheckpointError: if the network cannot be exported, or ONNX's checker refuses it.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401 torch exports through it, and would say so less clearly
    except ImportError as error:
        raise refuse_without_onnx(error) from error
    multiple = size_multiple(config)
    try:
        with _quiet():
            program = torch.onnx.export(
                network,
                (_example(config, multiple),),
                input_names=[_INPUT],
                output_names=[_OUTPUT],
                dynamic_shapes=(_dynamic_shape(config, multiple),),
                dynamo=True,
                verbose=False,
            )
        assert program is not None  # the exporter through torch.export returns one
        model = program.model_proto
        _centre_norms(model, dims=config.network.dims)
        told = describe_checkpoint(
            checkpoint, digest=digest, multiple=multiple,
            weights_digest=digest_weights(checkpoint.weights),
        )  # fmt: skip
        for key, value in ((RECORD, told), (DIGEST, OPEN_DIGEST)):
            model.metadata_props.add(key=key, value=value)
        onnx.checker.check_model(model, full_check=True)
    except (RuntimeError, ValueError, TypeError, onnx.checker.ValidationError) as error:
        reason = " ".join(str(error).split())[:300]
        raise CheckpointError(
            f"network {config.network.name} cannot be exported to ONNX: {reason}; use the engine "
            "torch",
            code="E-CKPT-010",
        ) from error
    return seal(model.SerializeToString())


def _centre_norms(model: Any, *, dims: int) -> None:  # noqa: ANN401 onnx ships no annotations
    """Take the mean off what goes into every instance norm, which changes nothing else.

    ONNX Runtime sums in float32 as it comes: where a channel hardly varies, as in a window that is
    almost empty, its norm was wrong by some 1e-2 in the probabilities, and is right about a mean
    of 0. It costs two passes over memory, which could not be measured in the time.
    """
    from onnx import TensorProto, helper

    graph, axes = model.graph, "spatial_axes"
    graph.initializer.append(
        helper.make_tensor(axes, TensorProto.INT64, [dims], list(range(2, 2 + dims)))
    )
    nodes = []
    for node in graph.node:
        if node.op_type == "InstanceNormalization":
            name = node.input[0]
            nodes += [
                helper.make_node("ReduceMean", [name, axes], [f"{name}_mean"], keepdims=1),
                helper.make_node("Sub", [name, f"{name}_mean"], [f"{name}_centred"]),
            ]
            node.input[0] = f"{name}_centred"
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)


def _example(config: ExperimentConfig, multiple: tuple[int, ...]) -> Tensor:
    size = config.training.patch_size
    if takes_any_size(config):  # several sizes, none of them 1: the exporter would take it as fixed
        size = tuple(step * (2 + axis) for axis, step in enumerate(multiple))
    return torch.zeros(2, config.network.slices, *size)


def _dynamic_shape(config: ExperimentConfig, multiple: tuple[int, ...]) -> dict[int, Any]:
    axes: dict[int, Any] = {0: torch.export.Dim("batch", min=1, max=_MOST)}
    if takes_any_size(config):
        for axis, step in enumerate(multiple):
            count = torch.export.Dim(f"n{axis}", min=2, max=_MOST)
            axes[2 + axis] = step * count if step > 1 else count
    return axes


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's progress and its own deprecations from the terminal."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def compare_engines(
    network: nn.Module, exported: OnnxNetwork, config: ExperimentConfig, *, seed: int = 0
) -> Agreement:
    """Return how much the probabilities of both networks differ on seeded noise.

    The noise lies in [0, 1]; the last image of each batch is almost empty.

    Args:
        network: original, in evaluation mode.
        exported: its export.
        config: of both.
        seed: of the noise.
    """
    generator = torch.Generator().manual_seed(seed)
    largest, other, voxels = 0.0, 0, 0
    size = config.training.patch_size
    for trial in range(_TRIALS):
        image = torch.rand(1 + trial, config.network.slices, *size, generator=generator)
        image[-1, ..., size[-1] // _FILLED :] = 0  # as a window at the edge of a scan may be
        with torch.inference_mode():
            wanted, got = (torch.softmax(one(image), 1) for one in (network, exported))
        difference = float((wanted - got).abs().max())
        largest = max(largest, difference if math.isfinite(difference) else math.inf)
        other += int((wanted.argmax(1) != got.argmax(1)).sum())
        voxels += got[:, 0].numel()
        if takes_any_size(config):
            size = tuple(
                n + step + 1 for n, step in zip(size, exported.multiple, strict=True)
            )  # one that must be filled up
    return Agreement(largest, other / voxels)


def export_onnx(checkpoint: Path, output: Path, *, tolerance: float = TOLERANCE) -> str:
    """Write the network of a checkpoint as an ONNX file, and its quality model beside it.

    Args:
        checkpoint: file that this package wrote.
        output: file to write, ``.onnx``; an older one is replaced.
        tolerance: largest difference of a probability from torch's that is accepted.

    Returns:
        What was written, and how it agrees with torch, in one line.

    Raises:
        CheckpointError: if the checkpoint is refused, its network cannot be exported, the
            export differs by more than the tolerance, or the quality model beside it or beside
            the output is of others.
        ConfigError: if the extra is missing, or the tolerance is not positive.
        OutputError: if the file's type is another, or the disk refuses it.
    """
    from spinesynth.pipelines.predict import load_network  # which loads exports itself

    if output.suffix.lower() != ".onnx":
        raise OutputError(f"{output}: file type must be .onnx; name it so", code="E-OUT-003")
    if not tolerance > 0:
        raise ConfigError(
            f"tolerance must be above 0, got {tolerance:g}; {TOLERANCE:g} is usual",
            code="E-CONF-091",
        )
    network, saved = load_network(checkpoint)
    digest = digest_weights(saved.weights)
    quality = quality_beside([checkpoint], [digest])
    quality_beside([output], [digest])  # nor is that of another file replaced
    config = parse_config(saved.config, source=str(checkpoint))
    model = to_onnx(network, saved, config, digest=digest_file(checkpoint))
    multiple = size_multiple(config)
    agreement = compare_engines(network, OnnxNetwork(model, multiple=multiple), config)
    told = f"largest difference of a probability from torch {agreement.largest:.1e}"
    if not agreement.largest <= tolerance:
        raise CheckpointError(
            f"{checkpoint} is not exported: {told}, allowed {tolerance:g}; use the engine torch, "
            "or allow more with --tolerance",
            code="E-CKPT-011",
        )
    output.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(output) as temporary:
        temporary.write_bytes(model)
    if quality is not None:
        write_quality(quality_path(output), quality)
    return (
        f"{output}: {len(model) / 1e6:.1f} MB, {told}, other label at "
        f"{agreement.other_labels:.2g} of the voxels of noise"
    )
