"""ingest --resume: grown, rotated and copied files, states that are refused, batches in doubt."""
import fcntl
import gzip
import json
import os
import shutil
import signal
import subprocess
import time

import harness
from harness import Case
from cases_ingest import line

DAY = 86400


class Resume(Case):
    def ingest(self, *files, words=('--counter', 'site')):
        """Must succeed quietly; returns the summary."""
        return self.json('ingest', '--resume', 'state', *words, *files)

    def ingest_saying(self, *files):
        """(summary, standard error) of a run that succeeds."""
        done = self.run_only('--json', 'ingest', '--resume', 'state', '--counter', 'site', *files)
        self.assertEqual(done.status, 0, done)
        return json.loads(done.out), done.err

    def state(self):
        with open(self.path('state'), encoding='utf-8') as state:
            return json.load(state)

    def edit(self, **values):
        state = {**self.state(), **values}
        self.write('state', json.dumps(state))

    def append(self, name, text):
        with open(self.path(name), 'ab') as log:
            log.write(text.encode())

    def total(self):
        return self.counters().get('site', (0, 0))[0]


class Growing(Resume):
    def test_every_line_once(self):
        self.write('log', line() * 3)
        self.assertEqual(self.ingest('log')['counted'], 3)
        self.assertEqual(self.ingest('log')['read'], 0)
        self.append('log', line('198.51.100.8') * 2)
        got = self.ingest('log')
        self.assertEqual((got['read'], got['counted'], got['new_visitors']), (2, 2, 1))
        self.assertEqual(self.counters(), {'site': (5, 2)})

    def test_the_state_file(self):
        self.write('log', line() * 3)
        self.ingest('log')
        self.assertEqual(os.stat(self.path('state')).st_mode & 0o777, 0o600)
        state = self.state()
        self.assertEqual((state['footfall_ingest_state'], state['number'], state['doubt']), (1, 1, None))
        self.assertEqual((state['files'][0]['name'], state['files'][0]['done']['offset']), ('log', len(line()) * 3))
        self.assertRegex(state['series'], '^[0-9a-f]{32}$')
        self.assertNotIn('198.51', json.dumps(state))
        self.assertEqual(sorted(os.listdir(self.folder)), ['log', 'state', 'store'], 'nothing else is left behind')

    def test_line_numbers_go_on(self):
        self.write('log', line() * 3)
        self.ingest('log')
        self.append('log', line() + 'bad\n')
        self.assertEqual(self.run_only('ingest', '--resume', 'state', '--counter', 'site', 'log').err,
                         'footfall: log:5: skipped: no time\n')

    def test_unfinished_line_is_left(self):
        """Cut anywhere: a log, and a counter, for each place."""
        logs = {f'log{cut}': line(request=f'GET /{cut:03} HTTP/1.1') for cut in range(1, len(line()) + 1)}
        logs = dict(self.random.sample(sorted(logs.items()), self.many(len(logs))))
        for name, text in logs.items():
            self.write(name, text + text[:int(name[3:])])
        self.write('empty', '')
        done = self.run_only('--json', 'ingest', '--resume', 'state', *logs, 'empty')
        self.assertEqual(done.status, 0)
        counters = self.counters()
        for name, text in logs.items():
            total = counters[f'/{int(name[3:]):03}'][0]
            self.assertIn(total, (1, 2))
            self.assertEqual(f'{name}:2: the last line has no end yet' in done.err, total == 1)
            self.append(name, text[int(name[3:]):] + text)
        self.ok('ingest', '--resume', 'state', *logs, 'empty')
        self.assertEqual({total for total, _ in self.counters().values()}, {3})

    def test_whole_line_without_its_newline(self):
        """It counts; what follows up to the newline is no line of its own, whenever it comes."""
        self.write('log', line() + line()[:-1])
        self.assertEqual(self.ingest('log')['counted'], 2)
        self.assertEqual(self.ingest('log')['counted'], 0)
        self.append('log', ' "more')
        self.assertEqual(self.ingest('log')['read'], 0)
        self.append('log', ' fields"\n' + line() + 'bad\n')
        done = self.run_only('--json', 'ingest', '--resume', 'state', '--counter', 'site', 'log')
        self.assertEqual(json.loads(done.out)['counted'], 1)
        self.assertEqual(done.err, 'footfall: log:4: skipped: no time\n')
        self.assertEqual(self.total(), 3)

    def test_only_skipped_lines(self):
        self.write('log', 'bad\n' * 10)
        self.run_only('ingest', '--resume', 'state', '--counter', 'site', 'log')
        self.assertEqual(self.ingest('log')['read'], 0)
        self.assertEqual(self.state()['number'], 0, 'nothing was sent')

    def test_strict_stays_before_the_bad_line(self):
        self.write('log', line() * 2 + 'bad\n' + line())
        for counted in (2, 0):
            done = self.run_only('--json', 'ingest', '--strict', '--resume', 'state', '--counter', 'site', 'log')
            self.assertEqual((done.status, done.err), (2, 'footfall: log:3: no time; nothing after that line is counted\n'))
            self.assertEqual(json.loads(done.out)['counted'], counted)
        self.assertEqual(self.total(), 2)

    def test_strict_before_a_long_line(self):
        self.write('log', line() * 2 + 'y' * 5000000 + '\n' + line())
        for counted in (2, 0):
            done = self.run_only('--json', 'ingest', '--strict', '--resume', 'state', '--counter', 'site', 'log')
            self.assertEqual(done.status, 2)
            self.assertEqual(json.loads(done.out)['counted'], counted)
        self.assertEqual(self.state()['files'][0]['done']['offset'], len(line()) * 2)

    def test_the_oldest_logs_are_forgotten(self):
        """A state does not grow for ever; what this run reads is not forgotten."""
        self.write('log', line() * 3)
        self.ingest('log')
        known = self.state()['files'][0]
        others = [{'name': f'log{n}', 'done': {**known['done'], 'head': f'{n:016x}'}} for n in range(999)]
        self.edit(files=[known] + others)
        self.append('log', line())
        self.write('new', line('198.51.100.8') * 2)
        self.assertEqual(self.ingest('log', 'new')['counted'], 3)
        self.assertEqual([each['name'] for each in self.state()['files']],
                         ['log'] + [each['name'] for each in others[1:]] + ['new'])
        self.append('log', line())
        self.assertEqual(self.ingest('log', 'new')['counted'], 1)

    def test_full_counter_is_no_dead_end(self):
        self.ok('set', 'site', '9223372036854775806', '0')
        self.write('log', line() * 3)
        self.assertEqual(self.run_only('ingest', '--resume', 'state', '--counter', 'site', 'log').status, 1)
        self.ok('set', 'site', '0', '0')
        self.append('log', line())
        self.assertEqual(self.ingest('log')['counted'], 1)


