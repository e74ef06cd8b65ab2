"""`ups eval`: measure the simulator of a run again."""

from pathlib import Path

import click

from ups_framework.cli.options import OutFile, settings_option


@click.command("eval")
@click.argument("run", type=click.Path(path_type=Path))
@settings_option
@click.option("--out", type=OutFile(), help="Write the result as JSON here too.")
def command(run: Path, settings: tuple[str, ...], out: Path | None) -> None:
    """Evaluate the simulator of the folder RUN on its test data.

    --set changes the data or the protocol, such as evaluation.context=1, or gates; the simulator stays as it was
    trained. The run's own files stay as they are. Exit code 1 if a gate did not pass.
    """
    from ups_framework.cli.gates import exit_by_gates, print_gates
    from ups_framework.cli.results import print_evaluation
    from ups_framework.runs.again import evaluate_again, judge_again
    from ups_framework.runs.folder import RunFolder
    from ups_framework.runs.records import write_json

    folder = RunFolder.open_begun(run)
    evaluation = evaluate_again(folder, settings, click.echo)
    print_evaluation(evaluation)
    verdicts = judge_again(folder, settings, evaluation)
    print_gates(verdicts)
    if out is not None:
        write_json(out, evaluation)
    exit_by_gates(verdicts)
