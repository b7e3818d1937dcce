"""`jaxdl shapes`: both conventions, the cost of each layer, and mistakes in the network."""

import pytest

from jaxdl.__main__ import main


def test_both_conventions_and_the_costs_are_printed(capsys):
    assert main(["shapes", "784-16-10", "--batch", "5"]) == 0
    printed = capsys.readouterr().out
    lines = {line.split()[0]: line.split()[1:] for line in printed.splitlines() if line.strip()}
    assert lines["x1"] == ["dense", "5×16", "16×1"]
    assert lines["weights3"] == ["dense", "16×10", "10×16"]
    assert lines["x3"] == ["dense", "5×10", "10×1"]
    assert lines["weights5"] == ["weighted_mean", "5", "1×1"]
    assert lines["x5"] == ["weighted_mean", "one", "number", "1×1"]
    assert lines["all"] == ["12,730", "12,704"]
    assert "dense   16       12,560       12,544" in printed


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["784"], "a network must be an input and its layers joined by -"),
        (["784-0-10"], "layer 1 of the network, '0', with input 784: a layer must be written as 16 (dense)"),
        (["784-ten"], "a layer must be written as 16 (dense), 6@5p2s1 (convolution)"),
        (["4-2", "--batch", "0"], "the batch size must be at least 1, got 0"),
        (["28x28-10"], "such as 784-16-10 or 28x28x1-6@5-max2-10"),
        (["99999999999-99999999999"], "a network must be an input and its layers"),
        (["8x8x1-9@9"], "layer 1 of the network, '9@9', with input 8×8×1:"),
        (["8x8x1-max9"], "layer 1 of the network, 'max9', with input 8×8×1:"),
        (["784-6@5"], "a convolution or a pooling needs an image"),
        (["8x8x1-10-6@5"], "layer 2 of the network, '6@5', with input 10: a convolution or a pooling needs an image"),
    ],
)
def test_a_mistake_is_printed_in_one_sentence(arguments, sentence, capsys):
    assert main(["shapes", *arguments]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.startswith("error: ")
    assert error.count("\n") == 1
