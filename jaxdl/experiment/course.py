"""Items and chapters of the course. The items of a chapter share a significance level of 0.05 equally (Bonferroni).

The course is a first lecture on deep learning, in 110 items: one for each point that its notes make.
"""

from typing import NamedTuple

from jaxdl._formatting import format_argument

COURSE = "An introduction to deep learning"
SIGNIFICANCE_LEVEL = 0.05  # of a whole chapter


class Item(NamedTuple):
    """A point that the course makes.

    Attributes:
        number: Number in the course, from 1.
        title: Title, a few words.
        is_testable: Whether it says something that a measurement could refute. A heading or a definition does not.

    Example:
        >>> from jaxdl.experiment import ITEMS
        >>> ITEMS[26]
        Item(number=27, title='XOR needs a hidden layer', is_testable=True)
    """

    number: int
    title: str
    is_testable: bool = True


NOT_TESTABLE = (7, 32, 49, 51, 110)  # code, an instruction, definitions, an example, a heading without text
TITLES = {
    1: "A model that fits its training data well may overfit",
    2: "The hinge loss ignores examples beyond the margin",
    3: "The log-loss bounds the number of errors",
    4: "Cross-entropy is the negative log-likelihood",
    5: "Ranking losses train the order of scores",
    6: "Cross-entropy, computed by hand",
    7: "A training loop in PyTorch",
    8: "Learning means to generalize, not to memorize",
    9: "Choose on dev, report on test",
    10: "A sigmoid turns a score into a confidence",
    11: "Several classes: the largest score wins",
    12: "Capacity: too small underfits, too large overfits",
    13: "The representation decides what a linear model can learn",
    14: "Softmax gives confidences for several classes",
    15: "Gradient descent converges for small learning rates",
    16: "The chain rule multiplies derivatives",
    17: "The gradient of a linear regression",
    18: "SGD draws one example at a time, in epochs",
    19: "SGD on a linear regression",
    20: "Larger minibatches give less noisy gradients",
    21: "Products of features separate curved data",
    22: "Learned features replace hand-made ones",
    23: "Neurons form a multi-layer perceptron",
    24: "A layer is a matrix product",
    25: "Layers are chained",
    26: "Stacked linear layers are one linear layer",
    27: "XOR needs a hidden layer",
    28: "One equation describes an MLP",
    29: "Layer sizes define an MLP, softmax its output",
    30: "Deeper layers learn higher-level features",
    31: "Common activation functions",
    32: "An MLP is trained by SGD",
    33: "Backpropagation reuses derivatives",
    34: "Backpropagation through a whole network",
    35: "Shapes of the gradients of an MLP",
    36: "Backpropagation, computed by hand",
    37: "A filter slides over the image",
    38: "Convolution is linear",
    39: "Convolution, ReLU and pooling, repeated",
    40: "Nearby pixels belong together",
    41: "Filters share their weights",
    42: "Invariance: pooled outputs survive small shifts",
    43: "Equivariance: the output shifts with the input",
    44: "Later filters see higher-level features",
    45: "Convolution shrinks the image",
    46: "Zero padding keeps the size",
    47: "Filters span all color channels",
    48: "Stride trades resolution for speed",
    49: "Input, kernel and feature map",
    50: "Convolution is commutative",
    51: "A convolutional layer, computed by hand",
    52: "Five numbers specify a convolutional layer",
    53: "Pooling reduces size, parameters and computation",
    54: "Max-pooling keeps the largest value",
    55: "Pooling tolerates small displacements",
    56: "Pooling widens the field of view",
    57: "Average pooling takes the mean",
    58: "Filters start at random and learn by backpropagation",
    59: "GPUs speed up convolutions",
    60: "Backpropagation stores every intermediate result",
    61: "Error is bias plus variance",
    62: "Small models have bias, large ones variance",
    63: "Remedies against bias, remedies against variance",
    64: "Regularization lowers variance more than it adds bias",
    65: "Dev and test come from the same distribution",
    66: "Clean dev and test; noise in train may help",
    67: "Errors of 18 % and 19 %: underfitting",
    68: "Errors of 1 % and 19 %: overfitting",
    69: "Errors of 15 % and 27 %: high bias, high variance",
    70: "A large regularized model beats a simple one",
    71: "L2 keeps weights small",
    72: "L1 makes weights exactly zero",
    73: "L1 for sparsity, L2 for moderate weights",
    74: "Ensembles of different or equal algorithms",
    75: "Combining votes: majority, confidence, learned",
    76: "Why majorities win: independent, better than chance",
    77: "Bagging: resampled training sets",
    78: "Boosting: more weight on mistakes",
    79: "Dropout: a new mask for every minibatch",
    80: "Dropout approximates an ensemble of many networks",
    81: "Dropout keeps units from relying on each other",
    82: "Early stopping",
    83: "Several tasks share parameters",
    84: "Noise in inputs, weights or labels",
    85: "Adversarial examples, and training on them",
    86: "A second network as adversary",
    87: "Data augmentation",
    88: "More data",
    89: "Saddle points and local minima",
    90: "Ill-conditioning slows gradient descent",
    91: "Cliffs make gradients explode",
    92: "Long chains of steps: vanishing or exploding gradients",
    93: "The activation function decides whether deep nets train",
    94: "Batch normalization",
    95: "What batch normalization is said to improve",
    96: "Initial weights: zero mean, unit variance",
    97: "Batch normalization fails for small batches",
    98: "Layer normalization looks at one example only",
    99: "Momentum helps with ill-conditioning",
    100: "A learning rate for each parameter",
    101: "AdaGrad divides by all past gradients",
    102: "RMSProp divides by recent gradients",
    103: "Adam is RMSProp with momentum",
    104: "Adam: faster than SGD, but worse",
    105: "AdamW: weight decay in place of L2",
    106: "Newton's method uses the curvature",
    107: "Newton: good for ill-conditioning, bad for saddle points",
    108: "Equal initial weights stay equal",
    109: "Random initial weights, zero biases",
    110: "Word embeddings",
}
ITEMS = tuple(Item(number, title, number not in NOT_TESTABLE) for number, title in TITLES.items())


