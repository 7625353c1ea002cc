# SPDX-License-Identifier: MIT
"""unittest.main() for tests that mostly wait for what is played in time: some of them at once."""
import concurrent.futures
import sys
import threading
import unittest

N_AT_ONCE = 4


def tests_of(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from tests_of(test)
        else:
            yield test


class Suite(unittest.TestSuite):
    def run(self, result, debug=False):
        with concurrent.futures.ThreadPoolExecutor(N_AT_ONCE) as pool:
            list(pool.map(lambda test: test(result), tests_of(self)))
        return result


class Result(unittest.TextTestResult):
    lock = threading.Lock()

    def startTest(self, test):
        with self.lock:
            super().startTest(test)


def main(names):
    """Of the classes and methods of the program that are named, or all. Returns whether all is well."""
    loader = unittest.TestLoader()
    loader.suiteClass = Suite
    program = unittest.main(argv=[sys.argv[0], *names], exit=False, testLoader=loader,
                            testRunner=unittest.TextTestRunner(resultclass=Result))
    return program.result.wasSuccessful()
