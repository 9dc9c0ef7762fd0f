"""The examples in documents and docstrings run."""

import doctest
import importlib
from pathlib import Path

import pytest
from receiver import Recorded

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "python/README.md", ROOT / "docs/python.md"]
MODULES = ["", "._decorator", ".api_instrumentation"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_program_of_a_document_runs(recorded: Recorded, document: Path) -> None:
    _, _, rest = document.read_text().partition("```python\n")
    program, _, _ = rest.partition("```\n")
    exec(compile(program, str(document), "exec"), {"__name__": "document"})
    assert len(recorded.spans()) >= 2


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(recorded: Recorded, name: str) -> None:
    module = importlib.import_module(f"continuum.observability{name}")
    results = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert results.attempted > 0
    assert results.failed == 0
