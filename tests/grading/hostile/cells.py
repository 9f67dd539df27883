"""Forging by the notebook: metadata, tags, doubled and missing cells, and cells that change later cells."""

from hostile.payloads import table
from hostile.submission import (
    FIRST,
    GAN_TASKS,
    Change,
    Notebook,
    Submission,
    code_cell,
    grade_id,
    learner_cells,
    right,
)

PASS = "print('public checks passed.')\n"
VERDICT = {"task": FIRST, "passed": True, "points": 99, "verdict": "right"}


def checks(notebook: Notebook) -> list[Notebook]:
    return [cell for cell in notebook["cells"] if grade_id(cell).startswith("check_")]


def checks_pass(notebook: Notebook) -> None:
    for cell in checks(notebook):
        cell["source"] = PASS


def tagged(tag: str) -> Change:
    def change(notebook: Notebook) -> None:
        for cell in notebook["cells"]:
            cell["metadata"]["tags"] = [tag]

    return change


def more_points(notebook: Notebook) -> None:
    for cell in checks(notebook):
        cell["metadata"]["nbgrader"].update(points=10_000, locked=False)
        cell["source"] = "10_000"


def doubled(notebook: Notebook) -> None:
    notebook["cells"] += [dict(cell, source=PASS) for cell in checks(notebook)]
    notebook["cells"] += [code_cell(f"{t} = print", nbgrader={"grade_id": t, "solution": True}) for t in GAN_TASKS]


def no_checks(notebook: Notebook) -> None:
    notebook["cells"] = [cell for cell in notebook["cells"] if not grade_id(cell).startswith("check_")]


def checks_as_text(notebook: Notebook) -> None:
    for cell in checks(notebook):
        cell["cell_type"] = "raw"
        del cell["outputs"], cell["execution_count"]


def checks_as_solutions(notebook: Notebook) -> None:
    for cell in checks(notebook):
        cell["metadata"]["nbgrader"]["grade_id"] = grade_id(cell).removeprefix("check_")
        cell["source"] = PASS


def forged_outputs(notebook: Notebook) -> None:
    data = {
        "text/plain": "public checks passed.",
        "application/vnd.course+json": VERDICT,
        "application/json": VERDICT,
    }
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [{"output_type": "display_data", "data": data, "metadata": VERDICT}]
            cell["metadata"]["papermill"] = {"status": "completed", "exception": False}
    notebook["metadata"]["course"] = {"points": 99, "version": "../../../../etc", "exercise": "../secret"}


def other_kernel(notebook: Notebook) -> None:
    notebook["metadata"]["kernelspec"] = {"name": "../../@TOKEN@", "language": "bash", "display_name": "x"}
    notebook["metadata"]["language_info"] = {"name": "bash", "file_extension": "/../@TOKEN@"}
    touch = "__import__('os').system('touch @CANARY@/@TOKEN@')"
    notebook["metadata"]["papermill"] = {"parameters": {"x": touch}}


def parameters(notebook: Notebook) -> None:
    notebook["cells"].insert(0, code_cell("check = print\n", tags=["parameters", "injected-parameters"]))


def setup_replaced(notebook: Notebook) -> None:
    setup = next(
        cell for cell in notebook["cells"] if "from course_lib.tasks import check" in "".join(cell["source"])
    )
    setup["source"] = "import torch\ncheck = collect = print\n"


def one_name_for_all(notebook: Notebook) -> None:
    for cell in notebook["cells"]:
        cell["metadata"]["nbgrader"]["grade_id"] = FIRST


def odd_names(notebook: Notebook) -> None:
    for cell in notebook["cells"]:
        cell["metadata"]["nbgrader"] = {"grade_id": [None, {}], "points": -1}


def no_metadata(notebook: Notebook) -> None:
    for cell in notebook["cells"]:
        cell["metadata"] = {}


FORGED: dict[str, Change] = {
    "checks-pass": checks_pass,
    "points": more_points,
    "doubled": doubled,
    "no-checks": no_checks,
    "checks-as-text": checks_as_text,
    "checks-as-solutions": checks_as_solutions,
    "forged-outputs": forged_outputs,
    "other-kernel": other_kernel,
    "parameters": parameters,
    "setup-replaced": setup_replaced,
    "one-name-for-all": one_name_for_all,
    "odd-names": odd_names,
    "no-metadata": no_metadata,
    **{f"tag-{tag}": tagged(tag) for tag in ("skip-execution", "raises-exception", "remove-cell", "remove_cell")},
}


def submissions() -> list[Submission]:
    found = [
        Submission(f"notebook-{name}", "the rebuilt notebook", "the file", change=change)
        for name, change in FORGED.items()
    ]
    for one in table("rewriters"):
        change = learner_cells("ip = get_ipython()\n" + one.source)
        cells = right(FIRST)
        found.append(
            Submission(f"rewrites-{one.name}", "later cells", "IPython", cells, earned=(FIRST,), change=change)
        )
    return found
