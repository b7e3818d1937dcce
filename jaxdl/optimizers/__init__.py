r"""Rules for taking a step, each an optax chain of named pieces.

$g_t$ is the gradient at step $t = 1, 2, \dots$, $\eta$ the learning rate (a number, a traced array or a schedule of
`jaxdl.schedules`). All rates, decays and other real hyperparameters may be traced arrays, so that a sweep over them is
a `vmap`. A rate, epsilon or penalty below 0 and a decay outside $[0, 1)$ raise ValueError where they are known.

An L2 penalty $\tfrac\lambda2 \lVert w \rVert^2$ is `optax.add_decayed_weights` before any of them but `lbfgs`, where
it belongs in the loss, and `sam`, where it belongs before the inner rule. Any other transformation of optax can stand
in their place.

What a rule keeps has the dtype of the parameters. In bfloat16 a slow average stands still long before it arrives (with
$\beta_2 = 0.999$ at half its size), so that parameters are better kept in float32.
"""

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
    adagrad as adagrad,
    centered_rmsprop as centered_rmsprop,
    rmsprop as rmsprop,
)
from jaxdl.optimizers.descent import momentum as momentum, nesterov as nesterov, sgd as sgd
from jaxdl.optimizers.directions import lion as lion, muon as muon
from jaxdl.optimizers.groups import grouped as grouped, weights as weights
from jaxdl.optimizers.limits import (
    clip_by_norm as clip_by_norm,
    clip_by_value as clip_by_value,
    on_plateau as on_plateau,
    proximal_l1 as proximal_l1,
)
from jaxdl.optimizers.second_order import hessian_vector_product as hessian_vector_product, lbfgs as lbfgs
from jaxdl.optimizers.sharpness import sam as sam
