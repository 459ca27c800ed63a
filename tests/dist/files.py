"""The files of a release by their names, and what they state: files.py FOLDER VERSION.

Every kind of file is there and no other, every version is the same, and the bills of materials have the versions of the
lock file.
"""

from __future__ import annotations

import email
import io
import json
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CRATES = ["cor-core", "cor-http", "cor-sandbox", "cor-sync", "cor-cli"]
# Each bill of materials, with the crate that it is about and one that it must contain.
BILLS = {
    "cor": ("cor-cli", "parquet"),
    "projectcor-c": ("cor-ffi", "rusqlite"),
    "projectcor-python": ("cor-py", "pyo3"),
}
MODULES = ["projectcor/__init__.py", "projectcor/_native.pyi", "projectcor/py.typed", "projectcor/spark/__init__.py"]


def expected(version: str) -> set[str]:
    glibc = "manylinux2014_x86_64.manylinux_2_17_x86_64"
    tags = [f"cp39-abi3-{glibc}", "cp39-abi3-musllinux_1_2_x86_64", f"cp314-cp314t-{glibc}"]
    return {
        "SHA256SUMS",
        f"projectcor-{version}.tar.gz",
        f"projectcor-c-{version}-x86_64-unknown-linux-gnu.tar.gz",
        f"cor-{version}-x86_64-unknown-linux-musl.tar.gz",
        f"libprojectcor-dev_{version}_amd64.deb",
        f"cor_{version}_amd64.deb",
        *(f"projectcor-{version}-{tag}.whl" for tag in tags),
        *(f"{crate}-{version}.crate" for crate in CRATES),
        *(f"{name}-{version}.cdx.json" for name in BILLS),
    }


def check_wheel(path: Path, version: str) -> None:
    with zipfile.ZipFile(path) as wheel:
        names = wheel.namelist()
        folder = f"projectcor-{version}.dist-info"
        metadata = email.message_from_bytes(wheel.read(f"{folder}/METADATA"))
        tags = email.message_from_bytes(wheel.read(f"{folder}/WHEEL")).get_all("Tag") or []
    assert metadata["Version"] == version, (path.name, metadata["Version"])
    assert (metadata["Requires-Python"], metadata["License-Expression"]) == (">=3.9", "MIT"), path.name
    assert all(module in names for module in MODULES), path.name
    assert {f"{folder}/licenses/LICENSE", f"{folder}/licenses/THIRD-PARTY-LICENSES.txt"} <= set(names), path.name
    assert [name for name in names if "/sboms/" in name] == [f"{folder}/sboms/projectcor-python-{version}.cdx.json"], (
        names
    )
    python, abi, platforms = path.stem.split("-")[2:]
    assert sorted(tags) == sorted(f"{python}-{abi}-{platform}" for platform in platforms.split(".")), (path.name, tags)


def check_crate(path: Path, version: str, name: str) -> None:
    with tarfile.open(path) as crate:
        file = crate.extractfile(f"{name}-{version}/Cargo.toml")
        assert file, path.name
        manifest = tomllib.load(io.BytesIO(file.read()))
    package = manifest["package"]
    assert package["version"] == version, path.name
    for key in ("description", "license", "readme", "keywords", "categories", "repository", "rust-version"):
        assert package.get(key), f"{path.name} states no {key}"
    assert package["metadata"]["docs"]["rs"], path.name
    for dependency, of in manifest["dependencies"].items():
        if dependency in CRATES:
            assert of["version"] == version, (path.name, dependency, of)


def check_licences(path: Path) -> None:
    """The texts that licences of dependencies want to go with every copy."""
    with tarfile.open(path) as archive:
        file = archive.extractfile(f"{path.name.removesuffix('.tar.gz')}/THIRD-PARTY-LICENSES.txt")
        assert file, path.name
        text = file.read().decode()
    for part in ("rustls ", "SQLite", "Permission is hereby granted", "Apache License"):
        assert part in text, f"the licences in {path.name} have no {part}"


def check_bill(path: Path, version: str, crate: str, contains: str) -> None:
    locked = tomllib.loads((ROOT / "Cargo.lock").read_text(encoding="utf-8"))["package"]
    known = {(package["name"], package["version"]) for package in locked}
    bill = json.loads(path.read_text(encoding="utf-8"))
    about = bill["metadata"]["component"]
    assert bill["bomFormat"] == "CycloneDX", path.name
    assert (about["name"], about["version"]) == (crate, version), (path.name, about)
    found = {(component["name"], component["version"]) for component in bill["components"]}
    assert found <= known, f"{path.name} has what Cargo.lock has not: {sorted(found - known)}"
    names = {name for name, _ in found}
    assert {"cor-core", "cor-http", contains} <= names, path.name
    assert not any(component.get("licenses") is None for component in bill["components"]), path.name


def main() -> None:
    folder, version = Path(sys.argv[1]), sys.argv[2]
    found = {path.name for path in folder.iterdir()}
    assert found == expected(version), f"missing {expected(version) - found}, not expected {found - expected(version)}"
    for path in folder.glob("*.whl"):
        check_wheel(path, version)
    for crate in CRATES:
        check_crate(folder / f"{crate}-{version}.crate", version, crate)
    for name, (crate, contains) in BILLS.items():
        check_bill(folder / f"{name}-{version}.cdx.json", version, crate, contains)
    for path in folder.glob("*-x86_64-unknown-linux-*.tar.gz"):
        check_licences(path)
    program = f"cor-{version}-x86_64-unknown-linux-musl"
    with tarfile.open(folder / f"{program}.tar.gz") as archive:
        archive.extract(f"{program}/cor", path="target/dist-check", filter="data")
    stated = subprocess.run(
        [f"target/dist-check/{program}/cor", "--version"], check=True, stdout=subprocess.PIPE, text=True
    )
    assert stated.stdout == f"cor {version}\n", stated.stdout
    with tarfile.open(folder / f"projectcor-c-{version}-x86_64-unknown-linux-gnu.tar.gz") as archive:
        name = f"projectcor-c-{version}-x86_64-unknown-linux-gnu/lib/pkgconfig/projectcor.pc"
        file = archive.extractfile(name)
        assert file
        assert re.search(rf"^Version: {re.escape(version)}$", file.read().decode(), re.M)
    print(f"{len(found)} files state {version}")


if __name__ == "__main__":
    main()