class Rotating(Resume):
    def test_renamed(self):
        self.write('log', line() * 3)
        self.ingest('log')
        self.append('log', line() * 2)
        os.rename(self.path('log'), self.path('log.1'))
        self.write('log', line('198.51.100.8'))
        self.assertEqual(self.ingest('log.1', 'log')['counted'], 3)
        self.assertEqual(self.ingest('log.1', 'log')['read'], 0)
        self.assertEqual(self.counters(), {'site': (6, 2)})

    def test_new_file_under_the_old_name_alone(self):
        self.write('log', line() * 30)
        self.ingest('log')
        os.rename(self.path('log'), self.path('log.1'))
        self.write('log', line('198.51.100.8') * 40)
        self.assertEqual(self.ingest('log')['counted'], 40)
        self.assertEqual(self.ingest('log.1', 'log')['read'], 0)
        self.assertEqual(self.total(), 70)

    def test_copied_and_truncated(self):
        self.write('log', line() * 3)
        self.ingest('log')
        self.append('log', line() * 2)
        shutil.copy(self.path('log'), self.path('log.1'))
        self.fails(2, 'ingest', '--resume', 'state', '--counter', 'site', 'log.1', 'log', says='is a copy of')
        os.truncate(self.path('log'), 0)
        self.assertEqual(self.ingest('log.1', 'log')['counted'], 2)
        self.append('log', line('198.51.100.8') * 2)
        self.assertEqual(self.ingest('log.1', 'log')['counted'], 2)
        self.assertEqual(self.total(), 7)

    def test_many_rotations(self):
        total, names = 0, []
        for n in range(12):
            lines = 1 + n * 37 % 50
            self.append('log', line(f'198.51.100.{n}') * lines)
            total += lines
            self.ingest(*names, 'log')
            self.append('log', line(f'198.51.100.{n}') * 2)
            total += 2
            if n % 3:
                for name in names:
                    os.rename(self.path(name), self.path(f'log.{int(name[4:]) + 1}'))
                os.rename(self.path('log'), self.path('log.1'))
                names = [f'log.{int(name[4:]) + 1}' for name in names] + ['log.1']
                self.write('log', '')
        self.ingest(*names, 'log')
        self.assertEqual(self.counters(), {'site': (total, 12)})

    def test_new_log_with_the_same_lines(self):
        """Byte by byte what the old one had: told apart by which file it is."""
        for n, lines in enumerate((100, 100, 150, 300)):
            with self.subTest(lines=lines):
                self.write('log', line() * lines)
                self.assertEqual(self.ingest('log')['counted'], lines)
                self.assertEqual(self.ingest('log')['read'], 0)
                os.rename(self.path('log'), self.path(f'log.{4 - n}'))
        self.assertEqual(self.total(), 650)
        self.write('log', line() * 300)
        self.assertEqual(self.ingest('log.1', 'log')['counted'], 300, 'also when both are given')
        self.assertEqual(self.ingest('log.1', 'log')['read'], 0)

    def test_new_log_with_the_same_lines_and_a_rest(self):
        self.write('log', line() * 100)
        self.ingest('log')
        self.append('log', line() * 7)
        os.rename(self.path('log'), self.path('log.1'))
        self.write('log', line() * 100)
        done = self.run_only('--json', 'ingest', '--resume', 'state', '--counter', 'site', 'log')
        self.assertEqual(done.err, 'footfall: log.1: was log; its rest is counted first\n')
        self.assertEqual(json.loads(done.out)['counted'], 107)
        self.assertEqual(self.ingest('log')['read'], 0)

    def test_copied_elsewhere_and_back(self):
        """The same log in another file, which nothing beside it contradicts."""
        self.write('log', line() * 100)
        self.ingest('log')
        shutil.copy(self.path('log'), self.path('elsewhere'))
        os.remove(self.path('log'))
        os.rename(self.path('elsewhere'), self.path('log'))
        self.append('log', line())
        self.assertEqual(self.ingest('log')['counted'], 1)

    def test_same_beginning_other_file(self):
        """4 KB alike, then different: told apart by what stands before the place that was reached."""
        self.write('log', line() * 100)
        self.ingest('log')
        os.rename(self.path('log'), self.path('log.1'))
        self.write('log', line() * 60 + line('198.51.100.8') * 90)
        self.assertEqual(self.ingest('log')['counted'], 150)

    def test_shorter_is_another(self):
        self.write('log', line() * 10)
        self.ingest('log')
        self.write('log', line() * 5)
        self.assertEqual(self.ingest('log')['counted'], 5)

    def test_edited_is_another(self):
        self.write('log', line() * 10)
        self.ingest('log')
        self.write('log', line('198.51.100.9') + line() * 9)
        self.assertEqual(self.ingest('log')['counted'], 10)

    def test_names_that_are_no_text(self):
        name = b'l\xf6g \xff'
        self.write(name.decode('utf-8', 'surrogateescape'), line() * 2)
        self.assertEqual(self.ingest(name)['counted'], 2)
        self.assertEqual(self.ingest(name)['counted'], 0)


