"""The built-in network: embeddings and numbers through a few dense layers to one logit."""

import math
from collections.abc import Sequence

import keras

from components.core.spec import Network

_SPREAD = 0.05  # standard deviation of an embedding before it has learned anything


def build_network(network: Network, sizes: Sequence[int], width: int, rate: float) -> keras.Model:
    """Builds the network on prepared rows.

    Args:
        network: The spec's network.
        sizes: Ids of each category.
        width: Columns of the numbers.
        rate: Share of positives, above 0 and below 1: what the network answers before it has
            learned anything, so that its first steps go into the features.

    Returns:
        A model from ids, int32 [n, len(sizes)], and numbers, float32 [n, width], to a logit,
        float32 [n, 1]. ``tanh`` and not ``relu``: what lies outside of the training rows is
        answered like their edge and not extrapolated without bound.
    """
    ids = keras.Input((len(sizes),), dtype="int32", name="ids")
    numbers = keras.Input((width,), name="numbers")
    hidden = numbers
    if sizes:
        hidden = keras.layers.Concatenate()([_embedded(network, ids, sum(sizes)), numbers])
    for units in network.hidden:
        hidden = keras.layers.Dense(units, activation="tanh")(hidden)
        hidden = keras.layers.Dropout(network.dropout)(hidden)
    odds = keras.initializers.Constant(math.log(rate / (1 - rate)))
    start = "glorot_uniform" if network.hidden else "zeros"  # alone it has no layer to wake
    last = keras.layers.Dense(1, kernel_initializer=start, bias_initializer=odds, name="logit")
    return keras.Model([ids, numbers], last(hidden), name="network")


def embedding_of(model: keras.Model) -> keras.Variable | None:
    """The table of embeddings, [ids, width]; None where there is no category."""
    names = [layer.name for layer in model.layers]
    return model.get_layer("embedding").embeddings if "embedding" in names else None


def _embedded(network: Network, ids: keras.KerasTensor, count: int) -> keras.KerasTensor:
    initial = keras.initializers.RandomNormal(stddev=_SPREAD)
    table = keras.layers.Embedding(
        count, network.embedding, embeddings_initializer=initial, name="embedding"
    )
    flat = keras.layers.Flatten()(table(ids))
    return keras.layers.Dropout(network.dropout)(flat)
