"""The layers, enforced: imports run downwards only, vendors stay where they belong, the broker proper stays small."""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "broker"

#: From the ground up. A module belongs to the longest prefix that fits it; it imports from rows below its own, and
#: within its own folder. The ground's few files know each other, and accounts and audit are neighbours.
ROWS: tuple[frozenset[str], ...] = (
    frozenset({"config", "errors", "words", "names", "ids", "filetypes", "blocks", "capture", "text", "pathwords"}),
    frozenset({"sas", "storage", "catalog"}),
    frozenset({"access", "audit"}),
    frozenset({"declaration", "completion", "merging"}),
    frozenset({"uploads", "gallery", "patients", "quarantine", "records", "ingest"}),
    frozenset({"reading"}),
    frozenset({"parts"}),
    frozenset({"", "__main__", "cli", "guard", "api", "pages", "ops"}),
)
NEIGHBOURS = {("access", "audit"), ("audit", "access"), ("completion", "declaration")}

#: Vendor package -> the places that may import it.
VENDORS: dict[str, tuple[str, ...]] = {
    "alembic": ("catalog.migrate", "catalog.migrations"),
    "argon2": ("access.passwords",),
    "authlib": ("access.provider",),
    "joserfc": ("access.provider",),
    "pyotp": ("access.codes",),
    "azure": ("storage", "sas.keys"),
    "flask": ("", "guard", "api", "pages"),
    "flask_smorest": ("", "api"),
    "gunicorn": ("ops.serve", "ops.arrivals", "ops.incoming"),
    "jinja2": ("pages",),
    "markupsafe": ("pages",),
    "marshmallow": ("api",),
    "apispec": ("api",),
    # The demo's drawings are made from a number, not from a file: nothing hostile is decoded there.
    "PIL": ("ingest.formats", "ingest.render", "ops.fundus"),
    "pydicom": ("ingest.formats",),
    "pypdfium2": ("ingest.formats",),
    "gdcm": ("ingest.formats",),
    "pyseccomp": ("ingest.jail",),
    "numpy": ("ingest.formats", "ingest.render"),
    "requests": ("storage", "access.provider"),
    "sqlalchemy": ("catalog",),
    "structlog": ("ops.logs", "guard", "pages"),
    "urllib3": ("storage",),
    "webargs": ("api",),
    "werkzeug": ("", "guard", "api", "pages"),
}

#: What only the sandboxed child may load: decoders.
DECODERS = ("ingest.formats", "ingest.render")
CHILD = ("ingest.child", *DECODERS)

#: What has to fit into one head: the way from a declaration to a grant to a gallery page.
PROPER = (
    "sas",
    "storage",
    "declaration",
    "completion",
    "uploads",
    "gallery",
    "patients",
    "merging",
    "api",
    "config",
    "errors",
)
PROPER_LINES = 2_200