def age(path, seconds):
    """As if it had last been written so long ago."""
    then = time.time() - seconds
    os.utime(path, (then, then))


class Found(Resume):
    """The log that had the name before is beside the one that has it now, and nobody gave it."""

    WAS = 'footfall: {}: was log; its rest is counted first\n'

    def setUp(self):
        super().setUp()
        self.write('log', line('198.51.100.1') * 3)
        self.ingest('log')
        self.append('log', line('198.51.100.2') * 2)

    def finds(self, counted, *says, files=('log',)):
        got, err = self.ingest_saying(*files)
        self.assertEqual((got['counted'], err), (counted, ''.join(says)))
        got, err = self.ingest_saying(*files)
        self.assertEqual((got['read'], err.count('its rest')), (0, 0), 'nothing is left')

    def pack(self, name, to):
        with open(self.path(name), 'rb') as log:
            self.write(to, gzip.compress(log.read()))
        os.remove(self.path(name))

    def rotate(self, name='log.1'):
        """The new log has one line, another each time: logs that begin alike are one to who knows them by that."""
        os.rename(self.path('log'), self.path(name))
        self.rotated = getattr(self, 'rotated', 0) + 1
        self.write('log', line(f'198.51.102.{self.rotated}'))

    def test_under_any_usual_name(self):
        total = 3
        for n, name in enumerate(('log.1', 'log-20260301', 'log.2026-03-01', 'log.old', 'log-x.y')):
            self.rotate(name)
            self.finds(3, self.WAS.format(name))
            total += 3
            self.assertEqual(self.total(), total)
            self.write('log', line(f'198.51.101.{n}'))
            self.ingest('log')
            total += 1
            self.append('log', line('198.51.100.2') * 2)

    def test_not_under_another(self):
        for name in ('log1', 'xlog.1', 'log_1', 'other'):
            self.write('log', line('198.51.100.1') * 3 + line('198.51.100.2') * 2)
            self.rotate(name)
            self.assertEqual(self.ingest_saying('log')[1], '')

    def test_compressed(self):
        self.rotate()
        self.pack('log.1', 'log.1.gz')
        self.finds(3, self.WAS.format('log.1.gz'))
        self.assertEqual([each.get('closed') for each in self.state()['files']], [True, None])
        os.remove(self.path('log.1.gz'))  # nobody looks for it
        self.assertEqual(self.ingest('log')['read'], 0)

    def test_being_compressed(self):
        """Both are there, one is not whole yet."""
        self.rotate()
        self.pack('log.1', 'log.1.gz')
        with open(self.path('log.1.gz'), 'rb') as packed:
            whole = packed.read()
        self.write('log.1', line('198.51.100.1') * 3 + line('198.51.100.2') * 2)
        for cut in (0, 5, 12, len(whole) - 9, len(whole) - 1):
            self.write('log.1.gz', whole[:cut])
            shutil.copy(self.path('state'), self.path('before'))
            got, err = self.ingest_saying('log')
            self.assertEqual((got['read'], err), (3, self.WAS.format('log.1')))
            shutil.copy(self.path('before'), self.path('state'))
            self.ok('set', 'site', '0')
            self.edit(series=os.urandom(16).hex())

    def test_in_another_folder(self):
        os.mkdir(self.path('logs'))
        os.rename(self.path('log'), self.path('logs/log'))
        self.assertEqual(self.ingest('logs/log')['counted'], 2, 'known by what stands in it; its name is that of before')
        self.write('logs/log', line('198.51.100.4'))
        self.ingest('logs/log')
        self.append('logs/log', line('198.51.100.5'))
        os.rename(self.path('logs/log'), self.path('logs/log.1'))
        self.write('logs/log', line('198.51.100.6'))
        got, err = self.ingest_saying('logs/log')
        self.assertEqual((got['counted'], err), (2, 'footfall: logs/log.1: was logs/log; its rest is counted first\n'))

    def test_copied_and_truncated(self):
        shutil.copy(self.path('log'), self.path('log.1'))
        os.truncate(self.path('log'), 0)
        self.finds(2, self.WAS.format('log.1'))
        self.append('log', line('198.51.100.3') * 9)
        self.finds(9)

    def test_copy_that_was_read_further_than_it_goes(self):
        shutil.copy(self.path('log'), self.path('log.1'))
        self.append('log', line('198.51.100.4'))
        self.assertEqual(self.ingest('log')['counted'], 3)
        os.truncate(self.path('log'), 0)
        self.append('log', line('198.51.100.3'))
        self.finds(1)

    def test_a_copy_of_the_log_is_no_rotated_one(self):
        shutil.copy(self.path('log'), self.path('log.bak'))
        self.finds(2)
        self.rotate()
        self.finds(1)

    def test_the_one_that_was_rotated_and_not_its_copy(self):
        shutil.copy(self.path('log'), self.path('log.bak'))
        age(self.path('log.bak'), 60)
        self.append('log', line('198.51.100.4'))
        self.rotate()
        self.finds(4, self.WAS.format('log.1'))

    def test_it_grows_after_all(self):
        """A server writes to the old one until it is told to go on with the new one."""
        self.rotate()
        self.finds(3, self.WAS.format('log.1'))
        self.append('log.1', line('198.51.100.4'))
        self.finds(1, self.WAS.format('log.1'))
        age(self.path('log.1'), 7200)
        self.finds(0)
        self.assertTrue(self.state()['files'][0]['closed'])
        self.append('log.1', line('198.51.100.5'))
        self.assertEqual(self.ingest('log')['read'], 0, 'nobody looks any more')
        self.assertEqual(self.ingest('log.1', 'log')['counted'], 1, 'but who gives it')

    def test_same_beginning(self):
        """Two logs with one first line: the one in which the place was reached further on is another entry's."""
        self.write('log', line('198.51.100.1') * 3)
        self.rotate('log.2')
        self.write('log', line('198.51.100.1') + line('198.51.100.3'))
        self.assertEqual(self.ingest('log.2', 'log')['counted'], 2)
        self.append('log', line('198.51.100.5'))
        self.rotate()
        self.finds(2, self.WAS.format('log.1'))

    def test_rotated_twice(self):
        self.rotate('log.2')
        os.rename(self.path('log'), self.path('log.1'))
        self.write('log', line('198.51.100.6'))
        self.write('log.conf', 'no log')
        for name, seconds in (('log.2', 30), ('log.1', 20), ('log.conf', 10)):
            age(self.path(name), seconds)
        said = 'footfall: log.1: no run has read it, and it is not counted; if it was log, give it too\n'
        got, err = self.ingest_saying('log')
        self.assertEqual((got['counted'], err), (3, self.WAS.format('log.2') + said))
        self.assertEqual(self.ingest_saying('log')[1], said)
        self.assertEqual(self.ingest('log.1', 'log')['counted'], 1)
        self.assertEqual(self.ingest_saying('log')[1], '')

    def test_older_logs_are_not_spoken_of(self):
        self.write('log.2', line('198.51.100.9'))
        self.write('log.3.gz', gzip.compress(line('198.51.100.8').encode()))
        for name in ('log.2', 'log.3.gz'):
            age(self.path(name), 86400)
        self.rotate()
        self.finds(3, self.WAS.format('log.1'))

    def test_several_generations(self):
        """Each in its order: the visitor is new with the first of them."""
        self.rotate()
        self.ingest_saying('log')
        self.append('log', line('198.51.100.10'))
        self.append('log.1', line('198.51.100.10'))
        os.rename(self.path('log.1'), self.path('log.2'))
        self.rotate()
        age(self.path('log.2'), 20)
        age(self.path('log.1'), 10)
        self.finds(3, self.WAS.format('log.2'), self.WAS.format('log.1'))

    def test_was_still_empty(self):
        """No run has seen a line of it: it is known by which file it is."""
        self.ingest('log')
        self.rotate()
        self.pack('log.1', 'log.2.gz')
        self.write('log', '')
        self.finds(0)
        self.finds(0)
        self.assertEqual([(each['done']['offset'] > 0, each.get('closed')) for each in self.state()['files']],
                         [(True, True), (False, None)])
        self.append('log', line('198.51.100.3') * 2)
        self.rotate()
        self.write('log.2.gz', gzip.compress(b''))  # had none at all
        self.finds(3, self.WAS.format('log.1'))
        self.assertEqual(self.ingest('log.1', 'log')['read'], 0)

    def test_was_still_empty_and_is_compressed(self):
        """Nothing tells which log it was: that is said."""
        self.ingest('log')
        self.rotate()
        self.pack('log.1', 'log.2.gz')
        self.write('log', '')
        self.finds(0)
        self.append('log', line('198.51.100.3') * 2)
        self.rotate()
        self.pack('log.1', 'log.1.gz')
        got, err = self.ingest_saying('log')
        self.assertEqual((got['counted'], err), (1, 'footfall: log.1.gz: no run has read it, and it is not counted; '
                                                    'if it was log, give it too\n'))
        self.assertTrue(all(each['done']['offset'] > 0 for each in self.state()['files']), 'what is gone is forgotten')
        self.assertEqual(self.ingest('log.1.gz', 'log')['counted'], 2)

    def test_given_and_found(self):
        self.rotate()
        self.assertEqual(self.ingest('log.1', 'log')['counted'], 3, 'quietly')


