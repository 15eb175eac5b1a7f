"""What the worker runs: named here, loaded in its own process, so that the server stays small."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

from spinesynth.service.worker_process import SegmentFile


def segment_with(
    weights: Sequence[str] | None,
    *,
    scheme: str | None = None,
    device: str = "auto",
    engine: Literal["torch", "onnx"] = "torch",
    threads: int | None = None,
) -> SegmentFile:
    """Load weights and return what segments a file with them.

    Args:
        weights: names of shipped ones, or paths; several vote. None for the default.
        scheme: of the label maps; None for that of the network.
        device: that it runs on.
        engine: ``torch``, or ``onnx`` for ONNX Runtime on the CPU.
        threads: that it computes with; None for all cores.

    Raises:
        CheckpointError: if weights are refused.
        ConfigError: if the scheme or the device cannot be used.
    """
    import torch  # heavy, as the others

    from spinesynth.pipelines.segmenter import SpineSegmenter
    from spinesynth.service.scan_segmenter import segment_scan, warm_up

    if threads is not None:
        torch.set_num_threads(threads)
    segmenter = SpineSegmenter(
        weights, scheme=scheme, device=device, engine=engine, threads=threads
    )
    warm_up(segmenter)
    return partial(segment_scan, segmenter)
