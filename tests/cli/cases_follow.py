"""ingest that is stopped by a signal, and ingest --follow: a log that grows and is rotated while it is counted."""
import json
import os
import signal
import subprocess
import time

from cases_ingest import line
from cases_resume import Resume

SECONDS = 60  # longest that anything may take to be seen


class Running(Resume):
    def start(self, *words, stdin=None):
        run = subprocess.Popen(self.command('--json', 'ingest', '--counter', 'site', *words), cwd=self.folder,
                               env=self.environment, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.stop, run)
        return run

    def stop(self, run):
        if run.poll() is None:
            run.kill()
        for stream in (run.stdin, run.stdout, run.stderr):
            if stream is not None and not stream.closed:
                stream.close()
        run.wait()

    def until(self, what, run=None):
        """Waits until what() is true."""
        deadline = time.monotonic() + SECONDS
        while not what():
            if run is not None and run.poll() is not None:
                self.fail(f'it ended with {run.returncode}: {run.communicate()}')
            self.assertLess(time.monotonic(), deadline, 'it never came')
            time.sleep(0.02)

    def end(self, run, number=signal.SIGTERM):
        """Sends the signal; returns (status, summary, standard error)."""
        run.send_signal(number)
        out, err = run.communicate(timeout=SECONDS)
        return run.returncode, json.loads(out) if out else None, err.decode()


class Interrupted(Running):
    def test_waiting_for_input(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            run = self.start(stdin=subprocess.PIPE)
            run.stdin.write(line().encode() * 5000)
            run.stdin.flush()
            self.until(lambda: self.total() == 4096, run)
            status, got, err = self.end(run, number)
            self.assertEqual((status, got['counted']), (-number, 4096))
            self.assertEqual(err, 'footfall: stopped at (standard input):4097: all before is counted\n')
            self.ok('delete', 'site')

    def test_within_a_log(self):
        lines = 10000 if self.behind.slow > 1 else 300000  # more than are sent before the signal comes
        self.write('log', line() * lines)
        run = self.start('--resume', 'state', 'log')
        self.until(lambda: os.path.exists(self.path('state')) and self.state()['number'] >= 2, run)
        status, got, err = self.end(run, signal.SIGINT)
        self.assertEqual(status, -signal.SIGINT)
        state = self.state()
        done = state['files'][0]['done']
        self.assertIsNone(state['doubt'])
        self.assertEqual((done['lines'], done['offset']), (got['counted'], got['counted'] * len(line())))
        self.assertEqual(err, f'footfall: stopped at log:{got["counted"] + 1}: all before is counted\n')
        self.assertEqual(self.total(), got['counted'])
        self.assertLess(got['counted'], lines)
        self.assertEqual(self.ingest('log')['counted'], lines - got['counted'])
        self.assertEqual(self.total(), lines)

    def test_ignored_signals_stay_so(self):
        command = ['sh', '-c', 'trap "" HUP; exec "$@"', 'sh', *self.command('--json', 'ingest', '--counter', 'site')]
        with subprocess.Popen(command, cwd=self.folder, env=self.environment, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as run:
            run.stdin.write(line().encode() * 4096)
            run.stdin.flush()
            self.until(lambda: self.total() == 4096, run)
            run.send_signal(signal.SIGHUP)
            out, _ = run.communicate(input=line().encode(), timeout=SECONDS)
        self.assertEqual((run.returncode, json.loads(out)['counted']), (0, 4097))


class InterruptedInDoubt(Running):
    """The store is held still, so that the batch under way cannot end."""
    needs = 'hold'

    def setUp(self):
        super().setUp()
        self.ok('add', 'site', '0')
        self.write('log', line() * 10000)

    def in_doubt(self):
        return os.path.exists(self.path('state')) and self.state()['doubt'] is not None

    def test_the_batch_under_way_is_ended(self):
        with self.behind.hold():
            run = self.start('--resume', 'state', 'log')
            self.until(self.in_doubt, run)
            run.send_signal(signal.SIGTERM)
        out, err = run.communicate(timeout=SECONDS)
        self.assertEqual((run.returncode, json.loads(out)['counted']), (-signal.SIGTERM, 4096))
        self.assertEqual(err, b'footfall: stopped at log:4097: all before is counted\n')
        self.assertEqual(self.ingest('log')['counted'], 5904)
        self.assertEqual(self.total(), 10000)

    def test_the_second_ends_at_once(self):
        with self.behind.hold():
            run = self.start('--resume', 'state', 'log')
            self.until(self.in_doubt, run)
            for _ in range(2):
                run.send_signal(signal.SIGINT)
                time.sleep(0.1)  # two at the same instant are one
            out, _ = run.communicate(timeout=SECONDS)
            self.assertEqual((run.returncode, out), (-signal.SIGINT, b''))
        self.assertTrue(self.in_doubt())
        self.assertEqual(self.ingest('log')['counted'], 10000)
        self.assertEqual(self.total(), 10000)
