"""The proof part of a certificate: plain arrays in memory, packed arrays in JSON."""

from __future__ import annotations

from typing import Any

import numpy as np

from twincert import _core
from twincert._certificate_format import (
    Array,
    FieldError,
    Json,
    decode_number,
    decode_vector,
    encode_array,
    encode_number,
)
from twincert._certificate_triangle import decode_lower, encode_lower, mirror_lower

NETWORKS = ("reference", "compressed")
AFFINE = ("affine_input", "affine_difference")


def mirrored(proof: Json) -> Json:
    """The proof with every multiplier made symmetric from its lower triangle, as a file restores it."""
    objectives = []
    for objective in proof["objectives"]:
        cliques = [
            {"multiplier": _mirror(clique["multiplier"]), "factor": np.tril(clique["factor"])}
            for clique in objective["cliques"]
        ]
        objectives.append({**objective, "weights": np.asarray(objective["weights"], dtype=float), "cliques": cliques})
    return {**proof, "objectives": objectives}


def core_proof(proof: Json) -> Json:
    """The proof as the C++ core takes it.

    Files written before ``rows.cliques`` existed mean one clique per hidden stage, and those written before
    ``rows.unstable_only`` existed rows of all neurons. Reading does not fill that in: the digest is of what the file
    says.
    """
    return {**proof, "rows": {"cliques": "stages", "unstable_only": False, **proof["rows"]}}


def _mirror(matrix: Array) -> Array:
    mirror: Array = np.tril(matrix)
    mirror += 0.0  # negative zeros become zeros
    mirror_lower(mirror)
    return mirror


def encode_cliques(proof: Json) -> list[list[Json]]:
    """JSON of the multipliers and factors of every objective of a proof."""
    return [
        [
            {"multiplier": encode_lower(clique["multiplier"]), "factor": encode_lower(clique["factor"])}
            for clique in objective["cliques"]
        ]
        for objective in proof["objectives"]
    ]


def encode_proof(proof: Json, cliques: list[list[Json]]) -> Json:
    """JSON of a proof as the C++ core returns it, around the encoded cliques of every objective."""
    return {
        "propagation": proof["propagation"],
        **({"operations": encode_number(proof["operations"])} if "operations" in proof else {}),
        "stages": [_encode_stage(stage) for stage in proof["stages"]],
        "rows": dict(proof["rows"]),
        "objectives": [_encode_objective(*pair) for pair in zip(proof["objectives"], cliques, strict=True)],
        **({} if proof["branching"] is None else {"branching": _encode_branching(proof["branching"])}),
    }


def _encode_box(box: Any) -> Json | None:
    return None if box is None else {"lower": encode_array(box[0]), "upper": encode_array(box[1])}


def _encode_stage(stage: Json) -> Json:
    return {name: _encode_box(stage[name]) for name in (*NETWORKS, "difference")}


def _encode_branching(branching: Json) -> Json:
    tree = encode_array(np.asarray(branching["tree"], dtype=float))
    return {"target": encode_number(branching["target"]), "tree": tree}


def _encode_objective(objective: Json, cliques: list[Json]) -> Json:
    return {
        "kind": objective["kind"],
        "weights": encode_array(objective["weights"]),
        **({"slope": encode_number(objective["slope"])} if objective["kind"] in AFFINE else {}),
        "bound": encode_number(objective["bound"]),
        "cliques": cliques,
    }


def decode_proof(proof: Json, output_size: int) -> Json:
    """Inverse of ``encode_proof`` for JSON that fits the schema; FieldError names the first field that is wrong."""
    return {
        "propagation": proof["propagation"],
        **_decode_operations(proof),
        "stages": [_decode_stage(stage, f"proof.stages[{i}]") for i, stage in enumerate(proof["stages"])],
        "rows": dict(proof["rows"]),
        "objectives": [
            _decode_objective(objective, output_size, f"proof.objectives[{i}]")
            for i, objective in enumerate(proof["objectives"])
        ],
        "branching": _decode_branching(proof["branching"], "proof.branching") if "branching" in proof else None,
    }


def _decode_operations(proof: Json) -> Json:
    if "operations" not in proof:
        return {}
    operations = decode_number(proof["operations"], "proof.operations")
    if not 0 <= operations <= _core.largest_budget or proof["propagation"] != "optimized":
        expected = f"expected a number between 0 and {_core.largest_budget:g}, only with optimized propagation"
        raise FieldError("proof.operations", expected)
    return {"operations": operations}


def _decode_box(box: Json, field: str) -> tuple[Array, Array]:
    lower = decode_vector(box["lower"], None, f"{field}.lower", allow_infinity=True)
    upper = decode_vector(box["upper"], lower.size, f"{field}.upper", allow_infinity=True)
    return lower, upper


def _decode_stage(stage: Json, field: str) -> Json:
    boxes: Json = {name: _decode_box(stage[name], f"{field}.{name}") for name in NETWORKS}
    difference = stage["difference"]
    boxes["difference"] = None if difference is None else _decode_box(difference, f"{field}.difference")
    return boxes


def _decode_branching(branching: Json, field: str) -> Json:
    tree = decode_vector(branching["tree"], None, f"{field}.tree")
    if not (np.floor(tree) == tree).all() or (tree < -1).any() or (tree >= 2**53).any():
        raise FieldError(f"{field}.tree", "expected whole numbers of at least -1")
    return {"target": decode_number(branching["target"], f"{field}.target"), "tree": tree.astype(np.int64).tolist()}


def _decode_slope(objective: Json, field: str) -> float:
    if (objective["kind"] in AFFINE) != ("slope" in objective):
        raise FieldError(f"{field}.slope", f"expected with the kinds {', '.join(AFFINE)} and no other")
    return decode_number(objective["slope"], f"{field}.slope") if "slope" in objective else 0.0


def _decode_objective(objective: Json, output_size: int, field: str) -> Json:
    expected = output_size if objective["kind"] == "linear" else 0
    weights = decode_vector(objective["weights"], None, f"{field}.weights")
    if weights.size not in (expected, output_size):
        raise FieldError(f"{field}.weights.shape", f"expected [{expected}], found [{weights.size}]")
    return {
        "kind": objective["kind"],
        "weights": weights,
        "slope": _decode_slope(objective, field),
        "bound": decode_number(objective["bound"], f"{field}.bound"),
        "cliques": [
            {
                "multiplier": decode_lower(clique["multiplier"], True, f"{field}.cliques[{i}].multiplier"),
                "factor": decode_lower(clique["factor"], False, f"{field}.cliques[{i}].factor"),
            }
            for i, clique in enumerate(objective["cliques"])
        ],
    }
