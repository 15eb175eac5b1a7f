"""The commands of ``spinesynth``: options in, one call of a pipeline, a message out.

================ ============================================================
module           commands
================ ============================================================
``training``     train, experiment, evaluate
``robustness``   robustness
``prediction``   predict
``serving``      serve, preannotate
``doubt``        fit-quality, test-quality
``other_tools``  compare
``exports``      export nnunet, export onnx, export bundle, export weights
``weights``      weights list, weights verify
``label_maps``   phantom, em-labels, synth
``data``         check, estimate-priors, info
``pictures``     demo, gallery, report
================ ============================================================

What several of them take is in ``options``. Pipelines are imported within the
commands, so that help comes at once.
"""
