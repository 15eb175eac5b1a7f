"""Segment one scan in Python: from a file or an array to labels on its own grid."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.anatomy.label_schemes import LabelScheme
from spinesynth.anatomy.structures import REPORT_GROUPS
from spinesynth.io.array_volume import take_array
from spinesynth.io.file_digest import digest_file
from spinesynth.io.input_rules import PLAIN, InputRules
from spinesynth.io.raw_volume import Affine, Array
from spinesynth.io.shipped_weights import find_weights
from spinesynth.io.volume import canonical_image, read_image
from spinesynth.io.write import on_source_grid, write_volume
from spinesynth.pipelines.collected_warnings import collect_warnings, refuse_warnings
from spinesynth.pipelines.device import read_device
from spinesynth.pipelines.doubt import Doubt, judge
from spinesynth.pipelines.ensemble import Origin, Predictor, Weighting, load_members
from spinesynth.pipelines.label_legend import legend_of, segment_fields
from spinesynth.pipelines.predict import Engine
from spinesynth.pipelines.prediction_features import DoubtGatherer
from spinesynth.pipelines.quality_model import quality_beside, tell_quality
from spinesynth.pipelines.slab_reading import SlabKeeper, Watcher, likeliest_structures
from spinesynth.pipelines.spine_labels import SpineReader, encode_labels, writable_scheme
from spinesynth.pipelines.uncertainty_map import UncertaintyMap
from spinesynth.postprocess import Cleaning, SpineReading

_LOG = logging.getLogger(__name__)

#: A file, a volume of :mod:`spinesynth.io.volume` or of MONAI, or voxels with ``affine``.
Source = Path | str | MetaTensor | Tensor | Array
#: What the reader of DICOM alone notes.
_SERIES = "source_series_uid"


@dataclass(frozen=True)
class Segmentation:
    """Hold what was found in one scan.

    Args:
        image: float32 ``(1, I, J, K)``, canonical axes; its ``meta`` knows the source's grid.
        structures: uint8 ``(I, J, K)``, ``Structure`` codes on the grid of ``image``.
        labels: uint8 ``(I, J, K)``, codes of ``scheme`` on the grid of ``image``.
        scheme: label scheme of ``labels``.
        groups: keys of ``REPORT_GROUPS`` that the network has classes for.
        reading: instances and levels, on the grid of ``image``; None if they were not wanted.
        probabilities: float32 ``(C, I, J, K)`` of the network's classes, if they were asked for.
        timings_s: seconds of ``read``, ``predict`` and ``label``.
        warnings: what a user should know of this scan, a line each.
        doubt: how far it is to be trusted.
        uncertainty: uint8 ``(I, J, K)`` on the grid of ``image``, normalised entropy of the
            classes in per cent, if it was asked for.
    """

    image: MetaTensor
    structures: Tensor
    labels: Tensor
    scheme: LabelScheme
    groups: tuple[str, ...]
    reading: SpineReading | None = None
    probabilities: Tensor | None = None
    timings_s: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    doubt: Doubt = field(default_factory=Doubt)
    uncertainty: Tensor | None = None

    @property
    def affine(self) -> Affine:
        """Return the 4x4 affine of the scan's own grid, voxel index to world mm (RAS+)."""
        return on_source_grid(self.labels, self.image)[1]

    @property
    def voxels(self) -> Array:
        """Return the codes on the scan's own grid, in its own order of axes."""
        return on_source_grid(self.labels, self.image)[0]

    @property
    def converted(self) -> tuple[str, ...]:
        """Return what was made of an unusual scan because somebody asked for it."""
        return tuple(self.image.meta.get("source_converted", ()))

    @property
    def is_empty(self) -> bool:
        """Whether nothing was found."""
        return not bool(self.structures.any())

    def save(self, path: Path | str) -> None:
        """Write the label map on the scan's own grid.

        Args:
            path: ``.nii``, ``.nii.gz``, ``.mha`` or ``.nrrd``, which also names its segments.

        Raises:
            OutputError: if it cannot be written and read back, or would overwrite the scan.
        """
        fields = segment_fields(legend_of(self.scheme))
        write_volume(path, self.labels, like=self.image, fields=fields)

    def save_instances(self, path: Path | str) -> None:
        """Write vertebrae and discs on the scan's own grid: codes of ``reading.instances``.

        Args:
            path: as of :meth:`save`.

        Raises:
            OutputError: as of :meth:`save`.
            ValueError: if they were not wanted.
        """
        if self.reading is None:
            raise ValueError("reading must be there, got None; segment with instances=True")
        write_volume(path, self.reading.instances.to(torch.uint8), like=self.image)

    def save_uncertainty(self, path: Path | str) -> None:
        """Write the uncertainty map on the scan's own grid, in per cent.

        Args:
            path: as of :meth:`save`.

        Raises:
            OutputError: as of :meth:`save`.
            ValueError: if it was not asked for.
        """
        if self.uncertainty is None:
            raise ValueError("uncertainty must be there, got None; segment with uncertainty=True")
        write_volume(path, self.uncertainty, like=self.image)

    def save_dicom_seg(self, path: Path | str, *, anonymise: bool = False) -> None:
        """Write a DICOM segmentation of the series that the scan was read from.

        Args:
            path: ``.dcm``.
            anonymise: whether all that tells who the patient is is left out.

        Raises:
            OutputError: if the scan is no DICOM series, nothing was found, or the file cannot
                be written and read back.
            ConfigError: if the extra ``dicom`` is not installed.
        """
        from spinesynth.io.dicom_seg import write_dicom_seg  # an extra

        found = () if self.reading is None else self.reading.of_kind("vertebra")
        levels = {level.instance: level.name for level in found if level.is_named}
        write_dicom_seg(
            path, self.labels, like=self.image, scheme=self.scheme, levels=levels,
            anonymise=anonymise,
        )  # fmt: skip


