"""Certificates: what was proven about a twin over a set, the proof, and the checker's report on it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from twincert import _core
from twincert._blas import single_thread
from twincert._certificate_format import (
    FORMAT,
    VERSION,
    Array,
    FieldError,
    Json,
    content_digest,
    decode_number,
    decode_vector,
    encode_array,
    encode_number,
    read,
    validate,
    write,
)
from twincert._certificate_proof import core_proof, decode_proof, encode_cliques, encode_proof, mirrored
from twincert.errors import ParseError, SettingsError, TwincertError
from twincert.measure import (
    Affine,
    AffineBound,
    Measure,
    core_measure,
    evaluate_measure,
    measure_from_dict,
    measure_label,
    measure_to_dict,
    parse_measure,
)
from twincert.network import Network, Twin
from twincert.sets import Box, InputSet, input_set_from_dict

Verdict = Literal["holds", "violated", "unknown"]


def _values_at(network: Network, point: Array) -> tuple[Array, Array]:
    """Least and largest outputs (outputs,) at one point, up to rounding: they differ when activations are rounded and
    close to a tie, where another order of summation may find another value.
    """
    if not any(stage.activation.step for stage in network.stages):
        return network(point), network(point)
    lower, upper = _core.interval_bounds(Twin(network, network), Box(point, point)).stages[-1].reference
    return np.asarray(lower), np.asarray(upper)


@dataclass(frozen=True)
class CheckReport:
    """What the trusted checker says about a certificate.

    ``valid``: every claim was proven again from the networks. ``upper``: the bound that the checker itself proved,
    infinity when it did not get that far. ``reason``: empty when valid, otherwise the first claim that does not stand.
    """

    valid: bool
    upper: float
    reason: str

    def __bool__(self) -> bool:
        """True when the certificate is valid."""
        return self.valid


@dataclass(frozen=True, eq=False, repr=False)
class Certificate:
    """Proven bounds on the error of a twin over an input set, with the proof.

    - upper: the measure never exceeds it on the set, rounding of the networks' evaluation included
    - affine: the ``AffineBound`` (gamma_x, gamma) of an ``Affine`` measure, ``upper`` being their weighted sum; or None
    - lower: value of the measure that is attained at ``witness`` in float64
    - upper_per_output, lower_per_output (outputs,): f_i - g_i never leaves them; +inf, -inf where not asked for: other
      outputs of an ``Output``, all of a ``Margin`` and of "top1"
    - witness (inputs,): x in the set; compressed_witness: y, the same unless the networks' inputs may differ;
      witness_output, compressed_witness_output (outputs,): f(x) and g(y), evaluated there
    - threshold, verdict: "holds" (upper <= threshold), "violated" (lower > threshold) or "unknown"
    - status: how the computation ended; every status comes with a valid bound
    - method: what proved the bound, "interval", "crown", "sdp" or "branch"
    - info: iterations, parts and leaves of branching, primal_residual, memory_estimate (GiB of the relaxation, from
      above; 0 without one), refusal (only where ``memory_limit`` forbade the SDP: what it needs, and ``rows`` that
      would fit), clique_rows, clique_variables, timings (seconds), history
    - proof: what ``check`` proves with: claimed stage bounds, row families, multipliers and factors, the tree of parts
    """

    measure: Measure
    input_set: InputSet
    upper: float
    lower: float
    upper_per_output: Array
    lower_per_output: Array
    witness: Array
    compressed_witness: Array
    witness_output: Array
    compressed_witness_output: Array
    threshold: float | None
    verdict: Verdict
    status: str
    method: str
    info: Json
    proof: Json
    reference_digest: str
    compressed_digest: str
    affine: AffineBound | None = None
    _intact: bool = field(default=True)  # the digest of the file that was read fits its content

    @classmethod
    def from_result(
        cls, twin: Twin, input_set: InputSet, measure: Measure, threshold: float | None, result: Json
    ) -> Certificate:
        """Certificate from what the C++ core returned."""
        witness = result["witness"]
        return cls(
            measure=measure,
            input_set=input_set,
            upper=float(result["upper"]),
            lower=float(witness["value"]),
            upper_per_output=np.array(result["upper_per_output"], dtype=float),
            lower_per_output=np.array(result["lower_per_output"], dtype=float),
            witness=np.array(witness["reference_input"], dtype=float),
            compressed_witness=np.array(witness["compressed_input"], dtype=float),
            witness_output=np.array(witness["reference_output"], dtype=float),
            compressed_witness_output=np.array(witness["compressed_output"], dtype=float),
            threshold=threshold,
            verdict=result["verdict"],
            status=result["status"],
            method=result["method"],
            info=result["info"],
            proof=mirrored(result["proof"]),
            reference_digest=twin.reference.digest(),
            compressed_digest=twin.compressed.digest(),
            affine=None if result["affine"] is None else AffineBound(*result["affine"]),
        )

    @property
    def witness_difference(self) -> Array:
        """f(x) - g(y) at the witness (outputs,), in float64."""
        return np.asarray(self.witness_output - self.compressed_witness_output)

    @property
    def gap(self) -> float:
        """``upper / lower``: 1 is exact; infinity when nothing but zero was attained."""
        if self.lower > 0:
            return self.upper / self.lower
        return 1.0 if self.upper == 0 else float("inf")

    # --- files --------------------------------------------------------------------------------------------------------

    def to_dict(self) -> Json:
        """JSON content of the certificate (docs/certificate.md), digest included."""
        return self._content(encode_cliques(self.proof))

    def _content(self, cliques: list[list[Json]]) -> Json:
        content: Json = {
            "format": FORMAT,
            "version": VERSION,
            "networks": {"reference": self.reference_digest, "compressed": self.compressed_digest},
            "input_set": self.input_set.to_dict(),
            "measure": measure_to_dict(self.measure),
            "bound": {
                "upper": encode_number(self.upper),
                **_encode_affine(self.affine),
                "upper_per_output": [encode_number(value) for value in self.upper_per_output],
                "lower_per_output": [encode_number(value) for value in self.lower_per_output],
            },
            "witness": {
                "lower": encode_number(self.lower),
                "reference_input": encode_array(self.witness),
                "compressed_input": encode_array(self.compressed_witness),
                "reference_output": encode_array(self.witness_output),
                "compressed_output": encode_array(self.compressed_witness_output),
            },
            "result": {
                "threshold": None if self.threshold is None else encode_number(self.threshold),
                "verdict": self.verdict,
                "status": self.status,
                "method": self.method,
            },
            "proof": encode_proof(self.proof, cliques),
            "info": _encode_info(self.info),
        }
        content["digest"] = content_digest(content)
        return content

    @classmethod
    def from_dict(cls, content: Json) -> Certificate:
        """Inverse of ``to_dict``; ParseError names the first field that is missing or wrong.

        An altered file, whose digest does not fit its content, is read, shown, and refused by ``check``.
        """
        try:
            validate(content)
            return cls._decode(content)
        except FieldError as error:
            raise ParseError(f"certificate: {error}") from None

    @classmethod
    def _decode(cls, content: Json) -> Certificate:
        try:
            input_set = input_set_from_dict(content["input_set"])
        except TwincertError as error:
            raise FieldError("input_set", str(error)) from None
        bound, witness, result = content["bound"], content["witness"], content["result"]
        upper_per_output = _decode_numbers(bound["upper_per_output"], "bound.upper_per_output")
        outputs = upper_per_output.size
        lower_per_output = _decode_numbers(bound["lower_per_output"], "bound.lower_per_output")
        if lower_per_output.size != outputs:
            raise FieldError("bound.lower_per_output", f"expected {outputs} numbers, found {lower_per_output.size}")
        threshold = result["threshold"]
        inputs = input_set.size
        certificate = cls(
            measure=_decode_measure(content["measure"], outputs),
            input_set=input_set,
            upper=decode_number(bound["upper"], "bound.upper"),
            lower=decode_number(witness["lower"], "witness.lower"),
            upper_per_output=upper_per_output,
            lower_per_output=lower_per_output,
            witness=decode_vector(witness["reference_input"], inputs, "witness.reference_input"),
            compressed_witness=decode_vector(witness["compressed_input"], inputs, "witness.compressed_input"),
            witness_output=decode_vector(witness["reference_output"], outputs, "witness.reference_output"),
            compressed_witness_output=decode_vector(witness["compressed_output"], outputs, "witness.compressed_output"),
            threshold=None if threshold is None else decode_number(threshold, "result.threshold"),
            verdict=result["verdict"],
            status=result["status"],
            method=result["method"],
            info=_decode_info(content["info"]),
            proof=decode_proof(content["proof"], outputs),
            reference_digest=content["networks"]["reference"],
            compressed_digest=content["networks"]["compressed"],
            affine=_decode_affine(content["measure"], bound),
        )
        # Triangles count as they were read: another zlib, or an older version, may have encoded them in another way.
        read_again = certificate._content([objective["cliques"] for objective in content["proof"]["objectives"]])
        return replace(certificate, _intact=content["digest"] == read_again["digest"])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the certificate as JSON, atomically. OSError when the file cannot be written."""
        write(path, self.to_dict())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Certificate:
        """Read a certificate.

        ParseError names the file and the field that is missing or wrong; OSError when it cannot be read.
        """
        content = read(path)
        try:
            return cls._decode(content)
        except FieldError as error:
            raise ParseError(f"{os.fspath(path)}: {error}") from None

    # --- checking -----------------------------------------------------------------------------------------------------

    def check(self, twin: Twin) -> CheckReport:
        """Prove every claim again from the two networks, without the solver.

        The digests show alterations and wrong networks early; validity never rests on them: the bound, the bounds per
        output, the witness and the verdict are all recomputed. ``status``, ``method`` and ``info`` describe the
        computation and prove nothing. Raises SettingsError when ``twin`` is no Twin.
        """
        if not isinstance(twin, Twin):
            raise SettingsError(f"check: expected a twincert.Twin, found {type(twin).__name__}")
        reason = self._altered(twin) or self._wrong_witness(twin) or self._wrong_verdict()
        if reason:
            return CheckReport(False, float("inf"), reason)
        claim = {
            "measure": core_measure(self.measure),
            "upper": self.upper,
            "affine": None if self.affine is None else (self.affine.gamma_x, self.affine.gamma),
            "upper_per_output": self.upper_per_output,
            "lower_per_output": self.lower_per_output,
        }
        with single_thread():
            report = _core.check(twin, self.input_set, claim, core_proof(self.proof))
        return CheckReport(bool(report["valid"]), float(report["upper"]), str(report["reason"]))

    def _altered(self, twin: Twin) -> str:
        if not self._intact:
            return "the certificate was altered: its digest does not fit its content"
        for name, network, digest in (
            ("reference", twin.reference, self.reference_digest),
            ("compressed", twin.compressed, self.compressed_digest),
        ):
            if network.digest() != digest:
                return f"the certificate speaks about another {name} network: its digest differs"
        if twin.input_size != self.input_set.size:
            return f"the input set has {self.input_set.size} inputs, the networks have {twin.input_size}"
        if twin.output_size != self.upper_per_output.size:
            return f"the bounds speak about {self.upper_per_output.size} outputs, the networks have {twin.output_size}"
        return ""

    def _wrong_witness(self, twin: Twin) -> str:
        x, y = self.witness, self.compressed_witness
        if not self.input_set.contains(x, y):
            return "the witness does not lie in the input set"
        # Another machine may add in another order: both evaluations are within the evaluation error of the exact one.
        slack = 2 * np.asarray(_core.interval_bounds(twin, self.input_set).evaluation_error)
        f, g = self.witness_output, self.compressed_witness_output
        for point, network, claimed in ((x, twin.reference, f), (y, twin.compressed, g)):
            lower, upper = _values_at(network, point)
            if not ((lower - slack <= claimed) & (claimed <= upper + slack)).all():
                return "the witness does not attain the outputs it claims"
        value = evaluate_measure(self.measure, x, y, f, g)
        terms = f.size + (x.size if isinstance(self.measure, Affine) else 0)
        rounding = 4 * (value + self.lower) * (terms + 4) * np.finfo(float).eps
        if not abs(value - self.lower) <= rounding:
            return f"the witness attains {value!r}, not the lower bound {self.lower!r}"
        return ""

    def _wrong_verdict(self) -> str:
        proven = verdict_of(self.threshold, self.upper, self.lower)
        if self.verdict != proven:
            return f"the verdict {self.verdict!r} does not follow from the bounds: they say {proven!r}"
        return ""

    # --- shown --------------------------------------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        """Equal when every number and word of the content is."""
        return isinstance(other, Certificate) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        """Hash of the content's digest."""
        return hash(self.to_dict()["digest"])

    def __repr__(self) -> str:
        """One line: the measure, both bounds, verdict, method and status."""
        verdict = "" if self.threshold is None else f", {self.verdict} at {self.threshold:g}"
        return (
            f"<Certificate {self.lower:.6g} <= {measure_label(self.measure)} <= {self.upper:.6g}"
            f"{verdict}; method {self.method}, {self.status}>"
        )

    def _repr_html_(self) -> str:
        """Table for notebooks."""
        from twincert._facts import certificate_html

        return certificate_html(self)


