"""ingest that is stopped by a signal, and ingest --follow: a log that grows and is rotated while it is counted."""
import gzip
import json
import os
import signal
import subprocess
import time

from cases_ingest import line
from cases_resume import Resume, age

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

    def total(self):
        """While others are at work: what a slow store has to say of that is no matter."""
        done = self.run_only('--json', 'get', 'site')
        self.assertEqual(done.status, 0, done)
        return json.loads(done.out)['total_visits']

    def until(self, what, run=None):
        """Waits until what() is true."""
        deadline = time.monotonic() + SECONDS
        while not what():
            if run is not None and run.poll() is not None:
                self.fail(f'it ended with {run.returncode}: {run.communicate()}')
            self.assertLess(time.monotonic(), deadline, 'it never came')
            time.sleep(0.02 * self.behind.slow)

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
        lines = 60000 if self.behind.slow > 1 else 300000  # more than are sent before the signal comes
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


class Follow(Running):
    def setUp(self):
        super().setUp()
        self.expected = 0

    def lines(self, count, host='198.51.100.7'):
        self.expected += count
        return line(host) * count

    def grow(self, count, name='log', host='198.51.100.7'):
        self.append(name, self.lines(count, host))

    def follow(self, *words, state=True):
        return self.start('--follow', *(('--resume', 'state') if state else ()), *(words or ('log',)))

    def counted(self, run):
        """Waits until all lines are."""
        self.until(lambda: self.total() >= self.expected, run)
        self.assertEqual(self.total(), self.expected)

    def ends_well(self, run, says='', number=signal.SIGTERM):
        status, got, err = self.end(run, number)
        self.assertEqual((status, err), (0, says))
        return got


class Growing(Follow):
    def test_every_line_as_it_comes(self):
        """With a state and without; and these signals are its end."""
        for state, number in ((False, signal.SIGINT), (True, signal.SIGHUP)):
            self.write('log', self.lines(3))
            run = self.follow(state=state)
            self.counted(run)
            for count in (1, 2, self.many(20000)):
                self.grow(count)
                self.counted(run)
            self.assertEqual(self.ends_well(run, number=number)['counted'], 6 + self.many(20000))
        self.assertEqual(self.ingest('log')['read'], 0)

    def test_files_before_it(self):
        self.write('one', self.lines(3, '198.51.100.1'))
        self.write('two', self.lines(2, '198.51.100.2'))
        self.write('log', self.lines(1, '198.51.100.3'))
        run = self.follow('one', 'two', 'log')
        self.counted(run)
        self.grow(4)
        self.counted(run)
        self.assertEqual(self.ends_well(run)['counted'], 10)

    def test_half_lines(self):
        """A line counts when its newline has come, though it would read as a whole one before."""
        self.write('log', self.lines(1) + line()[:40])
        run = self.follow()
        self.counted(run)
        self.append('log', line()[40:-1])
        time.sleep(0.6)  # would be counted by then, were it taken for one; nothing else depends on it
        self.assertEqual(self.total(), self.expected)
        self.append('log', '\n')
        self.expected += 1
        self.counted(run)
        self.append('log', line()[:20])
        self.assertEqual(self.ends_well(run)['read'], 2)
        self.append('log', line()[20:])
        self.assertEqual(self.ingest('log')['counted'], 1)

    def test_long_line_without_end(self):
        self.write('log', self.lines(1) + 'y' * 3000000)
        run = self.follow()
        self.counted(run)
        self.append('log', 'y' * 3000000 + '\n' + self.lines(1))
        self.counted(run)
        got = self.ends_well(run, 'footfall: log:2: skipped: longer than 1 MiB\n')
        self.assertEqual((got['read'], got['skipped_by_reason']['bad_line']), (3, 1))

    def test_skipped_lines_are_named_and_numbered(self):
        self.write('log', self.lines(1) + 'bad\n')
        run = self.follow()
        self.counted(run)
        self.append('log', 'bad\n')
        self.grow(1)
        self.counted(run)
        self.ends_well(run, ''.join(f'footfall: log:{n}: skipped: no time\n' for n in (2, 3)))

    def test_strict(self):
        self.write('log', self.lines(1))
        run = self.follow('--strict', 'log')
        self.counted(run)
        self.append('log', line() + 'bad\n' + line())
        out, err = run.communicate(timeout=SECONDS)
        self.assertEqual((run.returncode, json.loads(out)['counted']), (2, 2))
        self.assertEqual(err, b'footfall: log:3: no time; nothing after that line is counted\n')

    def test_the_state_is_settled_when_nothing_comes(self):
        self.write('log', self.lines(2))
        run = self.follow()
        self.until(lambda: os.path.exists(self.path('state')) and self.state()['doubt'] is None and
                   self.state()['files'][0]['done']['lines'] == 2, run)
        run.kill()
        run.wait()
        self.assertEqual(self.ingest('log')['read'], 0)

    def test_pipes_are_followed_to_their_end(self):
        run = self.start('--follow', stdin=subprocess.PIPE)
        for count in (1, 3):
            run.stdin.write(self.lines(count).encode())
            run.stdin.flush()
            self.counted(run)
        run.stdin.write(line().encode()[:-1])
        out, err = run.communicate(timeout=SECONDS)
        self.assertEqual((run.returncode, json.loads(out)['counted'], err), (0, 5, b''))

    def test_refused(self):
        self.write('log', line())
        self.write('log.gz', gzip.compress(line().encode()))
        self.fails(2, 'ingest', '--follow', 'log', 'log.gz', says='log.gz: is compressed')
        self.fails(2, 'ingest', '--follow', 'absent', says='absent: No such file')
        with open(self.path('log'), 'rb') as log:
            done = subprocess.run(self.command('ingest', '--follow'), stdin=log, capture_output=True, cwd=self.folder,
                                  env=self.environment, timeout=SECONDS, check=False)
        self.assertEqual((done.returncode, done.stderr), (2, b'footfall: --follow: give the log by its name\n'))
        self.assert_untouched()


