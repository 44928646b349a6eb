"""Every command but ingest: what it prints, what it leaves, how it fails."""
import json
import os
import re
import sqlite3
import subprocess
import time
import unittest

from harness import Case

MAX = 9223372036854775807


class Counting(Case):
    def test_visit(self):
        self.assertEqual(self.ok('visit', 'main_page', '203.0.113.7'), 'main_page: 1 visit, 1 visitor (new visitor)\n')
        self.assertEqual(self.ok('visit', 'main_page', '203.0.113.7'),
                         'main_page: 2 visits, 1 visitor (returning visitor)\n')
        self.assertEqual(self.ok('visit', 'main_page', '2001:db8::1'), 'main_page: 3 visits, 2 visitors (new visitor)\n')
        self.assertEqual(self.ok('visit', 'main_page', '::ffff:203.0.113.7'),
                         'main_page: 4 visits, 2 visitors (returning visitor)\n')

    def test_visit_json(self):
        self.assertEqual(self.ok('--json', 'visit', 'main_page', '203.0.113.7'),
                         '{"counter":"main_page","count":1,"total_visits":1,"unique_visitors":1,"is_new_visitor":true}\n')
        self.assertEqual(self.ok('visit', 'main_page', '203.0.113.7', '--json'),
                         '{"counter":"main_page","count":2,"total_visits":2,"unique_visitors":1,"is_new_visitor":false}\n')

    def test_visit_at_a_time(self):
        def is_new(at):
            return self.json('visit', 'x', '203.0.113.7', '--at', at)['is_new_visitor']
        self.assertTrue(is_new('2026-03-01T12:00:00.5Z'))
        self.assertFalse(is_new('2026-03-02T12:00:00.499Z'))
        self.assertTrue(is_new('2026-03-02T13:00:00.500+01:00'))
        self.assertFalse(is_new('2026-03-02T12:00:00Z'))
        self.assertTrue(is_new('1772539200500'))  # 2026-03-03T12:00:00.5Z
        self.assertEqual(self.counters(), {'x': (5, 3)})

    def test_visit_options_before_the_command(self):
        self.ok('--at=2026-03-01T12:00:00Z', 'visit', 'x', '203.0.113.7')
        self.assertTrue(self.json('visit', 'x', '203.0.113.7')['is_new_visitor'])

    def test_tokens(self):
        first = self.json('visit', 'x', '203.0.113.7', '--token', 'a b')
        again = self.json('visit', 'x', '203.0.113.7', '--token', 'a b')
        self.assertEqual(again, {**first, 'replayed': True})
        self.assertEqual(self.ok('visit', 'x', '203.0.113.7', '--token', 'a b'),
                         'x: 1 visit, 1 visitor (new visitor; this token was counted before)\n')
        self.ok('add', 'y', '5', '--token', 't')
        self.assertEqual(self.ok('add', 'y', '5', '--token', 't'), 'y: 5 visits, 0 visitors (this token was counted before)\n')
        self.fails(2, 'add', 'y', '6', '--token', 't')
        self.fails(2, 'add', 'y', '6', '--token', '', says='--token: 1 to 64 bytes')
        self.fails(2, 'add', 'y', '6', '--token', 't' * 65, says='--token: 1 to 64 bytes')
        self.assertEqual(self.counters(), {'x': (1, 1), 'y': (5, 0)})

    def test_agents_tell_visitors_apart(self):
        for agent, fresh in (('one', True), ('two', True), ('one', False)):
            got = self.json('-o', 'visitor=address+agent', 'visit', 'x', '203.0.113.7', '--agent', agent)
            self.assertEqual(got['is_new_visitor'], fresh)

    def test_add(self):
        self.assertEqual(self.ok('add', 'x'), 'x: 1 visit, 0 visitors\n')
        self.assertEqual(self.ok('add', 'x', '-5'), 'x: -4 visits, 0 visitors\n')
        self.assertEqual(self.ok('add', 'x', '+10', '--json'),
                         '{"counter":"x","count":6,"total_visits":6,"unique_visitors":0}\n')
        self.assertEqual(self.ok('add', 'x', '0'), 'x: 6 visits, 0 visitors\n')
        self.assertEqual(self.ok('add', 'new', '0'), 'new: 0 visits, 0 visitors\n')

    def test_int64_edges(self):
        self.ok('set', 'x', str(MAX), str(-MAX - 1))
        self.assertEqual(self.ok('--json', 'get', 'x'),
                         f'{{"counter":"x","count":{MAX},"total_visits":{MAX},"unique_visitors":{-MAX - 1}}}\n')
        self.fails(1, 'add', 'x', '1')
        self.fails(1, 'visit', 'x', '203.0.113.7')
        self.assertEqual(self.counters(), {'x': (MAX, -MAX - 1)})
        self.ok('add', 'x', str(-MAX))
        self.ok('add', 'x', str(-MAX - 1))
        self.assertEqual(self.counters(), {'x': (-MAX - 1, -MAX - 1)})

    def test_set(self):
        self.assertEqual(self.ok('set', 'x', '5', '2'), 'x: 5 visits, 2 visitors\n')
        self.assertEqual(self.ok('set', 'x', '-7'), 'x: -7 visits, 0 visitors\n')

    def test_set_keeps_visitors(self):
        self.ok('visit', 'x', '203.0.113.7')
        self.ok('set', 'x', '0', '0')
        self.assertFalse(self.json('visit', 'x', '203.0.113.7')['is_new_visitor'])

    def test_delete(self):
        self.ok('visit', 'x', '203.0.113.7')
        self.assertEqual(self.ok('delete', 'x'), 'x: 1 visit, 1 visitor (deleted)\n')
        self.assertEqual(self.ok('delete', 'x', '--json'),
                         '{"counter":"x","count":0,"total_visits":0,"unique_visitors":0,"deleted":true}\n')
        self.assertEqual(self.counters(), {})
        self.assertTrue(self.json('visit', 'x', '203.0.113.7')['is_new_visitor'])

    def test_forget(self):
        self.ok('visit', 'x', '203.0.113.7')
        self.assertEqual(self.ok('forget', 'x', '203.0.113.7'),
                         'x: 1 visit, 1 visitor (the visitor is forgotten, the numbers stay)\n')
        self.assertTrue(self.json('visit', 'x', '203.0.113.7')['is_new_visitor'])
        self.ok('visit', 'x', '203.0.113.8', '--at', '2026-03-01T12:00:00Z')
        self.ok('forget', 'x', '203.0.113.8', '--at', '2026-03-01T13:00:00Z', '--json')
        self.assertTrue(self.json('visit', 'x', '203.0.113.8', '--at', '2026-03-01T14:00:00Z')['is_new_visitor'])
        self.ok('forget', 'nobody', '203.0.113.7')
        self.assertNotIn('nobody', self.counters())


