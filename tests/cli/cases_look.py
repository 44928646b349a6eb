"""What people and programs read, to the letter: a session of every command, its figures and its mistakes."""
import json
import os
import re
import shlex
import subprocess

from harness import Case

# "$ " is what follows `footfall`; then what comes out, "! " before what goes to standard error, "= " before a status that is not 0.
COUNTING = r'''
$ visit main_page 203.0.113.7
main_page: 1 visit, 1 visitor (new visitor)
$ visit main_page 203.0.113.7
main_page: 2 visits, 1 visitor (returning visitor)
$ visit --json main_page 2001:db8::1
{"counter":"main_page","count":3,"total_visits":3,"unique_visitors":2,"is_new_visitor":true}
$ visit main_page 203.0.113.9 --token once
main_page: 4 visits, 3 visitors (new visitor)
$ visit main_page 203.0.113.9 --token once
main_page: 4 visits, 3 visitors (new visitor; this token was counted before)
$ visit main_page 203.0.113.9 --token once --json
{"counter":"main_page","count":4,"total_visits":4,"unique_visitors":3,"is_new_visitor":true,"replayed":true}
$ add downloads
downloads: 1 visit, 0 visitors
$ add downloads 41
downloads: 42 visits, 0 visitors
$ add downloads -50 --token odd
downloads: -8 visits, 0 visitors
$ add downloads -50 --token odd
downloads: -8 visits, 0 visitors (this token was counted before)
$ add downloads 8 --json
{"counter":"downloads","count":0,"total_visits":0,"unique_visitors":0}
$ get main_page
COUNTER    VISITS  VISITORS
main_page       4         3
$ get main_page nobody downloads
COUNTER    VISITS  VISITORS
main_page       4         3
nobody          0         0
downloads       0         0
$ get --json main_page nobody
{"counter":"main_page","count":4,"total_visits":4,"unique_visitors":3}
{"counter":"nobody","count":0,"total_visits":0,"unique_visitors":0}
$ get --strict main_page nobody
COUNTER    VISITS  VISITORS
main_page       4         3
nobody          0         0
! footfall: there is no counter 'nobody'
= 1
$ set main_page 9223372036854775807 -3
main_page: 9223372036854775807 visits, -3 visitors
$ add main_page
! footfall: counter "main_page" would leave the range of a signed 64-bit integer
= 1
$ set --json main_page 1
{"counter":"main_page","count":1,"total_visits":1,"unique_visitors":0}
$ forget main_page 203.0.113.7
main_page: 1 visit, 0 visitors (the visitor is forgotten, the numbers stay)
$ forget main_page 203.0.113.7 --json
{"counter":"main_page","count":1,"total_visits":1,"unique_visitors":0}
$ delete main_page
main_page: 1 visit, 0 visitors (deleted)
$ delete main_page --json
{"counter":"main_page","count":0,"total_visits":0,"unique_visitors":0,"deleted":true}
'''

LISTING = r'''
$ list
$ list --json
$ set / 120 40
/: 120 visits, 40 visitors
$ set /about 7 7
/about: 7 visits, 7 visitors
$ set /計數器 9223372036854775807 50
/計數器: 9223372036854775807 visits, 50 visitors
$ set old -4 0
old: -4 visits, 0 visitors
$ list
COUNTER               VISITS  VISITORS
/                        120        40
/about                     7         7
/計數器  9223372036854775807        50
old                       -4         0
$ list /a
COUNTER  VISITS  VISITORS
/about        7         7
$ list --sort total
COUNTER               VISITS  VISITORS
/計數器  9223372036854775807        50
/                        120        40
/about                     7         7
old                       -4         0
$ list --sort unique --limit 2
COUNTER               VISITS  VISITORS
/計數器  9223372036854775807        50
/                        120        40
$ list --sort name --limit 1
COUNTER  VISITS  VISITORS
/           120        40
$ list --json --sort total --limit 2
{"counter":"/計數器","count":9223372036854775807,"total_visits":9223372036854775807,"unique_visitors":50}
{"counter":"/","count":120,"total_visits":120,"unique_visitors":40}
$ list --json old
{"counter":"old","count":-4,"total_visits":-4,"unique_visitors":0}
$ list nothing
'''

