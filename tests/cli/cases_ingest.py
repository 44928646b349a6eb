"""ingest without a state file: what counts, what is skipped and why, and that the numbers are right."""
import json
import os
import subprocess
import time

from harness import Case
from model import Model, make_lines, stamp

TIME = '[01/Mar/2026:12:00:00 +0000]'


def line(host='198.51.100.7', request='GET /a HTTP/1.1', status='200', when=TIME, more=' "-" "-"'):
    return f'{host} - - {when} "{request}" {status} 1{more}\n'


class Right(Case):
    def check(self, model, lines, *words):
        for each in lines:
            model.line(each)
        got = self.json('ingest', *words, stdin=b''.join(lines))
        self.assertEqual(self.counters(), model.counters(), f'seed {self.seed}')
        self.assertEqual((got['read'], got['counted'], got['new_visitors']), (len(lines), model.lines, model.fresh))
        self.assertEqual(got['counted'] + got['skipped'], got['read'])

    def test_by_path(self):
        self.check(Model(), list(make_lines(self.random, self.many(40000))))

    def test_counter(self):
        self.check(Model(counter='site'), list(make_lines(self.random, self.many(40000), visitors=240, step=30)), '--counter', 'site')

    def test_unsorted_log(self):
        self.check(Model(), list(make_lines(self.random, self.many(40000), jitter=90000)), '--by', 'path')

    def test_status(self):
        self.check(Model(statuses={200, 304}), list(make_lines(self.random, self.many(5000))), '--status', '200,300-399')

    def test_window(self):
        lines = list(make_lines(self.random, self.many(20000)))
        model = Model(counter='x', window=3600 * 1000)
        for each in lines:
            model.line(each)
        self.ok('-o', 'window=1h', 'ingest', '--counter', 'x', stdin=b''.join(lines))
        self.assertEqual(self.counters(), model.counters(), f'seed {self.seed}')

    def test_window_to_the_second(self):
        """One visitor at 0, window - 1 s, window, then again from there."""
        day = 86400
        begin = 1772366400 + 7
        log = ''.join(line(when=f'[{stamp(begin + after)}]') for after in (0, day - 1, day, 2 * day - 1, 2 * day))
        self.assertEqual(self.json('ingest', stdin=log.encode())['new_visitors'], 3)

    def test_agents(self):
        log = line(more=' "-" "one"') + line(more=' "-" "two"') + line(more=' "-" "tw\\x6f"')
        got = self.json('-o', 'visitor=address+agent', 'ingest', stdin=log.encode())
        self.assertEqual(got['new_visitors'], 2)
        self.assertFalse(self.json('-o', 'visitor=address+agent', 'visit', '/a', '198.51.100.7', '--agent', 'two', '--at',
                                   '2026-03-01T13:00:00Z')['is_new_visitor'])

    def test_the_visitor_of_a_log_is_the_visitor_of_a_visit(self):
        self.ok('ingest', stdin=line().encode())
        self.assertFalse(self.json('visit', '/a', '198.51.100.7', '--at', '2026-03-01T13:00:00Z')['is_new_visitor'])


