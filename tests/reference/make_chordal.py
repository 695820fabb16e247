"""Optima by Clarabel for test_chordal.py: cd tests && python -m reference.make_chordal"""

from __future__ import annotations

import sys

import cvxpy

from reference.chordal_instances import INSTANCES
from twincert.sdp import ChordalProblem


def optimum(problem: ChordalProblem) -> float:
    """Clarabel's value of a problem, which is no bound."""
    blocks, constraints, value = [], [], problem.constant
    for clique, objective in zip(problem.cliques, problem.objective, strict=True):
        block = cvxpy.Variable((clique.T.shape[1], clique.T.shape[1]), PSD=True)
        moment = clique.T @ block @ clique.T.T
        blocks.append(moment)
        constraints += [moment >= clique.lower, moment <= clique.upper]
        if clique.trace_rows:
            constraints.append(sum(moment[i, i] for i in clique.trace_rows) <= clique.trace_limit)
        if objective is not None:
            value = value + cvxpy.sum(cvxpy.multiply(objective, moment))
    for overlap in problem.overlaps:
        first, second = blocks[overlap.first], blocks[overlap.second]
        for a, c in zip(overlap.first_rows, overlap.second_rows, strict=True):
            for b, d in zip(overlap.first_rows, overlap.second_rows, strict=True):
                if a <= b:
                    constraints.append(first[a, b] == second[c, d])
    program = cvxpy.Problem(cvxpy.Maximize(value), constraints)
    program.solve(solver="CLARABEL")
    if program.status != "optimal":
        raise RuntimeError(f"expected an optimum, Clarabel says {program.status}")
    return float(program.value)


if __name__ == "__main__":
    for name, instance in INSTANCES.items():
        sys.stdout.write(f'    "{name}": {optimum(instance.problem):.6f},\n')