MISTAKES = r'''
$
! footfall: no command; see footfall --help
= 2
$ vist x 203.0.113.7
! footfall: there is no command 'vist'; did you mean 'visit'?
= 2
$ visit x
! footfall: too few arguments; usage: footfall visit COUNTER ADDRESS
= 2
$ visit x nowhere
! footfall: ADDRESS: bad visitor address: not an IPv4 or IPv6 address
= 2
$ visit '' 203.0.113.7
! footfall: COUNTER: the counter name is empty
= 2
$ visit x 203.0.113.7 --at yesterday
! footfall: --at: 'yesterday' is neither RFC 3339 (2026-03-01T12:00:00Z) nor milliseconds since 1970
= 2
$ add x many
! footfall: DELTA: not a whole number
= 2
$ add x 9223372036854775808
! footfall: DELTA: out of range, -9223372036854775808 to 9223372036854775807
= 2
$ get
! footfall: too few arguments; usage: footfall get COUNTER...
= 2
$ list --sort size
! footfall: --sort: name, total or unique
= 2
$ list --limit 0
! footfall: --limit: out of range, 1 to 9223372036854775807
= 2
$ list --color
! footfall: --color needs a value: WHEN
= 2
$ list --color=sometimes
! footfall: --color: auto, always or never
= 2
$ list --colour=never
! footfall: there is no option '--colour'; did you mean '--color'?
= 2
$ set x 1 2 3
! footfall: too many arguments; usage: footfall set COUNTER TOTAL [UNIQUE]
= 2
$ ingest absent.log
! footfall: absent.log: No such file or directory
= 2
$ list -c absent.ini
! footfall: absent.ini: cannot read the configuration file: No such file or directory
= 3
'''


class Golden(Case):
    def play(self, session):
        shown = ''
        for words in re.findall(r'^\$ ?(.*)$', session, re.MULTILINE):
            done = self.run_only(*shlex.split(words))
            shown += f'\n$ {words}'.rstrip() + '\n' + done.out
            shown += ''.join(f'! {line}\n' for line in done.err.splitlines())
            shown = shown.rstrip('\n') + (f'\n= {done.status}' if done.status else '')
        self.assertEqual(shown.strip().splitlines(), session.strip().splitlines())

    def test_counting(self):
        self.play(COUNTING)

    def test_listing(self):
        self.play(LISTING)

    def test_mistakes(self):
        self.play(MISTAKES)
        self.assert_untouched()

    def test_purge(self):
        self.play('''
$ purge
dropped 0 visitor records, 0 tokens and the like, 0 deleted counters
$ purge --json
{"visitors":0,"tokens":0,"counters":0,"done":true}
''')

    def test_config(self):
        out = self.ok('-o', 'window=90m', 'config')
        line = next(line for line in out.splitlines() if line.startswith('window '))
        self.assertRegex(line, r'^window +90m +\(setting\) how long a visitor stays counted: 1s to 3660d, or forever$')
        line = next(line for line in self.ok('-o', 'window=90m', 'config', '--json').splitlines() if '"window"' in line)
        self.assertEqual(line, '{"key":"window","value":"90m","source":"setting","source_name":"setting","line":0,'
                               '"help":"how long a visitor stays counted: 1s to 3660d, or forever"}')


LOG = ''.join(f'{host} - - [{when}] "{request}" {status} 1 "-" "-"\n' for host, when, request, status in (
    ('198.51.100.7', '01/Mar/2026:12:00:00 +0000', 'GET /a HTTP/1.1', 200),
    ('198.51.100.7', '01/Mar/2026:12:00:01 +0000', 'GET /a HTTP/1.1', 200),
    ('198.51.100.8', '01/Mar/2026:12:00:02 +0000', 'GET /b?c HTTP/1.1', 200),
    ('crawler.example', '01/Mar/2026:12:00:03 +0000', 'GET /a HTTP/1.1', 200),
    ('198.51.100.8', '31/Apr/2026:12:00:04 +0000', 'GET /a HTTP/1.1', 200),
    ('198.51.100.8', '01/Mar/2026:12:00:05 +0000', 'GET /a HTTP/1.1', 404),
    ('198.51.100.8', '01/Mar/2026:12:00:06 +0000', '-', 200))) + 5 * 'nonsense\n'

NOTES = '''
footfall: log:4: skipped: the host is no IP address
footfall: log:5: skipped: bad time
footfall: log:7: skipped: no request
footfall: log:8: skipped: no time
footfall: log:9: skipped: no time
'''.lstrip()

SUMMARY = '''
read                    12
counted                  3
new visitors             2
skipped                  9
  bad line               6
  not an address         1
  no path                1
  left out by --status   1
'''.lstrip()