class Rotating(Follow):
    def rotate(self, create=True):
        os.rename(self.path('log'), self.path('log.1'))
        if create:
            self.write('log', '')

    def test_renamed(self):
        self.write('log', self.lines(2))
        run = self.follow()
        self.counted(run)
        for n in range(5):  # more logs than are watched at once
            self.grow(3, host=f'198.51.100.{n}')
            self.rotate(create=n % 2 == 0)
            self.grow(2, host=f'198.51.101.{n}')
            self.counted(run)
        self.assertEqual(self.ends_well(run)['counted'], 27)
        self.assertEqual(self.ingest('log.1', 'log')['read'], 0)

    def test_late_writes_to_the_old_one(self):
        """A server may go on with the old file after the new one is there and counted."""
        self.write('log', self.lines(2))
        run = self.follow()
        self.counted(run)
        with open(self.path('log'), 'ab') as old:
            self.rotate()
            self.grow(1, host='198.51.100.8')
            self.counted(run)
            for n in range(2):
                old.write(self.lines(2, f'198.51.102.{n}').encode())
                old.flush()
                self.counted(run)
                self.grow(1, host=f'198.51.103.{n}')
                self.counted(run)
            old.write(line()[:30].encode())
            old.flush()
            os.rename(self.path('log.1'), self.path('log.2'))
            self.rotate()
            self.grow(1)
            self.counted(run)
            old.write(line()[30:].encode())
            self.expected += 1
        self.counted(run)
        self.ends_well(run)
        self.assertEqual(self.ingest('log.2', 'log.1', 'log')['read'], 0)
        self.assertEqual(self.total(), self.expected)

    def test_old_one_is_gone_from_the_disk(self):
        self.write('log', self.lines(2))
        run = self.follow(state=False)
        self.counted(run)
        with open(self.path('log'), 'ab') as old:
            os.remove(self.path('log'))
            old.write(self.lines(2).encode())
            old.flush()
            self.counted(run)
            self.write('log', self.lines(1, '198.51.100.8'))
            self.counted(run)
            old.write(self.lines(1).encode())
        self.counted(run)
        self.ends_well(run)

    def test_copied_and_truncated(self):
        self.write('log', self.lines(5))
        run = self.follow()
        self.counted(run)
        for n in range(2):
            self.grow(4, host=f'198.51.100.{n}')
            with open(self.path('log'), 'rb') as log:
                self.write(f'log.{n}', log.read())
            os.truncate(self.path('log'), 0)
            self.grow(1, host=f'198.51.101.{n}')
            self.counted(run)
        self.ends_well(run)
        self.assertEqual(self.total(), self.expected)

    def test_truncated_and_grown_past_the_place(self):
        """Stopped meanwhile, so that it sees only how it is afterwards; the copy is compressed by then."""
        self.write('log', ''.join(self.lines(1, f'198.51.100.{n}') for n in range(60)))
        run = self.follow()
        self.counted(run)
        run.send_signal(signal.SIGSTOP)
        self.grow(3)
        with open(self.path('log'), 'rb') as log:
            self.write('log-20260301.gz', gzip.compress(log.read()))
        os.truncate(self.path('log'), 0)
        self.append('log', ''.join(self.lines(1, f'198.51.101.{n}') for n in range(90)))
        run.send_signal(signal.SIGCONT)
        self.counted(run)
        self.ends_well(run)

    def test_truncated_without_a_copy(self):
        self.write('log', self.lines(5))
        run = self.follow()
        self.counted(run)
        os.truncate(self.path('log'), 0)
        self.grow(2)
        self.counted(run)
        self.ends_well(run, 'footfall: log: was truncated, and is counted from its beginning\n')

    def test_rewritten_is_the_same(self):
        """As an editor or sed -i does."""
        self.write('log', self.lines(5))
        run = self.follow()
        self.counted(run)
        self.write('other', open(self.path('log')).read() + self.lines(2))
        os.rename(self.path('other'), self.path('log'))
        self.counted(run)
        self.grow(1)
        self.counted(run)
        self.ends_well(run)

    def test_rewritten_and_the_old_one_kept(self):
        """As an editor does that makes a backup."""
        self.write('log', ''.join(self.lines(1, f'198.51.100.{n}') for n in range(60)))
        run = self.follow()
        self.counted(run)
        os.rename(self.path('log'), self.path('log~'))
        self.write('other', open(self.path('log~')).read() + self.lines(2))
        os.rename(self.path('other'), self.path('log'))
        self.counted(run)
        self.grow(1)
        self.counted(run)
        self.ends_well(run)

    def test_twice_between_two_looks(self):
        """The log in the middle was never seen: that is said."""
        self.write('log', self.lines(2))
        run = self.follow()
        self.counted(run)
        run.send_signal(signal.SIGSTOP)
        self.grow(1)
        os.rename(self.path('log'), self.path('log.2'))
        age(self.path('log.2'), 10)
        self.write('log.1', line('198.51.100.8'))
        self.write('log', self.lines(1, '198.51.100.9'))
        run.send_signal(signal.SIGCONT)
        self.counted(run)
        self.ends_well(run, 'footfall: log: was rotated again before it was looked at; not counted: log.1\n')
        self.assertEqual(self.ingest('log.2', 'log.1', 'log')['counted'], 1)

    def test_missing_for_a_while(self):
        self.write('log', self.lines(5))
        run = self.follow()
        self.counted(run)
        self.rotate(create=False)
        self.grow(1, 'log.1')
        self.counted(run)
        os.mkdir(self.path('log'))  # no log either
        self.grow(1, 'log.1')
        self.counted(run)
        os.rmdir(self.path('log'))
        self.write('log', self.lines(1))
        self.counted(run)
        self.ends_well(run)

    def test_symbolic_link(self):
        self.write('a', self.lines(2))
        os.symlink('a', self.path('log'))
        run = self.follow()
        self.counted(run)
        self.write('b', self.lines(3, '198.51.100.8'))
        os.symlink('b', self.path('new'))
        os.rename(self.path('new'), self.path('log'))
        self.counted(run)
        self.ends_well(run)

    def test_killed_while_it_is_rotated(self):
        self.write('log', self.lines(5))
        run = self.follow()
        self.counted(run)
        run.kill()
        run.wait()
        self.grow(2)
        self.rotate()
        self.grow(1, host='198.51.100.8')
        run = self.follow('log.1', 'log')
        self.counted(run)
        self.grow(1, 'log', host='198.51.100.9')
        self.counted(run)
        self.ends_well(run)


