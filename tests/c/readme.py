"""Makes whole programs of the C and C++ snippets in READMEs: readme.py FOLDER README.md… writes readme_0.c, readme_1.cpp, …
"""

import pathlib
import re
import sys

folder, *readmes = map(pathlib.Path, sys.argv[1:])
snippets = []
for readme in readmes:
    found = re.findall(r"^```(c|cpp)\n(.*?)^```$", readme.read_text(encoding="utf-8"), re.M | re.S)
    assert {language for language, _ in found} == {"c", "cpp"}, f"{readme} has no snippet of one of the languages"
    snippets += found
for n, (language, code) in enumerate(snippets):
    lines = code.splitlines()
    includes = [line for line in lines if line.startswith("#include")]
    body = [line for line in lines if not line.startswith("#include")]
    program = [*includes, "int main(void) {", *body, "return 0;", "}", ""]
    (folder / f"readme_{n}.{language}").write_text("\n".join(program), encoding="utf-8")
