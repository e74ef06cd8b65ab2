"""The experiments of effects.py as data: a base recipe, what is laid over it, and what that should change."""

from attrs import frozen

BURGERS, WALLS, FLOW, HEAT = "Burgers, periodic", "Burgers between walls", "Navier–Stokes", "Heat, positive"

STEP = "step time"
"""The target that is timed, not read from runs."""

QUICK = (
    "data.train=4",
    "data.validation=2",
    "data.test=2",
    "training.batch=2",
    "stages.autoencode.steps=3",
    "stages.operator.steps=6",
)
"""What makes a recipe a matter of seconds."""

_COMMON = """
[stages.autoencode]
steps = {autoencode}

[stages.operator]
steps = {operator}
losses = {losses}

[optimizer]
method = "muon"
learning_rate = 2e-3

[training]
batch = {batch}
precision = "float32"
compile = false
log_every = 10
validate_every = 100
audit_every = 100
checkpoint_every = 100

[evaluation]
super_resolution = [1, 2]

[tracking]
aim = false
"""

_LOSSES = ("prediction", "rollout", "reconstruction")

_BURGERS = """
[data]
viscosity = [{viscosity}]
boundary = "{boundary}"
train = 64
validation = 8
test = 16

[decoder]
channels = 64

[operator]
depth = 2
"""

_FLOW = """
[data]
viscosity = 4e-3
points = 32
frames = 11
train = 64
validation = 4
test = 8

[latent]
width = 64

[encoder]
channels = 32

[decoder]
channels = 32

[operator]
depth = 2
width = 64
"""

_HEAT = """
[data]
starts = "hot_spots"
waves = 12
diffusivity = [0.001, 0.001]
train = 64
validation = 8
test = 16
"""

_METRICS = {
    BURGERS: """
[metrics]
conservation_drift = { use = "conservation_drift" }
dissipation_growth = { use = "dissipation_growth" }
pde_residual = { use = "pde_residual" }
roughness = { use = "roughness" }
""",
    WALLS: """
[metrics]
boundary_violation = { use = "boundary_violation" }
""",
    FLOW: """
[metrics]
divergence = { use = "divergence" }
mean_absolute_divergence = { use = "mean_absolute_divergence" }
conservation_drift = { use = "conservation_drift" }
dissipation_growth = { use = "dissipation_growth" }
pde_residual = { use = "pde_residual" }
roughness = { use = "roughness" }
""",
    HEAT: """
[metrics]
negativity = { use = "negativity" }
""",
}
"""What the experiments of a base aim at, so that its plain runs serve all of them."""

_BASES = {
    BURGERS: ("burgers:quick", _BURGERS.format(viscosity="0.01", boundary="periodic")),
    WALLS: ("burgers:quick", _BURGERS.format(viscosity="0.03", boundary="dirichlet")),
    FLOW: ("navier_stokes:decaying", _FLOW),
    HEAT: ("heat:quick", _HEAT),
}

_STEPS = {
    BURGERS: {"autoencode": 100, "operator": 350, "batch": 16},
    WALLS: {"autoencode": 100, "operator": 800, "batch": 16},
    FLOW: {"autoencode": 60, "operator": 240, "batch": 4},
    HEAT: {"autoencode": 100, "operator": 350, "batch": 16},
}

_SHORT = {BURGERS: "burgers", WALLS: "walls", FLOW: "flow", HEAT: "heat"}

_NEEDS = {HEAT: ("dataset heat",)}
"""Components of packages that are not installed with the framework: `pip install docs/examples/ups-heat`."""


def _recipe(base: str, changes: str, losses: tuple[str, ...]) -> str:
    """The base with top-level keys laid over it, and with more loss terms in the stage `operator`."""
    extends, tables = _BASES[base]
    common = _COMMON.format(**_STEPS[base], losses=[*_LOSSES, *losses])
    return f'extends = "{extends}"\n{changes}\n{tables}{common}{_METRICS[base]}'


PLAIN = {base: _recipe(base, "", ()) for base in _BASES}
"""Recipes without any of it: all points, no priors, guards or regularisation."""


@frozen(kw_only=True)
class Experiment:
    """One change to a base recipe."""

    name: str
    """For `--only`."""

    title: str
    """For tables."""

    base: str
    """Which plain recipe it is held to."""

    target: str
    """The figure that it is for."""

    recipe: str
    """The changed recipe, as TOML."""

    needs: tuple[str, ...]
    """Components that may not be installed, as `kind name`."""


def _component(base: str, kind: str, name: str, fields: str, target: str) -> Experiment:
    """One component, `fields` being its keys as an inline table holds them."""
    table = f'{{ use = "{name}"{", " + fields if fields else ""} }}'
    changes = {
        "sampler": f"sampler = {table}",
        "loss": f"losses = {{ {name} = {table} }}",
        "guard": f"guards = {{ {name} = {table} }}",
        "latent_transform": f"latent_transforms = {{ {name} = {table} }}",
    }
    return Experiment(
        name=f"{_SHORT[base]}/{name}",
        title=f"`{name}`" + (f" ({fields})" if fields else ""),
        base=base,
        target=target,
        recipe=_recipe(base, changes[kind], (name,) if kind == "loss" else ()),
        needs=(*_NEEDS.get(base, ()), f"{kind} {name}"),
    )