def _encode_affine(affine: AffineBound | None) -> Json:
    if affine is None:
        return {}
    return {"gamma_x": encode_number(affine.gamma_x), "gamma": encode_number(affine.gamma)}


def _decode_affine(measure: Json, bound: Json) -> AffineBound | None:
    names = ("gamma_x", "gamma")
    if measure["kind"] == "affine":
        return AffineBound(*(decode_number(_field(bound, "bound", name), f"bound.{name}") for name in names))
    for name in names:
        if name in bound:
            raise FieldError(f"bound.{name}", "expected with the measure 'affine' only")
    return None


def _field(content: Json, where: str, name: str) -> Any:
    if name not in content:
        raise FieldError(where, f"expected the field {name!r}, found none")
    return content[name]


def verdict_of(threshold: float | None, upper: float, lower: float) -> Verdict:
    """What two-sided bounds say about a threshold; unknown without one."""
    if threshold is None:
        return "unknown"
    return "holds" if upper <= threshold else "violated" if lower > threshold else "unknown"


def _decode_numbers(values: list[Any], name: str) -> Array:
    return np.array([decode_number(value, f"{name}[{i}]") for i, value in enumerate(values)], dtype=float)


def _decode_measure(value: Json, outputs: int) -> Measure:
    try:
        return parse_measure(measure_from_dict(value), outputs)
    except SettingsError as error:
        raise FieldError("measure", str(error)) from None