class Refused(Resume):
    def setUp(self):
        super().setUp()
        self.write('log', line() * 3)
        self.ingest('log')
        self.append('log', line())

    def refused(self, says, *words, files=('log',)):
        with open(self.path('state'), 'rb') as state:
            before = state.read()
        self.fails(2, 'ingest', '--resume', 'state', *(words or ('--counter', 'site')), *files, says=says)
        with open(self.path('state'), 'rb') as state:
            self.assertEqual(state.read(), before)
        self.assertEqual(self.total(), 3)

    def test_other_options(self):
        self.refused('another --counter or --by', '--counter', 'other')
        self.refused('another --counter or --by', '--by', 'path')
        self.refused('another --format', '--counter', 'site', '--format', 'common')
        self.refused('another --status', '--counter', 'site', '--status', '200-399')
        self.refused('another --strict', '--counter', 'site', '--strict')
        self.assertEqual(self.ingest('log', words=('--format', 'combined', '--counter', 'site', '--status', '000-999'))['counted'],
                         1, 'the same said otherwise')

    def test_standard_input(self):
        self.refused('standard input', files=())
        self.refused('standard input', files=('log', '-'))

    def test_no_regular_file(self):
        os.mkfifo(self.path('fifo'))
        self.refused('fifo is no regular file', files=('log', 'fifo'))

    def test_same_file_twice(self):
        os.link(self.path('log'), self.path('link'))
        self.refused('the same file', files=('log', './log'))
        self.refused('the same file', files=('log', 'link'))

    def test_too_old(self):
        old = time.time() - 7 * DAY - 60
        young = time.time() - 7 * DAY + 3600
        os.utime(self.path('state'), (old, old))
        self.refused('older than 7 days')
        os.utime(self.path('state'), (young, young))
        self.edit(written_ms=int(old * 1000))
        self.refused('older than 7 days')
        self.edit(written_ms=int(young * 1000))
        self.assertEqual(self.ingest('log')['counted'], 1)

    def test_damaged(self):
        good = self.state()
        self.write('state', '')
        self.refused('state is damaged')
        self.write('state', json.dumps(good)[:-20])
        self.refused('state is damaged')
        self.write('state', '{}')
        self.refused('no state file')
        self.write('state', '[]')
        self.refused('no state file')
        self.write('state', json.dumps({**good, 'footfall_ingest_state': 3}))
        self.refused('newer footfall')
        done = good['files'][0]['done']
        for change in ({'number': -1}, {'number': 1.5}, {'number': '1'}, {'series': 'x'}, {'series': good['series'][:-1] + 'g'},
                       {'files': {}}, {'files': [{}]}, {'files': [{'name': 5, 'done': done}]}, {'rules': {}}, {'rules': None},
                       {'doubt': {}}, {'doubt': 5}, {'written_ms': None}, {'backend': 5}, {'backend': None},
                       {'files': [{'name': 'log', 'done': done, 'closed': 1}]},
                       *({'files': [{'name': 'log', 'done': {**done, **c}}]} for c in
                         ({'offset': -1}, {'offset': 5}, {'head_bytes': 5}, {'tail_bytes': 0}, {'head': 'x'}, {'tail': ''},
                          {'inside_line': 1}, {'lines': None}))):
            with self.subTest(change=change):
                self.edit(**{**good, **change})
                self.refused('state is damaged')
        for key in set(good) - {'backend'}:  # which the first states did not have
            with self.subTest(key=key):
                self.write('state', json.dumps({k: v for k, v in good.items() if k != key}))
                self.refused('state ')

    def test_another_backend(self):
        """Its series is not known there."""
        self.edit(backend='memory')
        self.refused('state belongs to another backend')
        state = self.state()
        del state['backend']
        self.write('state', json.dumps(state))
        self.assertEqual(self.ingest('log')['counted'], 1)
        self.assertEqual(self.state()['backend'], harness.BACKEND)

    def test_in_use(self):
        with open(self.path('state'), 'rb') as state:
            fcntl.flock(state, fcntl.LOCK_EX)
            self.refused('in use by another run')
        self.assertEqual(self.ingest('log')['counted'], 1)

    def test_folder_that_is_not_there(self):
        done = self.run_only('ingest', '--resume', 'no/state', '--counter', 'site', 'log')
        self.assertEqual(done.status, 1)
        self.assertIn('cannot write no/state', done.err)
        self.assertEqual(self.total(), 3, 'nothing is counted that cannot be remembered')


