"""One page over several runs that opens and prints anywhere: figures as of a paper, each number with its runs."""

from collections.abc import Callable, Sequence
from html import escape

from attrs import field, frozen
from matplotlib.figure import Figure

from ups_framework.errors import RunError
from ups_framework.runs import page
from ups_framework.runs.bench_figures import MAIN
from ups_framework.runs.bench_rows import STATED_TEST
from ups_framework.runs.bench_tables import difference, mean_and_sd
from ups_framework.runs.comparing import RunComparison, compare_runs
from ups_framework.runs.entrants import Entrant, entrants_of, references_of
from ups_framework.runs.environment import code_in_words
from ups_framework.runs.joint_curves import errors_over_time, joint_spectra, pareto, with_same_truth
from ups_framework.runs.joint_pictures import MOST_SHOWN, joint_fields
from ups_framework.runs.plot_style import png
from ups_framework.runs.records import Record, read_json
from ups_framework.runs.run_record import RunRecord
from ups_framework.runs.tables import number


@frozen(kw_only=True)
class _Subject:
    """What the page is about, and what was drawn for it."""

    found: RunComparison
    entrants: Sequence[Entrant]
    command: str
    numbers: dict[str, str] = field(factory=dict)
    """What each run is called on the page: R1, R2, ..."""

    def of(self, entrant: Entrant) -> str:
        """The recipe's name and its runs."""
        return f"{entrant.name} [{' '.join(self.numbers[run.name] for run in entrant.runs)}]"


def joint_report(records: Sequence[RunRecord], command: str) -> bytes:
    """The page; `command` is what makes it again. Runs that differ in their seed alone are one recipe with a spread.

    RunError where protocols differ, a run cannot be read, or none has results.
    """
    found = compare_runs(records)
    entrants = entrants_of(found)
    if not entrants:
        raise RunError("none of these runs has results yet, so that there is nothing to report")
    runs = [run.name for entrant in entrants for run in entrant.runs]
    numbers = {name: f"R{index}" for index, name in enumerate(runs, start=1)}
    subject = _Subject(found=found, entrants=entrants, command=command, numbers=numbers)
    body = [_header(subject), *(section(subject) for section in _SECTIONS)]
    return page.page("Report over runs", body).encode()


def _header(subject: _Subject) -> str:
    first = subject.entrants[0].runs[0]
    facts = {
        "data": first.recipe["data"]["use"],
        "recipes": str(len(subject.entrants)),
        "runs": str(len(subject.numbers)),
        "seeds that all have": " ".join(map(str, subject.found.figures.seeds)) or "–",
    }
    title = " · ".join(entrant.name for entrant in subject.entrants[:3])
    more = len(subject.entrants) - 3
    return page.header(title + (f" and {more} more" if more > 0 else ""), "ups · report over runs", facts)


def _results(subject: _Subject) -> str:
    figures = [name for name in MAIN if name in subject.found.figures.figures]
    rows = {subject.of(each): [mean_and_sd(each.row, name) for name in figures] for each in subject.entrants}
    text = (
        "On the test data, mean ± sd over seeds. In brackets are the runs that a row is made of; the last section says "
        "where each is and how it was made. Times are those of the machine as it was."
    )
    alarms = [page.missing(str(alarm)) for alarm in subject.found.alarms]
    repeats = [page.missing(f"{name} repeats {of} and is left out.") for name, (of, _) in subject.found.repeats.items()]
    table = page.table(["recipe", *figures], rows)
    parts = [page.paragraph(text), table, _reference_table(subject), *alarms, *repeats]
    return page.section("results", "Results", parts)


def _reference_table(subject: _Subject) -> str:
    rows = {
        f"{name} [{subject.numbers[run.name]}]": [
            number(run.metric("one_step", row=name)),
            number(run.metric("rollout", row=name)),
        ]
        for name, run in references_of(subject.entrants).items()
    }
    if not rows:
        return ""
    return page.heading("References") + page.table(["no training", "one-step nrmse", "rollout nrmse"], rows)


def _pareto(subject: _Subject) -> str:
    figure = pareto(subject.entrants, references_of(subject.entrants))
    caption = (
        "Each point is a recipe: mean over seeds, bars of one standard deviation. Lower left is better. Only costs "
        "that tell the recipes apart are drawn, and references that are not far away; the table above has all."
    )
    return _section("pareto", "Error against cost", [_figure("pareto", figure, caption, "No run states its cost.")])


def _rollout(subject: _Subject) -> str:
    figure = errors_over_time(subject.entrants, references_of(subject.entrants))
    caption = "Mean over seeds, bands of one standard deviation; reference rows in grey."
    otherwise = "No recipe has an error at each step in all its runs."
    return _section("rollout", "Error over rollout time", [_figure("rollout error", figure, caption, otherwise)])


def _spectra(subject: _Subject) -> str:
    caption = (
        "Averaged over the saved test trajectories; where a curve falls below the truth, small scales are missing."
    )
    return _section("spectra", "Energy spectra", _each_channel(subject, joint_spectra, caption))