def modules() -> dict[str, Path]:
    """Every module of the package, named below it: ``sas.grants``; the package itself is ``""``."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(name: str) -> Iterator[str]:
    """What a module imports, wherever in it: ours as ``broker.sas.grants``, others by their full name."""
    path = MODULES[name]
    package = ["broker", *name.split(".")] if name else ["broker"]
    if path.name != "__init__.py":
        package.pop()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join([*package[: len(package) - node.level + 1], *filter(None, [node.module])])
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                yield whole if whole.removeprefix("broker.") in MODULES and whole.startswith("broker.") else base


def ours(name: str) -> Iterator[str]:
    """The modules of this package that a module imports."""
    for imported in imports(name):
        if imported == "broker" or imported.startswith("broker."):
            yield imported.removeprefix("broker").removeprefix(".")


def row(name: str) -> int:
    """The row of a module, counted from the ground."""
    return next(number for number, names in enumerate(ROWS) if name.split(".")[0] in names)


def below(name: str, places: tuple[str, ...]) -> bool:
    return any(name == place or (place != "" and name.startswith(f"{place}.")) for place in places)


@pytest.mark.parametrize("name", sorted(MODULES))
def test_every_module_has_a_row(name: str) -> None:
    assert any(name.split(".")[0] in names for names in ROWS), f"say in ROWS where broker/{name} belongs"


@pytest.mark.parametrize("name", sorted(MODULES))
def test_imports_run_downwards_only(name: str) -> None:
    top = name.split(".")[0]
    for other in ours(name):
        other_top = other.split(".")[0]
        if row(name) == row(other) in (0, len(ROWS) - 1) or other_top == top or (top, other_top) in NEIGHBOURS:
            continue
        assert row(other) < row(name), f"broker.{name} imports broker.{other}, which is not below it"


@pytest.mark.parametrize("name", sorted(MODULES))
def test_vendor_libraries_stay_where_they_belong(name: str) -> None:
    for imported in imports(name):
        vendor = imported.split(".")[0]
        if vendor in sys.stdlib_module_names or vendor in ("broker", "__future__"):
            continue
        assert vendor in VENDORS, f"broker.{name} imports {vendor}: say in VENDORS who may"
        assert below(name, VENDORS[vendor]), f"broker.{name} imports {vendor}, which belongs to {VENDORS[vendor]}"


def test_the_ground_needs_only_the_standard_library() -> None:
    for name in MODULES:
        if row(name) == 0:
            foreign = {imported for imported in imports(name) if imported.split(".")[0] not in sys.stdlib_module_names}
            assert all(imported.startswith("broker") for imported in foreign), name


def test_decoders_are_imported_by_the_sandboxed_child_only() -> None:
    for name in MODULES:
        if not below(name, CHILD):
            decoders = [other for other in ours(name) if below(other, DECODERS)]
            assert not decoders, f"broker.{name} imports {decoders}"


def test_the_broker_proper_imports_nothing_of_the_worker() -> None:
    for name in MODULES:
        if below(name, PROPER):
            assert not [other for other in ours(name) if below(other, ("ingest", "ops"))], name


def test_the_broker_proper_stays_small() -> None:
    sizes = {name: code_lines(path) for name, path in MODULES.items() if below(name, PROPER)}
    assert sum(sizes.values()) < PROPER_LINES, sorted(sizes.items(), key=lambda item: -item[1])


def code_lines(path: Path) -> int:
    """Lines of code as somebody types them, one a statement: how a formatter folds a long one, and what explains it,
    docstrings and comments, cost nothing."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    prose = [node for node in nodes if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)]
    return sum(isinstance(node, ast.stmt) for node in nodes) - len(prose)


def test_a_statement_is_a_line_however_it_is_folded_and_prose_is_none(tmp_path: Path) -> None:
    path = tmp_path / "some.py"
    path.write_text('"""Two\nlines."""\n\n# why\nx = (\n    1,\n)  # end\n\n\ndef f():\n    """Doc."""\n    return x\n')
    assert code_lines(path) == 3


def tracked_text() -> Iterator[tuple[str, str]]:
    """Our own text files, without what is installed, built or generated."""
    apart = {".git", ".venv", ".data", "node_modules", "static", "build", "__pycache__", ".hypothesis"}
    endings = {".py", ".md", ".toml", ".txt", ".ts", ".mjs", ".html", ".css", ".svg", ".json", ".yml", ".example", ""}
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in apart and not name.endswith("_cache")]
        for path in (Path(folder, name) for name in files):
            if path.suffix in endings and path.name != ".env":
                yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8", errors="replace")


def test_no_file_names_a_folder_of_somebodys_machine() -> None:
    # Built from pieces, so that this file does not find itself.
    homes = re.compile(
        "|".join(["/" + "home/[a-z]", "/" + "root/", "/" + "Users/", "/" + "work/", r"[A-Z]:\\" + "Users"])
    )
    found = [(name, match[0]) for name, text in tracked_text() for match in homes.finditer(text)]
    assert found == []


def test_nothing_is_left_for_later_in_the_code() -> None:
    marks = re.compile(r"\b(?:" + "|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX"]) + r")\b")
    found = [(name, match[0]) for name, text in tracked_text() for match in marks.finditer(text)]
    assert found == []
