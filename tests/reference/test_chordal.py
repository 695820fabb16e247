"""Semidefinite programs in cliques: rigorous bounds against Clarabel's optima, frozen by make_chordal.py."""

import numpy as np
import pytest

from reference.chordal_instances import INSTANCES
from twincert.sdp import solve

OPTIMA = {
    "one clique": 0.013399,
    "chain": 29.951568,
    "star": 24.023681,
    "three pairs": 14.171630,
    "cycle": 1.125189,
    "long chain": 37.261431,
    "other order": -10.522904,
    "trace": 18.474901,
    "scales": 32.158902,
}
DIGITS = 1e-6  # of the optima above, which are no bounds


@pytest.mark.parametrize("name", INSTANCES)
def test_bound_is_close_to_the_optimum_from_above(name: str) -> None:
    problem = INSTANCES[name].problem
    solution = solve(problem, settings={"max_iterations": 1500, "tolerance": 0.0})
    size = max(abs(OPTIMA[name]), 0.1)
    assert OPTIMA[name] - DIGITS <= solution.bound <= OPTIMA[name] + 0.01 * size
    assert problem.bound(solution.multipliers) == solution.bound
    assert solution.bound < problem.bound([None] * len(problem.cliques))


@pytest.mark.parametrize("name", INSTANCES)
def test_instances_have_what_their_names_say(name: str) -> None:
    instance = INSTANCES[name]
    assert instance.attained <= OPTIMA[name] + DIGITS
    for clique, moment in zip(instance.problem.cliques, instance.moments, strict=True):
        assert (clique.lower <= moment).all()
        assert (moment <= clique.upper).all()
        assert sum(moment[i, i] for i in clique.trace_rows) <= clique.trace_limit
    for overlap in instance.problem.overlaps:
        first = instance.moments[overlap.first][np.ix_(overlap.first_rows, overlap.first_rows)]
        second = instance.moments[overlap.second][np.ix_(overlap.second_rows, overlap.second_rows)]
        assert (first == second).all()
