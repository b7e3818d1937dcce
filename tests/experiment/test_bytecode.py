"""The digest of code changes with what the code computes, and with nothing else."""

import pytest

from jaxdl.experiment.bytecode import Import, Lookup, digest_of_code, digest_of_source, lookups, names_bound

TEXT = '''
"""Module."""
import numpy as np


class A:
    """Class."""

    x = 1

    def f(self, y=2, *, z=(1, 2)):
        """Method."""
        return [y in {"a", "b"} for _ in z]


g = lambda: "text"  # noqa: E731
'''


@pytest.fixture
def digest(tmp_path):
    """Return the digest of a text with a part replaced."""

    def compute(old="", new=""):
        (tmp_path / "code.py").write_text(TEXT.replace(old, new) if old else TEXT)
        return digest_of_source(tmp_path / "code.py")

    return compute


def test_docstrings_comments_and_formatting_do_not_change_a_digest(digest):
    same = [
        *(('"""Module."""\n', ""), ('"""Class."""\n\n    ', ""), ('"""Method."""', '"""Another, longer one."""')),
        *(
            ("  # noqa: E731", ""),
            ("\n\n\nclass", "\n\n\n\n\nclass"),
            ("z=(1, 2)", "z=(1,  2)"),
            ('"a", "b"', '"b", "a"'),
        ),
    ]
    assert {digest(*change) for change in same} == {digest()}


def test_every_other_change_does(digest):
    changes = [
        *(("x = 1", "x = 1.0"), ("x = 1", "x = True"), ("y=2", "y=3"), ("(1, 2)", "(2, 1)"), ('"text"', '"texts"')),
        *(('"b"', '"c"'), ("y in", "y not in"), ("lambda", "lambda x=1"), ("numpy as np", "math as np"), ("A:", "B:")),
        *(("def f", "def h"), ("*, z", "z"), ("return [", "yield [")),
    ]
    digests = [digest(), *(digest(*change) for change in changes)]
    assert len(set(digests)) == len(digests)


def test_a_lambda_keeps_its_first_text():
    assert digest_of_code((lambda: "a").__code__) != digest_of_code((lambda: "b").__code__)


def code(x):
    import a.b

    from .. import c
    from .d import e as renamed, f

    def inner():
        return np.linalg.norm(SCALE) + math.pi + a.b + c + renamed + f

    return inner


def test_lookups_name_globals_their_attributes_and_imports():
    assert [*lookups(code.__code__)] == [
        *(Import("a.b", (), 0), Import("", ("c",), 2), Import("d", ("e", "f"), 1)),
        *(Lookup("np", ("linalg", "norm")), Lookup("SCALE", ()), Lookup("math", ("pi",))),
    ]


def test_names_that_a_module_binds():
    import jaxdl.functional
    from jaxdl.experiment import bytecode

    assert {"ast", "Lookup", "lookups"} <= names_bound(bytecode)
    assert "rectifiers" not in names_bound(jaxdl.functional)  # a part that only importing adds
