#!/usr/bin/python3 -B
"""clang-tidy over the sources in the folders that are named, or over all: `clang_tidy.py [FOLDER...]`; what ./dev tidy calls.

It reads the compile commands of build/release. Most of the time goes into the headers of CAF, Cap'n Proto and the standard
library, so the sources of one folder of the product are checked together, some at a time, as if they were one: names in their
unnamed namespaces are different ones. All others are checked one by one. Exit code 1 if there is anything to say."""
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "build" / "tidy"
TOGETHER = {"actors", "cluster", "persistence", "tools"}
MOST = 16
HINT = "If a name is declared twice: sources of one folder are checked together, so names in unnamed namespaces are to differ."


def flags_of(command):
    """Of the compiler, without the source, the output and the precompiled header, which only g++ can read."""
    flags = []
    arguments = iter(shlex.split(re.sub(r"-Winvalid-pch -include \S*cmake_pch\.hxx", "", command["command"])))
    for a in arguments:
        if a == "-o":
            next(arguments)
        elif a.startswith("-") and a != "-c":
            flags += [a, next(arguments)] if a in ("-isystem", "-include") else [a]
    return tuple(flags)


def sources_of(command):
    """One, or those that the build compiles together (CMAKE_UNITY_BUILD): then CMake wrote a source that includes them."""
    file = pathlib.Path(command["file"])
    if file.parent.name != "Unity":
        return [file]
    return [pathlib.Path(name) for name in re.findall(r'#include "(.*)"', file.read_text())]


def groups(folders):
    found, seen = {}, set()
    for command in json.loads((ROOT / "build/release/compile_commands.json").read_text()):
        for source in sources_of(command):
            if source.suffix != ".cpp" or not source.is_relative_to(ROOT) or source.is_relative_to(ROOT / "build"):
                continue
            source = source.relative_to(ROOT)
            if source in seen or (folders and source.parts[0] not in folders):
                continue
            seen.add(source)
            alone = source if source.parts[0] not in TOGETHER else None
            found.setdefault((source.parent, flags_of(command), alone), []).append(source)
    for folder in TOGETHER.intersection(folders or TOGETHER):
        for file in (ROOT / folder).rglob("*.cpp"):
            if file.relative_to(ROOT) not in seen:
                sys.exit(f"{file} has no compile command: configure the preset release again")
    for (folder, flags, _), sources in sorted(found.items(), key=lambda f: -len(f[1])):
        parts = -(-len(sources) // MOST)
        for i in range(parts):
            yield folder, flags, sorted(sources)[i::parts]


def check(file):
    command = ["clang-tidy-14", "--quiet", "-p", str(WORK), "--extra-arg=-Wno-unknown-warning-option", "--warnings-as-errors=*",
               "--checks=-bugprone-suspicious-include", str(file)]  # we include sources
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    noise = re.compile(r"warnings? generated|^Suppressed|^Use -header-filter")
    return done.returncode, done.stdout + "".join(l for l in done.stderr.splitlines(True) if not noise.search(l))


def main():
    WORK.mkdir(parents=True, exist_ok=True)
    commands, files = [], []
    for number, (folder, flags, sources) in enumerate(groups(sys.argv[1:])):
        file = ROOT / sources[0]
        if len(sources) > 1:
            file = WORK / f"{'_'.join(folder.parts)}_{number}.cpp"
            file.write_text("".join(f'#include "{ROOT / s}"\n' for s in sources))
        files.append(file)
        commands.append({"directory": str(ROOT / "build/release"), "file": str(file), "arguments": ["c++", *flags, "-c", str(file)]})
    if not files:
        sys.exit("no sources: build the preset release first (./dev build)")
    (WORK / "compile_commands.json").write_text(json.dumps(commands, indent=1))
    good = True
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for code, text in pool.map(check, files):
            if code:
                good = False
                print(text, flush=True)
    if not good:
        sys.exit(HINT)


main()
