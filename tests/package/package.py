"""Troupe, installed, is enough to build and run a program outside its tree: package.py BUILD_DIRECTORY.

Installs to a temporary prefix, builds the project in outside/ with a copy of examples/request_type against it by
find_package, and runs it (every operation, recipes, request types) against an ensemble of the installed executable, which
has loaded the project's two plug-ins."""

import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "ensemble"))


def run(*command, **more):
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          universal_newlines=True, **more)
    if done.returncode != 0:
        sys.exit("%s: exit code %d\n%s" % (" ".join(map(str, command)), done.returncode, done.stdout))
    return done.stdout


def compiler_of(build):
    for line in (build / "CMakeCache.txt").read_text().splitlines():
        if line.startswith("CMAKE_CXX_COMPILER:"):
            return line.split("=", 1)[1]
    sys.exit("no compiler in %s" % build)


def main():
    build = pathlib.Path(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="package-") as directory:
        prefix, outside = pathlib.Path(directory, "prefix"), pathlib.Path(directory, "outside")
        run("cmake", "--install", build, "--prefix", prefix)
        # A copy, so that nothing of the tree is found by a relative path.
        source = pathlib.Path(directory, "source")
        run("cp", "-r", HERE / "outside", source)
        run("cp", "-r", HERE.parent.parent / "examples" / "request_type", source)
        run("cmake", "-S", source, "-B", outside, "-G", "Ninja", "-DCMAKE_PREFIX_PATH=%s" % prefix,
            "-DCMAKE_CXX_COMPILER=%s" % compiler_of(build))
        run("cmake", "--build", outside)
        os.environ["TROUPE"] = str(prefix / "bin" / "troupe")
        import harness
        plugins = [outside / "liboutside_plugin.so", outside / "request_type" / "libbank.so"]
        # Patient links: nobody dies here, and a machine that stands still for some seconds must not look like it.
        ensemble = harness.Ensemble(3, {"link-timeout": "30s", "sync-timeout": "30s", "plugins": "[%s]" % ", ".join('"%s"' % p for p in plugins)})
        failed = True
        try:
            nodes = ",".join("%s:%d" % (host, port + 1000) for host, port in ensemble.addresses)
            print(run(outside / "outside", nodes, timeout=120), end="")
            failed = False
        finally:
            ensemble.close(failed)


if __name__ == "__main__":
    main()
