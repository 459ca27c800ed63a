"""The build backend of the package: maturin, with one line instead of a traceback where Rust is missing.

Without this, maturin downloads Rust by another package, whose traceback is all that a user sees if that fails.
"""

from __future__ import annotations

import os
import shutil
import sysconfig

import maturin

# Its functions read this when they are called.
os.environ.setdefault("MATURIN_NO_INSTALL_RUST", "1")
if sysconfig.get_config_var("Py_GIL_DISABLED"):
    # A free-threaded Python loads no module of the stable ABI.
    os.environ["MATURIN_PEP517_ARGS"] = f"{os.environ.get('MATURIN_PEP517_ARGS', '')} --no-default-features".strip()

build_sdist = maturin.build_sdist
build_wheel = maturin.build_wheel
build_editable = maturin.build_editable
get_requires_for_build_sdist = maturin.get_requires_for_build_sdist
prepare_metadata_for_build_wheel = maturin.prepare_metadata_for_build_wheel
prepare_metadata_for_build_editable = maturin.prepare_metadata_for_build_editable


def need_rust() -> None:
    """Ends the build where no cargo is found."""
    if shutil.which("cargo") is None:
        raise SystemExit(
            "projectcor is built from source, which needs Rust 1.89 or later, and there is no cargo on the PATH.\n"
            "Install Rust from https://rustup.rs, open a new shell, and run pip again."
        )


def get_requires_for_build_wheel(config_settings: dict[str, object] | None = None) -> list[str]:
    need_rust()
    return list(maturin.get_requires_for_build_wheel(config_settings))


def get_requires_for_build_editable(config_settings: dict[str, object] | None = None) -> list[str]:
    need_rust()
    return list(maturin.get_requires_for_build_editable(config_settings))
