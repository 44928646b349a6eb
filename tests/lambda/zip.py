#!/usr/bin/env python3
"""footfall-lambda.zip: builds it with tools/aws/build, unpacks it, and runs the cases of zip_contents.py, zip_alone.py and
zip_emulated.py on it.

usage: zip.py ROOT BUILD        ROOT: of the source tree; BUILD: a folder, where libcurl stays for the next run

Runs below with_dynamodb.py --own. FOOTFALL_TEST_LONG=1: the second build, of a copy, makes its own libcurl.
"""
import importlib
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path += [HERE, os.path.join(HERE, '..', 'support')]
sys.dont_write_bytecode = True  # the source tree stays clean
import zip_case  # noqa: E402

CASES = ('zip_contents', 'zip_alone', 'zip_emulated')


def main():
    root, build = map(os.path.abspath, sys.argv[1:])
    zip_case.make(root, build)
    tests = unittest.TestSuite(unittest.defaultTestLoader.loadTestsFromModule(importlib.import_module(name)) for name in CASES)
    result = unittest.TextTestRunner(verbosity=2).run(tests)
    return 0 if result.wasSuccessful() and result.testsRun else 1


if __name__ == '__main__':
    sys.exit(main())
