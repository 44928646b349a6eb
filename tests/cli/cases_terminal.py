"""What a person at a terminal sees: colour, bars, lines that fit, and the progress of a long ingest."""
import json
import os
import re
import subprocess
import threading
import time

from harness import Case
from screen import Session, columns_of

LINE = '198.51.100.{} - - [01/Mar/2026:12:00:00 +0000] "GET /{} HTTP/1.1" 200 1 "-" "-"\n'
LIGHT = {'TERM': 'xterm-256color', 'LC_ALL': 'C.UTF-8'}
LOCALES = ('LC_ALL', 'LC_CTYPE', 'LANG')


class Terminal(Case):
    def setUp(self):
        super().setUp()
        for name in ('TERM', 'COLUMNS', 'NO_COLOR') + LOCALES:
            self.environment.pop(name, None)

    def session(self, *words, env=None, **more):
        env = {**self.environment, **LIGHT, **(env or {})}
        return Session(self.command(*words), self.folder, {k: v for k, v in env.items() if v is not None}, **more)

    def screen(self, *words, status=0, **more):
        """What is on the terminal at the end."""
        with self.session(*words, **more) as session:
            self.assertEqual(session.end(), status, session.screen.raw)
        return session.screen


class Colour(Terminal):
    def test_when(self):
        self.ok('set', 'x', '5')
        coloured = '\x1b[1mCOUNTER  VISITS  VISITORS\x1b[0m\r\nx             5         0\r\n'
        plain = 'COUNTER  VISITS  VISITORS\r\nx             5         0\r\n'
        for env, words, want in (({}, [], coloured), ({'NO_COLOR': ''}, [], coloured), ({'NO_COLOR': '1'}, [], plain),
                                 ({}, ['--color=auto'], coloured), ({}, ['--color=never'], plain),
                                 ({'NO_COLOR': '1'}, ['--color=always'], coloured), ({'TERM': 'dumb'}, [], plain),
                                 ({'TERM': None}, [], plain), ({'TERM': ''}, [], plain),
                                 ({'TERM': 'dumb'}, ['--color=always'], coloured)):
            with self.subTest(env=env, words=words):
                self.assertEqual(self.screen('get', 'x', *words, env=env).raw, want)

    def test_messages(self):
        said = 'footfall: --limit: not a whole number'
        bold = f'\x1b[1mfootfall:\x1b[0m{said[9:]}\r\n'
        self.assertEqual(self.screen('list', '--limit', 'x', status=2).raw, bold)
        self.assertEqual(self.screen('list', '--limit', 'x', env={'NO_COLOR': '1'}, status=2).raw, said + '\r\n')
        self.assertEqual(self.screen('list', '--limit', 'x', '--color=never', status=2).raw, said + '\r\n')
        said = "footfall: there is no command 'lisst'; did you mean 'list'?"
        self.assertEqual(self.screen('lisst', status=2).raw, f'\x1b[1mfootfall:\x1b[0m{said[9:]}\r\n')
        self.assertEqual(self.screen('lisst', '--color=never', status=2).raw, said + '\r\n')

    def test_each_output_by_itself(self):
        self.ok('set', 'x', '5')
        self.write('log', 'nonsense\n')
        with self.session('get', 'x', 'y', '--strict', on=['stdout']) as session:
            self.assertEqual(session.end(), 1)
        self.assertIn('\x1b[1mCOUNTER', session.screen.raw)
        self.assertEqual(session.piped, b"footfall: there is no counter 'y'\n")
        with self.session('ingest', 'log', on=['stderr']) as session:
            self.assertEqual(session.end(), 0)
        self.assertEqual(session.screen.raw, '\x1b[1mfootfall:\x1b[0m log:1: skipped: no time\r\n')
        self.assertTrue(session.piped.startswith(b'read '), session.piped)
        self.assertNotIn(b'\x1b', session.piped)

    def test_json(self):
        """Is for programs wherever it goes."""
        self.ok('set', 'x', '5')
        self.assertEqual(self.screen('list', '--json').raw,
                         '{"counter":"x","count":5,"total_visits":5,"unique_visitors":0}\r\n')

    def test_summary(self):
        self.write('log', LINE.format(1, 'a') + 'nonsense\n' + LINE.format(1, 'b').replace(' 200 ', ' 404 '))
        screen = self.screen('ingest', '--status', '200', 'log')
        self.assertEqual([line.split() for line in screen.text().splitlines()][:-2],
                         [['footfall:', 'log:2:', 'skipped:', 'no', 'time'], ['read', '3'], ['counted', '1'],
                          ['new', 'visitors', '1'], ['skipped', '2'], ['bad', 'line', '1'],
                          ['left', 'out', 'by', '--status', '1']])
        self.assertEqual(screen.styles['33'].strip(), '1', 'faults stand out, and nothing else')
        self.assertEqual(screen.styles['1'], 'footfall:')


