"""footfall export and footfall import FILE: counters written down, taken back, and carried from one store to another."""
import json
import os
import signal
import stat
import subprocess
import threading
import time

import harness
from harness import Case

MAX, MIN = 9223372036854775807, -9223372036854775808
AGAIN = '; the same import again completes it\n'


def line(name, total, unique=0):
    """As export writes it."""
    return json.dumps({'counter': name, 'total_visits': total, 'unique_visitors': unique}, ensure_ascii=False,
                      separators=(',', ':')) + '\n'


def lines(counters):
    return ''.join(line(name, *counters[name]) for name in sorted(counters, key=str.encode))


def is_under_way(run):
    """Waits until a signal no longer ends it at once; False: it has ended before."""
    while run.poll() is None:
        with open(f'/proc/{run.pid}/status', encoding='ascii') as status:
            caught = [int(each.split()[1], 16) for each in status if each.startswith('SigCgt')]
        if caught and caught[0] >> (signal.SIGINT - 1) & 1:
            return True
        time.sleep(0.0005)
    return False


class Move(Case):
    THREE = {'a': (5, 2), 'b/c': (-3, 0), 'Z': (7, 7)}

    def set_all(self, counters):
        self.ok('import', '-', stdin=lines(counters).encode())

    def elsewhere(self, *words, name='other', stdin=b''):
        """Runs it on another store, an SQLite file; must succeed quietly. Returns standard output."""
        chosen = ['-o', 'backend=sqlite', '-o', 'sqlite.path=' + self.path(name + '.db')]
        return self.ok(stdin=stdin, command=[harness.TOOL, *chosen, *words])

    def read(self, name):
        with open(self.path(name), encoding='utf-8') as file:
            return file.read()

    def beside(self):
        """What is in the folder but for the stores."""
        return sorted(name for name in os.listdir(self.folder) if name != 'store' and '.db' not in name)

    def start(self, *words, **more):
        return subprocess.Popen(self.command(*words), cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)


