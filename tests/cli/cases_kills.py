"""ingest --resume under kill -9: at random instants, while the log grows and is rotated, every line counts once."""
import gzip
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


class Writing(Case):
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

    def rotate(self):
        """As logrotate does, by name, with copytruncate or with compress; the server ends its line first."""
        with open(self.path('log'), 'ab') as log:
            log.write(self.pending)
        self.pending = b''
        name = f'log.{len(self.files)}'
        way = self.random.choice(('rename', 'copy', 'compress'))
        if way == 'copy':
            shutil.copy(self.path('log'), self.path(name))
            os.truncate(self.path('log'), 0)
        else:
            os.rename(self.path('log'), self.path(name))
            self.write('log', '')
        if way == 'compress':
            with open(self.path(name), 'rb') as plain, gzip.open(self.path(name + '.gz'), 'wb', 1) as packed:
                shutil.copyfileobj(plain, packed)
            os.remove(self.path(name))
            name += '.gz'
        self.files.insert(-1, name)

    def state(self):
        if not os.path.exists(self.path('state')):
            return {'doubt': None, 'files': []}
        with open(self.path('state'), encoding='utf-8') as state:
            return json.load(state)

    def in_doubt(self):
        return self.state()['doubt'] is not None


class Kills(Writing):
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

    def finish(self, words):
        with open(self.path('log'), 'ab') as log:
            log.write(self.pending)
        self.pending = b''
        got = json.loads(self.ok('--json', 'ingest', '--resume', 'state', *words, *self.files))
        self.assertEqual(got['skipped'], 0)
        return got

    def run_kills(self, words, model):
        kills = doubts = 0
        self.grow(self.many(90000))  # more than two batches, unless the store is slow: then each of them takes long
        longest = 0.5
        while kills < max(KILLS_SLOW, self.many(KILLS)):
            self.grow(self.random.randrange(1, self.many(6000)))
            if self.random.random() < 0.15:
                self.rotate()
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


class FollowKills(Writing):
    """With --follow, only the log itself is given: what it was before is found beside it."""

    def start(self):
        run = subprocess.Popen(self.command('--json', 'ingest', '--follow', '--resume', 'state', 'log'), cwd=self.folder,
                               env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(lambda: (run.poll() is None and run.kill(), run.communicate()) if not run.stdout.closed else None)
        return run

    def serve(self, seconds):
        """A server at work. It is rotated when every log so far has been begun: one that nobody saw would not be counted."""
        until = time.monotonic() + seconds
        while True:
            self.grow(self.random.randrange(1, 40))
            if self.random.random() < 0.15 and len(self.state()['files']) >= len(self.files):
                self.rotate()
            if time.monotonic() >= until:
                return
            time.sleep(self.random.uniform(0, 0.05))

    def kill(self, run):
        run.send_signal(signal.SIGKILL)
        _, err = run.communicate()
        self.assertEqual(run.returncode, -signal.SIGKILL, err)
        for each in err.decode().splitlines():
            self.assertRegex(each, r'^footfall: log\.\d+(\.gz)?: was log; its rest is counted first$')

    def total(self):
        """While others are at work: what a slow store has to say of that is no matter."""
        done = self.run_only('--json', 'list')
        self.assertEqual(done.status, 0, done)
        return sum(json.loads(each)['total_visits'] for each in done.out.splitlines())

    def test_kills(self):
        doubts, longest = 0, 0.6
        self.grow(self.many(20000))
        for _ in range(max(KILLS_SLOW, self.many(KILLS) // 2)):
            before = self.state()
            run = self.start()
            self.serve(self.random.uniform(0, longest))
            self.kill(run)
            longest = min(longest * 1.2, 4) if self.state() == before else longest * 0.95  # it may not even have begun
            doubts += self.in_doubt()
            self.serve(0)
        run = self.start()
        self.serve(1)
        with open(self.path('log'), 'ab') as log:
            log.write(self.pending)
        deadline = time.monotonic() + 120
        while self.total() < len(self.written) and time.monotonic() < deadline:
            self.assertIsNone(run.poll())
            time.sleep(0.05 * self.behind.slow)
        run.send_signal(signal.SIGTERM)
        _, err = run.communicate(timeout=60)
        self.assertEqual(run.returncode, 0, err)
        model = Model()
        for each in self.written:
            model.line(each)
        self.assertEqual(self.counters(), model.counters(), f'FOOTFALL_TEST_SEED={self.seed}')
        self.assertGreaterEqual(doubts, 3, 'kills came while a batch was under way')
        self.assertGreaterEqual(len(self.files), 3, 'it was rotated')
