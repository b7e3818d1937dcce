"""Every formula of the course as a pure function `f`, beside its hand derivation `f_vjp`.

`f_vjp(g, *arguments, **settings)` pulls the cotangent `g` of f's output back to one cotangent for every floating
argument. `jaxdl.derivation` proves each pair against `jax.vjp`.
"""

from jaxdl.functional.affine import (
    dense as dense,
    dense_vjp as dense_vjp,
)
from jaxdl.functional.classification import (
    binary_cross_entropy as binary_cross_entropy,
    binary_cross_entropy_vjp as binary_cross_entropy_vjp,
    cross_entropy as cross_entropy,
    cross_entropy_vjp as cross_entropy_vjp,
)
from jaxdl.functional.convolutions import (
    conv1d as conv1d,
    conv1d_vjp as conv1d_vjp,
    conv2d as conv2d,
    conv2d_vjp as conv2d_vjp,
    convolution as convolution,
    convolution_vjp as convolution_vjp,
    output_size as output_size,
)
from jaxdl.functional.gates import (
    glu as glu,
    glu_vjp as glu_vjp,
)
from jaxdl.functional.margins import (
    hinge as hinge,
    hinge_vjp as hinge_vjp,
)
from jaxdl.functional.noise import (
    dropout as dropout,
    dropout_vjp as dropout_vjp,
)
from jaxdl.functional.normalization import (
    batch_norm as batch_norm,
    batch_norm_vjp as batch_norm_vjp,
)
from jaxdl.functional.penalties import (
    l1 as l1,
    l1_vjp as l1_vjp,
    l2 as l2,
    l2_vjp as l2_vjp,
)
from jaxdl.functional.pooling import (
    avg_pool as avg_pool,
    avg_pool_vjp as avg_pool_vjp,
    global_avg_pool as global_avg_pool,
    global_avg_pool_vjp as global_avg_pool_vjp,
    max_pool as max_pool,
    max_pool_vjp as max_pool_vjp,
)
from jaxdl.functional.rectifiers import (
    hard_swish as hard_swish,
    hard_swish_vjp as hard_swish_vjp,
    leaky_relu as leaky_relu,
    leaky_relu_vjp as leaky_relu_vjp,
    maxout as maxout,
    maxout_vjp as maxout_vjp,
    prelu as prelu,
    prelu_vjp as prelu_vjp,
    relu as relu,
    relu6 as relu6,
    relu6_vjp as relu6_vjp,
    relu_vjp as relu_vjp,
)
from jaxdl.functional.reductions import (
    weighted_mean as weighted_mean,
    weighted_mean_vjp as weighted_mean_vjp,
)
from jaxdl.functional.regression import (
    squared_error as squared_error,
    squared_error_vjp as squared_error_vjp,
)
from jaxdl.functional.shrinkage import (
    hard_shrink as hard_shrink,
    hard_shrink_vjp as hard_shrink_vjp,
    soft_shrink as soft_shrink,
    soft_shrink_vjp as soft_shrink_vjp,
)
from jaxdl.functional.sigmoids import (
    hard_sigmoid as hard_sigmoid,
    hard_sigmoid_vjp as hard_sigmoid_vjp,
    hard_tanh as hard_tanh,
    hard_tanh_vjp as hard_tanh_vjp,
    log_sigmoid as log_sigmoid,
    log_sigmoid_vjp as log_sigmoid_vjp,
    sigmoid as sigmoid,
    sigmoid_vjp as sigmoid_vjp,
    softsign as softsign,
    softsign_vjp as softsign_vjp,
    tanh as tanh,
    tanh_vjp as tanh_vjp,
)
from jaxdl.functional.smooth_rectifiers import (
    celu as celu,
    celu_vjp as celu_vjp,
    elu as elu,
    elu_vjp as elu_vjp,
    gelu as gelu,
    gelu_tanh as gelu_tanh,
    gelu_tanh_vjp as gelu_tanh_vjp,
    gelu_vjp as gelu_vjp,
    mish as mish,
    mish_vjp as mish_vjp,
    selu as selu,
    selu_vjp as selu_vjp,
    silu as silu,
    silu_vjp as silu_vjp,
    softplus as softplus,
    softplus_vjp as softplus_vjp,
)
from jaxdl.functional.softmaxes import (
    log_softmax as log_softmax,
    log_softmax_vjp as log_softmax_vjp,
    softmax as softmax,
    softmax_vjp as softmax_vjp,
)
from jaxdl.functional.transposed_convolutions import (
    conv2d_transpose as conv2d_transpose,
    conv2d_transpose_vjp as conv2d_transpose_vjp,
)