class Export(Move):
    def test_lines(self):
        self.assertEqual(self.ok('export'), '')
        self.set_all(self.THREE)
        out = ('{"counter":"Z","total_visits":7,"unique_visitors":7}\n'
               '{"counter":"a","total_visits":5,"unique_visitors":2}\n'
               '{"counter":"b/c","total_visits":-3,"unique_visitors":0}\n')
        for words in ([], ['-'], ['--json']):
            self.assertEqual(self.ok('export', *words), out)
        self.assertEqual(self.ok('export', 'out'), 'exported 3 counters\n')
        self.assertEqual(self.read('out'), out)
        self.assertEqual(self.ok('export', 'out', '--json'), '{"exported":3}\n')
        self.ok('delete', 'a')
        self.ok('delete', 'Z')
        self.assertEqual(self.ok('export', 'out'), 'exported 1 counter\n')
        self.assertEqual(self.read('out'), line('b/c', -3))
        self.assertEqual(self.beside(), ['out'])

    def test_mode(self):
        self.ok('add', 'x')
        self.ok(command=['sh', '-c', 'umask 027; exec "$@"', 'sh', *self.command('export', 'new')])
        self.assertEqual(stat.S_IMODE(os.stat(self.path('new')).st_mode), 0o640)
        for mode in (0o600, 0o664):
            os.chmod(self.path('new'), mode)
            self.ok('export', 'new')
            self.assertEqual(stat.S_IMODE(os.stat(self.path('new')).st_mode), mode)

    def test_links_stay(self):
        self.ok('add', 'x')
        os.mkdir(self.path('folder'))
        self.write('folder/old', 'old')
        os.symlink('folder/old', self.path('link'))
        os.symlink(self.path('link'), self.path('to-link'))
        os.symlink('folder/new', self.path('to-nothing'))
        for link, target in (('to-link', 'folder/old'), ('link', 'folder/old'), ('to-nothing', 'folder/new')):
            self.ok('export', link)
            self.assertTrue(os.path.islink(self.path(link)))
            self.assertEqual(self.read(target), line('x', 1))
        self.assertEqual(sorted(os.listdir(self.path('folder'))), ['new', 'old'])
        os.symlink('loop', self.path('loop'))
        self.fails(2, 'export', 'loop', says='loop: ')

    def test_what_is_no_regular_file(self):
        """It is written to as it stands, and as quietly as standard output."""
        self.ok('add', 'x')
        os.mkfifo(self.path('pipe'))
        reader = os.open(self.path('pipe'), os.O_RDONLY | os.O_NONBLOCK)
        try:
            self.assertEqual(self.ok('export', 'pipe'), '')
            self.assertEqual(os.read(reader, 1000), line('x', 1).encode())
        finally:
            os.close(reader)
        self.assertTrue(stat.S_ISFIFO(os.stat(self.path('pipe')).st_mode))
        self.assertEqual(self.ok('export', '/dev/null'), '')
        self.assertEqual(self.ok('export', '/dev/stdout'), line('x', 1))
        self.write('all', 'before\n')
        for _ in range(2):
            self.ok(command=['sh', '-c', 'exec "$@" >>all', 'sh', *self.command('export', '/dev/stdout')])
        self.assertEqual(self.read('all'), 'before\n' + line('x', 1) * 2)

    def test_full(self):
        self.ok('add', 'x')
        self.assertEqual(self.fails(1, 'export', '/dev/full'),
                         'footfall: cannot write to /dev/full: No space left on device\n')
        with open('/dev/full', 'wb') as full:
            done = self.run_only('export', stdout=full)
        self.assertEqual((done.status, done.err),
                         (1, 'footfall: cannot write to standard output: No space left on device\n'))

    def test_no_room_for_the_file(self):
        self.set_all({'x' * 190 + str(number): (number, 0) for number in range(300)})  # 75 kB
        self.write('out', 'old\n')
        for before in ('old\n', None):
            said = self.fails(1, command=['sh', '-c', 'ulimit -f 100; exec "$@"', 'sh', *self.command('export', 'out')])
            self.assertEqual(said, 'footfall: cannot write out: File too large\n')
            self.assertEqual(self.beside(), ['out'] if before else [])
            if before:
                self.assertEqual(self.read('out'), before)
                os.remove(self.path('out'))

    def test_nobody_reads(self):
        self.set_all({'x' * 190 + str(number): (number, 0) for number in range(300)})  # more than a pipe takes
        with self.start('export') as run:
            self.assertTrue(run.stdout.readline().startswith(b'{"counter":"xxx'))
            run.stdout.close()
            self.assertEqual(run.stderr.read(), b'')
        self.assertEqual(run.returncode, 0)

    def test_where_it_cannot_go(self):
        os.mkdir(self.path('folder'))
        for file, says in (('folder', 'folder: is a directory'), ('folder/', 'folder/: is a directory'),
                           ('no/out', 'no/out: No such file or directory'), ('', ': No such file or directory'),
                           ('x' * 300, 'File name too long'), ('x' * 250, 'File name too long')):
            with self.subTest(file=file):
                self.fails(2, 'export', file, says=says)
        self.fails(3, '-o', 'windw=1h', 'export', 'out')
        self.fails(2, 'export', 'a', 'b', says='too many arguments')
        self.assertEqual(self.beside(), ['folder'])
        self.assert_untouched()

    def test_a_store_that_does_not_open(self):
        self.write('out', 'old\n')
        self.fails(1, command=[harness.TOOL, '-o', 'backend=sqlite', '-o', 'sqlite.path=no/x.db', 'export', 'out'])
        self.assertEqual((self.beside(), self.read('out')), (['out'], 'old\n'))


