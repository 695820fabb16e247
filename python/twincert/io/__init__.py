"""Reading and writing networks: .onnx, .nnet and .npz."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from twincert.errors import ParseError, SettingsError, TwincertError
from twincert.io._nnet import read_nnet
from twincert.io._npz import read_npz, write_npz
from twincert.io._onnx_reader import read_onnx
from twincert.io._onnx_writer import write_onnx
from twincert.io._steps import Step, network_from_steps, steps_of_network
from twincert.network import Network

__all__ = ["load", "save"]

_READERS: dict[str, Callable[[Path], tuple[int, list[Step]]]] = {
    ".nnet": read_nnet,
    ".npz": read_npz,
    ".onnx": read_onnx,
}
_WRITERS: dict[str, Callable[[Path, int, list[Step]], None]] = {".npz": write_npz, ".onnx": write_onnx}


def load(path: str | os.PathLike[str]) -> Network:
    """The network in a file, chosen by the file name's suffix.

    - .onnx: a chain of Gemm, MatMul, Add, Sub, Relu, LeakyRelu, PRelu (one slope), Sigmoid, Tanh, Clip, QuantizeLinear
      followed by DequantizeLinear (one scale), Flatten, Reshape, Identity and Constant, of opset 7 or later. A dynamic
      dimension is the batch. Weights keep their values exactly.
    - .nnet: ReLU between layers, in the network's normalised inputs and outputs.
    - .npz: W0, b0, W1, b1, ... with W of shape (outputs, inputs) and an optional text `activation` (default relu, with
      numbers `slope`, `lower`, `upper`, `step` where it has them); or a file that `save` wrote.

    Raises:
        ParseError: another suffix, or a file that is damaged or not of its format; names file and place.
        UnsupportedLayerError: an ONNX graph with other layers or not a chain; names file and node.
        OSError: the file cannot be opened.
    """
    path = Path(path)
    reader = _READERS.get(path.suffix)
    if reader is None:
        raise ParseError(f"{path}: expected a file name ending in {_listed(_READERS)}; found '{path.suffix}'")
    input_size, steps = reader(path)
    try:
        return network_from_steps(input_size, steps)
    except TwincertError as error:
        raise type(error)(f"{path}: {error}") from None


def save(network: Network, path: str | os.PathLike[str]) -> None:
    """Write a network so that `load` gets it back exactly: every layer, name and number.

    - .onnx: opset 17, IR version 8, input (N, inputs), output (N, outputs), one node per layer. float32 when every
      parameter is a float32 exactly, float64 otherwise. A `quantize_even` layer becomes QuantizeLinear,
      DequantizeLinear and Clip; with more than 8 bits in opset 21.
    - .npz: the package's own form, which keeps float64.

    Raises:
        SettingsError: another suffix, more parameters than one ONNX file holds (2 GiB), or a layer that ONNX has no
            operators for: `quantize` (ties away from zero), more than 16 bits, quantisation in a float64 model.
        OSError: the file cannot be written.
    """
    path = Path(path)
    writer = _WRITERS.get(path.suffix)
    if writer is None:
        raise SettingsError(f"{path}: expected a file name ending in {_listed(_WRITERS)}; found '{path.suffix}'")
    writer(path, network.input_size, steps_of_network(network))


def _listed(known: Iterable[str]) -> str:
    *first, last = sorted(known)
    return f"{', '.join(first)} or {last}"
