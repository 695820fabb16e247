"""Compressed twins of a network: quantised or pruned parameters."""

from __future__ import annotations

import numbers
from typing import Literal

import numpy as np

from twincert import _core
from twincert.errors import SettingsError
from twincert.network import Network, Twin

Scheme = Literal["symmetric", "affine", "fixed_point", "float16", "bfloat16"]
Rounding = Literal["nearest", "truncate"]
Scope = Literal["layer", "global"]


def quantize(
    net: Network,
    bits: int = 8,
    scheme: Scheme = "symmetric",
    per_channel: bool = True,
    rounding: Rounding = "nearest",
) -> Twin:
    """Twin of `net` whose parameters are what a low-precision kernel computes with, held in float64.

    The stored value of a weight w is, with a scale s (and zero point z) per row of the weight or per weight matrix:

    - symmetric: s k, k = round(w / s) an integer of size at most 2^(bits-1) - 1, s = max abs(w) / (2^(bits-1) - 1).
    - affine: s (k - z), k = round(w / s) + z from 0 to 2^bits - 1, s = (max(w, 0) - min(w, 0)) / (2^bits - 1), z the
      integer nearest to -min(w, 0) / s, so that 0 stays 0.
    - fixed_point: round(w 2^bits) / 2^bits, `bits` being the number of fractional bits. With rounding="truncate" this
      is q(v) of Li, Drummond, Duncan, "Robust error bounds for quantised and pruned neural networks", arXiv 2012.00138.
    - float16, bfloat16: the IEEE 754 conversion, subnormals included.

    Symmetric and affine keep the biases as they are, as integer deployments do (int32 biases are finer than any other
    step); fixed_point, float16 and bfloat16 convert them as they convert the weights. Activations are not quantised.

    Args:
        net: the reference network.
        bits: 2 to 16. float16 and bfloat16 have 16 whatever is given here.
        scheme: the kind of number, as above.
        per_channel: symmetric and affine: one scale per row (per output) instead of one per weight matrix.
        rounding: "nearest" (ties to even) or "truncate" (towards zero).

    Raises:
        SettingsError: an option outside its range, or a parameter beyond float16's or bfloat16's largest number (named
            with its layer).
    """
    _check_network(net)
    if isinstance(bits, bool) or not isinstance(bits, numbers.Integral) or abs(bits) > 2**30:
        raise SettingsError(f"bits: expected an integer from 2 to 16; found {bits!r}")
    if not isinstance(per_channel, bool | np.bool_):
        raise SettingsError(f"per_channel: expected True or False; found {per_channel!r}")
    compressed = _core.quantize(
        net, bits=int(bits), scheme=_text(scheme), per_channel=bool(per_channel), rounding=_text(rounding)
    )
    return Twin(net, Network.from_core(compressed))


def prune(net: Network, sparsity: float = 0.3, structure: str = "magnitude", scope: Scope = "layer") -> Twin:
    """Twin of `net` with parameters set to zero; sizes and biases stay as they are.

    - magnitude: the weights of smallest absolute value.
    - row: whole neurons, those whose incoming row has the smallest 2-norm (Li, Drummond, Duncan, arXiv 2012.00138,
      section on pruning). The last dense layer is left alone: its rows are the network's outputs.
    - "n:m", as in "2:4": of every m consecutive weights of a row the n of largest absolute value stay; of a shorter
      last group too at most n.

    Args:
        net: the reference network.
        sparsity: share of the weights (or rows) that become zero, 0 to 1; the count is rounded to the nearest integer,
            ties to even, and includes weights that are zero already. "n:m" does not read it. Among equals the earlier
            layer, row, column goes first.
        structure: "magnitude", "row" or "n:m" with integers 1 <= n < m <= 1024.
        scope: choose the smallest within each "layer", or among all layers at once ("global"; not for "n:m").

    Raises:
        SettingsError: an option outside its range, or "row" for a network with one dense layer only.
    """
    _check_network(net)
    if isinstance(sparsity, bool) or not isinstance(sparsity, numbers.Real):
        raise SettingsError(f"sparsity: expected a number from 0 to 1; found {sparsity!r}")
    compressed = _core.prune(net, sparsity=float(sparsity), structure=_text(structure), scope=_text(scope))
    return Twin(net, Network.from_core(compressed))


def _check_network(net: object) -> None:
    if not isinstance(net, Network):
        raise SettingsError(f"net: expected a twincert.Network; found {type(net).__name__}")


def _text(value: object) -> str:
    """The value as the core is to name it in its error; only text can be a name."""
    return value if isinstance(value, str) else repr(value)