class ExportFile(Move):
    needs = 'file'

    def test_not_over_the_store(self):
        self.ok('visit', 'x', '203.0.113.7')
        os.symlink(self.behind.path, self.path('link'))
        for file in (self.behind.path, 'link'):
            self.assertEqual(self.fails(2, 'export', file),
                             f'footfall: {file}: is what sqlite.path names; export to another file\n')
        self.assertEqual(self.counters(), {'x': (1, 1)})

    def test_not_over_what_lies_beside_it(self):
        self.ok('visit', 'x', '203.0.113.7')
        for ending in ('.secret', '-wal', '-shm', '-journal'): # there or not
            file = self.behind.path + ending
            self.assertEqual(self.fails(2, 'export', file),
                             f'footfall: {file}: belongs to what sqlite.path names; export to another file\n')
        self.ok('export', self.behind.path + '.jsonl')
        self.assertIn('returning', self.ok('visit', 'x', '203.0.113.7'), 'the secret is the same')

    def test_not_over_a_store_to_come(self):
        file = os.path.join(os.path.dirname(self.behind.path), '..', 'store', os.path.basename(self.behind.path))
        self.fails(2, 'export', file, says='is what sqlite.path names')
        self.assert_untouched()

    def test_not_over_the_configuration(self):
        self.write('my.conf', 'window = 1h\n')
        self.assertEqual(self.fails(2, '-c', 'my.conf', 'export', 'my.conf'),
                         'footfall: my.conf: is the configuration file; export to another file\n')
        self.fails(2, 'export', './my.conf', env={'FOOTFALL_CONFIG': self.path('my.conf')},
                   says='is the configuration file')
        self.assertEqual(self.read('my.conf'), 'window = 1h\n')
        self.fails(2, 'export', '', env={'FOOTFALL_CONFIG': ''}, says=': No such file')


class Ended(Move):
    """export that is ended at any moment: the file is the old one or the new whole one."""

    def setUp(self):
        super().setUp()
        self.count = self.many(3000)
        self.set_all({f'{number:05d}': (1, 0) for number in range(self.count)})
        self.ok('export', 'out')
        self.assertEqual(self.read('out'), self.version(1))

    def version(self, total):
        return lines({f'{number:05d}': (1, 0) for number in range(self.count)}) + line('x', total) * (total > 1)

    def run_ended(self, times, end):
        """What is in the folder in the end."""
        is_now = 1
        for total in range(2, times + 2):
            self.ok('set', 'x', str(total))
            with self.start('export', 'out') as run:
                end(run)
                err = run.stderr.read()
            found = [each for each in (is_now, total) if self.read('out') == self.version(each)]
            self.assertEqual(len(found), 1, 'the old one or the new one')
            is_now = found[0]
            self.assertIn((run.returncode, err), ((0, b''), (-signal.SIGKILL, b''), (-signal.SIGINT, b''),
                                                  (-signal.SIGINT, b'footfall: interrupted: out is as it was\n')))
        self.ok('export', 'out')
        self.assertEqual(self.read('out'), self.version(times + 1))
        return self.beside()

    def test_killed(self):
        def kill(run):
            is_under_way(run)
            time.sleep(self.random.uniform(0, 0.02))
            run.kill()
        for name in self.run_ended(12, kill):
            self.assertRegex(name, r'^out(\.new-\w{6})?$', 'what is left says what it was to become')

    def test_interrupted(self):
        def interrupt(run):
            self.assertTrue(is_under_way(run))
            run.send_signal(signal.SIGINT)
        self.assertEqual(self.run_ended(6, interrupt), ['out'])


