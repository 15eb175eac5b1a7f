"""Catalogue of the pipelines: files in, files out.

Each name is the object of :mod:`spinesynth.pipelines`, given here under a short
name for the checkout. Installed, import from there.

========================= =====================================================
``read_config``           read the YAML of an experiment, or refuse it with every error
``parse_config``          the same for a mapping
``ExperimentConfig``      the configuration itself
``check_data``            list every problem of a data set
``split_cases``           split cases by patient
``write_phantom_dataset`` a data set without any data
``write_em_labels``       divide label maps by the intensities of their images
``prepare_qmri``          clean measured T1 and T2 maps, estimate proton density
``MeasuredFiles``         the files that it takes
``MeasuredTSE``           a turbo spin echo among them, with its TR and TE
``synthesize_cases``      synthetic images for the label maps of a data set
``fit_contrast_prior``    a contrast prior from images with label maps
``Trainer``               train one model
``VolumePredictor``       segment a volume with a network
``load_predictor``        a predictor from a checkpoint
``EnsemblePredictor``     several predictors that vote
``load_members``          what predicts with all of some checkpoints, at several scales
``cook_soup``             one checkpoint of the mean weights of several
``segment_files``         segment image files, each on its own grid
``SpineSegmenter``        segment one scan, from a file or an array
``Segmentation``          what it finds
``export_weights``        weights as safetensors, with a model card
``prepare_annotation``    segment scans for annotators, the most doubtful first
``fit_quality_model``     learn on phantoms when predictions are to be doubted
``run_doubt_test``        predicted beside true Dice on scans with references
``DoubtGatherer``         what a prediction tells of itself, slab by slab
``UncertaintyMap``        how undecided the network is at each voxel, slab by slab
``judge``                 predicted Dice of each structure, and flags
``write_pseudo_labels``   label scans with a model where it is confident, for training
``evaluate_cases``        score a predictor on cases
``evaluate_instances``    score vertebrae and discs one by one, between label maps that count
``evaluate_robustness``   score it at falling resolution
``robustness_summary``    what of the Dice is kept at each severity
``run_robustness``        both for a checkpoint, with a report
``evaluate_conditions``   score models side by side under every condition of the suite
``degrade_case``          a case as one of its conditions leaves it
``run_suite``             the suite from files, gone on with if stopped, with a report
``export_suite``          its images, for a tool that runs elsewhere
``CallableModel``         any Python callable as a model of the suite
``SavedPredictions``      what a tool has made of exported images, as another
``ScoreStore``            finished scores in a folder, which are not made again
``compare_tools``         score what other tools predicted, side by side
``export_nnunet``         write a data set in the layout of nnU-Net
``export_onnx``           write a network as an ONNX file, compared with torch first
``export_bundle``         write a network as a MONAI bundle
``train_models``          train A, B or both and leave their checkpoints
``run_experiment``        train A and B, test both, report
``run_folds``             an experiment once for each fold of its patients
``run_study``             several arms of one experiment, compared by patient
``run_finetune``          a checkpoint trained further on few real patients
``read_sweep``            what a sweep tries, from its YAML
``run_sweep``             train and score one trial after another
``run_demo``              pictures without any data
``draw_gallery``          each transform at several strengths, each recipe several times
``draw_contrast_chart``   tissue contrast over TR and TE, and a phantom imaged along a path
``draw_phantom_sheet``    random phantoms with labels and scans in several planes
``build_report``          a report from a run's tables
``fill_report``           tables and figures between the markers of a text
``run_statistics``        tests, reality gap, volumes and strata of runs, by patient
``StatisticsPlan``        what is asked of them
``evaluate_consistency``  predictions of two contrasts of one patient against each other
``run_gap``               that, and how far real scans lie from synthetic images
========================= =====================================================

Example:
    >>> from pipelines import read_config
    >>> read_config.__module__
    'spinesynth.pipelines.config_reading'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import spinesynth.pipelines as _home

if TYPE_CHECKING:
    from spinesynth.pipelines import *  # noqa: F403 type checkers need the names

__all__ = _home.__all__


def __getattr__(name: str) -> object:
    """Return what :mod:`spinesynth.pipelines` has under the name."""
    return getattr(_home, name)
