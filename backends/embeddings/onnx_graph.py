"""The ONNX graph of a six-layer BERT encoder with mean pooling and normalisation, in standard operators."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_HEADS = 12
_LAYERS = 6
_HIDDEN = 384
_EPSILON = 1e-12
_OPSET = 20

Array = NDArray[Any]


class _Graph:
    """Collects nodes and constants; every method that adds a node returns the name of its output."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[str, Array] = {}

    def constant(self, name: str, value: Array) -> str:
        self.constants[name] = np.ascontiguousarray(value)
        return name

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        output = f"{operator}_{len(self.nodes)}"
        self.add_to([output], operator, *inputs, **attributes)
        return output

    def add_to(self, outputs: list[str], operator: str, *inputs: str, **attributes: Any) -> None:
        from onnx import helper

        self.nodes.append(helper.make_node(operator, list(inputs), outputs, **attributes))

    def linear(self, name: str, value: str, weight: Array, bias: Array) -> str:
        product = self.add("MatMul", value, self.constant(f"{name}.weight", weight.T))
        return self.add("Add", product, self.constant(f"{name}.bias", bias))

    def norm(self, name: str, value: str, weights: dict[str, Array]) -> str:
        scale = self.constant(f"{name}.weight", weights[f"{name}.weight"])
        shift = self.constant(f"{name}.bias", weights[f"{name}.bias"])
        return self.add("LayerNormalization", value, scale, shift, axis=-1, epsilon=_EPSILON)


def build_graph(weights_path: Path, *, target: Path, name: str) -> None:
    """Write the graph: inputs `ids` (int64) and `mask` (float, 1 = token), both (texts, tokens); output `vectors`."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from safetensors.numpy import load_file

    weights: dict[str, Array] = load_file(str(weights_path))
    graph = _Graph()
    hidden = _embeddings(graph, weights)
    unmasked = _attention_bias(graph)
    for layer in range(_LAYERS):
        hidden = _layer(graph, weights, hidden, f"encoder.layer.{layer}", unmasked)
    _pool(graph, hidden)
    shape = ["texts", "tokens"]
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            name,
            [
                helper.make_tensor_value_info("ids", TensorProto.INT64, shape),
                helper.make_tensor_value_info("mask", TensorProto.FLOAT, shape),
            ],
            [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["texts", _HIDDEN])],
            [numpy_helper.from_array(value, name=key) for key, value in graph.constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=10,
        producer_name="dafe-graphs",
    )
    onnx.checker.check_model(model)
    onnx.save(model, str(target))


def _integers(*values: int) -> Array:
    return np.array(values, dtype=np.int64)


def _embeddings(graph: _Graph, weights: dict[str, Array]) -> str:
    words = graph.constant("words", weights["embeddings.word_embeddings.weight"])
    # Every token is of type 0: its vector is added to the positions here instead of at each run.
    placed = weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
    positions = graph.constant("positions", placed)
    axis = graph.constant("axis", _integers(0))
    shape = graph.add("Shape", "ids", start=1, end=2)
    used = graph.add("Slice", positions, graph.constant("first", _integers(0)), shape, axis)
    summed = graph.add("Add", graph.add("Gather", words, "ids"), used)
    return graph.norm("embeddings.LayerNorm", summed, weights)


def _attention_bias(graph: _Graph) -> str:
    """0 for tokens and the lowest float for padding, shaped (texts, 1, 1, tokens)."""
    one = graph.constant("one", np.array(1.0, dtype=np.float32))
    lowest = graph.constant("lowest", np.array(np.finfo(np.float32).min, dtype=np.float32))
    bias = graph.add("Mul", graph.add("Sub", one, "mask"), lowest)
    return graph.add("Unsqueeze", bias, graph.constant("heads_and_queries", _integers(1, 2)))


def _layer(graph: _Graph, weights: dict[str, Array], hidden: str, name: str, unmasked: str) -> str:
    mixed = _attention(graph, weights, hidden, f"{name}.attention", unmasked)
    hidden = graph.norm(f"{name}.attention.output.LayerNorm", graph.add("Add", mixed, hidden), weights)
    inner = _dense(graph, weights, hidden, f"{name}.intermediate.dense")
    outer = _dense(graph, weights, graph.add("Gelu", inner), f"{name}.output.dense")
    return graph.norm(f"{name}.output.LayerNorm", graph.add("Add", outer, hidden), weights)


def _dense(graph: _Graph, weights: dict[str, Array], value: str, name: str) -> str:
    return graph.linear(name, value, weights[f"{name}.weight"], weights[f"{name}.bias"])


def _attention(graph: _Graph, weights: dict[str, Array], hidden: str, name: str, unmasked: str) -> str:
    """Queries, keys and values in one product; the queries carry the factor 1/sqrt(head size) in their weights."""
    parts = [f"{name}.self.{part}" for part in ("query", "key", "value")]
    scale = np.float32(1 / np.sqrt(_HIDDEN // _HEADS))
    factors = (scale, np.float32(1), np.float32(1))
    weight = np.concatenate([weights[f"{p}.weight"] * factor for p, factor in zip(parts, factors, strict=True)])
    bias = np.concatenate([weights[f"{p}.bias"] * factor for p, factor in zip(parts, factors, strict=True)])
    joined = graph.linear(f"{name}.joined", hidden, weight, bias)
    split = [f"{name}.{part}" for part in ("queries", "keys", "values")]
    graph.add_to(split, "Split", joined, axis=-1, num_outputs=3)
    by_head = graph.constant("by_head", _integers(0, 0, _HEADS, _HIDDEN // _HEADS))
    queries, keys, values = (graph.add("Reshape", part, by_head) for part in split)
    scores = graph.add(
        "MatMul",
        graph.add("Transpose", queries, perm=[0, 2, 1, 3]),
        graph.add("Transpose", keys, perm=[0, 2, 3, 1]),
    )
    shares = graph.add("Softmax", graph.add("Add", scores, unmasked), axis=-1)
    mixed = graph.add("MatMul", shares, graph.add("Transpose", values, perm=[0, 2, 1, 3]))
    together = graph.constant("together", _integers(0, 0, _HIDDEN))
    flat = graph.add("Reshape", graph.add("Transpose", mixed, perm=[0, 2, 1, 3]), together)
    return _dense(graph, weights, flat, f"{name}.output.dense")


def _pool(graph: _Graph, hidden: str) -> None:
    """Mean over the tokens, then unit length."""
    tokens = graph.constant("tokens", _integers(1))
    weight = graph.add("Unsqueeze", "mask", graph.constant("width", _integers(2)))
    total = graph.add("ReduceSum", graph.add("Mul", hidden, weight), tokens, keepdims=0)
    # The mean's divisor falls out: the direction is all that is kept.
    graph.add_to(["vectors"], "LpNormalization", total, axis=-1, p=2)
