"""What every file of the repository must look like."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ["cpp", "python", "tests", "benchmarks", "docs", "examples", ".ci"]
SOURCES = {".hpp", ".cpp", ".cu", ".cuh", ".py", ".pyi"}
TEXTS = SOURCES | {".md", ".toml", ".cmake", ".in", ".json", ".txt", ""}
MAX_LINES = 450


def files(suffixes: set[str]) -> Iterator[Path]:
    roots = [*ROOT.iterdir(), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*"))]
    for path in sorted(roots):
        generated = {"__pycache__", ".asv"} & set(path.parts)
        if path.is_file() and path.suffix in suffixes and not generated and path.name != ".git":
            yield path


def lines_matching(pattern: str, suffixes: set[str]) -> list[str]:
    """file:line of every match, this file (which has to name what it forbids) left out."""
    found = []
    for path in files(suffixes):
        if path == Path(__file__):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if re.search(pattern, line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    return found


def test_no_file_is_too_long() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files(SOURCES)}
    assert {name: length for name, length in lengths.items() if length > MAX_LINES} == {}


def test_nothing_is_left_for_later() -> None:
    assert lines_matching(r"\b(TODO|FIXME|XXX|HACK)\b", TEXTS) == []


def test_no_path_of_one_machine() -> None:
    assert lines_matching(r"""(^|[\s"'=(:])/(work|home|root|Users|opt|mnt)/""", TEXTS) == []


def test_no_test_hides_a_failure() -> None:
    assert lines_matching(r"\b(xfail|importorskip)\b", {".py"}) == []


def test_tests_skip_only_for_missing_data() -> None:
    skips = lines_matching(r"pytest\.(skip|mark\.skip)", {".py"})
    assert [line for line in skips if "data" not in line.lower()] == []


def includes(source: Path) -> list[str]:
    return re.findall(r'^#include\s+["<]([^">]+)[">]', source.read_text(), re.MULTILINE)


def test_every_source_implements_a_header_of_its_module() -> None:
    """A source named like a header includes it first, which proves that the header compiles on its own.

    One header may be implemented by several sources, each named after its part.
    """
    wrong = []
    for source in sorted((ROOT / "cpp" / "src").rglob("*.cpp")):
        found = includes(source)
        inside = source.relative_to(ROOT / "cpp" / "src")
        own = f"twincert/{inside.with_suffix('.hpp').as_posix()}"
        if (ROOT / "cpp" / "include" / own).exists():
            if found[:1] != [own]:
                wrong.append(f"{inside}: the first include must be {own}")
        elif not any(Path(name).parent == Path("twincert") / inside.parent for name in found):
            wrong.append(f"{inside}: no include of a header of its module")
    assert wrong == []


def headers_no_source_proves() -> list[Path]:
    include = ROOT / "cpp" / "include"
    proven = {includes(source)[0] for source in (ROOT / "cpp" / "src").rglob("*.cpp")}
    return sorted(path for path in include.rglob("*.hpp") if str(path.relative_to(include)) not in proven)


@pytest.mark.parametrize("header", headers_no_source_proves(), ids=lambda path: path.stem)
def test_other_headers_compile_on_their_own(header: Path, eigen: str) -> None:
    compiler = os.environ.get("CXX", "c++")
    flags = ["-std=c++20", "-fsyntax-only", "-x", "c++", f"-I{ROOT / 'cpp' / 'include'}", "-isystem", eigen]
    done = subprocess.run([compiler, *flags, str(header)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def eigen() -> str:
    """Eigen's headers: the system's, or those of the wheel."""
    candidates = [Path("/usr/include/eigen3"), *(Path(entry) / "cmeel.prefix/include/eigen3" for entry in sys.path)]
    return str(next(path for path in candidates if (path / "Eigen" / "Dense").exists()))


def test_every_header_guards_and_explains_itself() -> None:
    wrong = []
    for header in sorted((ROOT / "cpp").rglob("*.hpp")):
        text = header.read_text()
        if not text.startswith("//") or "#pragma once" not in text:
            wrong.append(f"{header.relative_to(ROOT)}: must begin with a comment on its purpose, then #pragma once")
    assert wrong == []


def test_libm_gamma_is_never_meant() -> None:
    """Outside core, an unqualified gamma(n) compiles and calls the C library's log-gamma function."""
    wrong = []
    for source in (path for path in files({".cpp", ".hpp", ".cu"}) if "core" not in path.parts):
        code = re.sub(r"//.*", "", source.read_text())
        if re.search(r"(?<![\w:.>])gamma\(", code) and "using core::gamma;" not in code:
            wrong.append(str(source.relative_to(ROOT)))
    assert wrong == []


def test_versions_agree() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    cmake = re.search(r"project\(twincert VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text())
    changelog = re.search(r"^## \[?([\d.]+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert cmake is not None
    assert changelog is not None
    assert [cmake[1], changelog[1]] == [version, version]


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE"])
def test_the_usual_files_exist(name: str) -> None:
    assert (ROOT / name).stat().st_size > 0
