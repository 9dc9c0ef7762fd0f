"""The examples in documents and docstrings run, and every public name is described."""

import ast
import doctest
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
from receiver import Recorded

from continuum.observability import _native

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "python/README.md", ROOT / "docs/python.md"]
MODULES = ["", "._decorator", ".api_instrumentation"]
PACKAGE = ROOT / "python/src/continuum/observability"
STUB = PACKAGE / "_native.pyi"


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


def documented(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    """Functions and methods with their qualified names."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from documented(node, f"{prefix}{node.name}.")


def public() -> Iterator[tuple[str, ast.FunctionDef]]:
    """What users call: of the native half, what the package shows of it."""
    shown = {"Span", "Tracer"}
    for file in sorted(PACKAGE.glob("*.py")):
        tree = ast.parse(file.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and str(node.module).endswith("._native"):
                shown.update(alias.name for alias in node.names)
        if not file.name.startswith("_") or file.name in ("_core.py", "_decorator.py"):
            yield from documented(tree, f"{file.stem}.")
    for name, function in documented(ast.parse(STUB.read_text())):
        if name.partition(".")[0] in shown:
            yield name, function


def missing(function: ast.FunctionDef) -> list[str]:
    """What the docstring of a function does not say, in Google's style."""
    text = ast.get_docstring(function) or ""
    arguments = function.args.posonlyargs + function.args.args + function.args.kwonlyargs
    names = [each.arg for each in arguments if each.arg not in ("self", "cls")]
    lines = {line.strip().partition(":")[0] for line in text.splitlines()}
    wanted = [name for name in names if not name.startswith("_") and name not in lines]
    returns = ast.unparse(function.returns) if function.returns else "None"
    if returns != "None" and not {"Returns", "Yields"} & lines:
        wanted.append("Returns")
    raised = [each.exc for each in ast.walk(function) if isinstance(each, ast.Raise)]
    if any(isinstance(each, ast.Call) for each in raised) and "Raises" not in lines:
        wanted.append("Raises")
    return wanted


def test_every_public_name_is_described() -> None:
    def counts(name: str, function: ast.FunctionDef) -> bool:
        kinds = {ast.unparse(each) for each in function.decorator_list}
        is_private = any(part.startswith("_") for part in name.split(".")[1:])
        return not (is_private or kinds & {"overload", "property"})

    functions = [(name, function) for name, function in public() if counts(name, function)]
    assert len(functions) > 60
    found = {name: gaps for name, function in functions if (gaps := missing(function))}
    assert found == {}


def test_the_native_half_says_the_same_as_its_stub() -> None:
    def said(name: str) -> str | None:
        found: object = _native
        for part in name.split("."):
            found = getattr(found, part)
        return inspect.getdoc(found)

    texts = {name: ast.get_docstring(each) for name, each in public()}
    stub = {name: text for name, text in texts.items() if hasattr(_native, name.split(".")[0])}
    described = {name: text for name, text in stub.items() if text}
    assert len(described) > 25
    assert {name: said(name) for name in described} == described
