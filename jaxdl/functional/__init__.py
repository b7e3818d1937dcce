r"""Formulas of deep learning as pure functions, each with a gradient that was derived by hand.

Every formula is a function `f(*arguments, **settings)`. Directly below it is a second function with its derivation,
`f_vjp(g, *arguments, **settings)`. It takes the cotangent `g` of f's output and returns a tuple with one cotangent for
every floating-point argument. `jaxdl.derivation` compares every pair with `jax.vjp`. Use the functions to read and
check formulas, and as building blocks of models and losses.

- Layers: `dense`, `bilinear`, `embed`, `bag_of_embeddings`, `conv1d`, `conv2d`, `conv2d_transpose`, `convolution`,
  `max_pool`, `avg_pool`, `adaptive_avg_pool`, `global_avg_pool`, `reshape`; the recurrent `rnn`, `lstm`, `gru` and
  their cells `rnn_cell`, `lstm_cell`, `gru_cell`. `output_size` computes the size of a convolution or a pooling.
- Activations: `sigmoid`, `log_sigmoid`, `hard_sigmoid`, `tanh`, `hard_tanh`, `softsign`; `relu`, `relu6`, `leaky_relu`,
  `prelu`, `threshold`; `softplus`, `elu`, `celu`, `selu`, `gelu`, `gelu_tanh`, `silu`, `hard_swish`, `mish`;
  `soft_shrink`, `hard_shrink`; `softmax`, `log_softmax`; `glu`, `maxout`.
- Normalization: `batch_norm`, `batch_norm_inference`, `layer_norm`, `rms_norm`, `group_norm`, `instance_norm`,
  `local_response_norm`.
- Losses of regression: `squared_error`, `absolute_error`, `huber`, `poisson_nll`.
- Losses of classification: `cross_entropy`, `negative_log_likelihood`; `sigmoid_binary_cross_entropy`,
  `binary_cross_entropy`; `soft_cross_entropy`, `kl_divergence`; the margins `perceptron`, `hinge`, `squared_hinge`,
  `multiclass_hinge`, `weston_watkins`.
- Losses of ranking and similarity: `pairwise_hinge`, `pairwise_logistic`, `listwise_softmax`; `triplet`,
  `cosine_embedding`, `hinge_embedding`, `negative_sampling`. `weighted_mean` joins the losses of a batch.
- Regularization: `dropout`, `gaussian_noise`; the penalties `l1`, `l2`, `elastic_net`; `max_norm`, `soft_threshold`.

Conventions:

- Data are positional arguments, settings are keywords. A random key comes first. In the signatures, a `Scalar` is a
  number or a scalar array.
- The first axis is the batch. Images are (batch, height, width, channels). Losses return one number per example.
- A wrong shape or dtype raises an error. A setting or label that is out of range gives NaN in the result and in its
  gradient, also inside `jit`.
- The docstring of a function with a kink states the derivative there.

Notation of the derivations: a bar denotes the derivative of the scalar objective $J$, called the cotangent. From
the given $g = \bar y = \partial J / \partial y$, the VJP computes $\bar x = \partial J / \partial x$ by the chain
rule:

$$
\bar x_i = \sum_k g_k\, \frac{\partial y_k}{\partial x_i}
$$

A product such as $g\,\sigma(z)$ is elementwise, $x W$ is a matrix product, and $[c]$ is 1 if the condition $c$
holds, else 0. For a loss, the output $y$ is $L_n$.

Example:
    >>> z = jnp.array([-1.0, 0.0, 2.0])
    >>> F.relu(z).tolist()
    [0.0, 0.0, 2.0]
    >>> F.relu_vjp(jnp.ones(3), z)[0].tolist() == jax.grad(lambda z: F.relu(z).sum())(z).tolist()
    True
"""

