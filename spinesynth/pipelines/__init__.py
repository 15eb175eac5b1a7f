"""Files in, files out: data sets, training, prediction, evaluation, report.

========================= =====================================================
``read_config``           read the YAML of an experiment, or refuse it with every error
``parse_config``          the same for a mapping
``ExperimentConfig``      the configuration itself
``check_data``            list every problem of a data set
``split_cases``           split cases by patient
``write_phantom_dataset`` a data set without any data
``write_em_labels``       label maps divided by the intensities of their images
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

Each is loaded from its module when it is first asked for, so that the command
line can look a light one up without waiting for the heavy ones.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spinesynth.pipelines.bundle_export import export_bundle
    from spinesynth.pipelines.check import check_data
    from spinesynth.pipelines.conditions import degrade_case
    from spinesynth.pipelines.config import ExperimentConfig
    from spinesynth.pipelines.config_reading import parse_config, read_config
    from spinesynth.pipelines.consistency import evaluate_consistency
    from spinesynth.pipelines.contrast_chart import draw_contrast_chart
    from spinesynth.pipelines.cross_validation import run_folds
    from spinesynth.pipelines.demo import run_demo
    from spinesynth.pipelines.doubt import judge
    from spinesynth.pipelines.em_labels import write_em_labels
    from spinesynth.pipelines.ensemble import EnsemblePredictor, load_members
    from spinesynth.pipelines.estimate_priors import fit_contrast_prior
    from spinesynth.pipelines.evaluate import evaluate_cases
    from spinesynth.pipelines.experiment import run_experiment, train_models
    from spinesynth.pipelines.finetune import run_finetune
    from spinesynth.pipelines.fit_quality import fit_quality_model
    from spinesynth.pipelines.gallery import draw_gallery
    from spinesynth.pipelines.instance_evaluation import evaluate_instances
    from spinesynth.pipelines.measure_doubt import run_doubt_test
    from spinesynth.pipelines.measured_files import MeasuredFiles, MeasuredTSE
    from spinesynth.pipelines.nnunet_export import export_nnunet
    from spinesynth.pipelines.onnx_export import export_onnx
    from spinesynth.pipelines.patient_statistics import StatisticsPlan, run_statistics
    from spinesynth.pipelines.phantom_sheet import draw_phantom_sheet
    from spinesynth.pipelines.preannotate import prepare_annotation
    from spinesynth.pipelines.predict import VolumePredictor, load_predictor
    from spinesynth.pipelines.prediction_features import DoubtGatherer
    from spinesynth.pipelines.pseudo_labels import write_pseudo_labels
    from spinesynth.pipelines.qmri_prepare import prepare_qmri
    from spinesynth.pipelines.reality_gap import run_gap
    from spinesynth.pipelines.report import build_report, fill_report
    from spinesynth.pipelines.robustness import evaluate_robustness, robustness_summary
    from spinesynth.pipelines.robustness_run import run_robustness
    from spinesynth.pipelines.score_store import ScoreStore
    from spinesynth.pipelines.segment import segment_files
    from spinesynth.pipelines.segmenter import Segmentation, SpineSegmenter
    from spinesynth.pipelines.soup import cook_soup
    from spinesynth.pipelines.split import split_cases
    from spinesynth.pipelines.study import run_study
    from spinesynth.pipelines.suite import evaluate_conditions
    from spinesynth.pipelines.suite_export import export_suite
    from spinesynth.pipelines.suite_models import CallableModel, SavedPredictions
    from spinesynth.pipelines.suite_run import run_suite
    from spinesynth.pipelines.sweep import run_sweep
    from spinesynth.pipelines.sweep_plan import read_sweep
    from spinesynth.pipelines.synthesize import synthesize_cases
    from spinesynth.pipelines.tool_comparison import compare_tools
    from spinesynth.pipelines.train import Trainer
    from spinesynth.pipelines.uncertainty_map import UncertaintyMap
    from spinesynth.pipelines.weights_export import export_weights
    from spinesynth.pipelines.write_phantoms import write_phantom_dataset

__all__ = [
    "CallableModel",
    "DoubtGatherer",
    "EnsemblePredictor",
    "ExperimentConfig",
    "MeasuredFiles",
    "MeasuredTSE",
    "SavedPredictions",
    "ScoreStore",
    "Segmentation",
    "SpineSegmenter",
    "StatisticsPlan",
    "Trainer",
    "UncertaintyMap",
    "VolumePredictor",
    "build_report",
    "check_data",
    "compare_tools",
    "cook_soup",
    "degrade_case",
    "draw_contrast_chart",
    "draw_gallery",
    "draw_phantom_sheet",
    "evaluate_cases",
    "evaluate_conditions",
    "evaluate_consistency",
    "evaluate_instances",
    "evaluate_robustness",
    "export_bundle",
    "export_nnunet",
    "export_onnx",
    "export_suite",
    "export_weights",
    "fill_report",
    "fit_contrast_prior",
    "fit_quality_model",
    "judge",
    "load_members",
    "load_predictor",
    "parse_config",
    "prepare_annotation",
    "prepare_qmri",
    "read_config",
    "read_sweep",
    "robustness_summary",
    "run_demo",
    "run_doubt_test",
    "run_experiment",
    "run_finetune",
    "run_folds",
    "run_gap",
    "run_robustness",
    "run_statistics",
    "run_study",
    "run_suite",
    "run_sweep",
    "segment_files",
    "split_cases",
    "synthesize_cases",
    "train_models",
    "write_em_labels",
    "write_phantom_dataset",
    "write_pseudo_labels",
]

_MODULES = {
    "CallableModel": "suite_models",
    "EnsemblePredictor": "ensemble",
    "ExperimentConfig": "config",
    "MeasuredFiles": "measured_files",
    "MeasuredTSE": "measured_files",
    "SavedPredictions": "suite_models",
    "ScoreStore": "score_store",
    "Segmentation": "segmenter",
    "SpineSegmenter": "segmenter",
    "StatisticsPlan": "patient_statistics",
    "Trainer": "train",
    "VolumePredictor": "predict",
    "build_report": "report",
    "check_data": "check",
    "compare_tools": "tool_comparison",
    "cook_soup": "soup",
    "degrade_case": "conditions",
    "draw_contrast_chart": "contrast_chart",
    "draw_gallery": "gallery",
    "draw_phantom_sheet": "phantom_sheet",
    "evaluate_cases": "evaluate",
    "evaluate_conditions": "suite",
    "evaluate_consistency": "consistency",
    "evaluate_instances": "instance_evaluation",
    "evaluate_robustness": "robustness",
    "export_bundle": "bundle_export",
    "export_nnunet": "nnunet_export",
    "export_onnx": "onnx_export",
    "export_suite": "suite_export",
    "export_weights": "weights_export",
    "fill_report": "report",
    "fit_contrast_prior": "estimate_priors",
    "load_members": "ensemble",
    "load_predictor": "predict",
    "parse_config": "config_reading",
    "prepare_annotation": "preannotate",
    "prepare_qmri": "qmri_prepare",
    "read_config": "config_reading",
    "read_sweep": "sweep_plan",
    "robustness_summary": "robustness",
    "run_demo": "demo",
    "run_experiment": "experiment",
    "run_finetune": "finetune",
    "run_folds": "cross_validation",
    "run_gap": "reality_gap",
    "run_robustness": "robustness_run",
    "run_statistics": "patient_statistics",
    "run_study": "study",
    "run_suite": "suite_run",
    "run_sweep": "sweep",
    "segment_files": "segment",
    "fit_quality_model": "fit_quality",
    "run_doubt_test": "measure_doubt",
    "DoubtGatherer": "prediction_features",
    "UncertaintyMap": "uncertainty_map",
    "judge": "doubt",
    "split_cases": "split",
    "synthesize_cases": "synthesize",
    "train_models": "experiment",
    "write_em_labels": "em_labels",
    "write_phantom_dataset": "write_phantoms",
    "write_pseudo_labels": "pseudo_labels",
}


def __getattr__(name: str) -> object:
    """Load a public name from its module."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