class Listing(Terminal):
    """Columns, bars, and names that give way."""
    long = '/blog/2026/03/how-visitors-are-counted-without-keeping-addresses'

    def fill(self, **counters):
        for name, (total, unique) in counters.items():
            self.ok('set', '--', name, str(total), str(unique))

    def rows(self, *words, **more):
        """The lines without their bars, and the bars."""
        screen = self.screen('list', *words, **more)
        rows = [re.fullmatch(r'(.*[^ ] +\S+  +[A-Z0-9-]+)(?:  ([▏▎▍▌▋▊▉█#]+))?', line) for line in
                screen.text().splitlines()]
        self.assertTrue(all(rows), screen.text())
        self.assertEqual(screen.styles.get('36', ''), ''.join(row[2] or '' for row in rows), 'bars have a colour')
        return [row[1] for row in rows], [row[2] or '' for row in rows[1:]]

    def test_bars(self):
        self.fill(a=(800, 1), b=(400, 4), c=(10, 2), d=(1, 0), e=(0, 0), f=(-800, -1))
        rows, bars = self.rows()
        self.assertEqual(rows, ['COUNTER  VISITS  VISITORS',
                                'a           800         1',
                                'b           400         4',
                                'c            10         2',
                                'd             1         0',
                                'e             0         0',
                                'f          -800        -1'])
        self.assertEqual(bars, [40 * '█', 20 * '█', '▌', '▏', '', ''])
        self.assertEqual(self.rows('--sort', 'total', '--limit', '2')[1], [40 * '█', 20 * '█'])
        self.assertEqual(self.rows('--sort', 'unique', '--limit', '3')[1], [40 * '█', 20 * '█', 10 * '█'])
        self.assertEqual(self.rows('c')[1], [40 * '█'], 'the largest that is shown')
        self.assertEqual(self.rows('f')[1], [''])
        self.assertEqual(self.rows('e', columns=200)[1], [''])
        self.assertEqual(self.screen('list', 'nothing').raw, '')

    def test_width(self):
        self.fill(a=(800, 1), b=(400, 4))
        for columns, bar in ((200, 40), (67, 40), (66, 39), (50, 23), (35, 8), (34, 0), (20, 0)):
            self.assertEqual(self.rows(columns=columns)[1], [bar * '█', bar // 2 * '█' + (bar % 2) * '▌'], columns)
        self.assertEqual(self.rows(columns=200, env={'COLUMNS': '50'})[1][0], 23 * '█', '$COLUMNS goes before')
        self.assertEqual(self.rows(columns=50, env={'COLUMNS': 'many'})[1][0], 23 * '█')
        self.assertEqual(self.rows(columns=0)[1][0], 40 * '█', '80 when nobody knows')

    def test_long_names(self):
        self.fill(**{self.long: (800, 1), '/': (400, 4)})
        for columns, name, bar in ((200, self.long, 40), (99, self.long, 15), (92, self.long, 8), (80, '/blog/2026/03/how-visitors…without-keeping-addresses', 8),
                                   (60, '/blog/2026/03/ho…eping-addresses', 8), (51, '/blog/2026/03/ho…eeping-addresses', 0),
                                   (40, '/blog/2026/…-addresses', 0), (27, '/blo…sses', 0)):
            with self.subTest(columns=columns):
                screen = self.screen('list', columns=columns)
                row = screen.text().splitlines()[2]
                self.assertEqual(row.split()[0], name)
                self.assertEqual(row.count('█'), bar)
                self.assertLessEqual(screen.widest, columns)
        ascii_row = self.screen('list', env={'LC_ALL': 'C'}, columns=80).text().splitlines()[2]
        self.assertRegex(ascii_row, r'^/blog/2026/03/how-visitor\.\.\.ithout-keeping-addresses +800 +1  ########$')
        got = self.screen('get', self.long, columns=40).text().splitlines()[1]
        self.assertEqual(got.split(), [self.long, '800', '1'], 'what was asked for by name is named')

    def test_blocks_only_where_there_are_some(self):
        self.fill(a=(800, 1), b=(20, 4), c=(1, 1))
        for env, has in (({'LC_ALL': 'en_US.utf8'}, True), ({'LC_ALL': None, 'LANG': 'de_DE.UTF-8'}, True),
                         ({'LC_ALL': '', 'LC_CTYPE': 'UTF-8', 'LANG': 'C'}, True), ({'LC_ALL': None}, False),
                         ({'LC_ALL': 'C', 'LANG': 'en_US.UTF-8'}, False), ({'LC_ALL': 'de_DE.ISO-8859-1'}, False)):
            with self.subTest(env=env):
                self.assertEqual(self.rows(env=env)[1], [40 * '█', '█', '▏'] if has else [40 * '#', '#', '#'])

    def test_odd_names_and_numbers(self):
        """Wide letters, some that combine, what must not reach a terminal, all that int64 can be."""
        most = 9223372036854775807
        names = {'計數器' * 12: (most, most), 'cafe\u0301' * 12: (most // 2, 1), 'a\u009b31m' * 9: (-most - 1, -most - 1),
                 '-x': (1, 0)}
        self.fill(**names)
        for columns in (200, 100, 80, 66):
            with self.subTest(columns=columns):
                screen = self.screen('list', columns=columns)
                self.assertLessEqual(screen.widest, columns)
                rows = [''.join(cells) for cells in screen.lines[:-1]]
                plain = [re.sub(r'  [▏▎▍▌▋▊▉█]+$', '', row) for row in rows]
                self.assertEqual(len({columns_of(row) for row in plain}), 1, plain)
                self.assertEqual(rows[0].split(), ['COUNTER', 'VISITS', 'VISITORS'])
                self.assertEqual([row.split()[1:] for row in plain[1:]],
                                 [[str(number) for number in names[name]] for name in sorted(names, key=str.encode)])
        # Cut between letters, and no accent on the dots.
        cut = self.screen('list', 'cafe', columns=66).text().splitlines()[1].split()[0]
        head, tail = cut.split('…')
        self.assertTrue(('cafe\u0301' * 12).startswith(head) and ('cafe\u0301' * 12).endswith(tail), cut)
        self.assertNotEqual(tail[0], '\u0301')


class Progress(Terminal):
    """Of runs that are held up until they have lasted long enough to show it."""
    needs = 'hold'

    def run_held(self, **runs):
        """Each run counts three small files (`words`), a batch each; the first is held up for longer than a run that shows nothing may
        take. The second begins with a bad line. Returns the ended sessions."""
        self.ok('add', 'x')
        lines = ''.join(LINE.format(n, 'a') for n in range(40))
        for name in ('one', 'two', 'three'):
            self.write(name, lines if name != 'two' else 'nonsense\n' + lines.split('\n', 1)[1])
        for n in range(20):
            self.write(f'short{n}', LINE.format(n, 'a'))
        sessions = {}
        try:
            with self.behind.hold():
                for name, run in runs.items():
                    words = ['ingest', '--resume', name + '.state', *run.pop('words', ['one', 'two', 'three'])]
                    sessions[name] = self.session(*words, **run)
                for name, session in sessions.items():  # the state is written just before the first batch is sent
                    session.wait_for(lambda path=self.path(name + '.state'): os.path.exists(path), 'its state')
                time.sleep(0.6)
            for name, session in sessions.items():
                self.assertEqual(session.end(), 0, (name, session.screen.raw))
        finally:
            for session in sessions.values():
                session.__exit__()
        return sessions

    def check_end(self, session):
        """What stays on the screen has nothing of the progress."""
        lines = session.screen.text().splitlines()
        self.assertEqual(lines[0], 'footfall: two:1: skipped: no time')
        self.assertEqual(lines[1].split(), ['read', '120'])
        self.assertRegex(lines[-1], r'^lines a second +\d+$')
        self.assertNotRegex(session.screen.text(), '%|left$|━|─|#')

    def test_width(self):
        tail = r'  40 lines  [0-9.]+/s  \d:\d\d left$'
        want = {20: r'^ 33%  \d:\d\d left$', 40: '^ 33%' + tail, 80: '^ 33%  ━{9,10}─{20,21}' + tail,
                200: '^ 33%  ━{9,10}─{20,21}' + tail}
        sessions = self.run_held(**{f'columns{columns}': {'columns': columns} for columns in want})
        for columns in want:
            with self.subTest(columns=columns):
                session = sessions[f'columns{columns}']
                self.assertRegex(session.screen.wiped[0], want[columns])
                for line in session.screen.wiped:
                    self.assertLess(len(line), columns)
                self.assertRegex(session.screen.styles.get('36', ''), '^━+$' if columns >= 80 else '^$')
                self.check_end(session)

    def test_where(self):
        sessions = self.run_held(ascii={'env': {'LC_ALL': 'C'}}, colourless={'env': {'NO_COLOR': '1'}},
                                 never={'words': ['one', 'two', 'three', '--color=never']}, dumb={'env': {'TERM': 'dumb'}},
                                 no_term={'env': {'TERM': None}}, json={'words': ['one', 'two', 'three', '--json'], 'on': ['stderr']},
                                 pipe={'on': ['stdout']}, front={'job': 'foreground'}, back={'job': 'background'}, last={'words': ['one']},
                                 often={'words': ['one', *(f'short{n}' for n in range(20))]})
        self.assertRegex(sessions['ascii'].screen.wiped[0], r'^ 33%  \[#{9}\.{19}\]  40 lines  ')
        self.check_end(sessions['ascii'])
        for name in ('colourless', 'never'):
            self.assertRegex(sessions[name].screen.wiped[0], '^ 33%  ━')
            self.assertEqual(list(sessions[name].screen.styles), ['0'])
            self.check_end(sessions[name])
        for name in ('dumb', 'no_term'):
            self.assertNotRegex(sessions[name].screen.raw, '\x1b|\r[^\n]')
            self.check_end(sessions[name])
        self.assertRegex(sessions['json'].screen.wiped[0], '^ 33%  ━')
        self.assertEqual(sessions['json'].screen.text(), 'footfall: two:1: skipped: no time\n')
        self.assertEqual(json.loads(sessions['json'].piped)['read'], 120)
        self.assertEqual(sessions['pipe'].piped, b'footfall: two:1: skipped: no time\n')
        self.assertEqual(sessions['pipe'].screen.wiped, [])
        self.assertTrue(sessions['pipe'].screen.text().startswith('read '))
        self.assertRegex(sessions['front'].screen.wiped[0], '^ 33%  ━')
        self.assertEqual(sessions['back'].screen.wiped, [], 'what the shell shows is not drawn over')
        self.check_end(sessions['back'])
        self.assertEqual(sessions['last'].screen.wiped, [], 'nothing follows: it is over')
        often = sessions['often'].screen
        self.assertTrue(1 <= len(often.wiped) <= 10 * (self.seconds(often) - 0.5) + 1, 'ten times a second at most')

    def test_pipe(self):
        """Of standard input nobody knows the end: lines and their rate, again and again."""
        lines = ''.join(LINE.format(n % 200, 'a') for n in range(20000)).encode()
        enough = threading.Event()
        with self.session('ingest', '--counter', 'x', stdin=subprocess.PIPE) as session:
            def feed():
                with session.process.stdin as pipe:
                    while not enough.is_set():
                        pipe.write(lines)
            feeder = threading.Thread(target=feed, daemon=True)
            feeder.start()
            try:
                session.wait_for(lambda: len(session.screen.wiped) >= 3, 'progress')
            finally:
                enough.set()
            self.assertEqual(session.end(), 0)
            feeder.join(60)
        numbers = [int(re.fullmatch(r'([\d,]+) lines  [\d.]+[kM]?/s', line)[1].replace(',', ''))
                   for line in session.screen.wiped]
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertEqual(session.screen.text().splitlines()[0].split()[0], 'read')

    def test_short_runs_show_nothing(self):
        for n in range(9):
            self.write(f'log{n}', LINE.format(n, 'a'))
        screen = self.screen('ingest', '--resume', 'state', *(f'log{n}' for n in range(9)))
        if self.seconds(screen) < 0.5:
            self.assertEqual(screen.wiped, [])
            self.assertNotIn('\x1b[K', screen.raw)

    def seconds(self, screen):
        return float(re.search(r'^seconds +([0-9.]+)$', screen.text(), re.MULTILINE)[1])