from jaxdl._names import offer_public_names
from jaxdl.functional.affine import (
    bilinear as bilinear,
    bilinear_vjp as bilinear_vjp,
    dense as dense,
    dense_vjp as dense_vjp,
)
from jaxdl.functional.binary_classification import (
    binary_cross_entropy as binary_cross_entropy,
    binary_cross_entropy_vjp as binary_cross_entropy_vjp,
    sigmoid_binary_cross_entropy as sigmoid_binary_cross_entropy,
    sigmoid_binary_cross_entropy_vjp as sigmoid_binary_cross_entropy_vjp,
)
from jaxdl.functional.classification import (
    cross_entropy as cross_entropy,
    cross_entropy_vjp as cross_entropy_vjp,
    negative_log_likelihood as negative_log_likelihood,
    negative_log_likelihood_vjp as negative_log_likelihood_vjp,
)
from jaxdl.functional.contrastive import (
    cosine_embedding as cosine_embedding,
    cosine_embedding_vjp as cosine_embedding_vjp,
    hinge_embedding as hinge_embedding,
    hinge_embedding_vjp as hinge_embedding_vjp,
    negative_sampling as negative_sampling,
    negative_sampling_vjp as negative_sampling_vjp,
    triplet as triplet,
    triplet_vjp as triplet_vjp,
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
from jaxdl.functional.divergences import (
    kl_divergence as kl_divergence,
    kl_divergence_vjp as kl_divergence_vjp,
    soft_cross_entropy as soft_cross_entropy,
    soft_cross_entropy_vjp as soft_cross_entropy_vjp,
)
from jaxdl.functional.embedding import (
    bag_of_embeddings as bag_of_embeddings,
    bag_of_embeddings_vjp as bag_of_embeddings_vjp,
    embed as embed,
    embed_vjp as embed_vjp,
)
from jaxdl.functional.gates import (
    glu as glu,
    glu_vjp as glu_vjp,
)
from jaxdl.functional.margins import (
    hinge as hinge,
    hinge_vjp as hinge_vjp,
    multiclass_hinge as multiclass_hinge,
    multiclass_hinge_vjp as multiclass_hinge_vjp,
    perceptron as perceptron,
    perceptron_vjp as perceptron_vjp,
    squared_hinge as squared_hinge,
    squared_hinge_vjp as squared_hinge_vjp,
    weston_watkins as weston_watkins,
    weston_watkins_vjp as weston_watkins_vjp,
)
from jaxdl.functional.noise import (
    dropout as dropout,
    dropout_vjp as dropout_vjp,
    gaussian_noise as gaussian_noise,
    gaussian_noise_vjp as gaussian_noise_vjp,
)
from jaxdl.functional.normalization import (
    batch_norm as batch_norm,
    batch_norm_inference as batch_norm_inference,
    batch_norm_inference_vjp as batch_norm_inference_vjp,
    batch_norm_vjp as batch_norm_vjp,
)
from jaxdl.functional.penalties import (
    elastic_net as elastic_net,
    elastic_net_vjp as elastic_net_vjp,
    l1 as l1,
    l1_vjp as l1_vjp,
    l2 as l2,
    l2_vjp as l2_vjp,
)
from jaxdl.functional.per_example_normalization import (
    group_norm as group_norm,
    group_norm_vjp as group_norm_vjp,
    instance_norm as instance_norm,
    instance_norm_vjp as instance_norm_vjp,
    layer_norm as layer_norm,
    layer_norm_vjp as layer_norm_vjp,
    local_response_norm as local_response_norm,
    local_response_norm_vjp as local_response_norm_vjp,
    rms_norm as rms_norm,
    rms_norm_vjp as rms_norm_vjp,
)
from jaxdl.functional.pooling import (
    adaptive_avg_pool as adaptive_avg_pool,
    adaptive_avg_pool_vjp as adaptive_avg_pool_vjp,
    avg_pool as avg_pool,
    avg_pool_vjp as avg_pool_vjp,
    global_avg_pool as global_avg_pool,
    global_avg_pool_vjp as global_avg_pool_vjp,
    max_pool as max_pool,
    max_pool_vjp as max_pool_vjp,
)
from jaxdl.functional.projections import (
    max_norm as max_norm,
    max_norm_vjp as max_norm_vjp,
    soft_threshold as soft_threshold,
    soft_threshold_vjp as soft_threshold_vjp,
)
from jaxdl.functional.ranking import (
    listwise_softmax as listwise_softmax,
    listwise_softmax_vjp as listwise_softmax_vjp,
    pairwise_hinge as pairwise_hinge,
    pairwise_hinge_vjp as pairwise_hinge_vjp,
    pairwise_logistic as pairwise_logistic,
    pairwise_logistic_vjp as pairwise_logistic_vjp,
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
    threshold as threshold,
    threshold_vjp as threshold_vjp,
)
from jaxdl.functional.recurrence import (
    gru_cell as gru_cell,
    gru_cell_vjp as gru_cell_vjp,
    lstm_cell as lstm_cell,
    lstm_cell_vjp as lstm_cell_vjp,
    rnn_cell as rnn_cell,
    rnn_cell_vjp as rnn_cell_vjp,
)
from jaxdl.functional.reductions import (
    weighted_mean as weighted_mean,
    weighted_mean_vjp as weighted_mean_vjp,
)
from jaxdl.functional.regression import (
    absolute_error as absolute_error,
    absolute_error_vjp as absolute_error_vjp,
    huber as huber,
    huber_vjp as huber_vjp,
    poisson_nll as poisson_nll,
    poisson_nll_vjp as poisson_nll_vjp,
    squared_error as squared_error,
    squared_error_vjp as squared_error_vjp,
)
from jaxdl.functional.reshaping import reshape as reshape, reshape_vjp as reshape_vjp
from jaxdl.functional.sequences import (
    gru as gru,
    gru_vjp as gru_vjp,
    lstm as lstm,
    lstm_vjp as lstm_vjp,
    rnn as rnn,
    rnn_vjp as rnn_vjp,
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

# fmt: off
__all__ = [
    "absolute_error", "absolute_error_vjp", "adaptive_avg_pool", "adaptive_avg_pool_vjp", "avg_pool", "avg_pool_vjp",
    "bag_of_embeddings", "bag_of_embeddings_vjp", "batch_norm", "batch_norm_inference", "batch_norm_inference_vjp",
    "batch_norm_vjp", "bilinear", "bilinear_vjp", "binary_cross_entropy", "binary_cross_entropy_vjp", "celu",
    "celu_vjp", "conv1d", "conv1d_vjp", "conv2d", "conv2d_transpose", "conv2d_transpose_vjp", "conv2d_vjp",
    "convolution", "convolution_vjp", "cosine_embedding", "cosine_embedding_vjp", "cross_entropy", "cross_entropy_vjp",
    "dense", "dense_vjp", "dropout", "dropout_vjp", "elastic_net", "elastic_net_vjp", "elu", "elu_vjp", "embed",
    "embed_vjp", "gaussian_noise", "gaussian_noise_vjp", "gelu", "gelu_tanh", "gelu_tanh_vjp", "gelu_vjp",
    "global_avg_pool", "global_avg_pool_vjp", "glu", "glu_vjp", "group_norm", "group_norm_vjp", "gru", "gru_cell",
    "gru_cell_vjp", "gru_vjp", "hard_shrink", "hard_shrink_vjp", "hard_sigmoid", "hard_sigmoid_vjp", "hard_swish",
    "hard_swish_vjp", "hard_tanh", "hard_tanh_vjp", "hinge", "hinge_embedding", "hinge_embedding_vjp", "hinge_vjp",
    "huber", "huber_vjp", "instance_norm", "instance_norm_vjp", "kl_divergence", "kl_divergence_vjp", "l1", "l1_vjp",
    "l2", "l2_vjp", "layer_norm", "layer_norm_vjp", "leaky_relu", "leaky_relu_vjp", "listwise_softmax",
    "listwise_softmax_vjp", "local_response_norm", "local_response_norm_vjp", "log_sigmoid", "log_sigmoid_vjp",
    "log_softmax", "log_softmax_vjp", "lstm", "lstm_cell", "lstm_cell_vjp", "lstm_vjp", "max_norm", "max_norm_vjp",
    "max_pool", "max_pool_vjp", "maxout", "maxout_vjp", "mish", "mish_vjp", "multiclass_hinge", "multiclass_hinge_vjp",
    "negative_log_likelihood", "negative_log_likelihood_vjp", "negative_sampling", "negative_sampling_vjp",
    "output_size", "pairwise_hinge", "pairwise_hinge_vjp", "pairwise_logistic", "pairwise_logistic_vjp", "perceptron",
    "perceptron_vjp", "poisson_nll", "poisson_nll_vjp", "prelu", "prelu_vjp", "relu", "relu6", "relu6_vjp", "relu_vjp",
    "reshape", "reshape_vjp", "rms_norm", "rms_norm_vjp", "rnn", "rnn_cell", "rnn_cell_vjp", "rnn_vjp", "selu",
    "selu_vjp", "sigmoid", "sigmoid_binary_cross_entropy", "sigmoid_binary_cross_entropy_vjp", "sigmoid_vjp", "silu",
    "silu_vjp", "soft_cross_entropy", "soft_cross_entropy_vjp", "soft_shrink", "soft_shrink_vjp", "soft_threshold",
    "soft_threshold_vjp", "softmax", "softmax_vjp", "softplus", "softplus_vjp", "softsign", "softsign_vjp",
    "squared_error", "squared_error_vjp", "squared_hinge", "squared_hinge_vjp", "tanh", "tanh_vjp", "threshold",
    "threshold_vjp", "triplet", "triplet_vjp", "weighted_mean", "weighted_mean_vjp", "weston_watkins",
    "weston_watkins_vjp",
]
# fmt: on

offer_public_names(
    __name__,
    {
        **dict.fromkeys(("mse", "mse_loss", "l2_loss", "mean_squared_error"), "did you mean squared_error?"),
        **dict.fromkeys(("mae", "l1_loss", "mean_absolute_error"), "did you mean absolute_error?"),
        **dict.fromkeys(("linear", "fully_connected", "matmul"), "did you mean dense?"),
        **dict.fromkeys(("bce_with_logits", "bcewithlogits"), "did you mean sigmoid_binary_cross_entropy?"),
        "swish": "did you mean silu?",
        "nll_loss": "did you mean negative_log_likelihood?",
        "embedding": "did you mean embed?",
    },
)
