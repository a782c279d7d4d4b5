"""Runs a program with TROUPE_CONNECT naming an ensemble that lives as long as it, in TROUPE_DIRECTORY:
with_ensemble.py PROGRAM ARGUMENTS."""

import os
import subprocess
import sys

import harness


def main():
    ensemble = harness.External(harness.EXTERNAL) if harness.EXTERNAL else harness.Ensemble()
    code = 1
    try:
        more = {"TROUPE_CONNECT": ensemble.connect, "TROUPE_DIRECTORY": getattr(ensemble, "directory", "")}
        code = subprocess.run(sys.argv[1:], env=dict(os.environ, **more)).returncode
    finally:
        ensemble.close(failed=code != 0)
    sys.exit(code)


if __name__ == "__main__":
    main()
