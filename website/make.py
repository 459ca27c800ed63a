"""Builds the site: `scripts/site` calls this with the Python of its environment.

    python -m website.make SOURCES SITE --cor PROGRAM [--scripts FOLDER] [--chromium PROGRAM [--notebook PYTHON]]

SOURCES and SITE are written anew. SOURCES gets the Markdown that mkdocs reads: the repository's pages and those that
follow from the code. A dead link or a page without a place in the navigation ends it with an error.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from website import c_reference, cli_reference, cpp_reference, navigation, pictures, python_reference
from website.stage import Stage

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ["mermaid.js", "iframe-worker.js"]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("sources", type=Path)
    parser.add_argument("site", type=Path)
    parser.add_argument("--cor", type=Path, required=True)
    parser.add_argument("--scripts", type=Path)
    parser.add_argument("--chromium", type=Path)
    parser.add_argument("--notebook", type=Path)
    return parser.parse_args()


def main() -> int:
    options = arguments()
    sources: Path = options.sources.resolve()
    shutil.rmtree(sources, ignore_errors=True)
    pages = sources / "pages"
    shutil.copytree(ROOT / "website/assets", pages / "assets")
    for script in SCRIPTS if options.scripts else []:
        shutil.copyfile(options.scripts / script, pages / "assets" / script)
    Stage(ROOT, pages, mermaid=bool(options.scripts)).write()
    generated = {
        "cor": cli_reference.write(options.cor, pages / "reference/cor"),
        "python": python_reference.write(ROOT, pages / "reference/python"),
        "c": c_reference.write(ROOT / "include/projectcor.h", pages / "reference/c"),
        "cpp": cpp_reference.write(ROOT / "include/projectcor.hpp", pages / "reference/cpp"),
    }
    if options.chromium:
        pictures.write(options.cor, options.chromium, pages, options.notebook)
    config: dict[str, Any] = {
        "INHERIT": str(ROOT / "website/mkdocs.yml"),
        "docs_dir": str(pages),
        "site_dir": str(options.site.resolve()),
        "nav": navigation.navigation(ROOT, generated, pictures=bool(options.chromium)),
    }
    if options.scripts:
        # Search where the site is opened from a disk. Without polyfills, the plugin loads the script from another host.
        config["extra"] = {"polyfills": ["assets/iframe-worker.js"]}
        config["plugins"] = ["search", "offline"]
    # JSON is YAML.
    (sources / "mkdocs.yml").write_text(json.dumps(config, indent=1), encoding="utf-8")
    command = [sys.executable, "-m", "mkdocs", "--quiet", "build", "--strict", "--clean"]
    return subprocess.run([*command, "--config-file", str(sources / "mkdocs.yml")]).returncode


if __name__ == "__main__":
    sys.exit(main())
