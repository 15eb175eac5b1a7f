"""Files in, validated RAS tensors out, and back onto the source's grid.

Import from the modules: :mod:`~spinesynth.io.discover` (find cases),
:mod:`~spinesynth.io.load_case` (load one), :mod:`~spinesynth.io.volume`
(read one file or DICOM series),
:mod:`~spinesynth.io.write` (write one file), :mod:`~spinesynth.io.dicom_seg`
(write a DICOM segmentation), :mod:`~spinesynth.io.splits`,
:mod:`~spinesynth.io.tables`, :mod:`~spinesynth.io.monai_reader`. Every refusal is an
:class:`~spinesynth.io.problems.InputFileError` with a stable code.
"""