class Chapter(NamedTuple):
    r"""A chapter of the course, and the significance level of each of its items.

    With $m$ items each has the level $0.05 / m$, which it divides among its tests: readings, parts, data sets. A
    verdict therefore depends on no other item, and the probability of any false verdict in the chapter is at most 0.05.

    Attributes:
        number: Number in the course, such as "1.4".
        title: Title in the course.
        first: Its first item.
        last: Its last item.

    Example:
        >>> from jaxdl.experiment import chapter_of
        >>> round(chapter_of(42).level, 5)  # 0.05 / 24
        0.00208
    """

    number: str
    title: str
    first: int
    last: int

    @property
    def level(self) -> float:
        """Significance level of one item."""
        return SIGNIFICANCE_LEVEL / (self.last - self.first + 1)

    @property
    def items(self) -> tuple[Item, ...]:
        """Its items, in the order of the course."""
        return ITEMS[self.first - 1 : self.last]


CHAPTERS = (
    Chapter("1.1", "Losses, representation, generalization", 1, 14),
    Chapter("1.2", "Gradient descent, stochastic gradient descent", 15, 20),
    Chapter("1.3", "Multi-layer perceptrons, backpropagation", 21, 36),
    Chapter("1.4", "Convolutional networks", 37, 60),
    Chapter("1.5", "Regularization", 61, 88),
    Chapter("1.6", "Optimization, normalization, initialization", 89, 110),
)


def chapter_of(item: int) -> Chapter:
    """Return the chapter that an item of the course belongs to.

    Raises:
        TypeError: If the item is not an integer.
        ValueError: If the course has no such item.

    Example:
        >>> from jaxdl.experiment import chapter_of
        >>> chapter_of(42).title
        'Convolutional networks'
    """
    if not isinstance(item, int):
        raise TypeError(f"item must be an integer, got {format_argument(item)}.")
    for chapter in CHAPTERS:
        if chapter.first <= item <= chapter.last:
            return chapter
    raise ValueError(f"item must be from {CHAPTERS[0].first} to {CHAPTERS[-1].last}, got {item}.")


def item_level(item: int) -> float:
    """Return the significance level of an item of the course; experiments of one item share it.

    Args:
        item: Number of the item.

    Example:
        >>> from jaxdl.experiment import item_level
        >>> round(item_level(42) / 2, 6)  # for the first of two experiments
        0.001042
    """
    return chapter_of(item).level
