# SPDX-License-Identifier: MIT
"""What a test runs and does not make itself."""
import os
import shutil
import sys

SKIPPED = 77
# of the rest of a test, whose pixels are right
NO_IMPORT = "this OpenGL imports no dma-bufs: Mesa 25 does in software, scripts/get-mesa.sh gets it on Debian 12"


def skip_without_import(test, why=NO_IMPORT):
    """Skips the rest of a test, where nothing says that this OpenGL does import: scripts/with-mesa.sh does."""
    if os.environ.get("LIMEF_TEST_MUST_IMPORT"):
        test.fail(f"{why}: with a Mesa that does")
    test.skipTest(why)


def need(*programs, path=None):
    """Ends a test as skipped where one of them is missing. path: where to look, instead of PATH."""
    for program in programs:
        if not shutil.which(program, path=path):
            print(f"skipped: there is no {program}")
            sys.exit(SKIPPED)