class SpineSegmenter:
    """Segment lumbar spine MRI: weights once, then one scan after another.

    Args:
        weights: name of shipped weights, path of a file (``.safetensors`` or a checkpoint),
            or several, which vote; None for the default of the shipped ones.
        scheme: label scheme of the labels; None for that of the network.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        engine: ``torch``, or ``onnx`` for ONNX Runtime on the CPU (extra ``onnx``).
        threads: of the processor while it predicts; None for as many as torch has.
        weighting: of several votes, ``mean`` or ``certainty``.
        scales: sizes at which each network sees the anatomy; several vote.
        instances: whether labels are cleaned, and vertebrae and discs told apart and named.
        lowest: name of the lowest vertebra in view, as ``L5``, if a user knows it.
        cleaning: what is mended; None for the default.
        rules: what of unusual scans is read.

    Attributes:
        predictor: what says the probabilities.
        origin: what its weights say of themselves.
        scheme: of the labels.
        weights: ``file`` and ``sha256`` of each.
        quality: what is known of the network's predictions; None where no
            ``NAME.quality.json`` lies beside its weights, or several vote.
        quality_told: its file, or why there is none.

    Raises:
        CheckpointError: if weights are refused, or there are none.
        ConfigError: if the scheme cannot hold what the network finds, or an option is wrong.

    Example:
        ``SpineSegmenter("phantom2d").segment("scan.nii.gz").save("labels.nii.gz")``
    """

    def __init__(
        self,
        weights: str | Path | Sequence[str | Path] | None = None,
        *,
        scheme: str | None = None,
        device: str = "auto",
        engine: Engine = "torch",
        threads: int | None = None,
        weighting: Weighting = "mean",
        scales: Sequence[float] = (1.0,),
        instances: bool = True,
        lowest: str | None = None,
        cleaning: Cleaning | None = None,
        rules: InputRules = PLAIN,
    ) -> None:
        several = [weights] if weights is None or isinstance(weights, (str, Path)) else weights
        files = [find_weights(given) for given in several]
        self.device = read_device(device)
        predictor, origin = load_members(
            files,
            weighting=weighting,
            scales=scales,
            engine=engine,
            threads=threads,
            device=self.device,
        )
        self._take(predictor, origin, scheme, SpineReader(lowest, cleaning) if instances else None)
        self.rules = rules
        self.weights = [{"file": path.name, "sha256": digest_file(path)} for path in files]
        plain = tuple(scales) == (1.0,)  # as the quality model knows the network
        self.quality = quality_beside(files, origin.weights_digests) if plain else None
        self.quality_told = tell_quality(
            files, origin.weights_digests, plain=plain, known=self.quality is not None
        )

    @classmethod
    def of(
        cls,
        predictor: Predictor,
        origin: Origin,
        *,
        scheme: str | None = None,
        reader: SpineReader | None = None,
    ) -> SpineSegmenter:
        """Return a segmenter of a predictor that is there already.

        Args:
            predictor: says the probabilities.
            origin: what it is made of.
            scheme: of the labels; None for ``origin.target_scheme``.
            reader: of instances and levels; None for neither.
        """
        made = cls.__new__(cls)
        made.device, made.weights, made.quality = torch.device("cpu"), [], None
        made.rules, made.quality_told = PLAIN, "none: the predictor came without one"
        made._take(predictor, origin, scheme, reader)
        return made

    def _take(
        self,
        predictor: Predictor,
        origin: Origin,
        scheme: str | None,
        reader: SpineReader | None,
    ) -> None:
        self.predictor, self.origin, self.reader = predictor, origin, reader
        self.scheme = writable_scheme(
            scheme or origin.target_scheme, predictor, counts=reader is not None
        )
        self.groups = tuple(name for name in REPORT_GROUPS if name in predictor.groups)

    @property
    def made_by(self) -> dict[str, object]:
        """Return what made its labels, as plain JSON types."""
        return {
            "weights": self.weights,
            "network_scheme": self.origin.target_scheme,
            "quality_model": self.quality_told,
            "cleaning": None if self.reader is None else self.reader.switches(),
        }

    def segment(
        self,
        source: Source,
        *,
        affine: Array | None = None,
        probabilities: bool = False,
        uncertainty: bool = False,
        untrusted: bool = False,
        rules: InputRules | None = None,
    ) -> Segmentation:
        """Segment one scan.

        Where more is to be learnt from the probabilities than their greatest, a watcher of
        :func:`spinesynth.pipelines.slab_reading.likeliest_structures` sees each slab of them.

        Args:
            source: path of an image or a DICOM folder; a ``MetaTensor`` ``(1, I, J, K)`` or
                ``(I, J, K)`` of any orientation; or voxels ``(I, J, K)`` with ``affine``.
            affine: 4x4, voxel index to world mm (RAS+), of voxels that know none.
            probabilities: whether those of all classes are kept, 4 bytes a voxel and class.
            uncertainty: whether a map of it is made.
            untrusted: whether a file comes from a stranger: it is read as
                :class:`~spinesynth.io.dicom_series.DicomChoices` says.
            rules: what of unusual scans is read; None for those of the segmenter.

        Raises:
            InputError: if the scan is refused.
            TypeError: if voxels come without an affine.
            ValueError: if the network's output is not finite.
        """
        start, rules = time.perf_counter(), self.rules if rules is None else rules
        with collect_warnings() as warnings:
            image = _read(source, affine, rules, untrusted=untrusted)
            if rules.strict and _SERIES not in image.meta:  # there notes on files are enough
                refuse_warnings(warnings)
            read = time.perf_counter()
            keepers = [SlabKeeper(len(self.predictor.structures), image.shape[1:])] * probabilities
            maps = [UncertaintyMap(tuple(image.shape[1:]))] * uncertainty
            gatherer = DoubtGatherer(self.predictor.structures, image, groups=self.predictor.groups)
            watchers: list[Watcher] = [*keepers, *maps, gatherer]
            structures = likeliest_structures(self.predictor, image, watchers=watchers)
            predicted = time.perf_counter()
            reading = None if self.reader is None else self.reader(structures, image.affine)
            structures = structures if reading is None else reading.structures
            labels = encode_labels(self.scheme, structures, reading)
            warnings.extend(() if reading is None else reading.notes)
            is_empty = not bool(structures.any())
            doubt = judge(gatherer.features(), self.quality, is_empty=is_empty)
            warnings.extend(flag.message for flag in doubt.flags)
        return Segmentation(
            image, structures, labels, self.scheme, self.groups, reading,
            keepers[0].volume if keepers else None,
            {
                "read": read - start, "predict": predicted - read,
                "label": time.perf_counter() - predicted,
            },
            tuple(warnings), doubt, maps[0].percent if maps else None,
        )  # fmt: skip


def _read(
    source: Source, affine: Array | None, rules: InputRules, *, untrusted: bool
) -> MetaTensor:
    """Return a canonical image, whatever it was given as."""
    if isinstance(source, (str, Path)):
        if Path(source).is_symlink():
            _LOG.warning("%s: a link, followed to %s", source, os.path.realpath(source))
        return read_image(source, rules, untrusted=untrusted)
    if isinstance(source, MetaTensor):
        if "source_affine" in source.meta and affine is None:
            return source  # canonical already
        affine = np.asarray(source.affine.cpu()) if affine is None else affine
    if affine is None:
        raise TypeError("affine must be given with voxels that know none, got None")
    if isinstance(source, Tensor):
        source = source.detach().cpu().as_subclass(Tensor).numpy()
    voxels = source[0] if source.ndim == 4 and len(source) == 1 else source
    return canonical_image(take_array(voxels, np.asarray(affine, dtype=np.float64), rules), rules)
