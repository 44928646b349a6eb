#!/usr/bin/env python3
"""Runs the page and the widget in a headless Chromium: run.py TOOL SCREENSHOTS [CASE]...

SCREENSHOTS is the folder that gets them. Without a Chromium nothing is tried (status 77), which fails with CI=true.
FOOTFALL_TEST_CHROMIUM: the program, chromium by default.
"""
import os
import sys
import unittest

sys.dont_write_bytecode = True  # the source tree stays clean
import chromium  # noqa: E402
import harness  # noqa: E402
from server_process import Absent  # noqa: E402


def main():
    tool, screenshots, *names = sys.argv[1:]
    harness.TOOL, harness.SCREENSHOTS = os.path.abspath(tool), os.path.abspath(screenshots)
    os.makedirs(harness.SCREENSHOTS, exist_ok=True)
    try:
        harness.BROWSER = chromium.Chromium()
    except Absent as why:
        print(f'{why}: nothing is tried in a browser')
        return 1 if os.environ.get('CI') == 'true' else 77
    try:
        import cases_look
        import cases_widget
        import cases_failing
        loader = unittest.defaultTestLoader
        tests = unittest.TestSuite(map(loader.loadTestsFromModule, (cases_look, cases_widget, cases_failing)))
        if names:
            every = [case for module in tests for group in module for case in group]
            tests = unittest.TestSuite(case for case in every if any(name in case.id() for name in names))
        result = unittest.TextTestRunner(verbosity=2).run(tests)
    finally:
        harness.BROWSER.close()
    return 0 if result.wasSuccessful() and result.testsRun else 1


if __name__ == '__main__':
    sys.exit(main())