def _pictures(subject: _Subject) -> str:
    caption = "One test trajectory. All fields share a colour scale, and so do all errors (prediction − truth)."
    if len(subject.entrants) > MOST_SHOWN:
        caption += f" The first {MOST_SHOWN} recipes are shown."
    return _section("pictures", "Predictions and errors", _each_channel(subject, joint_fields, caption))


def _each_channel(
    subject: _Subject, draw: Callable[[Sequence[Entrant], int], Figure | None], caption: str
) -> list[str]:
    first = next((each for each in subject.entrants if each.predictions is not None), None)
    if first is None or first.predictions is None:
        return [page.missing("No run has saved predictions.")]
    runs = [
        next(run for run in each.runs if run.folder.predictions.exists()) for each in with_same_truth(subject.entrants)
    ]
    of = f" Of {', '.join(subject.numbers[run.name] for run in runs)}, which have the same test trajectories."
    return [
        _figure(name, draw(subject.entrants, index), f"{name}. {caption}{of}", "There is no such picture of this data.")
        for index, name in enumerate(first.predictions.channels)
    ]


def _ablation(subject: _Subject) -> str:
    """What each recipe has otherwise than the first, and what its figures do."""
    figures = [name for name in subject.found.figures.figures if name in MAIN and "nrmse" in name]
    first, *others = subject.entrants
    head = '<th scope="col">recipe</th><th scope="col" class="text">differs from the first in</th>'
    head += "".join(f'<th scope="col">{escape(name)}</th>' for name in figures)
    lines = [_ablation_line(subject, first, "–", figures), *(_compared(subject, each, figures) for each in others)]
    table = f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'
    seeds = " ".join(map(str, subject.found.figures.seeds)) or "none"
    text = f"Each recipe beside the first, over the seeds that all have ({seeds}); {STATED_TEST}."
    return _section("ablation", "What the differences do", [page.paragraph(text), table])


def _compared(subject: _Subject, entrant: Entrant, figures: Sequence[str]) -> str:
    return _ablation_line(subject, entrant, "\n".join(entrant.differs) or "nothing that is in the recipe", figures)


def _ablation_line(subject: _Subject, entrant: Entrant, differs: str, figures: Sequence[str]) -> str:
    cells = "".join(_ablation_cell(subject, entrant, figure) for figure in figures)
    what = escape(differs).replace("\n", "<br>")
    return f'<tr><th scope="row">{escape(subject.of(entrant))}</th><td class="text">{what}</td>{cells}</tr>'


def _ablation_cell(subject: _Subject, entrant: Entrant, figure: str) -> str:
    value = escape(mean_and_sd(entrant.row, figure))
    judged = entrant.row.judged.get(figure)
    if judged is None:
        return f"<td>{value}</td>"
    kind = judged.verdict if judged.verdict in ("better", "worse") else "noise"
    said = f"{escape(difference(subject.found.figures, entrant.row, figure))}<br>{escape(judged.verdict)}"
    return f'<td>{value}<br><span class="verdict {kind}">{said}</span></td>'


def _origin(subject: _Subject) -> str:
    """Where each number comes from, and the commands that give it again."""
    runs = [run for entrant in subject.entrants for run in entrant.runs]
    rows = {subject.numbers[run.name]: _made(run) for run in runs}
    table = page.table(["", "folder", "seed", "status", "commit", "data", "torch", "made by"], rows)
    paths = " ".join(str(run.folder.path) for run in runs)
    commands = {
        "this page": subject.command,
        "all figures with verdicts": f"ups compare {paths}",
        "one run": f"ups show {runs[0].folder.path}",
        "measure one again": f"ups eval {runs[0].folder.path}",
    }
    text = (
        "Errors are those of each folder's evaluation.json, times of its metrics.jsonl, pictures of its "
        "predictions.npz. These commands print them again:"
    )
    protocol = {key: str(value) for key, value in runs[0].evaluation["protocol"].items()}
    parts = [table, page.paragraph(text), page.definitions(commands), page.heading("Protocol")]
    return _section("origin", "Where the numbers come from", [*parts, page.definitions(protocol)])


def _made(run: RunRecord) -> list[str]:
    environment: Record = read_json(run.folder.environment) if run.folder.environment.exists() else {}
    commit = code_in_words(environment) if environment else "–"
    known = [environment.get("data_digest", "–"), environment.get("torch", "–")]
    command = " ".join(environment.get("command", ())) or "–"
    return [str(run.folder.path), str(run.seed), run.status, commit, *map(str, known), command]


def _figure(name: str, figure: Figure | None, caption: str, otherwise: str) -> str:
    return page.missing(otherwise) if figure is None else page.figure(name, png(figure), caption)


def _section(identifier: str, title: str, parts: Sequence[str]) -> str:
    return page.section(identifier, title, parts)


_SECTIONS = (_results, _pareto, _rollout, _spectra, _pictures, _ablation, _origin)
