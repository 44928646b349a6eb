#!/usr/bin/env python3
"""test_dynamodb_local.py WITH_DYNAMODB.PY --shim LIBRARY [...]: how DynamoDB Local is fetched, with a Maven that only pretends; and
how run_tests.py lets the tests of a build folder share a server, with a project of two tests."""
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import unittest.mock

sys.dont_write_bytecode = True  # the source tree stays clean
import dynamodb_local  # noqa: E402
import run_tests  # noqa: E402
import server_cases  # noqa: E402
from server_cases import SECONDS, alive  # noqa: E402
from server_process import Absent, program  # noqa: E402

WRAPPER = [os.path.abspath(word) if os.path.exists(word) else word for word in sys.argv[1:]]
FETCH = [sys.executable, os.path.abspath(dynamodb_local.__file__)]
# Says that it ran and puts a jar where it is told to; how often it fails first is in the file "fails".
MAVEN = """#!/bin/sh
echo "$*" >>"$0.ran"
[ -f "$5" ] || exit 9 # the pom
left=$(cat "$0.fails" 2>/dev/null || echo 0)
if [ "$left" -gt 0 ]; then
    echo $((left - 1)) >"$0.fails"
    echo 'no way to the repository'
    exit 1
fi
for word; do
    case $word in -DoutputDirectory=*) mkdir "${word#*=}" && sleep 0.3 && echo jar >"${word#*=}/DynamoDBLocal-1.jar" ;; esac
done
"""


