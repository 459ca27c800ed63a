"""The programs of tests/c and tests/cpp, linked with the shared and with the static library."""

from __future__ import annotations

from pathlib import Path

import pytest
from c.relay import Relay
from c.toolchain import SONAME, TIMEOUT, Toolchain, call

LINKAGES = ["shared", "static"]
Environment = dict[str, str]


@pytest.mark.parametrize("linkage", LINKAGES)
@pytest.mark.parametrize(
    "name", ["update", "create", "read", "sync", "vectors", "many", "misuse", "threads", "manners"]
)
def test_c_program_finds_no_fault(
    toolchain: Toolchain, program_environment: Environment, name: str, linkage: str
) -> None:
    program = toolchain.build(f"tests/c/{name}.c", linkage)
    print(call([program], program_environment, TIMEOUT))


@pytest.mark.parametrize("linkage", LINKAGES)
def test_c_program_trusts_only_the_authority_it_was_given(
    toolchain: Toolchain, program_environment: Environment, relay: Relay, linkage: str
) -> None:
    program = toolchain.build("tests/c/tls.c", linkage)
    print(call([program, relay.url, relay.ca_file], program_environment, TIMEOUT))


# Linkage and standard do not depend on each other, so one program tries all four pairs and the others two of them.
PAIRS = [("c++17", "static"), ("c++20", "shared")]
ALL_PAIRS = [(std, linkage) for std in ("c++17", "c++20") for linkage in LINKAGES]


@pytest.mark.parametrize(
    ("name", "std", "linkage"),
    [("update", *pair) for pair in ALL_PAIRS]
    + [(name, *pair) for name in ("create", "read", "sync", "vectors") for pair in PAIRS],
)
def test_cpp_program_finds_no_fault(
    toolchain: Toolchain, program_environment: Environment, name: str, std: str, linkage: str
) -> None:
    program = toolchain.build(f"tests/cpp/{name}.cpp", linkage, std)
    print(call([program], program_environment, TIMEOUT))


@pytest.mark.parametrize("linkage", LINKAGES)
def test_cpp_program_works_without_exceptions(
    toolchain: Toolchain, program_environment: Environment, linkage: str
) -> None:
    more = ["-fno-exceptions", "-fno-rtti"]
    program = toolchain.build("tests/cpp/no_exceptions.cpp", linkage, more=more)
    print(call([program], program_environment, TIMEOUT))


def test_library_can_be_loaded_and_closed_as_a_plugin(
    toolchain: Toolchain, program_environment: Environment, prefix: Path
) -> None:
    source = toolchain.compile("tests/c/plugin.c", "gnu11")
    program = toolchain.link("gcc", [source], ["-ldl"])
    print(call([program, prefix / "lib" / SONAME], program_environment, TIMEOUT))
