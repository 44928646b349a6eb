"""ingest --resume under kill -9: at random instants, while the log grows and is rotated, every line counts once."""
import json
import os
import shutil
import signal
import subprocess
import time

from harness import Case
from model import Model, make_lines

KILLS, KILLS_SLOW = 50, 15
BEGIN = 1772323200


class Kills(Case):
    def setUp(self):
        super().setUp()
        self.files = ['log']  # oldest first
        self.seconds = BEGIN
        self.pending = b''  # what the server has not written of its last line yet
        self.written = []
        self.write('log', '')

    def grow(self, lines):
        """Some lines more; the last is often cut anywhere, and goes on with the next ones."""
        made = list(make_lines(self.random, lines, begin=self.seconds, visitors=240, step=3))
        self.seconds += 3 * lines
        self.written += made
        text = self.pending + b''.join(made)
        cut = self.random.choice((0, 1, self.random.randrange(len(made[-1])), self.random.randrange(len(made[-1]))))
        self.pending = text[len(text) - cut:]
        with open(self.path('log'), 'ab') as log:
            log.write(text[:len(text) - cut])

    def rotate(self, copy):
        """As logrotate does, by name or with copytruncate; the server ends its line first."""
        with open(self.path('log'), 'ab') as log:
            log.write(self.pending)
        self.pending = b''
        name = f'log.{len(self.files)}'
        if copy:
            shutil.copy(self.path('log'), self.path(name))
            os.truncate(self.path('log'), 0)
        else:
            os.rename(self.path('log'), self.path(name))
            self.write('log', '')
        self.files.insert(-1, name)

    def start(self, words):
        return subprocess.Popen(self.command('--json', 'ingest', '--resume', 'state', *words, *self.files), cwd=self.folder,
                                env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def check_quiet(self, err):
        for each in err.decode().splitlines():
            self.assertIn('the last line has no end yet', each)

    def kill_at_random(self, words, longest):
        """True when the run was killed before it ended by itself."""
        delay = self.random.uniform(0, longest)
        with self.start(words) as run:
            time.sleep(delay)
            run.send_signal(signal.SIGKILL)
            _, err = run.communicate()
        if run.returncode != -signal.SIGKILL:
            self.assertEqual(run.returncode, 0, err)
            self.check_quiet(err)
        return run.returncode == -signal.SIGKILL

    def in_doubt(self):
        if not os.path.exists(self.path('state')):
            return False
        with open(self.path('state'), encoding='utf-8') as state:
            return json.load(state)['doubt'] is not None

    def finish(self, words):
        with open(self.path('log'), 'ab') as log:
            log.write(self.pending)
        self.pending = b''
        got = json.loads(self.ok('--json', 'ingest', '--resume', 'state', *words, *self.files))
        self.assertEqual(got['skipped'], 0)
        return got

    def run_kills(self, words, model):
        kills = doubts = 0
        self.grow(self.many(140000))  # more than two batches, unless the store is slow: then each of them takes long
        longest = 0.5
        while kills < max(KILLS_SLOW, self.many(KILLS)):
            self.grow(self.random.randrange(1, self.many(9000)))
            if self.random.random() < 0.15:
                self.rotate(copy=self.random.random() < 0.5)
                self.grow(self.random.randrange(1, self.many(3000)))
            if self.kill_at_random(words, longest):
                kills += 1
                longest = min(longest * 1.05, 2.0)
            else:
                longest *= 0.9
            doubts += self.in_doubt()
        self.finish(words)
        for each in self.written:
            model.line(each)
        self.assertEqual(self.counters(), model.counters(), f'FOOTFALL_TEST_SEED={self.seed}')
        self.assertEqual(sum(total for total, _ in self.counters().values()), len(self.written))
        self.assertGreaterEqual(doubts, 3, 'kills came while a batch was under way')
        self.assertEqual(json.loads(self.ok('--json', 'ingest', '--resume', 'state', *words, *self.files))['read'], 0)

    def test_by_path(self):
        self.run_kills([], Model())

    def test_one_counter(self):
        self.run_kills(['--counter', 'site'], Model(counter='site'))