class Fetch(server_cases.Case):
    def setUp(self):
        self.top = self.enterContext(tempfile.TemporaryDirectory())
        self.maven = os.path.join(self.top, 'maven')
        with open(self.maven, 'w', encoding='ascii') as script:
            script.write(MAVEN)
        os.chmod(self.maven, 0o755)
        self.above = os.path.join(self.top, 'cache', 'footfall', 'dynamodb-local')
        self.env = {name: value for name, value in os.environ.items() if name != 'FOOTFALL_TEST_DYNAMODB_LOCAL'}
        self.env.update(XDG_CACHE_HOME=os.path.join(self.top, 'cache'), FOOTFALL_TEST_MAVEN=self.maven)

    def start(self, **more):
        return subprocess.Popen(FETCH, env={**self.env, **more}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def fetch(self, **more):
        with self.start(**more) as process:
            out, err = process.communicate(timeout=SECONDS)
            return process.returncode, out.strip(), err

    def fails(self, times):
        with open(self.maven + '.fails', 'w', encoding='ascii') as out:
            out.write(str(times))

    def runs(self):
        with open(self.maven + '.ran', encoding='ascii') as ran:
            return len(ran.readlines())

    def test_of_many_at_once_one_fetches(self):
        fetching = [self.start() for _ in range(4)]
        said = {process.communicate(timeout=SECONDS)[0].strip() for process in fetching}
        self.assertEqual([process.returncode for process in fetching], [0] * 4)
        self.assertEqual(len(said), 1)
        self.assertEqual(os.listdir(said.pop()), ['DynamoDBLocal-1.jar'])
        self.assertEqual(self.runs(), 1)
        self.assertEqual(self.fetch(FOOTFALL_TEST_MAVEN='/no/maven')[0], 0)

    def test_a_failure_is_tried_again_and_then_told(self):
        self.fails(2)
        status, out, err = self.fetch()
        self.assertEqual((status, out), (1, ''))
        self.assertIn('no way to the repository', err)
        self.assertEqual(os.listdir(self.above), ['lock'])
        self.fails(1)
        self.assertEqual(self.fetch()[0], 0)
        self.assertEqual(self.runs(), 4)

    def test_without_maven_it_says_so(self):
        status, _, err = self.fetch(FOOTFALL_TEST_MAVEN='/no/maven')
        self.assertEqual(status, 1)
        self.assertIn('there is no /no/maven', err)

    def test_what_was_left_half_done_goes(self):
        for left in (dynamodb_local.PART + 'x', os.path.basename(dynamodb_local.folder())):
            os.makedirs(os.path.join(self.above, left, 'lib'))
        status, out, _ = self.fetch()
        self.assertEqual((status, os.path.dirname(out)), (0, self.above))
        self.assertEqual(sorted(os.listdir(self.above)), sorted(['lock', os.path.basename(out)]))
        self.assertEqual(os.listdir(out), ['DynamoDBLocal-1.jar'])

    def test_a_folder_of_ones_own_is_never_filled(self):
        status, _, err = self.fetch(FOOTFALL_TEST_DYNAMODB_LOCAL=self.top)
        self.assertEqual(status, 1)
        self.assertIn(self.top, err)
        with open(os.path.join(self.top, 'DynamoDBLocal-1.jar'), 'w', encoding='ascii'):
            self.assertEqual(self.fetch(FOOTFALL_TEST_DYNAMODB_LOCAL=self.top)[:2], (0, self.top))


class Share(server_cases.Case):
    """A project whose tests `one` and `two` write down where their server is; `two` then waits when it is told to."""

    def setUp(self):
        try:
            program('java')
            program('meson')
            dynamodb_local.jars()
        except Absent as what:
            if os.environ.get('CI') == 'true':
                raise
            self.skipTest(what)
        self.top = self.enterContext(tempfile.TemporaryDirectory())
        with open(os.path.join(self.top, 'meson.build'), 'w', encoding='utf-8') as out:
            words = ', '.join(f"'{word}'" for word in [*WRAPPER, '--', 'sh', '-c'])
            tell = 'echo $FOOTFALL_TEST_DYNAMODB_PORT $$ >>said; if [ -f wait ]; then exec sleep 300; fi'
            out.write(f"project('two')\npython = find_program('python3')\n"
                      f"test('one', python, args: [{words}, '{tell}'])\ntest('two', python, args: [{words}, '{tell}'])\n"
                      f"test('three', python, args: ['-c', ''])\n")
        self.build = os.path.join(self.top, 'build')
        subprocess.run(['meson', 'setup', self.build, self.top], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       timeout=SECONDS)

    def start(self, *names):
        env = {name: value for name, value in os.environ.items() if not name.startswith('FOOTFALL_TEST_DYNAMODB_SHARED')}
        return subprocess.Popen([sys.executable, run_tests.__file__, self.build, *names], env=env, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, text=True)

    def said(self):
        """(port, process) of each test that has begun."""
        try:
            with open(os.path.join(self.build, 'said'), encoding='ascii') as said:
                return [tuple(map(int, line.split())) for line in said]
        except FileNotFoundError:
            return []

    def until(self, what):
        end = time.monotonic() + SECONDS
        while not what():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)

    def refuses(self, port):
        with socket.socket() as one:
            return one.connect_ex(('127.0.0.1', port)) != 0

    def test_tests_of_one_run_share_a_server(self):
        with self.start() as process:
            self.assertTrue(process.communicate(timeout=SECONDS)[0].endswith('\n3 passed, 0 failed, 0 skipped\n'))
        (one, _), (two, _) = self.said()
        self.assertEqual(one, two)
        self.assertTrue(self.refuses(one))

    def test_all_ends_with_the_run(self):
        with open(os.path.join(self.build, 'wait'), 'w', encoding='ascii'):
            pass
        with self.start('one', 'two') as process:
            self.until(lambda: len(self.said()) == 2)
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(SECONDS), 128 + signal.SIGTERM)
            for port, pid in self.said():
                self.assertTrue(self.refuses(port))
                self.assertFalse(alive(pid))


class Prefix(server_cases.Case):
    def setUp(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        with open(os.path.join(folder, 'DynamoDBLocal-1.jar'), 'w', encoding='ascii'):
            pass
        self.enterContext(unittest.mock.patch.dict(os.environ, FOOTFALL_TEST_DYNAMODB_LOCAL=folder))

    def test_a_server_is_started_for_those_who_share(self):
        words = ['/python3', '/x/with_dynamodb.py', '--shim', 'lib/shim.so', '--recorder', 'r']
        shared = [sys.executable, '/x/with_dynamodb.py', '--shim', '/build/lib/shim.so', '--share', '--']
        own = [*words, '--own', '--', '/x/b']
        for commands, prefix in (([['/x/a'], own], []), ([['/x/a'], ['/python3', '/x/test_with_dynamodb.py', *words[1:]]], []),
                                 ([own, [*words, '--', '/x/b']], shared), ([[*words, '--', '/x/b', '--own']], shared)):
            self.assertEqual(run_tests.sharing('/build', commands), prefix)


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1], verbosity=2)
