"""The solver's settings, derived from the one table that the C++ core declares them in."""

from __future__ import annotations

import difflib
import inspect
import math
import operator
from collections.abc import Iterator, Mapping
from typing import Any, TypedDict, cast

import numpy as np

from twincert import _core
from twincert.errors import SettingsError


class SettingInfo(TypedDict):
    """A row of the settings table; ``type`` is "int", "float" or "bool"."""

    name: str
    type: str
    default: float
    minimum: float
    maximum: float
    description: str


def settings_table() -> list[SettingInfo]:
    """Every setting with its type, default, range and a sentence."""
    return cast(list[SettingInfo], _core.settings_table())


_TABLE = {row["name"]: row for row in settings_table()}


def setting_label(row: SettingInfo) -> str:
    """Name, type, default and range."""
    return f"{row['name']} ({row['type']}, default {_plain(row['default'], row)}, {_range(row)})"


def _range(row: SettingInfo) -> str:
    if row["type"] == "bool":
        return "True or False"
    return f"{_plain(row['minimum'], row)} to {_plain(row['maximum'], row)}"


def _plain(value: float, row: SettingInfo) -> str:
    if row["type"] == "bool":
        return str(bool(value))
    return f"{value:g}" if row["type"] != "int" or abs(value) >= 1e6 else str(int(value))


def _unknown(name: object) -> SettingsError:
    close = difflib.get_close_matches(str(name), _TABLE, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return SettingsError(f"setting {name!r} does not exist{hint} (settings: {', '.join(_TABLE)})")


def _checked(name: str, value: object) -> float | int | bool:
    """Value in the setting's own type, or SettingsError naming the setting, its range and what was found."""
    if name not in _TABLE:
        raise _unknown(name)
    row = _TABLE[name]
    kind = "" if row["type"] == "bool" else f"{row['type']} from "
    expected = f"setting {name!r}: expected {kind}{_range(row)}, found {value!r}"
    if row["type"] == "bool":
        if isinstance(value, bool | np.bool_):
            return bool(value)
        raise SettingsError(expected)
    if isinstance(value, bool):
        raise SettingsError(expected)
    number: float | int
    try:
        number = operator.index(value) if row["type"] == "int" else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise SettingsError(expected) from None
    if isinstance(value, str) or not row["minimum"] <= number <= row["maximum"]:  # false for NaN
        raise SettingsError(expected)
    return number


class Settings(Mapping[str, "float | int | bool"]):
    """Immutable settings of ``certify``: ``Settings(max_iterations=500)``; the others keep their defaults.

    Values are read as attributes or items, ``replace`` returns a changed copy, and equality compares every value.
    Raises SettingsError for an unknown name, a wrong type, NaN or a value outside the range.
    """

    __slots__ = ("_values",)
    _values: dict[str, float | int | bool]

    def __init__(self, **values: float | int | bool) -> None:
        """Defaults, overridden by ``values``."""
        merged = {name: _checked(name, _default(row)) for name, row in _TABLE.items()}
        merged.update({name: _checked(name, value) for name, value in values.items()})
        object.__setattr__(self, "_values", merged)

    @classmethod
    def of(cls, settings: Settings | Mapping[str, Any] | None) -> Settings:
        """Settings from what users pass: nothing, a mapping of names to values, or Settings."""
        if settings is None:
            return cls()
        if isinstance(settings, Settings):
            return settings
        if not isinstance(settings, Mapping):
            raise SettingsError(f"settings: expected a dict or twincert.Settings, found {type(settings).__name__}")
        for name in settings:
            if not isinstance(name, str):
                raise _unknown(name)
        return cls(**settings)

    @classmethod
    def parse(cls, assignments: list[str]) -> Settings:
        """Settings from ``name=value`` strings, as the command line takes them."""
        values: dict[str, Any] = {}
        for assignment in assignments:
            name, equals, text = assignment.partition("=")
            name, text = name.strip(), text.strip()
            if not equals:
                raise SettingsError(f"--set expects name=value, found {assignment!r}")
            if name not in _TABLE:
                raise _unknown(name)
            if name in values:
                raise SettingsError(f"--set {name}: given twice")
            values[name] = _parse_value(text, _TABLE[name]["type"])
        return cls(**values)

    def replace(self, **values: float | int | bool) -> Settings:
        """Copy with some values changed."""
        return Settings(**{**self._values, **values})

    def __getitem__(self, name: str) -> float | int | bool:
        """Value of a setting; KeyError when there is none of that name."""
        return self._values[name]

    def __getattr__(self, name: str) -> float | int | bool:
        """Value of a setting; AttributeError when there is none of that name."""
        if name in _TABLE:
            return self._values[name]
        raise AttributeError(f"no setting {name!r}")

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse: settings are immutable."""
        raise AttributeError(f"settings are immutable; use replace({name}=...)")

    def __iter__(self) -> Iterator[str]:
        """Names, in the table's order."""
        return iter(self._values)

    def __len__(self) -> int:
        """Number of settings."""
        return len(self._values)

    def __hash__(self) -> int:
        """Hash of all values."""
        return hash(tuple(self._values.items()))

    def __eq__(self, other: object) -> bool:
        """Equal when every value is."""
        return isinstance(other, Settings) and self._values == other._values

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle through the constructor, so that values are checked again."""
        return (Settings.of, (dict(self._values),))

    def __repr__(self) -> str:
        """Constructor call of the values that differ from their defaults."""
        changed = [f"{name}={value!r}" for name, value in self._values.items() if value != _default(_TABLE[name])]
        return f"Settings({', '.join(changed)})"


def _default(row: SettingInfo) -> float | int | bool:
    value = row["default"]
    return bool(value) if row["type"] == "bool" else int(value) if row["type"] == "int" else value


def _parse_value(text: str, kind: str) -> object:
    if kind == "bool":
        return {"true": True, "false": False}.get(text.lower(), text)
    try:
        number = float(text)
        return int(number) if kind == "int" and math.isfinite(number) and number == int(number) else number
    except ValueError:
        return text


Settings.__init__.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
    [inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    + [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=_default(row)) for name, row in _TABLE.items()]
)
Settings.__doc__ = (
    (Settings.__doc__ or "")
    + "\n"
    + "\n".join(f"    {setting_label(row)}: {row['description']}." for row in _TABLE.values())
)