_PROGRESS_NUMBERS = ("seconds", "upper", "lower")
_UNSPLIT = {"parts": 0, "leaves": 0}  # of files written before branching existed
_PROGRESS_COUNTS = ("iteration", "objective", "objectives", "parts", "leaves")


def _encode_info(info: Json) -> Json:
    return {
        "iterations": int(info["iterations"]),
        "parts": int(info["parts"]),
        "leaves": int(info["leaves"]),
        "primal_residual": encode_number(info["primal_residual"]),
        "memory_estimate": encode_number(info["memory_estimate"]),
        **{name: str(info[name]) for name in ("refusal",) if name in info},
        "clique_rows": [int(count) for count in info["clique_rows"]],
        "clique_variables": [int(count) for count in info["clique_variables"]],
        "timings": {str(name): encode_number(seconds) for name, seconds in info["timings"].items()},
        "history": [
            {
                "stage": str(line["stage"]),
                **{name: int(line[name]) for name in _PROGRESS_COUNTS},
                **{name: encode_number(line[name]) for name in _PROGRESS_NUMBERS},
            }
            for line in info["history"]
        ],
    }


def _decode_info(info: Json) -> Json:
    timings = {name: decode_number(value, f"info.timings.{name}") for name, value in info["timings"].items()}
    history = []
    for i, line in enumerate(info["history"]):
        numbers = {name: decode_number(line[name], f"info.history[{i}].{name}") for name in _PROGRESS_NUMBERS}
        history.append({**_UNSPLIT, **line, **numbers})
    estimate = info.get("memory_estimate", 0.0)  # missing in files written before it was part of them
    return {
        **_UNSPLIT,
        **info,
        "memory_estimate": decode_number(estimate, "info.memory_estimate"),
        "primal_residual": decode_number(info["primal_residual"], "info.primal_residual"),
        "timings": timings,
        "history": history,
    }
