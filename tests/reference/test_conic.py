"""The form in which benchmarks hand chordal problems to general solvers has the problems' optima."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import clarabel
import numpy as np
import pytest
import scs
from scipy import sparse

from reference.chordal_instances import INSTANCES
from reference.test_chordal import OPTIMA


def conic_module() -> ModuleType:
    """The benchmarks' file, which is no installed module."""
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "conic.py"
    spec = importlib.util.spec_from_file_location("benchmarks_conic", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


conic = conic_module()


@pytest.mark.parametrize("name", INSTANCES)
def test_clarabel_finds_the_optimum(name: str) -> None:
    data = conic.conic(INSTANCES[name].problem, upper_triangle=True)
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    semidefinite = [clarabel.PSDTriangleConeT(size) for size in data.semidefinite]
    cones = [clarabel.ZeroConeT(data.zero), clarabel.NonnegativeConeT(data.nonnegative), *semidefinite]
    nothing = sparse.csc_matrix((len(data.c), len(data.c)))
    solution = clarabel.DefaultSolver(nothing, data.c, data.A, data.b, cones, settings).solve()
    assert data.value(solution.obj_val) == pytest.approx(OPTIMA[name], abs=1e-4)


@pytest.mark.parametrize("name", ["chain", "trace"])
def test_scs_finds_the_optimum(name: str) -> None:
    data = conic.conic(INSTANCES[name].problem, upper_triangle=False)
    cone = {"z": data.zero, "l": data.nonnegative, "s": data.semidefinite}
    program = {"A": data.A, "b": data.b, "c": data.c}
    info = scs.SCS(program, cone, eps_abs=1e-6, eps_rel=1e-6, verbose=False).solve()["info"]
    assert data.value(info["pobj"]) == pytest.approx(OPTIMA[name], rel=1e-3)


def test_implied_intervals_are_left_out() -> None:
    problem = INSTANCES["chain"].problem
    rows = sum(len(clique.T) * (len(clique.T) + 1) for clique in problem.cliques)  # both ends of every entry
    data = conic.conic(problem, upper_triangle=True)
    assert data.nonnegative < 0.8 * rows
    assert np.isfinite(data.b).all()