class Summary(Case):
    def test_text(self):
        self.write('log', LOG)
        done = self.run_only('ingest', '--status', '200-399', 'log')
        self.assertEqual((done.status, done.err), (0, NOTES))
        lines = done.out.splitlines(True)
        self.assertRegex(lines[-2], r'^seconds +\d+\.\d{3}\n$')
        self.assertRegex(lines[-1], r'^lines a second +\d+\n$')
        self.assertEqual(len({len(line) for line in lines}), 1, 'numbers end in one column')
        more = len(lines[0]) - SUMMARY.index('\n') - 1  # columns, for the times
        self.assertEqual(''.join(line[:22] + line[22 + more:] for line in lines[:-2]), SUMMARY)

    def test_json(self):
        self.write('log', LOG)
        done = self.run_only('ingest', '--json', '--status', '200-399', 'log')
        self.assertEqual((done.status, done.err), (0, NOTES))
        self.assertRegex(done.out, r'^\{.*\}\n$')
        got = json.loads(done.out)
        self.assertGreater(got['seconds'], 0)
        self.assertEqual(list(got.items())[:-3],
                         [('read', 12), ('counted', 3), ('counted_before', 0), ('new_visitors', 2), ('skipped', 9)])
        self.assertEqual(list(got)[-3:], ['skipped_by_reason', 'seconds', 'lines_per_second'])
        self.assertEqual({reason: count for reason, count in got['skipped_by_reason'].items() if count},
                         {'bad_line': 6, 'not_an_address': 1, 'no_path': 1, 'status': 1})

    def test_nothing(self):
        self.assertRegex(self.ok('ingest'), r'^read +0\ncounted +0\nnew visitors +0\nskipped +0\nseconds +\d+\.\d{3}\n'
                                            r'lines a second +0\n$')


class Sorted(Case):
    def test_the_largest_of_many(self):
        """More than are kept at once."""
        names = [f'/{n}' for n in range(self.many(1000))]
        hits = names + [self.random.choice(names) for _ in range(2 * len(names))]
        self.random.shuffle(hits)
        self.ok('ingest', stdin=''.join(
            f'198.51.100.{self.random.randrange(99)} - - [01/Mar/2026:12:00:00 +0000] "GET {name} HTTP/1.1" 200 1 "-" "-"\n'
            for name in hits).encode())
        counters = self.counters()
        for key, at in (('total', 0), ('unique', 1)):
            want = sorted(names, key=lambda name, at=at: (-counters[name][at], name.encode()))
            for limit in (1, 7, 32, 33, len(names) - 1, len(names) + 1):
                listed = self.ok('list', '--sort', key, '--limit', str(limit)).splitlines()[1:]
                self.assertEqual([line.split()[0] for line in listed], want[:limit], f'seed {self.seed}')
            listed = self.ok('list', '--sort', key, '--json').splitlines()
            self.assertEqual([json.loads(line)['counter'] for line in listed], want)


class Help(Case):
    def test_help(self):
        whole = self.ok('--help')
        self.assertEqual(re.findall(r'^(\S.*:)$', whole, re.MULTILINE), ['Commands:', 'Options:', 'Exit status:'])
        self.assertTrue(whole.startswith('usage: footfall [-c FILE] [-o KEY=VALUE]... COMMAND [ARGUMENTS]\n'), whole)
        self.check(whole, 30, whole.index('Commands:'), whole.index('Options:'))
        self.check(whole, 27, whole.index('Options:'), whole.index('footfall COMMAND --help'))
        for command in re.findall(r'^  ([a-z][a-z-]*) ', whole, re.MULTILINE):
            with self.subTest(command=command):
                text = self.ok(command, '--help')
                self.assertRegex(text, rf'^usage: footfall {command}\b.*\n[A-Z].*\.\n\n')
                self.check(text, 27, text.index('\nOptions:') + 1, len(text))
        self.assert_untouched()

    def check(self, text, column, begin, end):
        """What is said of an entry stands in one column; no line is too long for a terminal."""
        self.assertLessEqual(max(map(len, text.splitlines())), 79)
        self.assertEqual([line for line in text.splitlines() if line != line.rstrip()], [])
        for line in text[begin:end].splitlines()[1:]:
            if len(line) > column and line[column - 1] == ' ':
                self.assertNotEqual(line[column], ' ', line)
            else:
                self.assertRegex(line, r'^$|^  -')


