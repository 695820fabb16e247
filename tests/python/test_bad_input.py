"""Every case of the bad-input table raises what it should, with a message that names place and expectation."""

from pathlib import Path

import pytest

import twincert
from python.bad_input_table import CASES, Case, outcome, prepare


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bad_input")
    prepare(path)
    return path


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.error}: {case.name}")
def test_case(case: Case, folder: Path) -> None:
    found, message = outcome(case, folder)
    assert found is not None, "accepted"
    if isinstance(case.error, int):
        assert found == case.error, message
    else:
        assert isinstance(found, type)
        assert issubclass(found, case.error), f"{found.__name__}: {message}"
    assert case.fragment in message
    assert "Traceback" not in message
    assert len(message) < 1000


def test_the_table_is_long_enough() -> None:
    assert len(CASES) >= 40
    assert len({(case.name, isinstance(case.run, list)) for case in CASES}) == len(CASES)


def test_errors_of_use_are_value_errors() -> None:
    for kind in (twincert.ShapeError, twincert.SettingsError, twincert.ParseError):
        assert issubclass(kind, twincert.TwincertError)
        assert issubclass(kind, ValueError)
