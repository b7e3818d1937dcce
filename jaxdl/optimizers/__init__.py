r"""Optimizers as optax gradient transformations, with the textbook definition of each in its docstring.

The package contains:

- Optimizers: gradient descent (`sgd`, `momentum`, `nesterov`), adaptive learning rates (`adagrad`, `rmsprop`,
  `centered_rmsprop`, `adadelta`, `adafactor`), the Adam family (`adam`, `adam_l2`, `adamw`, `adamax`, `nadam`, `radam`,
  `amsgrad`), `lion`, `rprop`, `muon` and `lbfgs`. Start with `adamw`. `sam` wraps any of them except `lbfgs`.
- Transformations to chain with an optimizer by `optax.chain`. `clip_by_value` and `clip_by_global_norm` come before
  it, `proximal_l1` and `reduce_on_plateau` after it.
- Parameter groups: `decay_mask` selects the parameters that decay, and `partition` gives each group of parameters its
  own optimizer.
- `hessian_vector_product`, to examine the curvature of a loss.

In all formulas $g_t$ is the gradient at step $t = 1, 2, \dots$, $w$ are the parameters and $\eta$ is the learning rate.
In the signatures, a `Scalar` is a number or a scalar array, a `LearningRate` is a scalar or a schedule of
`jaxdl.schedules`, and a `Mask` is a pytree of Booleans, a function that returns one, or None. Real hyperparameters may
be traced arrays, so that `jax.vmap` can sweep over them. A learning rate, epsilon, weight decay or penalty below 0 and
a decay rate outside $[0, 1)$ raise ValueError, unless they are traced.

For an L2 penalty $\tfrac\lambda2 \lVert w \rVert^2$, put `optax.add_decayed_weights` before the optimizer. There are
two exceptions: with `lbfgs` add the penalty to the loss, and with `sam` put it before the inner optimizer. All
transformations of optax can be used in place of those defined here.

The optimizer state has the dtype of the parameters. In bfloat16, slow moving averages stop changing long before they
converge (with $\beta_2 = 0.999$ at half the final value), so keep the parameters in float32. float16 raises TypeError.
Optimizers that square the gradient give NaN where the square overflows (in float32 from $10^{19}$ on). In PyTorch and
optax such a parameter would stop.
"""

from jaxdl._names import offer_public_names
from jaxdl.optimizers.adam import (
    adam as adam,
    adam_l2 as adam_l2,
    adamax as adamax,
    adamw as adamw,
    amsgrad as amsgrad,
    nadam as nadam,
    radam as radam,
)
from jaxdl.optimizers.adaptive import (
    adadelta as adadelta,
    adafactor as adafactor,
    adagrad as adagrad,
    centered_rmsprop as centered_rmsprop,
    rmsprop as rmsprop,
)
from jaxdl.optimizers.clipping import clip_by_global_norm as clip_by_global_norm, clip_by_value as clip_by_value
from jaxdl.optimizers.directions import lion as lion, muon as muon, rprop as rprop
from jaxdl.optimizers.gradient_descent import momentum as momentum, nesterov as nesterov, sgd as sgd
from jaxdl.optimizers.groups import decay_mask as decay_mask, partition as partition
from jaxdl.optimizers.plateau import reduce_on_plateau as reduce_on_plateau
from jaxdl.optimizers.proximal import proximal_l1 as proximal_l1
from jaxdl.optimizers.second_order import hessian_vector_product as hessian_vector_product, lbfgs as lbfgs
from jaxdl.optimizers.sharpness import sam as sam

__all__ = [
    "adadelta",
    "adafactor",
    "adagrad",
    "adam",
    "adam_l2",
    "adamax",
    "adamw",
    "amsgrad",
    "centered_rmsprop",
    "clip_by_global_norm",
    "clip_by_value",
    "decay_mask",
    "hessian_vector_product",
    "lbfgs",
    "lion",
    "momentum",
    "muon",
    "nadam",
    "nesterov",
    "partition",
    "proximal_l1",
    "radam",
    "reduce_on_plateau",
    "rmsprop",
    "rprop",
    "sam",
    "sgd",
]

offer_public_names(__name__)
