"""Names and contents of JSON files that no program of jaxdl writes; whether reading them ends in one sentence."""

import json

NAMES = ("</script><!--<script>", "a\u2028b", "\x1b[31m\u202e", "' onload=x \"", "{{ 7 * 7 }}", "\x00")  # of arms, say
NESTED = "@nested@"  # replaced by brackets that are nested too deep
HOSTILE = (
    *({}, [], None, "x", float("nan"), float("inf"), -1, 0, 1e308, 10**12, 10**400, True, NESTED, [[1]], [None]),
    *("<!--<script>", "a\u2028b", "\x1b[31m", "\ud800", "x" * 200_000, [1] * 2000, {"a": {}}),
)


def json_of(content):
    return json.dumps(content).replace(f'"{NESTED}"', "[" * 99_999 + "]" * 99_999)


def places(content, place=()):
    """Yield the place of every part of a content."""
    yield place
    parts = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for name, part in parts:
        yield from places(part, (*place, name))


def replaced(content, place, new):
    if not place:
        return new
    content = content.copy()
    content[place[0]] = replaced(content[place[0]], place[1:], new)
    return content


def is_read(read):
    """Return whether reading succeeds; fail unless an error is one sentence."""
    message = None
    try:
        read()
    except (ValueError, OSError) as error:
        message = str(error)
    assert message is None or ("\n" not in message and len(message) < 2000 and message.endswith(".")), message
    return message is None
