"""A resolved recipe: everything that determines a run, typed and frozen. Each field's text is its documentation."""

from typing import Literal

from attrs import field, frozen, validators

from ups_framework.api import (
    Baseline,
    Dataset,
    Decoder,
    Encoder,
    Guard,
    LatentSize,
    LatentTransform,
    LossTerm,
    Metric,
    Operator,
    Picture,
    Sampler,
)

Part = Literal["encoder", "operator", "decoder"]

_at_least_0 = validators.ge(0)
_not_negative = validators.ge(0.0)
_at_least_1 = validators.ge(1)
_fraction = validators.and_(validators.ge(0.0), validators.le(1.0))
_part = validators.and_(_not_negative, validators.lt(1.0))


@frozen(kw_only=True)
class WeightedTerm:
    """One table `[losses.<name>]`: a loss term and how much it counts. The term's own fields stand there too."""

    loss: LossTerm
    """The term: `use` names it."""

    weight: float | None = field(default=None, validator=validators.optional(validators.gt(0.0)))
    """Factor of the raw value; 1 if neither `weight` nor `share` is given."""

    share: float | None = field(
        default=None, validator=validators.optional(validators.and_(validators.gt(0.0), validators.lt(1.0)))
    )
    """In place of `weight`: the term's gradient norm as a share of the sum over all terms, kept by measuring."""

    ramp: float = field(default=0.0, validator=_fraction)
    """Fraction of the stage over which the weight grows linearly from zero."""

    def __attrs_post_init__(self) -> None:
        if self.weight is not None and self.share is not None:
            raise ValueError("a term has either 'weight' or 'share', not both")


@frozen(kw_only=True)
class SimulatorSettings:
    """`[simulator]`: how one frame follows another, and how latents become fields."""

    rollout: Literal["latent", "field"] = "field"
    """From one predicted frame to the next: `latent` goes on from the latent, which costs the operator alone; `field`
    decodes the frame on the training grid and encodes it again, so that latents do not drift from those of fields.
    With `corrects` it says what the solver goes on from: see there."""

    predicts: Literal["state", "change"] = "change"
    """`state`: the decoder gives the field. `change`: what the decoder gives, less what it gives for the start, is
    added to the known start field: an untrained operator is persistence, and encoding the start loses nothing."""

    corrects: str | None = None
    """Name of a baseline of this recipe that makes each step: the networks are given its frame and add what it gets
    wrong there, so that untrained they are that solver. With `rollout = "field"` the solver goes on from the corrected
    frame, and gradients pass it as if it changed nothing; with `"latent"` it goes on from its own frame, and no
    correction is ever built upon. It takes its time in every step of training too."""

    def __attrs_post_init__(self) -> None:
        if self.corrects is not None and self.predicts != "change":
            raise ValueError("'corrects' adds a change to the solver's frame: it needs predicts = 'change'")


@frozen(kw_only=True)
class Stage:
    """`[stages.<name>]`: which parts train on which losses, for how long. Stages run in the order of the recipe."""

    steps: int = field(validator=_at_least_0)
    """Optimiser steps; 0 skips the stage."""

    trains: tuple[Part, ...] = field(validator=validators.min_len(1))
    """Parts that the optimiser changes."""

    losses: tuple[str, ...] = field(validator=validators.min_len(1))
    """Names of the loss tables that make the objective."""

    unroll: int = field(default=1, validator=_at_least_0)
    """Predicted frames per window at the end of the stage; 0 where a stage only reconstructs."""

    curriculum: float = field(default=0.0, validator=_part)
    """Fraction of the stage with one predicted frame, less than 1; the rest adds frames evenly up to `unroll`."""

    detach_every: int = field(default=0, validator=_at_least_0)
    """Cut the gradient between unrolled steps after every so many; 0 never cuts."""

    select: Literal["reconstruction", "one_step", "rollout"] = "rollout"
    """Which validation nRMSE chooses the checkpoint that the stage ends with, and stops it early."""