class Outcome(Move):
    def test_new_changed_unchanged(self):
        self.ok('set', 'a', '5', '2')
        self.ok('set', 'b', '5', '2')
        self.ok('set', 'c', '9', '9')
        self.write('in', line('d', 1) + line('a', 5, 2) + line('b', 6, 2) + line('e', 0) + line('f', -1, -1))
        self.assertEqual(self.ok('import', 'in'), 'read                 5\n'
                                                  'new                  3\n'
                                                  'changed              1\n'
                                                  'unchanged            1\n')
        after = {'a': (5, 2), 'b': (6, 2), 'c': (9, 9), 'd': (1, 0), 'e': (0, 0), 'f': (-1, -1)}
        self.assertEqual(self.counters(), after)
        self.assertEqual(self.ok('--json', 'import', 'in'), '{"read":5,"new":0,"changed":0,"unchanged":5}\n')
        self.assertEqual(self.counters(), after)
        self.ok('delete', 'd')
        self.assertEqual(self.ok('--json', 'import', 'in'), '{"read":5,"new":1,"changed":0,"unchanged":4}\n')

    def test_standard_input(self):
        text = '\n' + line('a', 1) + ' \t\r\n' + line('b', 2)[:-1] + '\r\n\n' + line('c', 3)[:-1]
        for words in ([], ['-']):
            self.assertEqual(self.json('import', *words, stdin=text.encode())['read'], 3)
        self.assertEqual(self.counters(), {'a': (1, 0), 'b': (2, 0), 'c': (3, 0)})
        self.assertEqual(self.json('import')['read'], 0)
        os.mkfifo(self.path('pipe'))
        writer = threading.Thread(target=self.write, args=('pipe', line('d', 4)))
        writer.start()
        self.assertEqual(self.json('import', 'pipe')['new'], 1)
        writer.join()

    def test_what_list_writes(self):
        self.set_all(self.THREE)
        listed = self.ok('--json', 'list')
        self.assertIn('"count":', listed)
        self.assertEqual(json.loads(self.elsewhere('--json', 'import', stdin=listed.encode()))['new'], 3)
        self.assertEqual(self.elsewhere('--json', 'list'), listed)
        self.assertEqual(self.json('import', stdin=self.ok('--json', 'get', 'a').encode())['unchanged'], 1)

    def test_visitors_stay(self):
        self.ok('visit', 'x', '203.0.113.7')
        self.ok('import', stdin=line('x', 10, 5).encode())
        self.assertFalse(self.json('visit', 'x', '203.0.113.7')['is_new_visitor'])
        self.assertTrue(self.json('visit', 'x', '203.0.113.8')['is_new_visitor'])
        self.assertEqual(self.counters(), {'x': (12, 6)})

    def test_smaller(self):
        for number in range(7):
            self.ok('set', str(number), '10', '5')
        before = self.counters()
        self.write('in', line('new', 1) + ''.join(line(str(n), 10 - n % 2, 4 + n % 2) for n in range(6)) + line('6', 11, 5))
        self.assertEqual(self.fails(2, 'import', 'in'),
                         "footfall: in:2: '0' has 10 visits and 5 visitors, and would get 10 and 4\n"
                         "footfall: in:3: '1' has 10 visits and 5 visitors, and would get 9 and 5\n"
                         "footfall: in:4: '2' has 10 visits and 5 visitors, and would get 10 and 4\n"
                         "footfall: in:5: '3' has 10 visits and 5 visitors, and would get 9 and 5\n"
                         "footfall: in:6: '4' has 10 visits and 5 visitors, and would get 10 and 4\n"
                         'footfall: 6 counters would get smaller; nothing is imported (--overwrite does it)\n')
        self.assertEqual(self.counters(), before)
        self.assertEqual(self.ok('--json', 'import', '--overwrite', 'in'), '{"read":8,"new":1,"changed":7,"unchanged":0}\n')
        self.assertEqual(self.counters(), {**{str(n): (10 - n % 2, 4 + n % 2) for n in range(6)}, '6': (11, 5), 'new': (1, 0)})
        self.ok('set', '6', '12', '5')
        self.assertEqual(self.fails(2, 'import', 'in').splitlines()[1],
                         'footfall: 1 counter would get smaller; nothing is imported (--overwrite does it)')


