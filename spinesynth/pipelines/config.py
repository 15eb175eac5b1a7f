"""The configuration of an experiment: one YAML file, checked before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from spinesynth.errors import ConfigError
from spinesynth.pipelines.config_fields import (
    NAME_PATTERN,
    Factors,
    LogGamma,
    LogStrength,
    LossName,
    Models,
    NetworkName,
    NonNegative,
    OddSize,
    PatchSize,
    Probability,
    Size,
    SpacingMM,
    Switch,
    Thickness,
    Traits,
    Weight,
)


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_truth_values(cls, value: object, info: ValidationInfo) -> object:
        # `steps: yes` would otherwise count as 1; only switches are truth values
        if info.field_name and cls.model_fields[info.field_name].annotation is bool:
            return value
        items = value if isinstance(value, list | tuple) else [value]
        if any(isinstance(item, bool) for item in items):
            raise ValueError("must not be true or false")
        return value


class DataConfig(_Section):
    """Which cases train, validate and test.

    Attributes:
        train_sources: sources whose cases are split into train, validation and
            test patients; every other source is tested on whole.
        train_contrasts: contrasts that models are trained on; the test patients'
            other contrasts are tested too.
        test_patients: patients of the train sources held out for the test.
        val_patients: patients of the train sources held out for validation.
        max_train_patients: use at most this many for training, the first of an order
            drawn with ``split_seed``, so that fewer are among more; None for all.
        split_seed: seed of the split.
        include_sources: sources to use at all; None for every one in the table.
        phantom_patients: without a table, how many phantom patients to draw.
        folds: of a cross-validation by patient, in place of ``test_patients``; those of
            every source are dealt into them, and each is tested in one.
        fold: number of the fold that is tested, from 1 on.
        training_labels: manifest CSV or folder whose label maps model A paints in place
            of the table's, for the same training and validation patients (as made by
            ``spinesynth em-labels``); relative to the current directory.
        pseudo_labels: manifest CSV of label maps that a model made (``spinesynth
            pseudo-label``), which train beside the annotated cases; likewise.
        cache: where loaded cases are kept: ``memory``, or files on the ``disk`` that are
            read as needed, for data larger than the memory.
        cache_dir: folder of those files, which trainings may share.
    """

    train_sources: tuple[str, ...] = ("phantom",)
    train_contrasts: tuple[str, ...] | None = None
    test_patients: Annotated[int, Field(ge=1)] = 4
    val_patients: Annotated[int, Field(ge=1)] = 2
    max_train_patients: Annotated[int, Field(ge=1)] | None = None
    split_seed: int = 0
    include_sources: tuple[str, ...] | None = None
    phantom_patients: Annotated[int, Field(ge=4)] = 12
    training_labels: str | None = None
    pseudo_labels: str | None = None
    folds: Annotated[int, Field(ge=2)] | None = None
    fold: Annotated[int, Field(ge=1)] = 1
    cache: Literal["memory", "disk"] = "memory"
    cache_dir: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _parts_belong_together(self) -> Self:
        if self.fold > (self.folds or 1):
            raise ValueError(f"fold must be at most folds ({self.folds or 1}), got {self.fold}")
        if self.cache == "disk" and self.cache_dir is None:
            raise ValueError("cache_dir must name a folder with cache: disk")
        return self

    @property
    def cache_folder(self) -> Path | None:
        """Folder of a cache on the disk, None for one in memory."""
        return Path(self.cache_dir) if self.cache == "disk" and self.cache_dir else None


class NetworkConfig(_Section):
    """The network, the same for every model of an experiment (docs/networks.md).

    Attributes:
        name: of a kind of network.
        dims: spatial axes: 2 takes sagittal slices, 3 volumes; ``training.patch_size``
            has as many.
        base_features: features of the first level; they double at each level.
        slices: sagittal slices that it sees at once, as channels: 1 is 2D; 3 is 2.5D,
            the slice and its neighbours. Only the middle one is segmented. With
            ``dims: 3`` it is 1.
        neighbour_mm: least distance of neighbours; where slices lie closer, farther
            ones are taken.
        gradient_checkpointing: compute activations twice to save memory, where the
            network can.
        deep_supervision: train coarser levels too, where the network can.
        parameters: further arguments of the network's class.
    """

    name: NetworkName = "unet"
    dims: Literal[2, 3] = 2
    base_features: Annotated[int, Field(ge=1)] = 16
    slices: OddSize = 1
    neighbour_mm: Annotated[float, Field(gt=0, le=50)] = 2.0
    gradient_checkpointing: Switch = False
    deep_supervision: Switch = False
    parameters: dict[str, Any] = {}


class SynthesisConfig(_Section):
    """The random chain from label map to image.

    Attributes:
        recipe: name of a recipe of the package, or path of a YAML file.
        without: stages of the recipe to leave out.
        overrides: parameters by stage that replace those of the recipe.
        slice_thickness_mm: range of the thickness that a slice averages; volumes get
            theirs from the stages of the recipe.
        phantom_share: share of samples painted over phantoms instead of the
            label maps. Masks of narrow slabs show no flank of the body; phantoms
            do, and hold no real image either.
        phantoms: how many phantoms to draw for it.
        phantoms_without: traits that they lack, to ask what each is worth.
        paint_on: where model A's training images are painted: by the workers of the
            ``loader``, or on the ``device`` of the network (docs/training.md).
    """

    recipe: str = "lumbar"
    without: tuple[str, ...] = ()
    overrides: dict[str, dict[str, Any]] = {}
    slice_thickness_mm: Thickness = (0.0, 5.0)
    phantom_share: Probability = 0.0
    phantoms: Annotated[int, Field(ge=1)] = 24
    phantoms_without: Traits = ()
    paint_on: Literal["loader", "device"] = "loader"


class AugmentationConfig(_Section):
    """What real training images go through; the deformation is that of synthesis.

    Attributes:
        strength: ``strong`` adds what nnU-Net's DA5 trainer does, with its figures
            (:mod:`spinesynth.pipelines.strong_augmentation`).
        bias_strength: spread of the log bias field.
        noise_sigma: of Rician noise, relative to the image's maximum.
        log_gamma: logarithm of the exponent.
    """

    strength: Literal["standard", "strong"] = "standard"
    bias_strength: LogStrength = (0.0, 0.3)
    noise_sigma: NonNegative = (0.0, 0.03)
    log_gamma: LogGamma = (-0.3, 0.3)


class TrainingConfig(_Section):
    """Optimisation, equal for every model of an experiment.

    Attributes:
        patch_size: voxels of what the network sees, along A and S, or R, A and S.
        spacing_mm: their size, one number or one for each axis.
        foreground_share: share of samples whose patch lies about a labelled voxel, of
            a structure drawn among those there, each as likely; the others lie anywhere.
        loss: over what a source annotates (docs/networks.md).
        loss_parameters: further arguments of the loss.
        class_weights: weight of a class by its name in the target scheme; 1 where
            none is said.
        optimiser: ``sgd`` takes ``momentum``, Nesterov's.
        weight_decay: of every weight.
        schedule: of the learning rate. ``plateau`` lowers it where the validation
            stands still (``plateau_patience``, ``plateau_threshold``,
            ``plateau_factor``), ``cosine`` and ``polynomial`` raise it over
            ``warmup_steps`` and lower it at each step, to a thousandth at the last.
        warmup_steps: fewer than ``steps``.
        accumulate_steps: parts that each batch goes through the network in, for less
            memory; divides ``batch_size``.
        ema_decay: of the exponential moving average of the weights, which is what
            is validated and saved; 0 keeps the latest weights.
        precision: of the forward pass; ``float16`` needs a CUDA device.
        channels_last: lay tensors out with their channels together.
        compile: let torch compile the network.
        checkpoint_every: steps between the saved states that a training can go on
            from; None for each validation. There is one after each validation anyway.
        early_stopping_patience: end after so many validations in a row that were
            not better than the best; None to take all steps.
        keep_best: checkpoints of the best validations that stay.
        keep_last: checkpoints of the last validations that stay, beside those.
        final_choice: what decides which of them becomes ``best``: the validation
            ``samples``, or whole ``volumes``, the validation patients' real scans.
        tensorboard: write curves and pictures for TensorBoard.
        centre_weight: of a further loss: the network regresses Gaussians about the centres
            of vertebral bodies in one more channel, which nothing but training sees; 0
            for none (docs/networks.md).
        centre_sigma_mm: of those Gaussians, about a fifth of a body's height; nominal.
        real_share: share of model A's samples that are real images, augmented as B's;
            with 0 it opens none. The mode of a run says so.
        start_from: checkpoint of the same network and target to start from, relative to
            the current directory; None for random weights.
    """

    steps: Annotated[int, Field(ge=1)] = 200
    validate_every: Annotated[int, Field(ge=1)] = 50
    batch_size: Annotated[int, Field(ge=1)] = 8
    patch_size: PatchSize = (192, 192)
    spacing_mm: SpacingMM = 1.0
    foreground_share: Probability = 0.0
    learning_rate: Annotated[float, Field(gt=0)] = 2e-3
    loss: LossName = "dice_ce"
    loss_parameters: dict[str, Any] = {}
    class_weights: dict[str, Weight] = {}
    optimiser: Literal["adam", "adamw", "sgd"] = "adam"
    momentum: Annotated[float, Field(gt=0, lt=1)] = 0.99
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    schedule: Literal["plateau", "cosine", "polynomial"] = "plateau"
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    plateau_patience: Annotated[int, Field(ge=0)] = 3
    plateau_threshold: Annotated[float, Field(ge=0, lt=1)] = 0.01
    plateau_factor: Annotated[float, Field(gt=0, lt=1)] = 0.5
    gradient_clip: Annotated[float, Field(gt=0)] = 5.0
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.99
    accumulate_steps: Annotated[int, Field(ge=1)] = 1
    precision: Literal["float32", "bfloat16", "float16"] = "bfloat16"
    channels_last: Switch = False
    compile: Switch = False
    val_samples: Annotated[int, Field(ge=1)] = 32
    workers: Annotated[int, Field(ge=0)] = 1
    checkpoint_every: Annotated[int, Field(ge=1)] | None = None
    early_stopping_patience: Annotated[int, Field(ge=1)] | None = None
    keep_best: Size = 1
    keep_last: Size = 1
    final_choice: Literal["samples", "volumes"] = "samples"
    tensorboard: Switch = False
    centre_weight: Annotated[float, Field(ge=0)] = 0.0
    centre_sigma_mm: Annotated[float, Field(gt=0, le=50)] = 5.0
    real_share: Probability = 0.0
    start_from: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _numbers_fit_together(self) -> Self:
        problems = []
        if self.warmup_steps >= self.steps:
            problems.append(
                f"warmup_steps must be fewer than steps ({self.steps}), got {self.warmup_steps}"
            )
        if self.batch_size % self.accumulate_steps:
            problems.append(
                f"accumulate_steps must divide batch_size ({self.batch_size}), "
                f"got {self.accumulate_steps}"
            )
        if problems:
            raise ValueError("; ".join(problems))
        return self


class EvaluationConfig(_Section):
    """Prediction and the tests."""

    overlap: Annotated[float, Field(ge=0, lt=1)] = 0.25
    batch_size: Annotated[int, Field(ge=1)] = 8
    resolution_factors: Factors = (1.0, 2.0, 3.0, 4.0)
    max_robustness_cases: Annotated[int, Field(ge=1)] | None = None


class ExperimentConfig(_Section):
    """One experiment: data, synthesis, training and tests of models A and B."""

    name: Annotated[str, Field(pattern=NAME_PATTERN)]
    description: str = ""
    seed: int = 42
    models: Models = ("A", "B")
    target_scheme: Literal["spine6", "semantic4", "binary_vertebra"] = "spine6"
    data: DataConfig = DataConfig()
    network: NetworkConfig = NetworkConfig()
    synthesis: SynthesisConfig = SynthesisConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    training: TrainingConfig = TrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()

    @model_validator(mode="after")
    def _parts_can_be_built(self) -> Self:
        from spinesynth.pipelines.chains import augmentation_chain, synthesis_chain  # need this
        from spinesynth.pipelines.network_plan import axes_problems, training_problems

        problems = training_problems(self)
        if self.training.real_share > 0 and self.data.training_labels is not None:
            problems.append(
                "training.real_share: data.training_labels are painted, they label no real image; "
                "leave one of the two out"
            )
        if self.training.real_share > 0 and self.synthesis.paint_on == "device":
            problems.append(
                "synthesis.paint_on: a batch with training.real_share above 0 comes whole from the "
                "loader; use paint_on: loader, or real_share: 0"
            )
        try:
            if not axes_problems(self):  # else nothing could be built
                synthesis_chain(self)
                augmentation_chain(self)
        except (ConfigError, ValueError) as error:
            problems.append(f"synthesis: {error}")
        if problems:
            raise ValueError("; ".join(problems))
        return self
