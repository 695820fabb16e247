"""The direction of includes and imports: lower modules never see higher ones."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)

# Module -> the modules it may include besides itself. `certify` is the front door: the files directly under twincert/.
CPP = {
    "core": set(),
    "network": {"core"},
    "sets": {"core"},
    "compress": {"core", "network"},
    "bounds": {"core", "network", "sets"},
    "relax": {"core", "network", "sets", "bounds"},
    "solver": {"core", "network", "sets", "bounds", "relax"},
    "attack": {"core", "network", "sets", "bounds"},
    "branch": {"core", "network", "sets", "bounds", "attack"},
    # The checker must not depend on what it checks: no solver here.
    "certificate": {"core", "network", "sets", "bounds", "relax"},
}
CPP["certify"] = set(CPP)


def cpp_files() -> list[Path]:
    return sorted(path for path in (ROOT / "cpp").rglob("*") if path.suffix in {".hpp", ".cpp", ".cu", ".cuh"})


def cpp_module(path: Path) -> str:
    """The module a C++ file belongs to; bindings are their own."""
    relative = path.relative_to(ROOT / "cpp")
    if relative.parts[0] == "bindings":
        return "bindings"
    inside = relative.parts[2:] if relative.parts[0] == "include" else relative.parts[1:]
    return inside[0] if len(inside) > 1 else "certify"


def included_module(include: str) -> str | None:
    """The module of a public header, None for a header beside the including file."""
    parts = include.split("/")
    if parts[0] != "twincert":
        return None
    return parts[1] if len(parts) > 2 else "certify"


def wrong_include(module: str, include: str) -> str | None:
    target = included_module(include)
    if target is None:
        return None if "/" not in include else f"{include}: neither a public header nor beside the file"
    if target == module or module == "bindings" or target in CPP[module]:
        return None
    return f"{module} must not include {target} ({include})"


def test_cpp_modules_are_known() -> None:
    assert {cpp_module(path) for path in cpp_files()} <= set(CPP) | {"bindings"}


@pytest.mark.parametrize("path", cpp_files(), ids=lambda path: str(path.relative_to(ROOT / "cpp")))
def test_cpp_includes_point_down(path: Path) -> None:
    found = [wrong_include(cpp_module(path), include) for include in INCLUDE.findall(path.read_text())]
    assert [wrong for wrong in found if wrong] == []


@pytest.mark.parametrize(
    ("module", "include", "allowed"),
    [
        ("bounds", "twincert/network/twin.hpp", True),
        ("network", "twincert/bounds/twin_bounds.hpp", False),
        ("certificate", "twincert/solver/admm.hpp", False),
        ("certify", "twincert/solver/admm.hpp", True),
        ("core", "twincert/certify.hpp", False),
        ("relax", "rows_detail.hpp", True),
        ("relax", "../solver/rows.hpp", False),
        ("bindings", "twincert/certify.hpp", True),
    ],
)
def test_cpp_rule_tells_right_from_wrong(module: str, include: str, allowed: bool) -> None:
    assert (wrong_include(module, include) is None) is allowed


def imported_modules(path: Path) -> set[str]:
    """Top-level twincert submodules that a Python file of the package imports, lazily or not."""
    package = ("twincert", *path.relative_to(ROOT / "python" / "twincert").parts[:-1])
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            names |= {f"{module}.{alias.name}" for alias in node.names} | {module}
    return {name.split(".")[1] for name in names if name.startswith("twincert.")}


def python_files() -> list[Path]:
    return sorted((ROOT / "python" / "twincert").rglob("*.py"))


def python_module(path: Path) -> str:
    """Name of the submodule (or subpackage) directly under twincert that a file belongs to."""
    return path.relative_to(ROOT / "python" / "twincert").parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", python_files(), ids=lambda path: str(path.relative_to(ROOT / "python")))
def test_python_layers(path: Path) -> None:
    module = python_module(path)
    imports = imported_modules(path)
    if module not in {"cli", "__main__"}:
        assert "cli" not in imports, "only the command line itself may import the command line"
        assert module == "report" or "report" not in imports, "reports are written by the command line only"
    if module == "_reference":
        assert imports <= {"_reference"}, "the executable specification must share no code with what it specifies"
    else:
        assert "_reference" not in imports, "the executable specification is for tests"
    if module == "io":
        assert imports <= {"io", "_core", "network", "errors", "sets"}, (
            "readers and writers know networks and sets only"
        )
    if module == "errors":
        assert imports <= {"errors", "_core"}