def _everything(base: str, prior: str, decoder: str) -> Experiment:
    """Phase 4 beside phase 3: sampling, inverse losses, a prior and latent regularisation at once."""
    terms = {
        "reencoding": '{ use = "inverse_decoding", share = 0.02, ramp = 0.2 }',
        prior: f'{{ use = "{prior}", share = 0.05, ramp = 0.2 }}',
        "latent_norm": '{ use = "latent_norm", share = 0.02 }',
        "latent_diversity": '{ use = "latent_diversity", share = 0.015 }',
    }
    losses = ", ".join(f"{name} = {table}" for name, table in terms.items())
    changes = f'sampler = {{ use = "uniform", fraction = 0.5 }}\nlosses = {{ {losses} }}'
    return Experiment(
        name=f"{_SHORT[base]}/phase4",
        title="phase 3 → phase 4",
        base=base,
        target="rollout nrmse",
        recipe=_recipe(base, changes, tuple(terms)).replace("[decoder]\n", f"[decoder]\n{decoder}\n"),
        needs=("sampler uniform", f"loss {prior}", "loss latent_norm", "loss latent_diversity"),
    )


def _operator(name: str, title: str, table: str) -> Experiment:
    """Another operator for Burgers."""
    return Experiment(
        name=f"{_SHORT[BURGERS]}/{name}",
        title=title,
        base=BURGERS,
        target=_ROLLOUT,
        recipe=_recipe(BURGERS, "", ()).replace("[operator]\ndepth = 2\n", f"[operator]\n{table}\n"),
        needs=(),
    )


_ROLLOUT = "rollout nrmse"

_SAMPLERS = (
    ("uniform", "fraction = 0.5", STEP),
    ("stratified", "fraction = 0.5", STEP),
    ("importance", "fraction = 0.5", _ROLLOUT),
    ("residual_adaptive", "fraction = 0.5", _ROLLOUT),
    ("off_grid", "fraction = 0.5", "2× finer nrmse"),
    ("per_sample", 'sampler = { use = "uniform", fraction = 0.5 }', _ROLLOUT),
    ("per_frame", 'sampler = { use = "uniform", fraction = 0.5 }', _ROLLOUT),
    ("curriculum", 'start = 0.1, end = 1.0, sampler = { use = "uniform", fraction = 0.5 }', STEP),
)

_LATENTS = (
    ("loss", "latent_norm", "share = 0.02", "token norm sd"),
    ("loss", "latent_diversity", "share = 0.015", "effective rank"),
    ("loss", "latent_smoothness", "weight = 0.1", _ROLLOUT),
    ("latent_transform", "latent_noise", "fraction = 0.02", _ROLLOUT),
    ("latent_transform", "soft_clip", "limit = 10.0", "token norm sd"),
)

_PRIORS = (
    (BURGERS, "loss", "conservation", "share = 0.3", "rollout conservation_drift"),
    (BURGERS, "loss", "dissipation", "share = 0.1", "rollout dissipation_growth"),
    (BURGERS, "loss", "smoothness", "share = 0.02", "rollout roughness"),
    (BURGERS, "loss", "pde_residual", "share = 0.05", "rollout pde_residual"),
    (BURGERS, "guard", "project_mean", "", "rollout conservation_drift"),
    (WALLS, "loss", "boundary", "share = 0.1", "rollout boundary_violation"),
    (FLOW, "loss", "divergence", "share = 0.05", "rollout mean_absolute_divergence"),
    (FLOW, "guard", "project_divergence_free", "", "rollout mean_absolute_divergence"),
    (FLOW, "loss", "conservation", "share = 0.3", "rollout conservation_drift"),
    (FLOW, "loss", "dissipation", "share = 0.2", "rollout dissipation_growth"),
    (FLOW, "guard", "project_mean", "", "rollout conservation_drift"),
    (FLOW, "loss", "smoothness", "share = 0.02", "rollout roughness"),
    (FLOW, "loss", "pde_residual", "share = 0.05", "rollout pde_residual"),
    (HEAT, "loss", "positivity", "share = 0.05", "rollout negativity"),
    (HEAT, "guard", "clamp_positive", "", "rollout negativity"),
)

_UNET = 'use = "transformer_unet"\nlevels = 2\ndepth = 1\nheads = 2'
_SEPARATED = 'attention = "channel_separated"'

_OPERATORS = (
    ("stack_channel_separated", "stack, channel-separated (width 72)", f"depth = 2\nwidth = 72\n{_SEPARATED}"),
    ("unet_standard", "U-Net, standard attention (width 36)", f"{_UNET}\nwidth = 36"),
    ("unet_channel_separated", "U-Net, channel-separated (width 40)", f"{_UNET}\nwidth = 40\n{_SEPARATED}"),
)
"""The cells of architecture × attention beside the plain one, a stack of width 64 with standard attention. Widths are
such that all have about as many parameters: the plain operator 125,056, these 125,704, 113,320 and 113,424."""

EXPERIMENTS = (
    *(_component(base, "sampler", *sampler) for base in (BURGERS, FLOW) for sampler in _SAMPLERS),
    *(_component(*prior) for prior in _PRIORS),
    *(_component(base, *latent) for base in (BURGERS, FLOW) for latent in _LATENTS),
    *(_operator(*operator) for operator in _OPERATORS),
    _everything(BURGERS, "conservation", "log_clamp = { u = 8.0 }"),
    _everything(FLOW, "divergence", "log_clamp = { velocity = 8.0 }"),
)
