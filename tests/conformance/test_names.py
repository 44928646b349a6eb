#!/usr/bin/env python3
"""test_names.py CONFORMANCE: what the suites put for @DIR@ and @NAME@ in a backend's settings, in C (suite_fixture.c), read off the
message about a path that cannot be, and in Python (tests/cli/harness.py)."""
import os
import subprocess
import sys
import unittest
import unittest.mock

sys.dont_write_bytecode = True  # the source tree stays clean
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cli'))
import harness  # noqa: E402

PREFIX = 'FOOTFALL_TEST_NAME_PREFIX'
PROGRAM = sys.argv[1] if len(sys.argv) > 1 else ''


def in_c(value, prefix):
    done = subprocess.run([PROGRAM, 'sqlite', f'sqlite.path=/dev/null/{value}'], env={**os.environ, PREFIX: prefix}, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=20, check=False)
    return done.stderr.partition('/dev/null/')[2].partition(':')[0]


def in_python(value, prefix):
    case = harness.Case()
    with unittest.mock.patch.object(harness, 'SETTINGS', ['sqlite.path=' + value]), \
            unittest.mock.patch.object(harness, 'BACKEND', 'sqlite'), unittest.mock.patch.dict(os.environ, {PREFIX: prefix}):
        try:
            case.setUp()
            return case.settings()[0].removeprefix('sqlite.path=')
        finally:
            case.doCleanups()


class Names(unittest.TestCase):
    def test_names_and_folders(self):
        for fill, kind in ((in_c, 'test'), (in_python, 'cli')):
            self.assertRegex(fill('@NAME@', ''), rf'^footfall-{kind}-[A-Za-z0-9_]{{6,}}$')
            self.assertRegex(fill('a@NAME@b', 'x.1-'), rf'^ax\.1-footfall-{kind}-\w{{6,}}b$')
            self.assertRegex(fill('@NAME@,@DIR@', ''), rf'^(footfall-{kind}-\w+),/.*/\1(/store)?$')
            self.assertRegex(fill('@DIR@,@NAME@', ''), rf'^/.*/(footfall-{kind}-\w+)(/store)?,\1$')
            self.assertEqual(fill('NAME@', ''), 'NAME@')
            self.assertNotEqual(fill('@NAME@', ''), fill('@NAME@', ''))


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1], verbosity=2)
