"""Input sets: the inputs a certificate speaks about."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from twincert import _core
from twincert._arrays import Array, as_array, as_number, as_vector
from twincert.errors import ParseError, SettingsError, ShapeError


class InputSet(_core.InputSet):
    """Base of Box, Ball and Polytope: x in a region, and the twin's input y with |x_i - y_i| <= difference_i.

    `difference` is a number or a vector (n,), not negative; zero means that both networks read the same input.
    """

    kind: ClassVar[str]

    def _fields(self) -> dict[str, Array]:
        """What defines the region, in the order of the constructor."""
        raise NotImplementedError

    @property
    def lower(self) -> Array:
        """Lower corner (n,) of the smallest known box around the region."""
        return self.bounding_box[0]

    @property
    def upper(self) -> Array:
        """Upper corner (n,) of the smallest known box around the region."""
        return self.bounding_box[1]

    def contains(self, x: ArrayLike, y: ArrayLike | None = None) -> bool:
        """Whether float64 x, and the twin's input y = x, lie in the set as described, without any tolerance.

        Points so close to a curved or slanted boundary that rounding decides are refused. ShapeError on a wrong size.
        """
        point = self._point(x, "x")
        return super().contains(point, point if y is None else self._point(y, "y"))

    def sample(self, count: int, seed: int = 0) -> Array:
        """Points (count, n) of the region, the same for the same seed; half of them vertices or on the boundary."""
        for name, value, limit in (("count", count, 2**31), ("seed", seed, 2**64)):
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 0 <= value < limit:
                raise SettingsError(f"{name}: expected an integer from 0 to below {limit}, found {value!r}")
        return np.ascontiguousarray(super().sample(int(count), int(seed)).T)

    def project(self, x: ArrayLike) -> Array:
        """A point (n,) of the region near x: the nearest for Box and Ball, on the way to the inside for Polytope."""
        return super().project(self._point(x, "x"))

    def _point(self, x: ArrayLike, name: str) -> Array:
        point = as_array(x, name, 1)
        if point.size != self.size:
            raise ShapeError(f"{name}: expected {self.size} entries, found {point.size}")
        return point

    def to_dict(self) -> dict[str, Any]:
        """A form for JSON; floats survive it exactly."""
        content: dict[str, Any] = {"kind": self.kind}
        content |= {name: array.tolist() for name, array in self._fields().items()}
        return content | {"difference": self.difference.tolist()}

    def digest(self) -> str:
        """SHA-256 (hexadecimal) of the set; certificates refer to sets by it.

        The bytes hashed, all little-endian: "twincert-set-1", a line feed, the kind, a line feed; per array of
        `to_dict`, in its order, the number of dimensions and the shape (uint64) and the entries row by row (float64,
        -0.0 as 0.0).
        """
        content = hashlib.sha256(f"twincert-set-1\n{self.kind}\n".encode())
        for array in (*self._fields().values(), self.difference):
            content.update(struct.pack(f"<{array.ndim + 1}Q", array.ndim, *array.shape))
            content.update((np.ascontiguousarray(array) + 0.0).astype("<f8").tobytes())
        return content.hexdigest()

    def __eq__(self, other: object) -> bool:
        """True when both have the same digest."""
        return self.digest() == other.digest() if isinstance(other, InputSet) else NotImplemented

    def __hash__(self) -> int:
        """Equal sets have equal hashes."""
        return hash(self.digest())

    def __repr__(self) -> str:
        """Kind and size at a glance."""
        return f"<{type(self).__name__} of {self.size} inputs>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the dictionary form."""
        return input_set_from_dict, (self.to_dict(),)

    @classmethod
    def from_dict(cls, content: object) -> Self:
        """The inverse of to_dict; ParseError names the field that is missing or wrong."""
        found = input_set_from_dict(content)
        if not isinstance(found, cls):
            raise ParseError(f"input set: expected kind {cls.kind!r}, found {found.kind!r}")
        return found


class Box(InputSet):
    """All x with lower <= x <= upper (n,); ParseError naming the coordinate where lower exceeds upper."""

    kind = "box"

    def __init__(self, lower: ArrayLike, upper: ArrayLike, difference: ArrayLike = 0.0) -> None:
        """Take the two corners; ShapeError, ParseError on bad values."""
        first = as_array(lower, "lower", 1)
        shift = as_vector(difference, "difference", first.size)
        super().__init__(_core.InputSet.box(first, as_array(upper, "upper", 1), shift))

    @classmethod
    def around(cls, x: ArrayLike, radius: ArrayLike, clip: tuple[ArrayLike, ArrayLike] | None = None) -> Self:
        """All points within `radius` (a number or (n,)) of x in every coordinate, and within the clip limits if given.

        The corners are rounded outwards, so that no real point of that description is lost.
        """
        center = as_array(x, "x", 1)
        reach = as_vector(radius, "radius", center.size)
        if (reach < 0.0).any():
            raise SettingsError(f"radius: expected numbers that are not negative, found {reach.min()!r}")
        lower, upper = -_sum_up(-center, reach), _sum_up(center, reach)
        if clip is not None:
            if not isinstance(clip, tuple | list) or len(clip) != 2:
                raise SettingsError(f"clip: expected a pair (lowest, highest), found {clip!r}")
            lower = np.maximum(lower, as_vector(clip[0], "clip[0]", center.size))
            upper = np.minimum(upper, as_vector(clip[1], "clip[1]", center.size))
        return cls(lower, upper)

    def _fields(self) -> dict[str, Array]:
        return {"lower": self.lower, "upper": self.upper}


