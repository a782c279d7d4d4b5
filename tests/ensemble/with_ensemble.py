"""Runs a program with TROUPE_CONNECT naming an ensemble that lives as long as it, in TROUPE_DIRECTORY:
with_ensemble.py [KEY=VALUE...] PROGRAM ARGUMENTS. KEY=VALUE: of group `troupe` in the configuration of every node."""

import os
import subprocess
import sys

import harness


def main():
    command, settings = sys.argv[1:], {}
    while "=" in command[0]:
        key, value = command.pop(0).split("=", 1)
        settings[key] = value
    ensemble = harness.External(harness.EXTERNAL) if harness.EXTERNAL else harness.Ensemble(settings=settings)
    code = 1
    try:
        more = {"TROUPE_CONNECT": ensemble.connect, "TROUPE_DIRECTORY": getattr(ensemble, "directory", "")}
        # Under ./dev tsan the nodes are looked at, not the program: its actors are plain ones of CAF, whose library is not
        # instrumented, so that every answer would pass for a race.
        if "TSAN_OPTIONS" in os.environ:
            more["TSAN_OPTIONS"] = os.environ["TSAN_OPTIONS"] + " report_bugs=0"
        code = subprocess.run(command, env=dict(os.environ, **more)).returncode
    finally:
        ensemble.close(failed=code != 0)
    sys.exit(code)


if __name__ == "__main__":
    main()
