#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Has the compiler of a build folder look at sources without making code of them, which takes a
fraction of a build: whether any of them gives a warning or an error. What several targets compile alike is looked at
once.

check-syntax.py BUILD_DIR FOLDER...

BUILD_DIR was configured with CMAKE_EXPORT_COMPILE_COMMANDS; FOLDERs: of the sources."""
import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys


def command_of(entry):
    """What has the compiler look at an entry of compile_commands.json, and where."""
    command = shlex.split(entry["command"])
    output = command.index("-o")
    del command[output:output + 2]
    return (entry["directory"], *command, "-fsyntax-only")


def look(command):
    """Returns what the compiler says, and its exit status."""
    folder, *words = command
    done = subprocess.run(words, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.stdout, done.returncode


def main():
    build, *folders = map(pathlib.Path, sys.argv[1:])
    entries = json.loads((build / "compile_commands.json").read_text())
    folders = {folder.resolve() for folder in folders}
    wanted = {command_of(entry) for entry in entries if folders & set(pathlib.Path(entry["file"]).parents)}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(look, sorted(wanted)))
    for said, _ in results:
        print(said, end="")
    n_bad = sum(bool(said or status) for said, status in results)
    print(f"{len(results)} sources, {n_bad} of them with a warning or an error")
    sys.exit(n_bad > 0 or not results)


if __name__ == "__main__":
    main()
