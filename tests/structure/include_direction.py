"""Include lines go one way: actors -> persistence -> cluster -> schema. Run as: include_direction.py ROOT"""
import pathlib
import re
import sys

# Each folder may include itself and what stands to its right.
LAYERS = ["actors", "persistence", "cluster", "schema"]
# What nothing in cluster/ may touch: threads, clocks, random sources, sockets, files, CAF, LMDB.
IMPURE = re.compile(
    r'<(caf/.*|lmdb\.h|thread|mutex|shared_mutex|atomic|condition_variable|future|random|fstream|filesystem|iostream|'
    r'sys/.*|netinet/.*|unistd\.h|poll\.h|pthread\.h|ctime|time\.h|spdlog/.*)>')
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"][^>"]+[>"])')


def includes(root, folder):
    for path in sorted((root / folder).rglob("*")):
        if path.suffix not in (".cpp", ".hpp"):
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            if match:
                yield f"{path.relative_to(root)}:{number}", match.group(1)


def errors(root):
    for depth, folder in enumerate(LAYERS):
        for place, what in includes(root, folder):
            target = what[1:-1].split("/")[0]
            if what.startswith('"') and "/" not in what:
                yield f"{place}: {what} is not written from the root"
            if what.startswith('"') and target not in LAYERS[depth:] and "/" in what:
                yield f"{place}: {folder} must not include {what}"
            if folder in ("cluster", "schema") and IMPURE.fullmatch(what):
                yield f"{place}: {folder} is pure and must not include {what}"


def main():
    root = pathlib.Path(sys.argv[1])
    seen = sum(1 for folder in LAYERS for _ in includes(root, folder))
    if seen == 0:
        sys.exit(f"no include line found under {root}: wrong directory?")
    found = list(errors(root))
    print("\n".join(found) or f"{seen} include lines go the right way")
    sys.exit(1 if found else 0)


main()