class Ball(InputSet):
    """All x within Euclidean distance `radius` of `center` (n,); ParseError on a negative radius."""

    kind = "ball"

    def __init__(self, center: ArrayLike, radius: float, difference: ArrayLike = 0.0) -> None:
        """Take center and radius; ShapeError, ParseError on bad values."""
        self._center = as_array(center, "center", 1)
        self._radius = as_number(radius, "radius")
        self._center.flags.writeable = False
        shift = as_vector(difference, "difference", self._center.size)
        super().__init__(_core.InputSet.ball(self._center, self._radius, shift))

    @property
    def center(self) -> Array:
        """The center (n,)."""
        return self._center

    @property
    def radius(self) -> float:
        """The Euclidean radius."""
        return self._radius

    def _fields(self) -> dict[str, Array]:
        return {"center": self._center, "radius": np.array(self._radius)}


class Polytope(InputSet):
    """All x in a box with A x <= b; A (m, n), b (m,). ParseError when it is proven to be empty."""

    kind = "polytope"

    def __init__(
        self, A: ArrayLike, b: ArrayLike, box: Box | tuple[ArrayLike, ArrayLike], difference: ArrayLike = 0.0
    ) -> None:
        """Take the inequalities and a box (a Box or its two corners) that bounds the polytope."""
        if isinstance(box, Box) and box.difference.any():
            raise SettingsError("box: expected a Box without a difference; give the difference to the Polytope")
        if not isinstance(box, Box) and (not isinstance(box, tuple | list) or len(box) != 2):
            raise SettingsError(f"box: expected a Box or a pair (lower, upper), found {type(box).__name__}")
        corners = (box.lower, box.upper) if isinstance(box, Box) else box
        lower, upper = as_array(corners[0], "box: lower", 1), as_array(corners[1], "box: upper", 1)
        self._b = as_array(b, "b", 1)
        # An empty list, as JSON has it, cannot say how many columns it has.
        self._A = np.zeros((0, lower.size)) if isinstance(A, list) and not A else as_array(A, "A", 2)
        for array in (self._A, self._b):
            array.flags.writeable = False
        shift = as_vector(difference, "difference", lower.size)
        super().__init__(_core.InputSet.polytope(self._A, self._b, lower, upper, shift))

    @property
    def A(self) -> Array:  # noqa: N802
        """The matrix (m, n) of the inequalities."""
        return self._A

    @property
    def b(self) -> Array:
        """The right-hand sides (m,)."""
        return self._b

    def _fields(self) -> dict[str, Array]:
        return {"A": self._A, "b": self._b, "lower": self.lower, "upper": self.upper}


def _sum_up(a: Array, b: Array) -> Array:
    """The exact a + b rounded up (Knuth's TwoSum finds the rounding error)."""
    total = a + b
    part = total - a
    error = (a - (total - part)) + (b - part)
    return np.where(error > 0.0, np.nextafter(total, np.inf), total)


_KINDS: dict[str, tuple[tuple[str, ...], Callable[..., InputSet]]] = {
    "box": (("lower", "upper", "difference"), Box),
    "ball": (("center", "radius", "difference"), Ball),
    "polytope": (
        ("A", "b", "lower", "upper", "difference"),
        lambda A, b, lower, upper, difference: Polytope(A, b, (lower, upper), difference),
    ),
}


def input_set_from_dict(content: object) -> InputSet:
    """The set that `to_dict` described; ParseError or ShapeError names the field that is missing or wrong."""
    if not isinstance(content, Mapping):
        raise ParseError(f"input set: expected an object, found {type(content).__name__}")
    kind = content.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise ParseError(f"input set: expected kind to be one of {', '.join(_KINDS)}, found {kind!r}")
    names, build = _KINDS[kind]
    for name in names:
        if name not in content:
            raise ParseError(f"input set: the field {name!r} of a {kind} is missing")
    unknown = sorted(set(content) - {"kind", *names}, key=str)
    if unknown:
        raise ParseError(f"input set: a {kind} has no field {unknown[0]!r}")
    return build(**{name: content[name] for name in names})
