"""Text from the files of others, made safe to print and to draw. Imports nothing, so errors are printed at once."""

UNPRINTABLE = {
    **{code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"},  # pictures of control characters, as ␛
    **{code: f"\\x{code:02x}" for code in range(0x7F, 0xA0)},
    **{
        code: f"\\u{code:04x}"
        for first, last in ((0x2028, 0x202E), (0x2066, 0x2069), (0xD800, 0xDFFF), (0xFFFE, 0xFFFF))
        for code in range(first, last + 1)
    },
}


def printable(text: str) -> str:
    """Replace characters that a terminal obeys, that reverse a line, that end one in Vega, or that no file can hold."""
    return text.translate(UNPRINTABLE)