class RotatedInDoubt(Follow):
    """The store is held still."""
    needs = 'hold'

    def open_logs(self, run):
        folder = f'/proc/{run.pid}/fd'
        links = (os.readlink(os.path.join(folder, fd)) for fd in os.listdir(folder))
        return sum(os.path.basename(link).startswith('log') for link in links)

    def test_no_log_is_lost_sight_of(self):
        """More of them than are watched at once, the first not read to its end."""
        self.write('log', self.lines(20000))
        self.ok('add', 'site', '0')
        with self.behind.hold():
            run = self.follow()
            self.until(lambda: os.path.exists(self.path('state')) and self.state()['doubt'] is not None, run)
            for n in range(8):
                if n < 7:
                    self.until(lambda: self.open_logs(run) == n + 1, run)
                os.rename(self.path('log'), self.path(f'log.{8 - n}'))
                self.write('log', self.lines(1, f'198.51.100.{n}') if n != 6 else '')
        self.counted(run)
        self.ends_well(run)


class StateIsAnothers(Follow):
    def test_removed_and_begun_anew(self):
        self.write('log', self.lines(2))
        self.write('other', line())
        run = self.follow()
        self.counted(run)
        self.until(lambda: self.state()['doubt'] is None, run)
        os.remove(self.path('state'))
        self.ingest('other')
        with open(self.path('state'), encoding='utf-8') as state:
            other = state.read()
        self.append('log', line())
        _, err = run.communicate(timeout=SECONDS)
        self.assertEqual(run.returncode, 1)
        self.assertIn(b'--resume: cannot write state: another run has begun with it', err)
        with open(self.path('state'), encoding='utf-8') as state:
            self.assertEqual(state.read(), other)


class Outage(Follow):
    needs = 'hold' if os.environ.get('FOOTFALL_TEST_LONG') == '1' else 'patience'  # it is 30 s until a batch is given up

    def test_goes_on_when_the_store_answers(self):
        self.write('log', self.lines(5))
        run = self.follow()
        self.counted(run)
        with self.behind.hold():
            self.grow(7)
            os.set_blocking(run.stderr.fileno(), False)
            said = b''
            while b'trying again until the store takes it' not in said:
                self.assertIsNone(run.poll())
                said += run.stderr.read() or b''
                time.sleep(0.1)
        self.counted(run)
        self.grow(1)
        self.counted(run)
        os.set_blocking(run.stderr.fileno(), True)
        self.assertEqual(self.ends_well(run)['counted'], 13)
        self.assertEqual(said.count(b'\n'), 1)