class Between(Move):
    """From one store into another, and back."""
    NAMES = ['a b', ' ', '/', '{x}', '#', ':', '%41', '"', '\\', "'; drop table counters; --", 'Zürich', '計數器',
             '\U0001f600', 'é' * 100, 'x' * 200, '-5', '\u009b31m', 'a\u202eb', '"' * 200, '\u2028', '\uffff', '\U0010ffff']

    def there_and_back(self, counters):
        text = lines(counters)
        self.elsewhere('import', name='first', stdin=text.encode())
        self.write('one', self.elsewhere('export', name='first'))
        self.assertEqual(self.read('one'), text)
        self.assertEqual(self.json('import', 'one'), {'read': len(counters), 'new': len(counters), 'changed': 0, 'unchanged': 0})
        self.ok('export', 'two')
        self.assertEqual(self.read('two'), text)
        self.elsewhere('import', self.path('two'), name='second')
        self.assertEqual(self.elsewhere('export', name='second'), text)
        self.assertEqual(self.json('import', 'two')['unchanged'], len(counters))

    def test_odd_names_and_all_numbers(self):
        numbers = [MAX, MIN, MAX - 1, MIN + 1, 0, -1, 9007199254740993, -9007199254740993, 2 ** 53, 1]
        counters = {name: (numbers[at % 10], numbers[at * 7 // 3 % 10]) for at, name in enumerate(self.NAMES)}
        self.there_and_back(counters)
        escaped = ''.join(json.dumps({'unique_visitors': unique, 'counter': name, 'total_visits': total}) + '\n'
                          for name, (total, unique) in counters.items())
        self.assertEqual(self.json('import', stdin=escaped.encode())['unchanged'], len(counters))

    def test_many(self):
        self.there_and_back({f'/p{number:05d}': (number, number // 2) for number in range(self.many(3000))})


class Refused(Move):
    def test_bad_lines(self):
        unknown, range_ = 'has a field that this version does not know', f'a number is out of range, {MIN} to {MAX}'
        good = '{"counter":"x","total_visits":1,"unique_visitors":1'
        for bad, says in (
                ('no', 'is no JSON object (column 2)'), (good, 'is no JSON object (column 51)'), ('[]', 'is no JSON object'),
                (good + '}{}', 'is no JSON object (column 53)'), ('null', 'is no JSON object (column 4)'),
                ('203.0.113.7 - - [01/Mar/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 1', 'is no JSON object (column 5)'),
                ('{}', 'has no counter'), ('{"counter":"x","total_visits":1}', 'has no unique_visitors'),
                ('{"counter":"x","unique_visitors":1}', 'has no total_visits'),
                ('{"total_visits":1,"unique_visitors":1}', 'has no counter'),
                ('{"counter":"x","count":1,"unique_visitors":1}', 'has no total_visits'),
                (good.replace(':1,', ':1.0,') + '}', 'total_visits is no whole number'),
                (good.replace(':1,', ':"1",') + '}', 'total_visits is no whole number'),
                (good[:-1] + 'null}', 'unique_visitors is no whole number'), (good[:-1] + '1e3}', 'unique_visitors is no whole number'),
                (good + ',"count":2}', 'count and total_visits differ'), (good + ',"count":true}', 'count is no whole number'),
                (good[:-1] + str(MAX + 1) + '}', range_), (good[:-1] + str(MIN - 1) + '}', range_), (good[:-1] + '1e999}', range_),
                (good.replace('"x"', '5') + '}', 'counter is no text'),
                (good.replace('"x"', '""') + '}', 'the counter name is empty'),
                (good.replace('"x"', '"a\\nb"') + '}',
                 'counter name "a?b": control character at offset 1 (byte 0x0a)'),
                (good.replace('"x"', '"\\u007f"') + '}', 'counter name "?": control character at offset 0 (byte 0x7f)'),
                (good.replace('"x"', '"' + 'y' * 201 + '"') + '}',
                 'counter name "' + 'y' * 48 + '..." is too long: 201 bytes, at most 200 are allowed'),
                (good.replace('"x"', '"\\u0000"') + '}', 'is no JSON object (column 19)'),
                (good.replace('"x"', '"\\ud800"') + '}', 'is no JSON object (column 19)'),
                (good + ',"counter":"y"}', 'has a field twice'),
                (good + ',"is_new_visitor":true}', unknown + ', is_new_visitor'), (good + ',"deleted":true}', unknown + ', deleted'),
                ('{"visitor":"x","last":5}', unknown + ', visitor'), ('{"203.0.113.7":5}', unknown),
                ('{"fe80::1":5}', unknown), ('{"\\u001b[31m":5}', unknown), ('{"":5}', unknown),
                (b'{"counter":"\xff","total_visits":1,"unique_visitors":1}', 'is no valid UTF-8'),
                (b'{"counter":"\xed\xa0\x80","total_visits":1,"unique_visitors":1}', 'is no valid UTF-8'),
                (good + '}\0', 'is no JSON object (column 53)'), ('\0', 'is no JSON object (column 1)'),
                ('[' * 5000, 'is no JSON object (column 2049)'), (' ' * 70000 + good + '}', 'is too long for a counter'),
                ('\x1f\x8b\x08', 'is no JSON object (column 1)')):
            with self.subTest(bad=bad[:60], says=says):
                bad = bad if isinstance(bad, bytes) else bad.encode()
                self.write('in', line('good', 1).encode() + b'\n' + bad + b'\n' + line('last', 1).encode())
                self.assertEqual(self.fails(2, 'import', 'in'), f'footfall: in:3: {says}; nothing is imported\n')
        self.assertEqual(self.fails(2, 'import', stdin=b'no'),
                         'footfall: (standard input):1: is no JSON object (column 2); nothing is imported\n')
        self.assertEqual(self.fails(2, 'import', stdin=b'\x1f\x8b\x08\0'), 'footfall: (standard input):1: is compressed; give it '
                         'to standard input through zcat; nothing is imported\n')
        self.assert_untouched()

    def test_twice(self):
        for text, says in ((line('a', 1) * 2, "in:2: 'a' is in line 1"), (line('b', 1) + line('a', 1) + line('b', 2), "in:3: 'b' is in line 1"),
                           (''.join(line(name, 1) for name in 'cabdba'), "in:5: 'b' is in line 3"),
                           (line('a', 1) * 4, "in:2: 'a' is in line 1")):
            self.write('in', text)
            self.assertEqual(self.fails(2, 'import', 'in'), f'footfall: {says} already; nothing is imported\n')
        self.assert_untouched()

    def test_files(self):
        os.mkdir(self.path('folder'))
        self.assertEqual(self.fails(2, 'import', 'no'), 'footfall: no: No such file or directory\n')
        self.assertEqual(self.fails(2, 'import', 'folder'), 'footfall: folder: is a directory\n')
        self.fails(2, 'import', '')
        self.fails(2, 'import', 'a', 'b', says='too many arguments')
        self.fails(2, 'export', '--overwrite', says='--overwrite does not go with')
        closed = self.fails(1, command=['sh', '-c', 'exec "$@" <&-', 'sh', *self.command('import')])
        self.assertEqual(closed, 'footfall: (standard input): cannot be read after line 0: Bad file descriptor\n')
        self.assert_untouched()


class Early(Move):
    """import that ends early, and again."""

    def setUp(self):
        super().setUp()
        self.wanted = {f'{number:05d}': (number + 1, number) for number in range(self.many(2500))}
        self.write('in', lines(self.wanted))


class Killed(Early):
    def test_again(self):
        kills, longest = 0, 0
        while True:
            with self.start('import', 'in') as run:
                is_under_way(run)
                time.sleep(self.random.uniform(0, longest))
                run.kill()
            if run.returncode == 0:
                break
            self.assertEqual(run.returncode, -signal.SIGKILL)
            kills += 1
            longest += 0.002 * self.behind.slow
            is_set = self.counters()
            self.assertEqual(is_set, {name: self.wanted[name] for name in is_set})
        self.assertGreater(kills, 0)
        self.ok('import', 'in')
        self.assertEqual(self.counters(), self.wanted)
        self.assertEqual(self.json('import', 'in')['unchanged'], len(self.wanted))


class Held(Early):
    needs = 'hold'

    def test_interrupted(self):
        self.ok('set', '00000', '0')
        with self.behind.hold():
            run = self.start('-o', 'deadline=20s', 'import', 'in')
            self.assertTrue(is_under_way(run))
            run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=60)
        self.assertEqual((run.returncode, out), (-signal.SIGINT, b''))
        done = len(self.counters()) if self.counters()['00000'] != (0, 0) else 0
        self.assertIn(done, (0, 1000), 'it ends between two batches')
        self.assertEqual(err.decode(), f'footfall: interrupted: {done} of {len(self.wanted)} counters are set' + AGAIN)
        self.assertEqual(self.counters(), dict(list(self.wanted.items())[:done]) or {'00000': (0, 0)})
        self.assertEqual(self.json('import', 'in')['unchanged'], done)
        self.assertEqual(self.counters(), self.wanted)

    def test_not_in_time(self):
        self.ok('set', 'x', '1', '1')
        with self.behind.hold():
            done = self.run_only('-o', 'deadline=100ms', 'import', stdin=(line('x', 2, 1) + line('y', 1)).encode())
        self.assertEqual((done.status, done.out), (4, ''), done)
        self.assertEqual(done.err.splitlines()[1] + '\n', 'footfall: 0 of 2 counters are set' + AGAIN)
        self.assertEqual(self.counters(), {'x': (1, 1)})