@frozen(kw_only=True)
class Optimizer:
    """`[optimizer]`: AdamW or Muon, with linear warm-up and cosine decay as a function of the step."""

    method: Literal["adamw", "muon"] = "adamw"
    """`adamw` for all parameters (Loshchilov & Hutter 2019). `muon` for matrices of at least 16 rows and columns, and
    AdamW for all others: the step is the momentum with all its singular values set to about 1 (Jordan et al. 2024),
    scaled to the size of AdamW's steps (Liu et al. 2025), so that rates and decay mean the same."""

    learning_rate: float = field(default=1e-3, validator=validators.gt(0.0))
    """Highest learning rate of each stage."""

    warmup: float = field(default=0.05, validator=_fraction)
    """Fraction of the stage over which the rate grows linearly from zero."""

    final: float = field(default=0.01, validator=_fraction)
    """Rate at the end of the stage as a fraction of the highest."""

    weight_decay: float = field(default=1e-4, validator=_not_negative)
    """Decoupled weight decay of matrices; vectors (norms, biases) have none."""

    betas: tuple[float, float] = field(default=(0.9, 0.99), validator=validators.deep_iterable(_part))
    """Decay of AdamW's running means of the gradient and of its square; Muon's momentum is 0.95."""

    clip: float | None = field(default=None, validator=validators.optional(validators.gt(0.0)))
    """Largest norm of the whole gradient; leave out for no clipping."""

    ema: float = field(default=0.999, validator=_part)
    """Decay of the moving average of the weights that is validated and saved; 0 takes the weights as they are."""


@frozen(kw_only=True)
class Training:
    """`[training]`: batches, precision, and how often things happen (in optimiser steps)."""

    batch: int = field(default=32, validator=_at_least_1)
    """Windows per forward pass."""

    accumulate: int = field(default=1, validator=_at_least_1)
    """Forward passes per optimiser step: `accumulate = k` with `batch = b` sees the windows of `batch = k b`, and is
    the same but for terms that are no plain mean over the batch: these are averaged over passes."""

    precision: Literal["float32", "bfloat16"] = "float32"
    """Precision of the networks' matrix products; losses, FFTs and weights stay in float32."""

    compile: bool = False
    """Compile encoder, operator and decoder with `torch.compile`."""

    augment: bool = True
    """Apply the dataset's symmetries to every training window."""

    log_every: int = field(default=20, validator=_at_least_1)
    """Steps between two records of the training loss."""

    validate_every: int = field(default=200, validator=_at_least_1)
    """Steps between two validations."""

    audit_every: int = field(default=200, validator=_at_least_1)
    """Steps between two audits of the gradients, which also set the weights of terms with a `share`; a stage has four
    more within its first so many."""

    checkpoint_every: int = field(default=200, validator=_at_least_1)
    """Steps between two checkpoints to resume from."""

    patience: int | None = field(default=None, validator=validators.optional(_at_least_1))
    """Stop a stage after so many validations without a new best; leave out to run all its steps."""


@frozen(kw_only=True)
class Evaluation:
    """`[evaluation]`: how the simulator is measured on the test split."""

    context: int = field(default=10, validator=_at_least_1)
    """Frames given to every method; predictions start after the last of them and run to the end."""

    super_resolution: tuple[int, ...] = field(default=(1, 2, 4), validator=validators.deep_iterable(_at_least_1))
    """Factors of the training resolution at which the rollout is measured against truth of that resolution."""

    batch: int = field(default=64, validator=_at_least_1)
    """Trajectories per forward pass."""


@frozen(kw_only=True)
class Tracking:
    """`[tracking]`: where a run can be watched."""

    aim: bool = True
    """Show the run in Aim too, in the repository of the runs folder."""

    server: str | None = field(default=None, validator=validators.optional(validators.matches_re(r"aim://\S+")))
    """Address of an Aim server, `aim://HOST:PORT`, that is to show the run instead of the runs folder."""


