"""Seeds that are fixed by the rule: whoever changes what decides gets seeds that nobody has seen.

The deciding seeds of an experiment derive from a hash of what decides: the code of the experiment's own module from
which `measure` and the rules are built, arms and metrics that rules read, estimands, thresholds, level, number of
seeds. Sentences, captions, findings and arms that no rule reads are not part of it. Draft seeds are fixed; they serve
to choose margins and the number of seeds, and give no verdict.

Each hash that was measured is a registration, one line in a file: a rule that was changed until it gave the wanted
verdict has as many lines.
"""

import ast
import functools
import hashlib
import pathlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.experiment.bytecode import digest_of_code, lookups
from jaxdl.experiment.claim import Experiment
from jaxdl.experiment.columns import Column
from jaxdl.experiment.combined_rules import arms_of, parts_of, statistical_rules
from jaxdl.experiment.origins import is_jaxdl, is_own, module_of
from jaxdl.runs import files
from jaxdl.system.schema import Text

PLANNING = ("effect", "expected_sd")  # of a rule: they change its stated power, not its outcome
LEFT_OUT = {  # arguments that are read by people or that plan the power, by position and by name
    "Claim": ((0, 2), ("says", "reading")),
    "Exact": ((0, 2, 4), ("condition", "finding", "control")),
    "ForEverySeed": ((0, 2), ("condition", "finding")),
    "Experiment": ((0, 2, 4), ("name", "sentence", "panels", "published", "limits")),
    "Column": ((0,), ("label",)),
    "Greater": ((4, 5), PLANNING),
    "AtLeast": ((3, 4), PLANNING),
    "NonInferior": ((5, 6), PLANNING),
    "Equivalent": ((6,), PLANNING),
    "Near": ((6,), PLANNING),
    "ask": ((0,), ("question", "metric", "out")),
}
DRAFT_STREAM, UNSIGNED = "draft", 0xFFFFFFFF


class Registration(NamedTuple):
    """A line of the registrations: a rule that was measured.

    Attributes:
        date: Day of the first measurement.
        experiment: Name of the experiment.
        hash: Hash of what decides.
        outcome: The outcomes of all claims, or "" if the measurement did not end.
    """

    date: str
    experiment: str
    hash: str
    outcome: str


LINE = {name: Text() for name in Registration._fields}


def keys_of(stream: str, replication: int, seeds: int) -> jax.Array:
    """Return one key for each seed: of the drafts, or of a deciding hash and the number of a replication."""
    words = (0,) if stream == DRAFT_STREAM else (int(stream[:8], 16), int(stream[8:16], 16), replication)
    key = functools.reduce(
        lambda key, word: jax.random.fold_in(key, np.uint32(word & UNSIGNED)), words, jax.random.key(0)
    )
    return jax.vmap(functools.partial(jax.random.fold_in, key))(jnp.arange(seeds))


def deciding_hash(experiment: Experiment, measure: Callable, confidence: float) -> str:
    """Return a hash of everything that decides the verdicts of an experiment."""
    rules = [claim.rule for claim in experiment.claims]
    arms = {arm for rule in rules for arm in arms_of(rule)}
    metrics = sorted({panel.metric for panel in experiment.panels if arms & set(panel.columns())})
    settings = [experiment.seeds, round(1 - confidence, 12), metrics, measure is not experiment.measure]
    settings += [_settings(rule) for rule in rules]
    return hashlib.sha256(f"{settings}\0{_code(experiment, measure)}".encode()).hexdigest()


def read_registrations(path: pathlib.Path) -> list[Registration]:
    """Read the registrations from a file; none if it does not exist. Raises ValueError if it is damaged."""
    if not path.is_file():
        return []
    columns = files.read_lines(path, LINE)
    return [Registration(*row) for row in zip(*(columns.get(name, ()) for name in Registration._fields), strict=True)]


def register(path: pathlib.Path, registration: Registration) -> int:
    """Add a registration unless its hash is there, or complete one without an outcome; return how many there are."""
    lines = read_registrations(path)
    same = [line for line in lines if (line.experiment, line.hash) == (registration.experiment, registration.hash)]
    if not same:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.append_lines(path, [registration._asdict()])
        lines.append(registration)
    elif registration.outcome and not same[0].outcome:
        lines[lines.index(same[0])] = same[0]._replace(outcome=registration.outcome)
        files.write_lines(path, [line._asdict() for line in lines])
    return sum(line.experiment == registration.experiment for line in lines)


def _settings(rule) -> Any:
    """Return what decides in a rule, but the functions of an exact one, which are part of the code."""
    if parts := parts_of(rule):
        return [type(rule).__name__, *map(_settings, parts)]
    if not statistical_rules(rule):
        return type(rule).__name__
    return [type(rule).__name__, *(_setting(value) for name, value in rule._asdict().items() if name not in PLANNING)]


def _setting(value) -> Any:
    if isinstance(value, Column):
        return [_setting(arm) for arm in value.arms]
    if hasattr(value, "transform"):  # a scale
        return value.name
    if isinstance(value, int | float | np.number) and not isinstance(value, bool):
        return float(value)
    return [_setting(entry) for entry in value] if isinstance(value, tuple) else value


