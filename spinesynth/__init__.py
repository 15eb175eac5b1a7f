"""Train lumbar spine MRI segmentation from synthetic images, and measure it on real ones.

Importing this package loads nothing heavy: each room below is imported by name, and
``SpineSegmenter``, which segments a scan, when it is first asked for.

================ ============================================================
room             what it is for
================ ============================================================
``anatomy``      what a lumbar spine is: structures, label schemes, tissues, phantom
``kernels``      pure tensor functions: warp, paint, bias, motion, resolution, noise
``transforms``   the kernels as MONAI transforms, and the generator made of them
``networks``     tensors in, logits out
``metrics``      prediction and reference in, numbers with units out
``postprocess``  label maps in, cleaned masks, instances, levels and measurements out
``io``           files in, validated RAS tensors out, and back onto the source grid
``viz``          arrays and tables in, figures out
``pipelines``    files in, files out: train, predict, evaluate, report
``service``      files in over HTTP, label maps out, one worker process
``commands``     options in, one call of a pipeline, a message out
``cli``          the command ``spinesynth``, made of them
================ ============================================================
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spinesynth.pipelines.segmenter import Segmentation, SpineSegmenter

__all__ = ["Segmentation", "SpineSegmenter", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Load what segments when it is first asked for, since it is heavy."""
    if name in ("Segmentation", "SpineSegmenter"):
        found: object = getattr(import_module(f"{__name__}.pipelines.segmenter"), name)
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