class Doubt(Resume):
    """A batch that is written down and whose answer never came. The store is held still while the run is killed."""

    needs = 'hold'

    def setUp(self):
        super().setUp()
        self.ok('add', 'site', '0')

    def kill_in_doubt(self, *files):
        with self.behind.hold():
            with subprocess.Popen(self.command('ingest', '--resume', 'state', '--counter', 'site', *files), cwd=self.folder,
                                  env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
                deadline = time.monotonic() + 30
                while time.monotonic() < deadline and not (os.path.exists(self.path('state')) and self.state()['doubt']):
                    time.sleep(0.005)
                run.send_signal(signal.SIGKILL)
                run.communicate()
        self.assertIsNotNone(self.state()['doubt'])

    def test_sent_again_counts_once(self):
        self.write('log', line() * 1000 + line('nowhere') + line('198.51.100.8') * 5)
        self.kill_in_doubt('log')
        shutil.copy2(self.path('state'), self.path('doubt'))
        self.assertEqual(self.total(), 0)
        self.append('log', line('198.51.100.9'))

        def again():
            done = self.run_only('--json', 'ingest', '--resume', 'state', '--counter', 'site', 'log')
            self.assertEqual(done.status, 0, done)
            got = json.loads(done.out)
            return got['counted'], got['counted_before'], got['new_visitors']
        self.assertEqual(again(), (1006, 0, 3))
        self.assertEqual(self.counters(), {'site': (1006, 3)})

    def test_sent_again_after_it_was_counted(self):
        """As if the run had been killed between the store's answer and the next state."""
        self.write('log', line() * 1000 + line('198.51.100.8') * 5)
        self.kill_in_doubt('log')
        doubt = open(self.path('state'), 'rb').read()
        self.assertEqual(self.ingest('log')['counted'], 1005)
        self.write('state', doubt)
        self.append('log', line('198.51.100.9'))
        got = self.ingest('log')
        self.assertEqual((got['counted'], got['counted_before'], got['new_visitors']), (1, 1005, 3))
        self.assertEqual(self.counters(), {'site': (1006, 3)})

    def test_rotated_away(self):
        self.write('log', line() * 100)
        self.kill_in_doubt('log')
        os.rename(self.path('log'), self.path('log.1'))
        self.write('log', line('198.51.100.8'))
        os.rename(self.path('log.1'), self.path('elsewhere'))
        self.fails(2, 'ingest', '--resume', 'state', '--counter', 'site', 'log', says='give it too')
        self.assertEqual(self.total(), 0)
        os.rename(self.path('elsewhere'), self.path('log.1'))
        got, err = self.ingest_saying('log')
        self.assertEqual((got['counted'], err), (101, 'footfall: log.1: was log; its rest is counted first\n'))
        self.assertEqual(self.ingest('log')['read'], 0)

    def test_compressed_meanwhile(self):
        self.write('log', line() * 100)
        self.kill_in_doubt('log')
        self.append('log', line('198.51.100.9'))
        with open(self.path('log'), 'rb') as log:
            self.write('log-20260301.gz', gzip.compress(log.read()))
        self.write('log', line('198.51.100.8'))
        got, err = self.ingest_saying('log')
        self.assertEqual((got['counted'], err), (102, 'footfall: log-20260301.gz: was log; its rest is counted first\n'))

    def test_copied_and_truncated_meanwhile(self):
        self.write('log', line() * 100)
        self.kill_in_doubt('log')
        self.append('log', line('198.51.100.9'))
        shutil.copy(self.path('log'), self.path('log.1'))
        os.truncate(self.path('log'), 0)
        self.append('log', line('198.51.100.8') * 200)
        got, err = self.ingest_saying('log')
        self.assertEqual((got['counted'], err), (301, 'footfall: log.1: was log; its rest is counted first\n'))

    def test_rotated_twice(self):
        self.write('log', line() * 100)
        self.kill_in_doubt('log')
        os.rename(self.path('log'), self.path('log.2'))
        self.write('log.1', line('198.51.100.9'))
        self.write('log', line('198.51.100.8'))
        age(self.path('log.2'), 20)
        age(self.path('log.1'), 10)
        self.assertEqual(self.ingest_saying('log')[0]['counted'], 101)

    def test_content_changed(self):
        text = line() * 1000
        at = len(line()) * 500 + text.index('[01/Mar')
        self.write('log', text)
        self.kill_in_doubt('log')
        for other in ('[02', '[00'):  # another operation, or none
            self.write('log', text[:at] + other + text[at + 3:])
            done = self.run_only('ingest', '--resume', 'state', '--counter', 'site', 'log')
            self.assertEqual(done.status, 2, done)
            self.assertIn('does not read as it did', done.err)
            self.assertEqual(self.total(), 0)
        self.write('log', text)
        self.assertEqual(self.ingest('log')['counted'], 1000)

    def test_future_is_judged_as_before(self):
        """A line that was too early for the first try stays so for the second."""
        from model import stamp
        soon = f'[{stamp(int(time.time()) + 3602)}]'
        self.write('log', line() * 10 + line(when=soon))
        self.kill_in_doubt('log')
        self.assertEqual(self.state()['doubt']['operations'], 10)
        time.sleep(2.5)
        done = self.run_only('--json', 'ingest', '--resume', 'state', '--counter', 'site', 'log')
        self.assertEqual(done.status, 0, done)
        self.assertEqual(json.loads(done.out)['skipped_by_reason']['in_the_future'], 1)
        self.assertEqual(self.total(), 10)

    def test_too_old(self):
        self.write('log', line() * 10)
        self.kill_in_doubt('log')
        self.edit(written_ms=int((time.time() - 8 * DAY) * 1000))
        self.fails(2, 'ingest', '--resume', 'state', '--counter', 'site', 'log', says='older than 7 days')

    def test_unfinished_line_in_doubt(self):
        self.write('log', line() * 10 + line()[:-1])
        self.kill_in_doubt('log')
        self.append('log', ' extra\n' + line())
        self.assertEqual(self.ingest('log')['counted'], 12)
        self.assertEqual(self.total(), 12)

    def test_another_file_gets_the_name_on_the_way(self):
        """What was looked at as log.1, which was empty, is another log when its turn comes."""
        self.write('log', line() * 3)
        self.ingest('log')
        self.write('log.2', line('198.51.100.1') * 20000)  # more than is read ahead
        self.write('log.1', '')
        with self.behind.hold():
            run = subprocess.Popen(self.command('ingest', '--resume', 'state', '--counter', 'site', 'log.2', 'log.1', 'log'),
                                   cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.addCleanup(run.kill)
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline and not self.state()['doubt']:
                time.sleep(0.005)
            os.rename(self.path('log'), self.path('log.1'))
            self.write('log', line('198.51.100.2'))
        _, err = run.communicate(timeout=60)
        self.assertEqual((run.returncode, err),
                         (1, b'footfall: log.1: cannot be read after line 0: it was changed or replaced meanwhile; start again\n'))
        self.assertEqual(self.ingest('log.2', 'log.1', 'log')['counted'], 1)
        self.assertEqual(self.total(), 20004)

    def test_several_files_in_order(self):
        self.write('a', line('198.51.100.1'))
        self.write('b', line('198.51.100.2') * 2)
        self.ingest('a', 'b')
        self.append('b', line('198.51.100.3') * 4)
        self.kill_in_doubt('a', 'b')
        self.append('a', line('198.51.100.4') * 8)
        self.assertEqual(self.ingest('a', 'b')['counted'], 12)
        self.assertEqual(self.counters(), {'site': (15, 4)})


class Together(Resume):
    def test_two_runs_at_once(self):
        """Of runs begun at the same moment with one state file one counts, the others are refused."""
        self.write('log', line() * 30000)
        runs = [subprocess.Popen(self.command('ingest', '--resume', 'state', '--counter', 'site', 'log'), cwd=self.folder,
                                 env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)]
        said = [run.communicate(timeout=120)[1].decode() for run in runs]
        self.assertIn(0, [run.returncode for run in runs])
        for run, text in zip(runs, said):
            self.assertIn(run.returncode, (0, 1, 2))
            if run.returncode:
                self.assertRegex(text, 'in use by another run|another run has begun')
        self.assertEqual(self.total(), 30000)
