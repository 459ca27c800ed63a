"""The programs under AddressSanitizer, UndefinedBehaviorSanitizer and ThreadSanitizer; the fuzzer of the C boundary.

FUZZ_SECONDS=600   makes up other inputs for that long, and prints their seed
FUZZ_SEED=n        the same inputs again
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from c.toolchain import SANITIZED, TIMEOUT, Toolchain, call
from harness import ROOT

Environment = dict[str, str]
MOST_INPUTS = 2000


@pytest.mark.parametrize(
    "source",
    [f"tests/c/{name}.c" for name in ("misuse", "many", "update", "create", "read", "sync", "threads")]
    + [f"tests/cpp/{name}.cpp" for name in ("update", "create", "read", "sync")],
)
def test_address_sanitizer_finds_no_fault(toolchain: Toolchain, program_environment: Environment, source: str) -> None:
    print(call([toolchain.build(source, more=SANITIZED)], program_environment, TIMEOUT))


@pytest.fixture(scope="module")
def fuzzer(toolchain: Toolchain) -> Path:
    return toolchain.build("tests/c/fuzz.c", more=SANITIZED)


@pytest.fixture(scope="module")
def kept() -> list[Path]:
    """The inputs that are kept. They have to spell every call, working and refused."""
    return sorted((ROOT / "fuzz" / "corpus" / "c").iterdir())


def test_kept_fuzz_inputs_spell_every_call(fuzzer: Path, program_environment: Environment, kept: list[Path]) -> None:
    print(call([fuzzer, *kept], program_environment, TIMEOUT))


def test_generated_fuzz_inputs_find_no_fault(fuzzer: Path, program_environment: Environment, kept: list[Path]) -> None:
    seconds = os.environ.get("FUZZ_SECONDS")
    command: list[str | Path]
    if seconds:
        command = [fuzzer, "--seconds", seconds, os.environ.get("FUZZ_SEED", "0"), *kept]
        print(call(command, program_environment, int(seconds) * 20 + 60))
    else:
        command = [fuzzer, "--inputs", str(MOST_INPUTS), os.environ.get("FUZZ_SEED", "1"), *kept]
        print(call(command, program_environment))


def test_thread_sanitizer_finds_no_race_on_the_c_side(toolchain: Toolchain, program_environment: Environment) -> None:
    """It watches the C side: memory that the library hands to threads and takes back.

    Inside the library, Rust's standard library would have to be built for it, which needs a nightly toolchain with the
    source; without that it sees no lock and no atomic there.
    """
    suppressions = toolchain.work / "tsan.suppressions"
    suppressions.write_text("called_from_lib:libprojectcor.so\n")
    trial = toolchain.work / "tsan.c"
    trial.write_text("int main(void) { return 0; }\n")
    program = toolchain.work / "tsan"
    for command in (["gcc", "-fsanitize=thread", str(trial), "-o", str(program)], [str(program)]):
        tried = subprocess.run(command, capture_output=True, text=True, check=False)
        if tried.returncode:
            pytest.skip(f"needs ThreadSanitizer, which does not run here: {tried.stderr.strip()[:200]}")
    more = ["-fsanitize=thread", "-DSANITIZED", "-DNO_FORK"]
    environment = {**program_environment, "TSAN_OPTIONS": f"suppressions={suppressions}"}
    print(call([toolchain.build("tests/c/threads.c", more=more)], environment, TIMEOUT))
