"""What a lumbar spine is: structures, label schemes, tissues and the phantom.

Import from the modules: :mod:`~spinesynth.anatomy.structures` (codes),
:mod:`~spinesynth.anatomy.label_schemes` (other code tables),
:mod:`~spinesynth.anatomy.annotation` (what a source annotates),
:mod:`~spinesynth.anatomy.tissues` (signal), :mod:`spinesynth.anatomy.phantom`.
"""