class Files(Case):
    def test_files_in_order(self):
        self.write('one', line(when='[01/Mar/2026:12:00:00 +0000]'))
        self.write('two', line(when='[02/Mar/2026:12:00:00 +0000]'))
        self.write('zero', line(when='[01/Mar/2026:11:00:00 +0000]'))
        self.assertEqual(self.json('ingest', 'one', 'two', 'zero')['new_visitors'], 2)
        self.ok('delete', '/a')
        self.assertEqual(self.json('ingest', 'two', 'one')['new_visitors'], 2)
        self.ok('delete', '/a')
        got = self.json('ingest', 'zero', '-', 'two', stdin=line().encode())
        self.assertEqual((got['counted'], got['new_visitors']), (3, 2))

    def test_last_line_without_newline(self):
        self.write('one', (line() + line()).rstrip('\n'))
        self.write('two', line()[:-2])
        done = self.run_only('--json', 'ingest', 'one', 'two', 'one')
        got = json.loads(done.out)
        self.assertEqual((got['read'], got['counted'], got['skipped_by_reason']['bad_line']), (5, 4, 1))
        self.assertEqual(done.err, 'footfall: two:1: skipped: no closing quote\n')

    def test_nothing_to_read(self):
        self.write('empty', '')
        self.assertEqual(self.json('ingest', 'empty')['read'], 0)
        self.assertEqual(self.json('ingest', stdin=b'')['read'], 0)
        self.assertEqual(self.counters(), {})

    def test_crlf(self):
        self.assertEqual(self.json('ingest', stdin=(line() * 3).replace('\n', '\r\n').encode())['counted'], 3)

    def test_long_lines(self):
        request = 'GET /a?' + 'x' * 300000 + ' HTTP/1.1'
        log = line() + line(request=request) + line(request=request * 4) + line() + line(request='y' * 9000000)[:-1]
        done = self.run_only('--json', 'ingest', stdin=log.encode())
        got = json.loads(done.out)
        self.assertEqual((got['read'], got['counted'], got['skipped_by_reason']['bad_line']), (5, 3, 2))
        self.assertEqual(done.err, ''.join(f'footfall: (standard input):{n}: skipped: longer than 1 MiB\n' for n in (3, 5)))

    def test_pipes_and_slow_writers(self):
        with subprocess.Popen(self.command('--json', 'ingest', '/dev/stdin'), cwd=self.folder, env=self.environment,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as ingest:
            for part in (line()[:50], line()[50:] + line()[:7], line()[7:]):
                ingest.stdin.write(part.encode())
                ingest.stdin.flush()
                time.sleep(0.05)
            out, _ = ingest.communicate(timeout=60)
        self.assertEqual(json.loads(out)['counted'], 2)

    def test_files_that_cannot_be_read(self):
        self.write('good', line())
        os.mkdir(self.path('folder'))
        self.fails(2, 'ingest', 'good', 'absent', says='absent: No such file')
        self.fails(2, 'ingest', 'good', 'folder', says='folder: is a directory')
        self.assert_untouched()

    def test_options_that_are_wrong(self):
        for words, says in ((['--format', 'xml'], '--format: '), (['--by', 'host'], '--by: '),
                            (['--by', 'path', '--counter', 'x'], 'exclude each other'), (['--status', '2xx'], '--status: '),
                            (['--counter', ''], 'COUNTER: ')):
            self.fails(2, 'ingest', *words, stdin=line().encode(), says=says)
        self.assert_untouched()


class Skipped(Case):
    def test_reasons(self):
        future = f'[{stamp(int(time.time()) + 3700)}]'
        near = f'[{stamp(int(time.time()) + 3500)}]'
        log = [
            (line(), None), (line(when=near), None), (line('2001:db8::1'), None), (line('fe80::1%eth0'), None),
            (line(request='GET http://example.org HTTP/1.1'), None), (line(request='GET /%zz HTTP/1.1'), None),
            (line(request='GET /caf%C3%A9?x#y'), None),
            ('\n', 'bad_line'), (line(more=''), 'bad_line'), (line(when='[31/Apr/2026:12:00:00 +0000]'), 'bad_line'),
            ('example.org:80 ' + line(), 'bad_line'), ('\0' * 200 + '\n', 'bad_line'),
            (line('crawler.example.org'), 'not_an_address'), (line('198.51.100.256'), 'not_an_address'),
            (line('-'), 'not_an_address'),
            (line('0.0.0.0'), 'unspecified_address'), (line('::'), 'unspecified_address'),
            (line('::ffff:0.0.0.0'), 'unspecified_address'),
            (line(request='-', status='408'), 'no_path'), (line(request='OPTIONS * HTTP/1.1'), 'no_path'),
            (line(request='CONNECT example.org:443 HTTP/1.1'), 'no_path'), (line(request='\\x16\\x03\\x01'), 'no_path'),
            (line(request='GET /%00 HTTP/1.1'), 'bad_name'), (line(request='GET /%0a HTTP/1.1'), 'bad_name'),
            (line(request='GET /%ff HTTP/1.1'), 'bad_name'), (line(request='GET /' + 'x' * 200 + ' HTTP/1.1'), 'bad_name'),
            (line(request='GET /\\xff HTTP/1.1'), 'bad_name'),
            (line(when='[31/Dec/1969:23:59:59 +0000]'), 'before_1970'), (line(when=future), 'in_the_future'),
        ]
        want = {}
        for _, reason in log:
            want[reason] = want.get(reason, 0) + 1
        done = self.run_only('--json', 'ingest', stdin=''.join(text for text, _ in log).encode())
        self.assertEqual(done.status, 0)
        got = json.loads(done.out)
        self.assertEqual(got['counted'], want.pop(None))
        self.assertEqual({k: v for k, v in got['skipped_by_reason'].items() if v}, want)
        self.assertEqual(got['read'], len(log))
        named = [n for n, (_, reason) in enumerate(log, 1) if reason is not None and
                 [r for _, r in log[:n]].count(reason) <= 3]
        self.assertEqual([int(each.split(':')[2]) for each in done.err.splitlines()], named)
        for secret in ('crawler', '198.51', '2001:db8'):
            self.assertNotIn(secret, done.err, 'no address is ever printed')
        self.assertEqual(sorted(self.counters()), ['/', '/%zz', '/a', '/café'])

    def test_text(self):
        log = line() * 12 + 'x\n' * 5 + line(status='404') + line('nowhere')
        done = self.run_only('ingest', '--status', '200-399', '-', stdin=log.encode())
        self.assertEqual(done.status, 0)
        self.assertEqual([each.split() for each in done.out.splitlines()[:-2]],
                         [['read', '19'], ['counted', '12'], ['new', 'visitors', '1'], ['skipped', '7'],
                          ['bad', 'line', '5'], ['not', 'an', 'address', '1'], ['left', 'out', 'by', '--status', '1']])
        self.assertRegex(done.out, r'seconds +\d+\.\d{3}\nlines a second +\d+\n$')
        self.assertEqual(done.err, ''.join(f'footfall: (standard input):{n}: skipped: no time\n' for n in (13, 14, 15)) +
                         'footfall: (standard input):19: skipped: the host is no IP address\n')

    def test_common(self):
        log = line(more='') + line() + line(more=' "-" "x')
        self.assertEqual(self.json('ingest', '--format', 'common', stdin=log.encode())['counted'], 3)

    def test_strict(self):
        self.write('good', line() * 3)
        self.write('log', line() * 4 + line(status='500') + 'bad\n' + line())
        done = self.run_only('--json', 'ingest', '--strict', '--status', '200-299', 'good', 'log', 'good')
        self.assertEqual(done.status, 2)
        self.assertEqual(done.err, 'footfall: log:6: no time; nothing after that line is counted\n')
        got = json.loads(done.out)
        self.assertEqual((got['read'], got['counted']), (9, 7))
        self.assertEqual(self.counters(), {'/a': (7, 1)})
        self.assertEqual(self.run_only('ingest', '--strict', stdin=line('nowhere').encode()).status, 2)
        self.assertEqual(self.run_only('ingest', '--strict', stdin=line(request='-').encode()).status, 2)

    def test_counter_that_is_full(self):
        self.ok('set', 'site', '9223372036854775805', '0')
        done = self.run_only('--json', 'ingest', '--counter', 'site', stdin=(line() * 5).encode())
        self.assertEqual(done.status, 1)
        self.assertIn('stopped at (standard input):3: ', done.err)
        self.assertIn('2 are counted, 3 are not, 0 may be', done.err)
        self.assertEqual(json.loads(done.out)['counted'], 2)
        self.assertEqual(self.counters(), {'site': (9223372036854775807, 1)})