class Pipes(Case):
    """What reads a pipe is no eye."""
    everything = {'TERM': 'xterm-256color', 'LC_ALL': 'C.UTF-8', 'COLUMNS': '30'}

    def setUp(self):
        super().setUp()
        self.name = '/' + 'long' * 40
        self.ok('set', self.name, '5', '2')

    def test_plain(self):
        want = f'COUNTER{" " * 154}  VISITS  VISITORS\n{self.name}       5         2\n'
        self.assertEqual(self.ok('list', env=self.everything), want)
        self.assertEqual(self.ok('list', '--sort', 'total', env=self.everything), want)
        self.assertEqual(self.fails(2, 'list', '--limit', 'x', env=self.everything),
                         'footfall: --limit: not a whole number\n')
        self.write('log', LOG)
        done = self.run_only('ingest', 'log', env=self.everything)
        self.assertNotRegex(done.out + done.err, '[\x1b\r]')

    def test_coloured_when_asked_for(self):
        want = f'\x1b[1mCOUNTER{" " * 154}  VISITS  VISITORS\x1b[0m\n{self.name}       5         2\n'
        for more in ({}, {'NO_COLOR': '1'}, {'TERM': 'dumb'}):
            self.assertEqual(self.ok('list', '--color=always', env={**self.everything, **more}), want)
        done = self.run_only('list', '--color', 'always', '--limit', 'x')
        self.assertEqual(done.err, '\x1b[1mfootfall:\x1b[0m --limit: not a whole number\n')
        self.assertEqual(self.run_only('list', '--color', 'always', '--limt').err,
                         "\x1b[1mfootfall:\x1b[0m there is no option '--limt'; did you mean '--limit'?\n")
        self.write('log', LOG)
        done = self.run_only('ingest', '--color=always', '--status', '200', 'log', env=self.everything)
        self.assertRegex(done.out, '\x1b\\[2m  bad line +\x1b\\[0m  \x1b\\[33m +6\x1b\\[0m\n')
        self.assertRegex(done.out, '\x1b\\[2mread +\x1b\\[0m  +12\n')
        self.assertNotIn('\r', done.out + done.err)

    def test_json_has_no_colour(self):
        self.assertEqual(self.ok('list', '--json', '--color=always'),
                         f'{{"counter":"{self.name}","count":5,"total_visits":5,"unique_visitors":2}}\n')

    def test_messages_drive_no_terminal(self):
        """Escapes in a name, a direction mark, a control character of eight bits, what is no UTF-8."""
        for name, shown in (('a\x1b[31m', 'a?[31m'), ('a\u202eb', 'a?b'), ('a\u009b31m', 'a?31m'), (b'a\xff', 'a?'),
                            ('計數器', '計數器')):
            self.assertEqual(self.run_only('ingest', name).err, f'footfall: {shown}: No such file or directory\n')


class Broken(Case):
    """Nobody reads any more, or the disk is full."""

    def test_reader_goes_away(self):
        """As with `| head -1`: quiet, and with the status of what was done."""
        self.ok('ingest', stdin=''.join(
            f'198.51.100.1 - - [01/Mar/2026:12:00:00 +0000] "GET /{"long" * 10}/{n} HTTP/1.1" 200 1 "-" "-"\n'
            for n in range(self.many(3000))).encode())
        for words in (['list'], ['list', '--json'], ['list', '--sort', 'total'], ['list', '--sort', 'unique', '--json']):
            with self.subTest(words=words), \
                    subprocess.Popen(self.command(*words), cwd=self.folder, env=self.environment,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
                self.assertTrue(run.stdout.readline().endswith(b'\n'))
                run.stdout.close()
                self.assertEqual((run.stderr.read(), run.wait(60)), (b'', 0))
        for words in (['--help'], ['--version'], ['ingest', '--help'], ['get', 'x'], ['get', 'x', '--json'], ['purge'],
                      ['delete', 'x']):
            with self.subTest(words=words):
                reader, writer = os.pipe()
                os.close(reader)
                with open(writer, 'wb') as out:
                    done = self.run_only(*words, stdout=out)
                self.assertEqual((done.status, done.err), (0, ''))

    def test_full_disk(self):
        """Told, whatever was printed; what was asked for is done all the same."""
        self.write('log', '198.51.100.1 - - [01/Mar/2026:12:00:00 +0000] "GET /x HTTP/1.1" 200 1 "-" "-"\n')
        runs = (['set', 'x', '1', '0'], ['visit', 'x', '203.0.113.7'], ['add', 'x', '5'], ['get', 'x'], ['get', 'x', '--json'],
                ['list'], ['list', '--json'], ['list', '--sort', 'total', '--json'], ['forget', 'x', '203.0.113.7'],
                ['ingest', 'log'], ['ingest', '--json', 'log'], ['purge'], ['purge', '--json'], ['config'],
                ['config', '--json'], ['--version'], ['--help'], ['list', '--help'])
        with open('/dev/full', 'wb') as full:
            for words in runs:
                with self.subTest(words=words):
                    done = self.run_only(*words, stdout=full)
                    self.assertEqual((done.status, done.err),
                                     (1, 'footfall: cannot write to standard output: No space left on device\n'))
            self.assertEqual(self.counters(), {'x': (7, 1), '/x': (2, 1)})
            self.assertEqual(self.run_only('delete', 'x', stdout=full).status, 1)
        self.assertEqual(self.counters(), {'/x': (2, 1)})
