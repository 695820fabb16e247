"""Semidefinite programs in cliques, solved as those that certify twins, with a bound that is a theorem.

    maximise   sum_k <C_k, M_k> + constant
    over       M_k = T_k Y_k T_k', Y_k positive semidefinite, one for each clique,
    such that  lower_k <= M_k <= upper_k entrywise, and entries that overlaps share are equal.

Every entry needs a finite interval; in return every multiplier, converged or not, proves a bound.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from twincert import _core
from twincert._arrays import Array, as_array, as_number
from twincert._blas import single_thread
from twincert.certify import checked_set, row_options
from twincert.errors import ParseError, SettingsError, ShapeError
from twincert.network import Twin
from twincert.sets import InputSet
from twincert.settings import Settings

_Kind = TypeVar("_Kind")

__all__ = ["ChordalProblem", "ChordalProgress", "ChordalSolution", "Clique", "Overlap", "relaxation", "solve"]


class ChordalProgress(TypedDict):
    """What a callback sees at every evaluation of the bound, and within long steps; ``bound`` is proven."""

    iteration: int
    seconds: float
    bound: float
    residual: float


class Clique:
    """One block: a matrix M = T Y T' of positive semidefinite Y whose entries lie in intervals. Immutable.

    - T: (rows, variables), of full column rank
    - lower, upper: (rows, rows), symmetric and finite; diagonal entries are never negative, whatever ``lower`` says
    - variable_magnitude: (variables,), Y_jj <= variable_magnitude_j^2, which the caller vouches for; None derives it
      from the diagonal of ``upper``. It is only used to pay for rounding
    - error: (rows,), for M = E[r r'] of rows r = T v + e that carry an error |e| <= error; None stands for zero
    - trace_rows, trace_limit: rows whose diagonal entries sum to at most trace_limit; no overlap may share them

    Raises ShapeError and ParseError for arrays that are none, and for numbers that are not finite; how they fit
    together is checked by ``ChordalProblem``.
    """

    __slots__ = ("T", "error", "lower", "trace_limit", "trace_rows", "upper", "variable_magnitude")
    T: Array
    lower: Array
    upper: Array
    variable_magnitude: Array | None
    error: Array | None
    trace_rows: tuple[int, ...]
    trace_limit: float

    def __init__(
        self,
        T: ArrayLike,
        lower: ArrayLike,
        upper: ArrayLike,
        *,
        variable_magnitude: ArrayLike | None = None,
        error: ArrayLike | None = None,
        trace_rows: Iterable[int] = (),
        trace_limit: float = 0.0,
    ) -> None:
        """Copies of the given arrays."""
        magnitude = None if variable_magnitude is None else _frozen(variable_magnitude, "variable_magnitude", 1)
        values = {
            "T": _frozen(T, "T", 2),
            "lower": _frozen(lower, "lower", 2),
            "upper": _frozen(upper, "upper", 2),
            "variable_magnitude": magnitude,
            "error": None if error is None else _frozen(error, "error", 1),
            "trace_rows": _rows(trace_rows, "trace_rows"),
            "trace_limit": as_number(trace_limit, "trace_limit"),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse: cliques are immutable."""
        raise AttributeError("cliques are immutable")

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the constructor's arguments."""
        return (_clique, tuple(getattr(self, name) for name in Clique.__slots__))

    def __repr__(self) -> str:
        """Sizes."""
        return f"Clique({self.T.shape[0]} rows, {self.T.shape[1]} variables)"

    def _as_dict(self) -> dict[str, Any]:
        empty = np.zeros(0)
        return {
            "T": self.T,
            "lower": self.lower,
            "upper": self.upper,
            "error": empty if self.error is None else self.error,
            "variable_magnitude": empty if self.variable_magnitude is None else self.variable_magnitude,
            "ball_rows": list(self.trace_rows),
            "ball_cap": self.trace_limit,
        }


def _clique(
    T: Array, error: Array, lower: Array, limit: float, rows: tuple[int, ...], upper: Array, reach: Array
) -> Clique:
    return Clique(T, lower, upper, variable_magnitude=reach, error=error, trace_rows=rows, trace_limit=limit)


@dataclass(frozen=True)
class Overlap:
    """Row first_rows[i] of clique ``first`` is row second_rows[i] of clique ``second``: entries among these rows agree.

    Cliques are counted from 0 in the problem's order. Entries may be shared by any number of cliques, by one overlap
    for each further clique. Raises ShapeError for indices that are no integers.
    """

    first: int
    second: int
    first_rows: tuple[int, ...]
    second_rows: tuple[int, ...]

    def __post_init__(self) -> None:
        """Integers and tuples, whatever integers and sequences were given."""
        object.__setattr__(self, "first", _index(self.first, "first"))
        object.__setattr__(self, "second", _index(self.second, "second"))
        object.__setattr__(self, "first_rows", _rows(self.first_rows, "first_rows"))
        object.__setattr__(self, "second_rows", _rows(self.second_rows, "second_rows"))


class ChordalProblem:
    """A program to be maximised, checked and immutable.

    - cliques: at least one
    - overlaps: between any two cliques. Bounds hold for all of them; if the cliques form a tree in which the cliques of
      each row are connected (a chordal pattern), they bound the program with one large matrix without loss (Grone et
      al. 1984), otherwise a relaxation of it
    - objective: for each clique a symmetric matrix (rows, rows), or None for zero
    - constant: added to the objective

    Raises ShapeError where sizes or indices do not fit, ParseError for numbers that cannot be: NaN, infinity,
    lower > upper, matrices that are not symmetric to the last bit, intervals of a shared entry that do not meet, a T
    without full column rank whose variable_magnitude is to be derived.
    """

    __slots__ = ("_cliques", "_constant", "_objective", "_overlaps", "_program")

    def __init__(
        self,
        cliques: Sequence[Clique],
        overlaps: Sequence[Overlap] = (),
        *,
        objective: Sequence[ArrayLike | None],
        constant: float = 0.0,
    ) -> None:
        """Check everything, and intersect the intervals of shared entries."""
        self._cliques = _all_of(Clique, cliques, "cliques")
        self._overlaps = _all_of(Overlap, overlaps, "overlaps")
        self._objective = _matrices(objective, "objective")
        self._constant = as_number(constant, "constant")
        self._program = _core.ChordalProgram(
            [clique._as_dict() for clique in self._cliques],
            [vars(overlap) for overlap in self._overlaps],
            [np.zeros((0, 0)) if matrix is None else matrix for matrix in self._objective],
            self._constant,
        )

    @property
    def cliques(self) -> tuple[Clique, ...]:
        """As given."""
        return self._cliques

    @property
    def overlaps(self) -> tuple[Overlap, ...]:
        """As given."""
        return self._overlaps

    @property
    def objective(self) -> tuple[Array | None, ...]:
        """A matrix (rows, rows) or None for each clique."""
        return self._objective

    @property
    def constant(self) -> float:
        """What is added to the objective."""
        return self._constant

    @property
    def variable_magnitude(self) -> tuple[Array, ...]:
        """For each clique (variables,): proven upper bounds of sqrt(Y_jj), where they were not given."""
        return tuple(self._program.variable_magnitude)

    def bound(self, multipliers: Sequence[ArrayLike | None]) -> float:
        """Upper bound of the maximum, proven by any symmetric multipliers, rounded outwards.

        One matrix (rows, rows), or None for zero, for each clique. What T' multiplier T lacks to be positive
        semidefinite is charged for. Raises ShapeError and ParseError like the constructor.
        """
        given = _matrices(multipliers, "multipliers")
        with single_thread():
            return self._program.bound([np.zeros((0, 0)) if matrix is None else matrix for matrix in given])

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the constructor's arguments."""
        return (_problem, (self._cliques, self._overlaps, self._objective, self._constant))

    def __repr__(self) -> str:
        """Numbers of cliques and overlaps."""
        return f"ChordalProblem({len(self._cliques)} cliques, {len(self._overlaps)} overlaps)"


def _problem(cliques: Any, overlaps: Any, objective: Any, constant: float) -> ChordalProblem:
    return ChordalProblem(cliques, overlaps, objective=objective, constant=constant)


@dataclass(frozen=True, eq=False)
class ChordalSolution:
    """What ``solve`` found: ``bound`` is proven, ``problem.bound(multipliers)`` computes it again.

    - multipliers: for each clique (rows, rows), symmetric
    - status: "converged", "iteration_limit", "time_limit", "interrupted", "size_limit" (``memory_estimate`` exceeds the
      setting memory_limit; the bound is that of zero multipliers) or "numerical_error"
    - residual: how far the last iterate's positive semidefinite matrices are from their intervals, relative to the
      problem's size; it says how far the solver has come and proves nothing
    - memory_estimate: GiB that solving takes, estimated from above
    - history: the progress that callbacks see
    """

    bound: float
    multipliers: tuple[Array, ...]
    iterations: int
    status: str
    residual: float
    memory_estimate: float
    history: tuple[ChordalProgress, ...]


def solve(
    problem: ChordalProblem,
    *,
    settings: Settings | Mapping[str, Any] | None = None,
    time_limit: float | None = None,
    callback: Callable[[ChordalProgress], object] | None = None,
) -> ChordalSolution:
    """Bound the maximum of a problem from above, ever better until it stalls or a limit is reached.

    - settings: those of ``certify``; the ones of the attack and of branching play no part
    - time_limit: seconds
    - callback: called with a ``ChordalProgress`` now and then; returning False stops

    Rows are brought to magnitude one beforehand, by powers of two. The bound holds however the computation ends, also
    by Ctrl-C; an exception of the callback is raised. Raises SettingsError for anything that is wrong with an argument.
    """
    if not isinstance(problem, ChordalProblem):
        raise SettingsError(f"problem: expected a twincert.sdp.ChordalProblem, found {type(problem).__name__}")
    if callback is not None and not callable(callback):
        raise SettingsError(f"callback: expected a function of one argument, found {type(callback).__name__}")
    try:
        limit = np.inf if time_limit is None else as_number(time_limit, "time_limit")
    except (ShapeError, ParseError) as error:
        raise SettingsError(str(error)) from None
    with single_thread():
        found = problem._program.solve(settings=dict(Settings.of(settings)), time_limit=limit, callback=callback)
    multipliers = tuple(_frozen(matrix, "multipliers", 2) for matrix in found["multipliers"])
    return ChordalSolution(**{**found, "multipliers": multipliers, "history": tuple(found["history"])})


def relaxation(
    twin: Twin,
    input_set: InputSet,
    weights: ArrayLike,
    *,
    rows: Mapping[str, bool | str] | None = None,
    settings: Settings | Mapping[str, Any] | None = None,
) -> ChordalProblem:
    """The program that ``certify`` with method "sdp" solves to bound weights . (f(x) - g(y)) over the input set.

    - weights: (outputs,); of output i alone, both sides are the unit vector and its negative
    - rows: row families as in ``certify``; chosen automatically when None, as many as ``solve`` has memory for
    - settings: of ``certify``; ``threads`` (of the propagation) and ``memory_limit`` count

    Every bound of the program is one of weights . (f(x) - g(y)) in exact arithmetic. ``certify`` adds the rounding of
    an evaluation of the networks in float64 to it. There is a single clique, or a chain of one for each hidden stage.

    Raises ShapeError when twin, set and weights do not fit, ParseError for weights that are not finite numbers,
    SettingsError for networks without hidden stage, values that are too large for their products, a relaxation beyond
    memory_limit, and anything else that is wrong with an argument.
    """
    if not isinstance(twin, Twin):
        raise SettingsError(f"twin: expected a twincert.Twin, found {type(twin).__name__}")
    with single_thread():
        found = _core.twin_program(
            twin,
            checked_set(twin, input_set, "input_set"),
            weights=as_array(weights, "weights", 1),
            rows=row_options(rows),
            settings=dict(Settings.of(settings)),
        )
    cliques = [
        Clique(
            entry["T"],
            entry["lower"],
            entry["upper"],
            variable_magnitude=entry["variable_magnitude"],
            error=entry["error"],
            trace_rows=entry["ball_rows"],
            trace_limit=entry["ball_cap"],
        )
        for entry in found["cliques"]
    ]
    overlaps = [Overlap(**entry) for entry in found["overlaps"]]
    objective = [matrix if matrix.size else None for matrix in found["objective"]]
    return ChordalProblem(cliques, overlaps, objective=objective, constant=found["constant"])


def _frozen(values: ArrayLike, name: str, dimensions: int) -> Array:
    array = as_array(values, name, dimensions)
    array.setflags(write=False)
    return array


def _matrices(values: Sequence[ArrayLike | None], name: str) -> tuple[Array | None, ...]:
    if isinstance(values, np.ndarray | str | bytes) or not isinstance(values, Sequence):
        raise ShapeError(f"{name}: expected a list of matrices, one for each clique, found {type(values).__name__}")
    return tuple(
        None if matrix is None else _frozen(matrix, f"{name}, matrix {k}", 2) for k, matrix in enumerate(values)
    )


def _index(value: object, name: str) -> int:
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise ShapeError(f"{name}: expected an integer, found {value!r}") from None
    if not -(2**62) < number < 2**62:
        raise ShapeError(f"{name}: expected an index, found {number}")
    return number


def _rows(values: Iterable[int], name: str) -> tuple[int, ...]:
    try:
        return tuple(_index(value, name) for value in values)
    except TypeError:
        raise ShapeError(f"{name}: expected a list of integers, found {values!r}") from None


def _all_of(kind: type[_Kind], values: Iterable[_Kind], name: str) -> tuple[_Kind, ...]:
    try:
        found = tuple(values)
    except TypeError:
        raise ShapeError(f"{name}: expected a list, found {type(values).__name__}") from None
    for value in found:
        if not isinstance(value, kind):
            raise ShapeError(
                f"{name}: expected each to be a twincert.sdp.{kind.__name__}, found {type(value).__name__}"
            )
    return found