class Reading(Case):
    def test_get(self):
        self.ok('set', 'a', '5', '2')
        self.ok('set', 'main_page', '1234567890', '17')
        self.assertEqual(self.ok('get', 'main_page', 'nobody', 'a'),
                         'COUNTER        VISITS  VISITORS\n'
                         'main_page  1234567890        17\n'
                         'nobody              0         0\n'
                         'a                   5         2\n')
        self.assertEqual(self.ok('get', '--json', 'nobody', 'a'),
                         '{"counter":"nobody","count":0,"total_visits":0,"unique_visitors":0}\n'
                         '{"counter":"a","count":5,"total_visits":5,"unique_visitors":2}\n')
        self.assertNotIn('nobody', self.counters())

    def test_get_strict(self):
        self.ok('set', 'a', '0')
        self.ok('get', '--strict', 'a')
        done = self.run_only('get', '--strict', 'a', 'b', '--json')
        self.assertEqual((done.status, done.err), (1, "footfall: there is no counter 'b'\n"))
        self.assertEqual(len(done.out.splitlines()), 2)

    def test_list(self):
        for name, total, unique in (('b', 3, 1), ('a/2', 7, 7), ('a/1', 3, 2), ('Z', -4, 0)):
            self.ok('set', name, str(total), str(unique))
        self.assertEqual(self.ok('list'),
                         'COUNTER  VISITS  VISITORS\n'
                         'Z            -4         0\n'
                         'a/1           3         2\n'
                         'a/2           7         7\n'
                         'b             3         1\n')

        def names(*words):
            return [json.loads(line)['counter'] for line in self.ok('--json', 'list', *words).splitlines()]
        self.assertEqual(names('a/'), ['a/1', 'a/2'])
        self.assertEqual(names('nothing'), [])
        self.assertEqual(self.ok('list', 'nothing'), '')
        self.assertEqual(names('--sort', 'name', '--limit', '2'), ['Z', 'a/1'])
        self.assertEqual(names('--sort', 'total'), ['a/2', 'a/1', 'b', 'Z'])
        self.assertEqual(names('--sort=unique', '--limit=3'), ['a/2', 'a/1', 'b'])
        self.assertEqual(names('a', '--sort', 'total', '--limit', '1'), ['a/2'])
        self.assertEqual(self.ok('list', '--sort', 'total', '--limit', '1').splitlines()[1].split(), ['a/2', '7', '7'])

    def test_many_counters(self):
        count = self.many(5000)
        log = ''.join(f'198.51.100.{n % 250} - - [01/Mar/2026:12:00:00 +0000] "GET /p{n:05d} HTTP/1.1" 200 1 "-" "-"\n'
                      for n in range(count))
        self.ok('ingest', stdin=log.encode())
        listed = self.ok('--json', 'list').splitlines()
        self.assertEqual([json.loads(line)['counter'] for line in listed], [f'/p{n:05d}' for n in range(count)])
        self.assertEqual(len(self.ok('list').splitlines()), count + 1)

    def test_odd_names(self):
        names = ['a b', ' ', '/', '{x}', '#', ':', '%41', '"', '\\', "'; drop table counters; --", 'Zürich', '計數器',
                 '\U0001f600', 'é' * 100, 'x' * 200, '-5', '\u009b31m', 'a\u202eb']
        for name in names:
            self.assertEqual(self.json('add', '--', name)['counter'], name)
        self.assertEqual(self.counters(), {name: (1, 0) for name in names})
        listed = self.ok('list')
        self.assertIn('\\u{9b}31m ', listed)
        self.assertIn('a\\u{202e}b ', listed)
        self.assertNotIn('\u009b', listed)
        self.assertNotIn('\u202e', listed)
        rows = [line for line in listed.splitlines() if line.startswith(('計', 'Zürich', 'COUNTER'))]
        width = len(rows[0])
        for row in rows:
            self.assertEqual(len(row) + sum(ord(c) > 0x2000 for c in row), width, 'columns are aligned as a terminal counts')


