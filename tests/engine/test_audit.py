"""The audit tells the truth about gradients, and stops what does nothing."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import pytest
import torch

from ups_framework.api import Step
from ups_framework.engine.audit import GradientNorms, audit_rows, measure_gradients, woken
from ups_framework.engine.batches import Batches
from ups_framework.engine.prepare import Prepared
from ups_framework.engine.randomness import seeded
from ups_framework.engine.state import begin_stage
from ups_framework.errors import PluginError, RunError

if TYPE_CHECKING:
    from tests.engine.conftest import Prepare, Train

LATENT = {"norm": 'use = "latent_norm", weight = 0.2', "forward": 'use = "latent_forward", weight = 0.5'}
LATENT_FIRST = {"norm": 'use = "latent_norm", weight = 0.2'}


def measure(prepared: Prepared) -> tuple[GradientNorms, Callable[[], Step]]:
    """What the audit of the stage `operator` finds, and the batch that it measures."""
    begin_stage(prepared.system, 1)
    batches, objective = Batches(prepared.system, prepared.data, "operator"), prepared.system.objectives["operator"]
    trained = prepared.system.trained_parts("operator")
    norms = measure_gradients(objective, lambda: batches.audit_step(0), trained, chance)
    return norms, lambda: batches.audit_step(0)


def chance() -> AbstractContextManager[None]:
    return seeded(torch.device("cpu"), 0, "audit")


def test_the_shares_of_all_rows_sum_to_one(train: "Train") -> None:
    for _, _, rows in train(terms=LATENT).log.audited_at:
        assert sum(row.share for row in rows) == pytest.approx(1.0)
        assert sum(row.loss_share for row in rows) == pytest.approx(1.0)


def test_gradient_norms_are_those_of_autograd(prepare_recipe: "Prepare") -> None:
    prepared = prepare_recipe("simulator.predicts=state", terms=LATENT)
    (norms, make_batch), simulator = measure(prepared), prepared.system.simulator
    for name, term in prepared.system.objectives["operator"].terms.items():
        simulator.zero_grad()
        with woken(list(simulator.parameters()), chance):
            value = term(make_batch())
            value.backward()
        assert norms.raw[name] == pytest.approx(value.item(), rel=1e-6)
        for part in ("encoder", "operator", "decoder"):
            gradients = [p.grad for p in simulator.get_submodule(part).parameters() if p.grad is not None]
            by_hand = torch.cat([gradient.flatten() for gradient in gradients]).norm().item() if gradients else 0.0
            assert norms.parts[name][part] == pytest.approx(by_hand, rel=1e-4, abs=1e-12), (name, part)


def test_measuring_leaves_gradients_and_weights_as_they_were(prepare_recipe: "Prepare") -> None:
    prepared = prepare_recipe()
    simulator = prepared.system.simulator
    before = {name: tensor.clone() for name, tensor in simulator.state_dict().items()}
    marked = next(simulator.encoder.parameters())
    marked.grad = torch.ones_like(marked)
    measure(prepared)
    assert torch.equal(marked.grad, torch.ones_like(marked))
    assert sum(parameter.grad is not None for parameter in simulator.parameters()) == 1
    assert all(torch.equal(tensor, before[name]) for name, tensor in simulator.state_dict().items())


def test_another_term_changes_nothing_of_what_the_audit_says_of_the_first(train: "Train") -> None:
    """Also where the network itself draws: drop path."""
    settings = ("operator.depth=2", "operator.drop_path=0.5", "stages.operator.steps=1", "stages.autoencode.steps=0")
    alone = train(*settings).log.audited_at[0][2]
    both = train(*settings, 'stages.operator.losses=["norm", "prediction", "reconstruction"]', terms=LATENT_FIRST)
    before = {row.term: row.raw for row in alone}
    after = {row.term: row.raw for row in both.log.audited_at[0][2]}
    assert {name: after[name] for name in before} == before


def test_what_is_satisfied_only_because_nothing_is_trained_yet_has_an_effect(train: "Train") -> None:
    """An untrained operator conserves exactly; woken, it has the gradient that conservation will have."""
    run = train("stages.operator.steps=3", terms={"mass": 'use = "conservation", share = 0.05'})
    first = next(rows for stage, _, rows in run.log.audited_at if stage == "operator")
    assert {row.term: row.share for row in first}["mass"] == pytest.approx(0.05)


def test_waking_leaves_what_is_trained_alone_and_puts_zeros_back(prepare_recipe: "Prepare") -> None:
    parameters = list(prepare_recipe().system.simulator.operator.parameters())
    before = [parameter.detach().clone() for parameter in parameters]
    with woken(parameters, chance):
        assert all(parameter.any() for parameter in parameters)
        assert all(torch.equal(p, b) for p, b in zip(parameters, before, strict=True) if b.any())
    assert all(torch.equal(p, b) for p, b in zip(parameters, before, strict=True))


def test_parts_that_a_stage_does_not_train_are_not_in_its_audit(train: "Train") -> None:
    parts = {(stage, tuple(row.gradient)) for stage, _, rows in train().log.audited_at for row in rows}
    assert parts == {("autoencode", ("encoder", "decoder")), ("operator", ("encoder", "operator", "decoder"))}


def test_a_term_without_a_gradient_path_stops_the_run_and_is_named(train: "Train") -> None:
    with pytest.raises(RunError, match=r"losses\.dead: has no effect in stage 'operator'") as stopped:
        train(terms={"alive": 'use = "latent_norm"', "dead": 'use = "detached"'})
    assert "alive" not in str(stopped.value)


def test_a_term_that_gives_no_scalar_is_named(train: "Train") -> None:
    with pytest.raises(PluginError, match=r"losses\.odd: gave a tensor of shape \(4,\); a loss term gives a scalar"):
        train(terms={"odd": 'use = "unreduced"'})


def test_a_term_that_reads_no_trained_part_stops_the_run(train: "Train") -> None:
    """The reconstruction does not pass through the operator."""
    with pytest.raises(RunError, match=r"losses\.reconstruction: has no effect .*every trained part \(operator\)"):
        train('stages.operator.trains=["operator"]')


@pytest.mark.parametrize("predicts", ["state", "change"])
@pytest.mark.parametrize("size", ["weight = 1.0", "share = 0.1"])
def test_a_periodic_jump_under_a_decoder_that_wraps_round_is_refused(train: "Train", predicts: str, size: str) -> None:
    with pytest.raises(RunError, match=r"losses\.walls: has no effect .* satisfy it by construction"):
        train(f"simulator.predicts={predicts}", terms={"walls": f'use = "boundary", {size}'})


def test_all_terms_without_effect_are_named_at_once(train: "Train") -> None:
    with pytest.raises(RunError) as stopped:
        train(terms={"dead": 'use = "detached"', "walls": 'use = "boundary"'})
    assert [line.split(":")[0] for line in str(stopped.value).splitlines()] == ["losses.dead", "losses.walls"]


def test_a_term_that_is_nan_from_the_start_is_called_nan_and_no_other_term_is_blamed(train: "Train") -> None:
    with pytest.raises(RunError, match=r"losses\.broken.* not finite") as stopped:
        train(terms={"broken": 'use = "breaks", call = 1'})
    assert "losses.prediction" not in str(stopped.value)


def test_a_share_below_one_per_cent_is_flagged(train: "Train") -> None:
    run = train(terms={"tiny": 'use = "latent_norm", weight = 1e-6', "fair": 'use = "latent_norm", share = 0.1'})
    rows = {
        row.term: row for stage, step, rows in run.log.audited_at if (stage, step) == ("operator", 0) for row in rows
    }
    assert {name for name, row in rows.items() if row.low} == {"tiny"}
    assert rows["fair"].share == pytest.approx(0.1)


def test_a_share_is_kept_though_an_untrained_operator_gives_the_term_nothing_to_do(train: "Train") -> None:
    """Persistence conserves exactly, so that the first measurement sees rounding errors only."""
    run = train(
        "training.audit_every=1",
        "training.augment=false",
        "stages.operator.steps=40",
        terms={"mass": 'use = "conservation", share = 0.05'},
    )
    shares = [row.share for stage, _, rows in run.log.audited_at if stage == "operator" for row in rows[-1:]]
    assert max(shares[1:]) < 0.5
    assert 0.01 < shares[-1] < 0.2


def test_rows_are_weighted_values_and_norms() -> None:
    norms = GradientNorms(raw={"a": 2.0, "b": -1.0}, parts={"a": {"e": 3.0, "o": 4.0}, "b": {"e": 0.0, "o": 10.0}})
    first, second = audit_rows(norms, {"a": 0.5, "b": 3.0})
    assert (first.raw, first.weighted, first.loss_share) == (2.0, 1.0, 0.25)
    assert first.share == pytest.approx(2.5 / 32.5)
    assert (second.weighted, second.loss_share) == (-3.0, 0.75)
    assert first.gradient == {"e": 1.5, "o": 2.0}


@pytest.mark.parametrize(("one_sided", "limit", "stops"), [(True, 1e3, False), (False, 1e3, True), (True, 0.0, False)])
def test_only_a_one_sided_term_may_be_satisfied_by_a_whole_batch(
    train: "Train", one_sided: bool, limit: float, stops: bool
) -> None:
    """A term that counts what exceeds a limit is 0 without a gradient below it."""
    terms = {"high": f'use = "{"capped" if one_sided else "capped_silently"}", limit = {limit}'}
    if stops:
        with pytest.raises(RunError, match=r"losses\.high: has no effect"):
            train(terms=terms)
    else:
        assert train(terms=terms).log.trained_at
