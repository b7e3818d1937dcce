import pytest

from jaxdl._printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x00b\x1b[31m\x07", "a␀b␛[31m␇"),
        ("\x7f\x85\x9b2J", "\\x7f\\x85\\x9b2J"),
        ("a\u2028b\u202ec\u2066d", "a\\u2028b\\u202ec\\u2066d"),
        ("\ud800\ufffe", "\\ud800\\ufffe"),
        ("two\n\tlines, é, 中, 👩\u200d💻, \xa0 and ×", "two\n\tlines, é, 中, 👩\u200d💻, \xa0 and ×"),
    ],
)
def test_only_text_that_is_safe_to_print_stays(text, shown):
    assert printable(text) == shown
    printable(text).encode()
