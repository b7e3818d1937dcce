"""Worked examples of backpropagation as JSON for the page; those of jaxdl are written in tests/backpropagation."""

from jaxdl.backpropagation import worked_example
from jaxdl.reports.worked_examples import write_worked_examples
from jaxdl.runs import files


def test_every_step_is_written_with_its_shape_and_formatted_values(tmp_path):
    example = worked_example("xor")
    write_worked_examples(tmp_path, [example, example._replace(title="Another")])
    pages = files.read_json(tmp_path / "pages.json")
    assert [page["title"] for page in pages] == [example.title, "Another"]
    by_name = {step["name"]: step for step in pages[0]["steps"]}
    assert by_name["x1"]["shape"] == "4×2"
    assert by_name["x1"]["value"] == [["0", "-1"], ["1", "0"], ["1", "0"], ["2", "1"]]
    assert by_name["x5"] == {**by_name["x5"], "shape": "one number", "value": [["0.25"]]}