class Refused(Case):
    def nothing_touched(self):
        self.assert_untouched()

    def test_names(self):
        bad = [b'', b'a\x1f', b'\x7f', b'a\nb', b'\xff', b'\xc0\x80', b'\xed\xa0\x80', b'x' * 201]
        for name in bad:
            for words in (['visit', name, '203.0.113.7'], ['add', name], ['get', name], ['set', name, '1'],
                          ['delete', name], ['forget', name, '203.0.113.7'], ['ingest', '--counter', name]):
                with self.subTest(name=name, command=words[0]):
                    self.fails(2, *words, says='COUNTER: ')
        self.nothing_touched()

    def test_addresses(self):
        for address in ('', 'localhost', '0.0.0.0', '::', '::ffff:0.0.0.0', '1.2.3', '1.2.3.4.5', '01.2.3.4', '1.2.3.4:80',
                        '[::1]', '203.0.113.300', ' 203.0.113.7', 'secret-host.example'):
            with self.subTest(address=address):
                said = self.fails(2, 'visit', 'x', address, says='ADDRESS: ')
                if len(address) > 4:
                    self.assertNotIn(address, said, 'an address is never repeated')
        self.nothing_touched()

    def test_times(self):
        for at, says in (('yesterday', 'is neither RFC 3339'), ('2026-03-01T00:00:00', 'has no offset'),
                         ('2026-02-29T00:00:00Z', 'is no date'), ('-1', 'before 1970'),
                         ('1969-12-31T23:59:59Z', 'before 1970'), ('9999-01-01T00:00:00Z', 'more than one hour ahead'),
                         ('9223372036854775808', 'out of range'), (str(MAX), 'more than one hour ahead'),
                         (str(int(time.time() * 1000) + 3660000), 'more than one hour ahead')):
            with self.subTest(at=at):
                self.fails(2, 'visit', 'x', '203.0.113.7', '--at', at, says='--at: ')
                self.fails(2, 'forget', 'x', '203.0.113.7', '--at=' + at, says=says)
        self.nothing_touched()
        self.ok('visit', 'x', '203.0.113.7', '--at', str(int(time.time() * 1000) + 3500000))

    def test_numbers(self):
        for words, says in ((['add', 'x', '1.5'], 'DELTA: not a whole number'), (['add', 'x', ''], 'DELTA: '),
                            (['add', 'x', '9223372036854775808'], 'DELTA: out of range'),
                            (['set', 'x', 'many'], 'TOTAL: '), (['set', 'x', '1', '1e3'], 'UNIQUE: '),
                            (['list', '--limit', '0'], '--limit: out of range'), (['list', '--limit', 'x'], '--limit: '),
                            (['list', '--sort', 'size'], '--sort: '), (['bench', '0'], 'N: out of range'),
                            (['bench', '--threads', '1000'], '--threads: '), (['bench', '--batch', '0'], '--batch: ')):
            with self.subTest(words=words):
                self.fails(2, *words, says=says)
        self.nothing_touched()

    def test_usage(self):
        for words, says in (([], 'no command'), (['vist', 'x'], "did you mean 'visit'?"),
                            (['list', '--limt', '5'], "did you mean '--limit'?"), (['visit', 'x'], 'too few arguments'),
                            (['purge', 'x'], 'too many arguments'), (['get', 'x', '--at', '5'], "does not go with 'get'"),
                            (['list', '-o', 'window'], '-o needs KEY=VALUE'), (['frobnicate'], 'there is no command')):
            with self.subTest(words=words):
                self.fails(2, *words, says=says)
        self.nothing_touched()

    def test_configuration(self):
        self.fails(3, '-o', 'windw=24h', 'get', 'x', says='windw')
        self.fails(3, '-o', 'window=soon', 'get', 'x', says='window')
        self.fails(3, '-c', 'no-such-file', 'get', 'x', says='no-such-file')
        self.write('bad.ini', 'window = 24h\nwindow = 25h\n')
        self.assertRegex(self.fails(3, '-c', 'bad.ini', 'get', 'x'), r'window.*bad\.ini|bad\.ini.*window')
        self.fails(3, 'get', 'x', env={'FOOTFALL_WINDOW': 'soon'}, says='FOOTFALL_WINDOW')
        self.fails(3, '-o', 'backend=stone', 'get', 'x', says='stone')
        self.nothing_touched()

    def test_unknown_environment_is_a_warning(self):
        done = self.run_only('get', 'x', env={'FOOTFALL_SHOE_SIZE': '43'})
        self.assertEqual(done.status, 0)
        self.assertIn('FOOTFALL_SHOE_SIZE', done.err)
        self.assertTrue(done.err.startswith('footfall: '))

    def test_json_errors_leave_standard_output_alone(self):
        self.fails(2, '--json', 'visit', 'x', 'nowhere')
        self.fails(3, '--json', '-o', 'windw=1h', 'get', 'x')


