"""What the suites share: a fresh store and folder for each case, and ways to run the program in it."""
import json
import os
import random
import shutil
import subprocess
import tempfile
import unittest

import stores

TOOL = None  # set by run.py
BACKEND = None
SETTINGS = []
SECONDS = 120  # longest a command may take


class Done:
    """How a command ended."""

    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def __repr__(self):
        return f'status {self.status}\n--- stdout\n{self.out}--- stderr\n{self.err}---'


class Case(unittest.TestCase):
    maxDiff = None
    needs = None  # what the store must be able to, else the case is left out (stores.py)

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='footfall-cli-')
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        os.mkdir(self.path('store'))
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith('FOOTFALL_')}
        settings = dict(setting.split('=', 1) for setting in self.settings())
        self.behind = stores.kind(BACKEND)(settings, self.path('store'))
        self.environment.update(self.behind.environment)
        seed = int(os.environ.get('FOOTFALL_TEST_SEED') or random.SystemRandom().randrange(1 << 32))
        self.random = random.Random(seed)
        self.seed = seed

    def path(self, name):
        return os.path.join(self.folder, name)

    def many(self, count):
        """So many, or as many as a slow store is done with in the same time; FOOTFALL_TEST_LONG=1: so many."""
        return count if os.environ.get('FOOTFALL_TEST_LONG') == '1' else max(1, count // self.behind.slow)

    def settings(self):
        """Those of the backend, for this case's store."""
        name = os.environ.get('FOOTFALL_TEST_NAME_PREFIX', '') + os.path.basename(self.folder)
        return [setting.replace('@DIR@', self.path('store')).replace('@NAME@', name) for setting in SETTINGS]

    def store(self):
        """The options that choose this case's store."""
        chosen = ['-o', 'backend=' + BACKEND]
        for setting in self.settings():
            chosen += ['-o', setting]
        return chosen

    def assert_untouched(self):
        self.assertTrue(self.behind.untouched(), 'nothing is in the store')

    def command(self, *words):
        return [TOOL] + self.store() + [os.fsencode(w) if isinstance(w, str) else w for w in words]

    def run_only(self, *words, stdin=b'', env=None, stdout=subprocess.PIPE, command=None):
        """Runs the program; whatever it ends with is fine, but for a signal."""
        done = subprocess.run(command or self.command(*words), input=stdin, stdout=stdout, stderr=subprocess.PIPE,
                              cwd=self.folder, env={**self.environment, **(env or {})}, timeout=SECONDS, check=False)
        out = done.stdout.decode('utf-8', 'surrogateescape') if done.stdout is not None else ''
        result = Done(done.returncode, out, done.stderr.decode('utf-8', 'surrogateescape'))
        self.assertGreaterEqual(done.returncode, 0, result)
        return result

    def ok(self, *words, **more):
        """Runs it; must succeed and say nothing on standard error. Returns standard output."""
        done = self.run_only(*words, **more)
        self.assertEqual((done.status, done.err), (0, ''), done)
        return done.out

    def fails(self, status, *words, says='', **more):
        """Runs it; must end with that status, a word of why, and nothing on standard output."""
        done = self.run_only(*words, **more)
        self.assertEqual(done.status, status, done)
        self.assertIn(says, done.err)
        self.assertTrue(done.err.startswith('footfall: '), done)
        self.assertEqual(done.out, '', done)
        return done.err

    def json(self, *words, **more):
        """The one object that it prints."""
        lines = self.ok('--json', *words, **more).splitlines()
        self.assertEqual(len(lines), 1, lines)
        return json.loads(lines[0])

    def counters(self, prefix=''):
        """{name: (total, unique)} of all counters."""
        lines = [json.loads(line) for line in self.ok('--json', 'list', prefix).splitlines()]
        return {line['counter']: (line['total_visits'], line['unique_visitors']) for line in lines}

    def write(self, name, content):
        with open(self.path(name), 'wb') as out:
            out.write(content if isinstance(content, bytes) else content.encode())
        return name