def _code(experiment, measure) -> str:
    """Return the deciding code of the experiment's own modules as text, which does not depend on the Python version.

    The code of a notebook has no file; its bytecode counts.
    """
    functions = [*_functions_of(measure), *(part for claim in experiment.claims for part in _functions_in(claim.rule))]
    texts, modules = [], set()
    for function in functions:
        module = module_of(function)
        file = getattr(module, "__file__", None)
        if (module is not None and is_jaxdl(module.__name__)) or not is_own(module):
            continue
        if not file or not file.endswith(".py"):
            texts += _bytecode(function, set())
        elif file not in modules:
            modules.add(file)
            tree = _WithoutTexts().visit(ast.parse(pathlib.Path(file).read_bytes()))
            names = [name for name, value in vars(module).items() if value is experiment]
            texts += map(_text, _reached(tree.body, names) if names else _by_line(tree, functions, file))
    return "\n".join(texts)


def _function_of(value) -> Iterator[Any]:
    """Yield the function that a value calls, if it calls one that is written in Python."""
    if isinstance(value, functools.partial):
        yield from _function_of(value.func)
        return
    value = getattr(value, "__wrapped__", getattr(value, "__func__", value))
    function = value if hasattr(value, "__globals__") else getattr(type(value), "__call__", None)  # noqa: B004
    if hasattr(function, "__globals__"):
        yield function


def _functions_of(measure) -> Iterator[Any]:
    """Yield the function that measures, and those that it was made of, such as the arms of a question."""
    for function in _function_of(measure):
        yield function
        cells = function.__closure__ or () if is_jaxdl(function.__module__ or "") else ()
        for content in [cell.cell_contents for cell in cells]:
            for value in content.values() if isinstance(content, Mapping) else [content]:
                yield from _function_of(value)


def _functions_in(rule) -> Iterator[Any]:
    """Yield the functions that decide in a rule: of exact rules, and of columns."""
    for part in parts_of(rule):
        yield from _functions_in(part)
    values = [getattr(rule, name, None) for name in ("holds", "control_holds", "arm", "reference")]
    for value in values:
        yield from _function_of(value.compute if isinstance(value, Column) else value)


def _by_line(tree, functions, file) -> list[ast.AST]:
    """Return the functions of a file by their lines, and the statements that bind what they use."""
    codes = [function.__code__ for function in functions]
    lines = {code.co_firstlineno for code in codes if code.co_filename == file}
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    nodes = [node for node in ast.walk(tree) if isinstance(node, kinds) and _first_line(node) in lines]
    used = {each.id for node in nodes for each in ast.walk(node) if isinstance(each, ast.Name)}
    return [*nodes, *_reached(tree.body, sorted(used))]


def _first_line(node) -> int:
    """Return the line where a function begins, with its decorators, as its code counts it."""
    return min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", ()))])


def _reached(statements: list[ast.stmt], names: list[str]) -> list[ast.stmt]:
    """Return the statements of a module that bind these names, and those that bind what they use, in their order."""
    found: set[int] = set()
    waiting, seen = list(names), set(names)
    while waiting:
        name = waiting.pop()
        for number, statement in enumerate(statements):
            if number not in found and name in _bound(statement):
                found.add(number)
                used = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)} - seen
                seen |= used
                waiting += used
    return [statements[number] for number in sorted(found)]


def _bound(statement) -> set[str]:
    """Return the names that a statement of a module binds or changes."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in statement.names}
    nodes = list(ast.walk(statement))
    bound = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    changed = {
        node.value.id
        for node in nodes
        if isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.value, ast.Name)
    }
    return bound | (changed if not isinstance(statement, ast.Assign | ast.AnnAssign) or not bound else set())


class _WithoutTexts(ast.NodeTransformer):
    """Remove docstrings, panels, annotations, and what is read by people only."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name == "Panel":
            return ast.Constant(None)
        positions, keywords = LEFT_OUT.get(name, ((), ()))
        if keywords:
            kept = [ast.Constant(None) if number in positions else value for number, value in enumerate(node.args)]
            node = ast.Call(node.func, kept, [word for word in node.keywords if word.arg not in keywords])
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.arg(node.arg, None)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(_without_docstring(node))

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self.generic_visit(_without_docstring(node))


def _without_docstring(node) -> Any:
    if ast.get_docstring(node) is not None:
        node.body = node.body[1:] or [ast.Pass()]
    return node


def _text(node) -> str:
    """Return a syntax tree as text, without what later versions of Python add to it."""
    if isinstance(node, ast.AST):
        fields = [(name, value) for name, value in ast.iter_fields(node) if name not in ("ctx", "kind", "type_comment")]
        texts = [f"{name}={_text(value)}" for name, value in fields if value is not None and value != []]
        return f"{type(node).__name__}({', '.join(texts)})"
    return f"[{', '.join(map(_text, node))}]" if isinstance(node, list) else repr(node)


def _bytecode(function, seen: set[str]) -> Iterator[str]:
    """Yield digests of a function without a source file, and of the functions of its module that it uses."""
    if not hasattr(function, "__code__") or function.__qualname__ in seen:
        return
    seen.add(function.__qualname__)
    yield digest_of_code(function.__code__)
    for lookup in lookups(function.__code__):
        used = function.__globals__.get(getattr(lookup, "name", ""))
        if getattr(used, "__module__", None) == function.__module__:
            yield from _bytecode(used, seen)
