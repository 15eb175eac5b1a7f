"""Predict whole volumes, slice by slice or at once, back on the image's own grid."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, get_args

import torch
from monai.data.meta_tensor import MetaTensor
from monai.inferers.inferer import SlidingWindowInferer
from torch import Tensor, nn

from spinesynth.anatomy.annotation import report_groups
from spinesynth.anatomy.label_schemes import LabelScheme, get_scheme
from spinesynth.anatomy.structures import REPORT_GROUPS, Structure
from spinesynth.errors import ConfigError
from spinesynth.io.checkpoint import Checkpoint, load_checkpoint, refuse_checkpoint
from spinesynth.kernels.intensity import normalise_intensity
from spinesynth.kernels.resize import resize_linear
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.config_reading import parse_config
from spinesynth.pipelines.device import best_device
from spinesynth.pipelines.network_plan import build_network, spacing_of
from spinesynth.pipelines.slab_reading import join_slabs, likeliest_structures
from spinesynth.transforms.sagittal_slab import neighbour_step

#: What runs a network: torch, or ONNX Runtime on the CPU.
Engine = Literal["torch", "onnx"]
ENGINES: tuple[Engine, ...] = get_args(Engine)


def expressible_groups(scheme: LabelScheme) -> frozenset[str]:
    """Return the report groups that labels of a scheme can be scored for.

    Args:
        scheme: of the labels.

    Returns:
        Keys of ``REPORT_GROUPS``; ``vertebra`` where it is a class of its own, or
        both its body and posterior elements are.

    Example:
        >>> from spinesynth.anatomy.label_schemes import get_scheme
        >>> sorted(expressible_groups(get_scheme("semantic4")))
        ['canal', 'disc', 'vertebra']
    """
    words = set()
    for name, members in REPORT_GROUPS.items():
        # a whole vertebra is not expressed by a class of one of its parts
        finer = frozenset[Structure]().union(*(m for m in REPORT_GROUPS.values() if m < members))
        if scheme.structures & (members - finer):
            words.add(name)
    return frozenset(report_groups(frozenset(words)))


class VolumePredictor:
    """Segment canonical volumes: with a 2D network sagittal slice by slice, else at once.

    A window of the size of the patches slides over what is resampled to their voxel
    size; where windows overlap, their logits are averaged with Gaussian weights.

    Args:
        network: ``(B, slices, J, K)`` to logits ``(B, C, J, K)``, or in 3D
            ``(B, 1, I, J, K)`` to ``(B, C, I, J, K)``.
        target_scheme: label scheme of the channels.
        spacing_mm: voxel size that the network was trained on, (J, K) or (I, J, K).
        patch_size: size of the sliding window in voxels, of as many axes.
        overlap: share by which windows overlap, in [0, 1); 0.5 is a stride of half.
        batch_size: windows per forward pass.
        slices: odd; neighbouring slices that the network sees as channels.
        neighbour_mm: least distance of neighbours, as it was trained.
        threads: of the processor while it predicts; None for as many as torch has.

    Attributes:
        structures: ``Structure`` code of each channel.
        groups: keys of ``REPORT_GROUPS`` that the network has classes for.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        target_scheme: str = "spine6",
        spacing_mm: tuple[float, ...] = (1.0, 1.0),
        patch_size: tuple[int, ...] = (192, 192),
        overlap: float = 0.25,
        batch_size: int = 8,
        slices: int = 1,
        neighbour_mm: float = 2.0,
        threads: int | None = None,
    ) -> None:
        if len(spacing_mm) != len(patch_size):
            raise ValueError(
                f"spacing_mm must have one number for each axis of patch_size {patch_size}, "
                f"got {spacing_mm}"
            )
        if threads is not None and threads < 1:
            raise ValueError(f"threads must be at least 1, or None, got {threads}")
        self.network, self.spacing_mm, self.batch_size = network.eval(), spacing_mm, batch_size
        self.slices, self.neighbour_mm, self.threads = slices, neighbour_mm, threads
        scheme = get_scheme(target_scheme)
        self.structures = torch.tensor(
            [int(scheme.codes[c].structure) for c in sorted(scheme.codes)], dtype=torch.uint8
        )
        self.groups = expressible_groups(scheme)
        self.inferer = SlidingWindowInferer(
            roi_size=patch_size, sw_batch_size=batch_size, overlap=overlap, mode="gaussian"
        )

    def at_scale(self, scale: float) -> VolumePredictor:
        """Return a predictor of the same network that sees anatomy larger (above 1) or smaller."""
        other = copy.copy(self)
        other.spacing_mm = tuple(size / scale for size in self.spacing_mm)
        return other

    def logits(self, slices: Tensor) -> Tensor:
        """Return float32 logits of slices or volumes at network spacing.

        Args:
            slices: ``(I, slices, J, K)``, or ``(B, 1, I, J, K)`` of a 3D network.

        Returns:
            ``(I, C, J, K)`` or ``(B, C, I, J, K)``, on the CPU.
        """
        first = next(self.network.parameters(), torch.empty(0))  # ONNX Runtime's has none
        with torch.inference_mode():
            result = self.inferer(slices.to(first.device), self.network)
        assert isinstance(result, Tensor)  # the network returns one tensor
        return result.float().cpu()

    def _with_neighbours(self, slices: Tensor, across_mm: float) -> Tensor:
        """Return ``(I, slices, J, K)``: each of ``(I, 1, J, K)`` between its neighbours.

        Beyond the ends of the volume its outermost slice is repeated, as in training.
        """
        last, apart = len(slices) - 1, neighbour_step(self.neighbour_mm, across_mm)
        middles = (torch.arange(self.slices) - self.slices // 2) * apart
        return torch.cat([slices[(torch.arange(last + 1) + m).clamp(0, last)] for m in middles], 1)

    def _resampled(self, images: Tensor, sizes_mm: Sequence[float]) -> Tensor:
        """Return images ``(B, 1, *spatial)`` of some voxel size at that of the network."""
        triples = zip(images.shape[2:], sizes_mm, self.spacing_mm, strict=True)
        return resize_linear(images, [max(1, round(n * s / new)) for n, s, new in triples])

    def inputs(self, image: MetaTensor) -> Tensor:
        """Return what the network is shown of an image: at its voxel size, in [0, 1].

        Args:
            image: ``(1, I, J, K)`` float, canonical axes, finite.

        Returns:
            ``(I, slices, J', K')`` of a 2D network, ``(1, 1, I', J', K')`` of a 3D one.
        """
        sizes_mm = [float(p) for p in image.pixdim[-3:]]
        plain = normalise_intensity(image.as_tensor())
        if len(self.spacing_mm) == 3:
            return self._resampled(plain[None], sizes_mm)
        slices = self._resampled(plain.movedim(1, 0), sizes_mm[1:])
        return self._with_neighbours(slices, sizes_mm[0])

    def _probabilities(self, shown: Tensor) -> Tensor:
        """Return the class probabilities of what the network is shown."""
        logits = self.logits(shown)
        if not bool(torch.isfinite(logits).all()):
            raise ValueError("the network's output is not finite; the checkpoint cannot be used")
        return torch.softmax(logits, 1)

    def _slabs_of_slices(self, image: MetaTensor) -> Iterator[Tensor]:
        for shown in torch.split(self.inputs(image), self.batch_size):
            yield resize_linear(self._probabilities(shown), image.shape[-2:]).movedim(0, 1)

    def _slabs_of_volume(self, image: MetaTensor) -> Iterator[Tensor]:
        # across first, where the planes are still as coarse as the network sees them
        layers, *plane = image.shape[1:]
        coarse = self._probabilities(self.inputs(image))
        coarse = resize_linear(coarse, [layers, *coarse.shape[-2:]])[0]
        for slab in torch.split(coarse, self.batch_size, dim=1):
            yield resize_linear(slab, plane)

    def slabs(self, image: MetaTensor) -> Iterator[Tensor]:
        """Yield class probabilities a few sagittal slices at a time, in their order.

        So much memory is needed as a slab takes, however large the field of view. Torch has
        ``threads`` threads while this goes on.

        Args:
            image: ``(1, I, J, K)`` float, canonical axes, finite.

        Yields:
            ``(C, slices, J, K)`` on the image's own grid; the last may have fewer slices.

        Raises:
            ValueError: if the image is no canonical volume, or it or the
                network's output is not finite.
        """
        if image.ndim != 4 or image.shape[0] != 1:
            raise ValueError(f"image must be (1, I, J, K), got {tuple(image.shape)}")
        if not bool(torch.isfinite(image.as_tensor()).all()):
            raise ValueError("image must be finite; it holds NaN or infinite voxels")
        with _torch_threads(self.threads):
            flat = len(self.spacing_mm) == 2
            yield from (self._slabs_of_slices if flat else self._slabs_of_volume)(image)

    def probabilities(self, image: MetaTensor) -> Tensor:
        """Return ``(C, I, J, K)`` class probabilities on the image's own grid.

        Args:
            image: ``(1, I, J, K)`` float, canonical axes, finite.

        Raises:
            ValueError: as of :meth:`slabs`.
        """
        return join_slabs(self, image)

    def __call__(self, image: MetaTensor) -> Tensor:
        """Return uint8 ``(I, J, K)`` Structure codes on the image's own canonical grid."""
        return likeliest_structures(self, image)


@contextmanager
def _torch_threads(wanted: int | None) -> Iterator[None]:
    """Give torch a number of threads for a while."""
    before = torch.get_num_threads()
    if wanted is not None:
        torch.set_num_threads(wanted)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def predictor_of(
    network: nn.Module, config: ExperimentConfig, *, threads: int | None = None
) -> VolumePredictor:
    """Return the predictor that reads images as the network was trained to."""
    return VolumePredictor(
        network,
        target_scheme=config.target_scheme,
        spacing_mm=spacing_of(config),
        patch_size=config.training.patch_size,
        overlap=config.evaluation.overlap,
        batch_size=config.evaluation.batch_size,
        slices=config.network.slices,
        neighbour_mm=config.network.neighbour_mm,
        threads=threads,
    )


def load_network(path: Path) -> tuple[nn.Module, Checkpoint]:
    """Return the network of a checkpoint file on the CPU, to predict with, and the checkpoint.

    Args:
        path: ``.pt`` of a training, or ``.safetensors``.

    Raises:
        CheckpointError: if the file is refused, or its parts do not fit together.
        ConfigError: if its configuration is not one of this version.
    """
    checkpoint = load_checkpoint(path)
    config = _config_of(checkpoint, path)
    network = build_network(config)
    try:
        network.load_state_dict(checkpoint.weights)
    except RuntimeError as error:
        raise refuse_checkpoint(
            path, "its weights do not fit the network that its configuration describes"
        ) from error
    return network.eval(), checkpoint


def _config_of(checkpoint: Checkpoint, path: Path) -> ExperimentConfig:
    config = parse_config(checkpoint.config, source=str(path))
    if checkpoint.target_scheme != config.target_scheme:
        raise refuse_checkpoint(
            path,
            f"its label scheme is {checkpoint.target_scheme}, but its configuration says "
            f"{config.target_scheme}",
        )
    return config


def read_engine(name: str) -> Engine:
    """Return the engine of a name.

    Raises:
        ConfigError: if there is none.
    """
    for engine in ENGINES:
        if name == engine:
            return engine
    raise ConfigError(
        f"engine must be one of {', '.join(ENGINES)}, got {name!r}", code="E-CONF-031"
    )


def load_predictor(
    path: Path,
    *,
    engine: Engine = "torch",
    threads: int | None = None,
    device: torch.device | None = None,
) -> tuple[VolumePredictor, Checkpoint]:
    """Return a predictor from a checkpoint file, and what the file says of itself.

    Args:
        path: checkpoint, or weights as ``.safetensors``; with the engine ``onnx`` also a file
            of ``spinesynth export onnx``, whose checkpoint is returned without weights.
        engine: what runs the network: ``torch``, or ``onnx`` (ONNX Runtime, on the CPU). A
            checkpoint is exported in memory first, which takes some seconds.
        threads: of the processor; None for as many as torch has.
        device: that torch runs on; None for the best there is.

    Raises:
        CheckpointError: if the file is refused, or its parts do not fit together.
        ConfigError: if its configuration is not one of this version, or the engine is not
            installed.
    """
    if engine == "onnx":
        network, checkpoint = _onnx_network(path, threads)
    elif path.suffix.lower() == ".onnx":
        raise refuse_checkpoint(path, "it is an ONNX file, which the engine onnx runs")
    else:
        network, checkpoint = load_network(path)
        network.to(device or best_device())
    return predictor_of(network, _config_of(checkpoint, path), threads=threads), checkpoint


def _onnx_network(path: Path, threads: int | None) -> tuple[nn.Module, Checkpoint]:
    from spinesynth.pipelines.onnx_network import load_onnx, open_onnx

    if path.suffix.lower() == ".onnx":
        return load_onnx(path, threads=threads)
    from spinesynth.pipelines.onnx_export import to_onnx

    network, checkpoint = load_network(path)
    model = to_onnx(network, checkpoint, _config_of(checkpoint, path))
    return open_onnx(model, path, threads=threads)[0], checkpoint
