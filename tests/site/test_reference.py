"""The generated reference against lists that its generators do not read."""

from __future__ import annotations

import ast
import re
import subprocess

import pytest
from harness import ROOT
from harness.html_page import read
from harness.program import find_program, target

SITE = target() / "site"
# Options of other programs, which `cor` takes only to say in its error what to use instead. The help leaves them out.
HIDDEN = {"--token", "--api-key", "--client-secret", "--timeout"}


def anchors(folder: str) -> set[str]:
    return {name for path in (SITE / "reference" / folder).glob("*.html") for name in read(path).ids}


def completions() -> str:
    command = [str(find_program()), "completions", "bash"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def commands() -> dict[str, set[str]]:
    """The commands with their long options, from the completion script."""
    found = {}
    for name, options in re.findall(r"^ +(cor[a-z_]*)\)\n +opts=\"([^\"]*)\"", completions(), re.M):
        words = [word for word in name.split("__") if word != "subcmd"]
        if "help" not in words:
            found["-".join(words)] = {word for word in options.split() if word.startswith("--")}
    return found


def test_every_command_has_a_page() -> None:
    pages = {path.stem for path in (SITE / "reference/cor").glob("*.html")}
    assert len(pages) > 15
    assert pages == commands().keys()


@pytest.mark.parametrize("command", sorted(commands()))
def test_every_option_of_a_command_has_an_entry(command: str) -> None:
    ids = read(SITE / f"reference/cor/{command}.html").ids
    hidden = set() if command == "cor-sandbox" else HIDDEN
    assert {f"{command}{option}" for option in commands()[command] - hidden} - ids == set()


def exported(module: str) -> list[str]:
    """The names of a module's __all__."""
    tree = ast.parse((ROOT / "python/projectcor" / module).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__":
            names: list[str] = ast.literal_eval(node.value)
            return names
    raise AssertionError(f"{module} has no __all__")


def test_every_public_name_of_python_has_an_entry() -> None:
    names = {*exported("__init__.py"), *exported("testing.py")}
    assert len(names) > 50
    assert names - anchors("python") == set()


CLASSES = [("_client.py", "Client"), ("_client.py", "Projects"), ("_native.pyi", "Project")]


@pytest.mark.parametrize(("module", "name"), CLASSES)
def test_every_member_of_a_class_has_an_entry(module: str, name: str) -> None:
    tree = ast.parse((ROOT / "python/projectcor" / module).read_text(encoding="utf-8"))
    body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    members = {node.name for node in body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")}
    assert members
    assert {f"{name}.{member}" for member in members} - anchors("python") == set()


def test_the_compiled_half_of_python_is_described() -> None:
    text = " ".join(" ".join(read(SITE / "reference/python/client.html").text).split())
    assert "The results of update_many , in the order in which they finish." in text


def test_every_function_of_c_has_an_entry() -> None:
    symbols = set((ROOT / "tests/abi/symbols.txt").read_text(encoding="utf-8").split())
    functions = {name for name in symbols if name.startswith("cor_")}
    assert len(functions) > 150
    assert functions - anchors("c") == set()


def test_every_type_and_constant_of_c_has_an_entry() -> None:
    header = re.sub(r"/\*.*?\*/", "", (ROOT / "include/projectcor.h").read_text(encoding="utf-8"), flags=re.S)
    names = set(re.findall(r"\b(COR_[A-Z0-9_]+|PROJECTCOR_VERSION_\w+)\b", header))
    names |= set(re.findall(r"\b(?:struct|enum) (cor_\w+)", header))
    names |= set(re.findall(r"\(\*(cor_\w+)\)", header))
    assert len(names) > 60
    assert names - anchors("c") == set()


def test_every_public_name_of_cpp_has_an_entry() -> None:
    header = (ROOT / "include/projectcor.hpp").read_text(encoding="utf-8")
    inner = re.sub(r"namespace detail \{.*?\}  // namespace detail", "", header, flags=re.S)
    types = set(re.findall(r"^(?:class|struct|enum class)(?: \[\[nodiscard\]\])? (\w+)", inner, re.M))
    assert len(types) > 30
    assert types - anchors("cpp") == set()


def test_every_setter_of_cpp_has_an_entry() -> None:
    header = (ROOT / "include/projectcor.hpp").read_text(encoding="utf-8")
    setters = set(re.findall(r"^  PROJECTCOR_(?:TEXT|DATE|NUMBER|FLAG)\((\w+)\)", header, re.M))
    assert len(setters) > 15
    members = {name.partition(".")[2] for name in anchors("cpp")}
    assert setters - members == set()
    assert "ProjectUpdate.estimated_time" in anchors("cpp")


def test_every_call_of_the_quick_start_of_cpp_has_an_entry() -> None:
    used = set()
    for path in [*(ROOT / "tests/cpp").glob("*.cpp"), ROOT / "docs/quickstart/cpp.md"]:
        used |= set(re.findall(r"projects\(\)\.(\w+)\(", path.read_text(encoding="utf-8")))
    assert len(used) > 5
    assert {f"Projects.{name}" for name in used} - anchors("cpp") == set()