class Held(Case):
    needs = 'hold'

    def test_a_store_that_is_held_is_temporary(self):
        self.ok('add', 'x')
        with self.behind.hold():
            self.fails(4, '-o', 'deadline=200ms', 'add', 'x')
            self.assertEqual(self.counters(), {'x': (1, 0)})
        self.ok('add', 'x')
        self.assertEqual(self.counters(), {'x': (2, 0)})


class File(Case):
    """Faults of a store that is one file."""
    needs = 'file'

    def test_newer_database(self):
        self.ok('add', 'x')
        with sqlite3.connect(self.behind.path) as db:
            db.execute('PRAGMA user_version = 1000000')
        db.close()
        self.fails(1, 'add', 'x')
        with sqlite3.connect(self.behind.path) as db:
            db.execute('PRAGMA user_version = 1')
        db.close()
        self.assertEqual(self.counters(), {'x': (1, 0)})

    def test_no_database(self):
        self.write('store/footfall.db', b'this is not a database, but it is long enough to look like one\n' * 100)
        self.fails(1, 'get', 'x')

    def test_secret_of_its_own(self):
        self.ok('visit', 'x', '203.0.113.7')
        self.assertEqual(os.stat(self.behind.path + '.secret').st_mode & 0o777, 0o600)
        os.remove(self.behind.path + '.secret')
        self.fails(3, 'visit', 'x', '203.0.113.8', says='secret')


class Records(Case):
    """A store that keeps what is out of date until somebody purges it."""
    needs = 'records'

    def test_purge(self):
        long_ago = ['--at', '2020-03-01T12:00:00Z']
        self.ok('-o', 'window=1s', 'visit', 'x', '203.0.113.7', *long_ago)
        self.ok('delete', 'x')
        self.assertEqual(self.json('purge')['visitors'], 1)
        self.assertEqual(self.json('purge')['visitors'], 0)