@frozen(kw_only=True)
class Gate:
    """`[gates.<name>]`: what a run has to reach, which changes nothing about its training.

    It passes, fails, or is missing, which is no pass. Beside the metric stands one of `at_most`, `at_least` and
    `not_worse_than`.
    """

    metric: str
    """Path of a number in the model's row of the evaluation, such as `rollout.nrmse` or `rollout.by_field.u`, or in the
    rest of it: `super_resolution.2.nrmse`, `cost.parameters`."""

    at_most: float | None = None
    """Largest value that passes; with `relative_to` a factor of the other run's value."""

    at_least: float | None = None
    """Smallest value that passes; with `relative_to` a factor of the other run's value."""

    relative_to: str | None = None
    """Name of a run beside this one, in the same folder of runs: its value is what the bound is a factor of."""

    not_worse_than: str | None = None
    """Name of a run beside this one: a paired t-test over the seeds that both recipes have in that folder, three at
    least, must not call this one worse; less is better."""

    def __attrs_post_init__(self) -> None:
        rules = [name for name in ("at_most", "at_least", "not_worse_than") if getattr(self, name) is not None]
        if len(rules) != 1:
            found = f"found {' and '.join(rules)}" if rules else "found none"
            raise ValueError(f"a gate has one of 'at_most', 'at_least' and 'not_worse_than', {found}")
        if self.relative_to is not None and self.not_worse_than is not None:
            raise ValueError("'relative_to' goes with 'at_most' or 'at_least', not with 'not_worse_than'")

    @property
    def reference(self) -> str | None:
        """The run that it names."""
        return self.relative_to or self.not_worse_than


@frozen(kw_only=True)
class Recipe:
    """Everything that determines a run."""

    description: str = ""
    """One sentence for people: shown in reports and in Aim, and changes nothing else."""

    cost: Literal["seconds", "minutes", "hours", "days"] | None = None
    """How long a run takes on the machine it is meant for (on two CPU cores with the profile `cpu`, where it has one):
    shown by `ups recipes`, and changes nothing else."""

    data: Dataset
    """The PDE and its trajectories."""

    latent: LatentSize
    """Size of the latent state."""

    encoder: Encoder
    """Fields → latent."""

    operator: Operator
    """Latent → latent one step later."""

    decoder: Decoder
    """Latent → fields at any points."""

    sampler: Sampler
    """Which points a step supervises."""

    losses: dict[str, WeightedTerm]
    """Named loss terms; the name is the metric, the audit row and the address for `--set`."""

    stages: dict[str, Stage] = field(validator=validators.min_len(1))
    """Named stages, run in this order."""

    metrics: dict[str, Metric]
    """Named metrics of the evaluation."""

    baselines: dict[str, Baseline]
    """Named reference rows of the evaluation."""

    latent_transforms: dict[str, LatentTransform] = field(factory=dict)
    """Named maps of latents, in this order, after the encoder and after each step of the operator."""

    guards: dict[str, Guard] = field(factory=dict)
    """Named properties that every prediction has by construction, in this order."""

    pictures: dict[str, Picture] = field(factory=dict)
    """Named pictures that plugins add to the report."""

    gates: dict[str, Gate] = field(factory=dict)
    """Named conditions on the results: `ups run` ends with their verdicts. They change nothing else."""

    prices: dict[str, float] = field(factory=dict)
    """What an hour of a device costs, by the device's name and in any currency: for `ups plan`, and changes nothing."""

    seed: int = field(default=0, validator=_at_least_0)
    """Seed of weights, batches and samplers. The data has its own seed."""

    data_folder: str = "data"
    """Folder for data files, relative to the current folder."""

    simulator: SimulatorSettings = field(factory=SimulatorSettings)
    """How one frame follows another, and how latents become fields."""

    optimizer: Optimizer = field(factory=Optimizer)
    """How weights change."""

    training: Training = field(factory=Training)
    """Batches, precision and intervals."""

    evaluation: Evaluation = field(factory=Evaluation)
    """How the result is measured."""

    tracking: Tracking = field(factory=Tracking)
    """Where the run can be watched."""

    @prices.validator
    def _none_is_negative(self, attribute: object, prices: dict[str, float]) -> None:
        for device, price in prices.items():
            if price < 0:
                raise ValueError(f"an hour of {device!r} cannot cost {price:g}")
