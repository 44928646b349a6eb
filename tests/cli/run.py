#!/usr/bin/env python3
"""Runs one suite of tests that lead the program from outside, on one backend: run.py SUITE TOOL BACKEND [KEY=VALUE]...

SUITE: the name of a file cases_SUITE.py here, FOLDER/SUITE of one elsewhere. In a setting, @DIR@ is a fresh folder for each case
and @NAME@ a fresh name of letters, digits, "-" and "_". $CMOCKA_XML_FILE, when set, gets the cases as cmocka writes them (%g is
the suite). Exit status 0 only if no case failed. FOOTFALL_TEST_SEED repeats a random run.
"""
import importlib
import os
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True  # the source tree stays clean
import harness  # noqa: E402
import stores  # noqa: E402


class Result(unittest.TextTestResult):
    """Keeps (name, seconds, 'failed' or 'skipped' or None, text) of every case."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.cases = []

    def startTest(self, test):
        self.began, self.state, self.text = time.monotonic(), None, ''
        super().startTest(test)

    def note(self, state, text):
        self.state = 'failed' if 'failed' in (state, self.state) else state
        self.text += text

    def addError(self, test, err):
        super().addError(test, err)
        self.note('failed', self.errors[-1][1])

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.note('failed', self.failures[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.note('failed', f'{subtest}: {self._exc_info_to_string(err, test)}')

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.note('skipped', reason)

    def stopTest(self, test):
        super().stopTest(test)
        self.cases.append((test.id().split('.', 1)[-1], time.monotonic() - self.began, self.state, self.text))


def write_xml(path, suite, cases):
    failed = sum(state == 'failed' for _, _, state, _ in cases)
    skipped = sum(state == 'skipped' for _, _, state, _ in cases)
    total = sum(seconds for _, seconds, _, _ in cases)
    with open(path.replace('%g', suite), 'w', encoding='utf-8') as out:
        out.write('<?xml version="1.0" encoding="UTF-8" ?>\n<testsuites>\n')
        out.write(f'  <testsuite name="{suite}" time="{total:.3f}" tests="{len(cases)}" failures="{failed}" errors="0" '
                  f'skipped="{skipped}" >\n')
        for name, seconds, state, text in cases:
            out.write(f'    <testcase name="{name}" time="{seconds:.3f}" >\n')
            if state == 'failed':
                text = text.rstrip().replace(']]>', ']] >')
                out.write(f'      <failure><![CDATA[{text}]]></failure>\n')
            elif state == 'skipped':
                out.write('      <skipped/>\n')
            out.write('    </testcase>\n')
        out.write('  </testsuite>\n</testsuites>\n')


def chosen(tests):
    """The cases that this store can serve. Those left out are no skipped ones: they say nothing of it."""
    for test in tests:
        if isinstance(test, unittest.TestSuite):
            yield from chosen(test)
        elif test.needs is None or test.needs in stores.kind(harness.BACKEND).abilities:
            yield test


def main():
    suite, harness.TOOL, harness.BACKEND, *harness.SETTINGS = sys.argv[1:]
    harness.TOOL = os.path.abspath(harness.TOOL)
    folder, suite = os.path.split(os.path.join(HERE, suite))
    sys.path.insert(0, folder)
    tests = unittest.TestSuite(chosen(unittest.defaultTestLoader.loadTestsFromModule(importlib.import_module('cases_' + suite))))
    result = unittest.TextTestRunner(verbosity=2, resultclass=Result).run(tests)
    if os.environ.get('CMOCKA_XML_FILE'):
        write_xml(os.environ['CMOCKA_XML_FILE'], f'{os.path.basename(folder)}_{suite}_{harness.BACKEND}', result.cases)
    return 0 if result.wasSuccessful() and result.cases else 1


if __name__ == '__main__':
    sys.exit(main())
