"""The CMake package: a project of a user's finds it, links both libraries, and its programs find no fault."""

from __future__ import annotations

from pathlib import Path

from c.toolchain import Toolchain, call, need


def test_cmake_project_builds_and_passes(
    toolchain: Toolchain, prefix: Path, program_environment: dict[str, str]
) -> None:
    need("cmake", "ctest")
    folder = toolchain.work / "cmake"
    call(["cmake", "-S", ".", "-B", folder, f"-DCMAKE_PREFIX_PATH={prefix}"])
    call(["cmake", "--build", folder, "-j2"])
    tested = call(["ctest", "--test-dir", folder, "--output-on-failure"], program_environment)
    assert "100% tests passed" in tested, tested