class Output(Case):
    def test_full_disk(self):
        with open('/dev/full', 'wb') as full:
            for words in (['add', 'x'], ['get', 'x', '--json'], ['list'], ['--help'], ['config']):
                with self.subTest(words=words):
                    done = self.run_only(*words, stdout=full)
                    self.assertEqual(done.status, 1)
                    self.assertIn('cannot write to standard output: ', done.err)

    def test_closed_descriptors(self):
        """With standard output closed neither file nor connection must become it."""
        for closed in ('0<&- 1>&- 2>&-', '1>&-', '0<&- 1>&-'):
            shell = subprocess.run(['sh', '-c', f'exec "$@" {closed}', 'sh'] + self.command('add', 'x'), cwd=self.folder,
                                   env=self.environment, timeout=60, check=False, stderr=subprocess.DEVNULL)
            self.assertEqual(shell.returncode, 1, 'the number could not be written')
        self.assertEqual(self.counters(), {'x': (3, 0)})

    def test_nobody_reads(self):
        """Quiet, when the reader went away; what was asked for was done all the same."""
        for words in (['add', 'x'], ['config'], ['--help']):
            reader, writer = os.pipe()
            os.close(reader)
            with open(writer, 'wb') as out:
                done = self.run_only(*words, stdout=out)
            self.assertEqual((done.status, done.err), (0, ''), words)
        self.assertEqual(self.counters(), {'x': (1, 0)})

    def test_help(self):
        whole = self.ok('--help')
        commands = re.findall(r'^  ([a-z][a-z-]*) ', whole, re.MULTILINE)
        self.assertEqual(commands, ['visit', 'add', 'get', 'list', 'set', 'delete', 'forget', 'ingest', 'export', 'import', 'demo',
                                    'purge', 'serve', 'doctor', 'config', 'iam-policy', 'bench'])
        for command in commands:
            text = self.ok(command, '--help')
            self.assertTrue(text.startswith(f'usage: footfall {command}'), text)
            self.assertIn('--json', text)
        self.assertIn('--resume STATEFILE', self.ok('ingest', '-h'))
        self.assertLessEqual(max(len(line) for line in whole.splitlines()), 100)
        self.assert_untouched()

    def test_version(self):
        self.assertRegex(self.ok('--version'), r'^footfall \d+\.\d+\.\d+ \(backends:( [a-z]+)+\)\n$')

    def test_wrong_help_is_refused(self):
        self.fails(2, 'frobnicate', '--help', says='there is no command')


class Upkeep(Case):
    def test_purge(self):
        self.ok('-o', 'window=forever', 'visit', 'x', '203.0.113.7')
        self.ok('delete', 'x')
        got = self.json('purge')
        self.assertEqual(sorted(got), ['counters', 'done', 'tokens', 'visitors'])
        self.assertTrue(got['done'])
        self.assertEqual(got['visitors'], 1)
        self.assertEqual(self.ok('purge'), 'dropped 0 visitor records, 0 tokens and the like, 0 deleted counters\n')

    def test_config(self):
        self.write('footfall.ini', '# a comment\nwindow = 30d\n\n[http]\nlisten = [::1]:0\n')
        env = {'FOOTFALL_DEADLINE': '5s', 'FOOTFALL_SECRET': 'not to be shown, whatever happens'}
        out = self.ok('-c', 'footfall.ini', '-o', 'log_level=error', 'config', env=env)
        self.assertNotIn('whatever', out)
        self.assertRegex(out, r'(?m)^secret +\*\*\* +\(FOOTFALL_SECRET\) ')
        self.assertRegex(out, r'(?m)^window +30d +\(footfall\.ini:2\) ')
        self.assertRegex(out, r'(?m)^window_mode +fixed +\(default\) ')
        lines = [json.loads(line) for line in
                 self.ok('-c', 'footfall.ini', '-o', 'log_level=error', 'config', '--json', env=env).splitlines()]
        keys = {line['key']: line for line in lines}
        self.assertEqual(len(keys), len(lines))
        self.assertEqual(keys['secret']['value'], '***')
        self.assertEqual((keys['window']['value'], keys['window']['source'], keys['window']['line']), ('30d', 'file', 2))
        self.assertEqual((keys['deadline']['source'], keys['deadline']['source_name']), ('environment', 'FOOTFALL_DEADLINE'))
        self.assertEqual(keys['log_level']['source'], 'setting')
        self.assertEqual(keys['secret_file']['value'], None)
        self.assertEqual(keys['http.listen']['value'], '[::1]:0')
        self.assertTrue(all(line['help'] for line in lines))
        self.assert_untouched()

    def test_config_from_the_environment(self):
        self.write('footfall.ini', 'window = 30d\n')
        out = self.ok('config', env={'FOOTFALL_CONFIG': self.path('footfall.ini')})
        self.assertRegex(out, r'(?m)^window +30d ')


if __name__ == '__main__':
    unittest.main()
