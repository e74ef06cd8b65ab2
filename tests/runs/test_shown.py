"""What records become in Aim: few names, and contexts that tell series apart."""

from ups_framework.runs.records import Record
from ups_framework.runs.shown import Point, of_audit, of_evaluation, of_metrics, results
from ups_framework.runs.text_tables import audit_text, results_text


def test_a_loss_term_has_a_series_for_each_of_its_values() -> None:
    record = {"stage": "operator", "step": 20, "subset": "train", "values": {"loss": 2.0}}
    record |= {"terms": {"mass": {"raw": 0.5, "weighted": 0.25}}}
    context = {"stage": "operator", "subset": "train"}
    assert list(of_metrics(record)) == [
        Point(name="loss", value=2.0, step=20, context=context),
        Point(name="loss", value=0.5, step=20, context={**context, "term": "mass", "value": "raw"}),
        Point(name="loss", value=0.25, step=20, context={**context, "term": "mass", "value": "weighted"}),
    ]


def test_what_comes_once_for_each_field_has_one_name_and_the_field_in_its_context() -> None:
    values = {"rollout.nrmse": 0.5, "rollout.nrmse.velocity_x": 0.25, "range_below.u.v": 1.0, "lost": None}
    record = {"stage": "a", "step": 1, "subset": "validation", "values": values, "terms": {}}
    found = {(point.name, point.context.get("field")): point.value for point in of_metrics(record)}
    expected = {("rollout.nrmse", None): 0.5, ("rollout.nrmse", "velocity_x"): 0.25, ("range_below", "u.v"): 1.0}
    assert found == expected


def test_an_audit_gives_shares_and_a_gradient_norm_for_each_part() -> None:
    row = {"term": "mass", "raw": 0.1, "weighted": 0.01, "share": None, "gradient": {"encoder": 1.0, "decoder": 2.0}}
    found = list(of_audit({"stage": "a", "step": 7, "rows": [row]}))
    assert [(point.name, point.value, point.context["part"]) for point in found] == [
        ("gradient_norm", 1.0, "encoder"),
        ("gradient_norm", 2.0, "decoder"),
    ]
    assert "| mass | 0.1 | 0.01     | –" in audit_text({"rows": [row]})


def test_an_evaluation_gives_metrics_by_row_horizon_and_field_and_errors_over_the_rollout() -> None:
    rollout = {"nrmse": 0.25, "by_step": [0.125, 0.375, None], "by_field": {"u": 0.25}}
    rows: dict[str, dict[str, Record]]
    rows = {"model": {"one_step": {"nrmse": 0.1}, "rollout": rollout}, "mean": {"rollout": {"nrmse": None}}}
    found = list(of_evaluation({"rows": rows, "super_resolution": {"2": {"nrmse": 0.3}}}, 100))
    by_step = {point.step: point.value for point in found if point.name == "nrmse_by_step"}
    assert by_step == {1: 0.125, 2: 0.375}
    assert [point.value for point in found if point.context.get("field") == "u"] == [0.25]
    assert [point.value for point in found if point.context.get("resolution") == "2x"] == [0.3]
    assert all(point.step == 100 for point in found if point.name == "nrmse")
    text = results_text(rows)
    assert text.splitlines()[0].split() == ["|", "row", "|", "one_step.nrmse", "|", "rollout.nrmse", "|"]
    assert "–" in text.splitlines()[-1]


def test_the_results_of_a_run_say_error_cost_and_verdicts() -> None:
    evaluation = {"rows": {"model": {"rollout": {"nrmse": 0.25}}}, "cost": {"parameters": 10, "train_seconds": None}}
    gates = {"gates": {"accuracy": {"state": "pass"}, "speed": {"state": "missing"}}}
    found = results(evaluation, gates)
    assert found["nrmse"] == {"model": {"rollout": 0.25}}
    assert found["cost"] == {"parameters": 10}
    assert found["verdicts"] == {"accuracy": "pass", "speed": "missing"}
    assert found["verdict"] == "missing"
    assert results(evaluation, {})["verdict"] == "no gates"
