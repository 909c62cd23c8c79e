"""Text of others, written so that it stays within its line.

A name from an ELF, a recording or the bus may hold anything: line ends, what separates the fields
of a file, codes that a terminal obeys, marks that turn the direction of writing. Whoever writes
such text into a line, a file or a page writes it with `printable`.
"""

LONGEST = 4096
"""Characters of a text that are written: a path of the host's is no longer (PATH_MAX)."""
MOST_LINES = 400


def printable(text: str, separators: str = "", *, keep: str = "", longest: int = LONGEST) -> str:
    r"""Write a text of others for one line: what is not printable becomes its code, as in `\x1b`.

    Args:
        text: a name, a path, a message.
        separators: further characters that are written by their codes, as the line's format uses
            them otherwise.
        keep: characters that stay although they are not printable.
        longest: how many characters are written; of a longer text, begin and end.
    """
    text = shortened(text, longest)
    if text.isprintable() and not any(character in text for character in separators):
        return text
    return "".join(
        character
        if character in keep or (character.isprintable() and character not in separators)
        else code_of(character)
        for character in text
    )


def printable_lines(text: str, *, longest: int = LONGEST, most: int = MOST_LINES) -> list[str]:
    """Write a text of several lines, such as a traceback; of too many, the first and the last."""
    lines = text.removesuffix("\n").split("\n")
    if len(lines) > most:
        first, last = lines[: most // 2], lines[most // 2 - most :]
        lines = [*first, f"[... {len(lines) - most:,} lines ...]", *last]
    return [printable(line.removesuffix("\r"), longest=longest) for line in lines]


def shortened(text: str, longest: int) -> str:
    """Leave the middle out of a text that has more characters than `longest`, and say how much."""
    if len(text) <= longest:
        return text
    last = longest // 4
    left_out = f"[... {len(text) - longest:,} characters ...]"
    return f"{text[: longest - last]}{left_out}{text[len(text) - last :]}"


def code_of(character: str) -> str:
    """Write a character by its code, as a literal of Python has it."""
    code = ord(character)
    if code < 1 << 8:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 1 << 16 else f"\\U{code:08x}"
