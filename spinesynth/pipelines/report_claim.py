"""The CLAIM checklist, 2024 update, filled as far as a run's record can.

Source: Tejani et al. 2024, Checklist for Artificial Intelligence in Medical Imaging
(CLAIM): 2024 Update, Radiology: Artificial Intelligence 6(4):e240300,
doi 10.1148/ryai.240300. The titles of their 44 items are shortened.
"""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from spinesynth.pipelines.report_answers import ANSWERS, BY_AUTHORS
from spinesynth.pipelines.results import Results


class ClaimItem(NamedTuple):
    """Describe one item.

    Attributes:
        section: of the checklist.
        title: of the item.
    """

    section: str
    title: str


def fill_claim(results: Results) -> pd.DataFrame | None:
    """Return the checklist, a row an item; None where nothing was scored or recorded."""
    if results.manifest is None and results.metrics is None:
        return None
    told = {number: answer(results) for number, answer in ANSWERS.items()}
    rows = [
        (str(number), item.section, item.title, told.get(number) or BY_AUTHORS)
        for number, item in enumerate(CLAIM_ITEMS, start=1)
    ]
    return pd.DataFrame(rows, columns=["Item", "Section", "What it asks", "Answer"])


_ABSTRACT, _INTRODUCTION, _RESULTS = "Title and abstract", "Introduction", "Results"
_DATA, _REFERENCE = "Methods: data", "Methods: reference standard"
_TRAINING, _EVALUATION = "Methods: training", "Methods: evaluation"
_PARTITIONS, _MODEL = "Methods: data partitions", "Methods: model"

#: In their order, numbered from 1.
CLAIM_ITEMS: tuple[ClaimItem, ...] = (
    ClaimItem(_ABSTRACT, "Identification as a study of AI methodology"),
    ClaimItem(_ABSTRACT, "Structured summary"),
    ClaimItem(_INTRODUCTION, "Scientific and clinical background, intended use and role"),
    ClaimItem(_INTRODUCTION, "Study aims, objectives and hypotheses"),
    ClaimItem("Methods: study design", "Prospective or retrospective study"),
    ClaimItem("Methods: study design", "Study goal"),
    ClaimItem(_DATA, "Data sources"),
    ClaimItem(_DATA, "Inclusion and exclusion criteria"),
    ClaimItem(_DATA, "Data preprocessing"),
    ClaimItem(_DATA, "Selection of data subsets"),
    ClaimItem(_DATA, "De-identification methods"),
    ClaimItem(_DATA, "How missing data were handled"),
    ClaimItem(_DATA, "Image acquisition protocol"),
    ClaimItem(_REFERENCE, "Definition of methods used to obtain the reference standard"),
    ClaimItem(_REFERENCE, "Rationale for choosing the reference standard"),
    ClaimItem(_REFERENCE, "Source of reference standard annotations"),
    ClaimItem(_REFERENCE, "Annotation of the test set"),
    ClaimItem(_REFERENCE, "Inter- and intrarater variability"),
    ClaimItem(_PARTITIONS, "How data were assigned to partitions"),
    ClaimItem(_PARTITIONS, "Level at which partitions are disjoint"),
    ClaimItem("Methods: testing data", "Intended sample size"),
    ClaimItem(_MODEL, "Detailed description of the model"),
    ClaimItem(_MODEL, "Software libraries, frameworks and packages"),
    ClaimItem(_MODEL, "Initialization of model parameters"),
    ClaimItem(_TRAINING, "Details of the training approach"),
    ClaimItem(_TRAINING, "Method of selecting the final model"),
    ClaimItem(_TRAINING, "Ensembling techniques"),
    ClaimItem(_EVALUATION, "Metrics of model performance"),
    ClaimItem(_EVALUATION, "Statistical measures of significance and uncertainty"),
    ClaimItem(_EVALUATION, "Robustness or sensitivity analysis"),
    ClaimItem(_EVALUATION, "Methods for explainability or interpretability"),
    ClaimItem(_EVALUATION, "Evaluation on internal data"),
    ClaimItem(_EVALUATION, "Testing on external data"),
    ClaimItem(_EVALUATION, "Clinical trial registration"),
    ClaimItem(_RESULTS, "Numbers of patients or examinations included and excluded"),
    ClaimItem(_RESULTS, "Demographic and clinical characteristics of each partition"),
    ClaimItem(_RESULTS, "Performance metrics and statistical uncertainty"),
    ClaimItem(_RESULTS, "Estimates of diagnostic performance and their precision"),
    ClaimItem(_RESULTS, "Failure analysis of incorrect results"),
    ClaimItem("Discussion", "Study limitations"),
    ClaimItem("Discussion", "Implications for practice, intended use and clinical role"),
    ClaimItem("Other information", "Reference to the full study protocol"),
    ClaimItem("Other information", "Availability of software, model and data"),
    ClaimItem("Other information", "Sources of funding and role of funders"),
)
