"""Advice for command lines that cannot be parsed, such as an optimizer as an option or numbers with commas."""

import difflib
import pathlib
import re
from collections.abc import Collection, Iterator, Sequence

OPTIMIZER = "the optimizer comes last, followed by its own options: jaxdl train --epochs 5 adam --learning-rate 0.01."
EVALUATE = "jaxdl predict RUN --data FILE also prints the accuracy, if the file has labels."
WORDS = {
    **dict.fromkeys(("--optimizer", "--lr", "--learning-rate", "--weight-decay"), OPTIMIZER),
    **dict.fromkeys(("evaluate", "eval", "test", "score"), EVALUATE),
    "compare": "jaxdl report RUN shows one run; compare results in Python with statistics.compare.",
    "experiments": "the command is jaxdl claims.",
    "fit": "the command is jaxdl train.",
    "prove": "the command is jaxdl check.",
}
NEED_DATA = ("train", "predict")


def usage_advice(arguments: Sequence[str], commands: Collection[str]) -> Iterator[str]:
    """Return sentences that may explain why a command line could not be parsed.

    Args:
        arguments: The words of the command line.
        commands: The names of all commands.

    Returns:
        Iterator of sentences, none of them twice.

    Example:
        >>> from jaxdl.cli.usage import usage_advice
        >>> list(usage_advice(["train", "--hidden", "64,32"], ["train"]))
        ['separate numbers by spaces: 64 32.']
    """
    yield from dict.fromkeys(WORDS[word] for word in arguments if word in WORDS)
    if arguments[:1] and arguments[0] not in (*WORDS, *commands):
        near = difflib.get_close_matches(arguments[0], commands, n=1)
        yield from (f"did you mean jaxdl {name}?" for name in near)
    for word in arguments:
        if re.fullmatch(r"\d[\d.]*(,\d[\d.]*)+,?", word):
            yield f"separate numbers by spaces: {word.strip(',').replace(',', ' ')}."
    if arguments[:1] and arguments[0] in NEED_DATA and "--data" not in arguments:
        for file in [word for word in arguments[1:] if pathlib.Path(word).is_file()][:1]:
            yield f"name the data with an option: --data {file}."
