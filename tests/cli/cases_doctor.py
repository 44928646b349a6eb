"""footfall doctor: what it says of good stores and bad ones, what it ends with, and that it leaves everything as it was."""
import fcntl
import json
import os
import pty
import re
import shutil
import sqlite3
import struct
import subprocess
import termios
import unittest

import harness
from harness import Case

LINE = re.compile(r'(ok      |note    |warning |WRONG   ) (\S.*)$')
ADVICE = re.compile(r' {9}do: \S.*$')
TAGS = {'ok': 'fine', 'note': 'note', 'warning': 'warning', 'WRONG': 'wrong'}


class Doctor(Case):
    """Ways to run it."""

    def doctor(self, *words, status=0, env=None, command=None):
        """{severity: [sentence, …]}, after the checks that every report must pass."""
        done = self.run_only(*words, 'doctor', env=env, command=command)
        self.assertEqual((done.status, done.err), (status, ''), done)
        *lines, last = done.out.splitlines()
        found = {severity: [] for severity in TAGS.values()}
        for line in lines:
            match = LINE.match(line)
            if match:
                found[TAGS[match[1].strip()]].append(match[2])
            else:
                self.assertRegex(line, ADVICE)
        self.assertRegex(last, rf'^{harness.BACKEND}: (all is well|\d+ (wrong|warnings?|notes?))(, \d+ (warnings?|notes?))*$')
        for severity, word in (('wrong', 'wrong'), ('warning', 'warning'), ('note', 'note')):
            told = re.search(rf'(\d+) {word}', last)
            self.assertEqual(int(told[1]) if told else 0, len(found[severity]), done)
        self.assertEqual('all is well' in last, not found['wrong'] and not found['warning'], done)
        if status == 0:
            self.assertEqual(found['wrong'], [])
        for line, after in zip(lines, lines[1:] + ['']):
            if line.startswith(('WRONG', 'warning')):
                self.assertRegex(after, ADVICE, 'what is bad comes with what to do')
        return found

    def says(self, found, severity, words):
        """One sentence of that severity has these words."""
        self.assertEqual(len([text for text in found[severity] if words in text]), 1, f'{words!r} in {found}')


class Any(Doctor):
    def test_nothing_there_yet(self):
        self.doctor()
        self.assert_untouched()

    def test_a_good_store(self):
        self.ok('visit', 'main_page', '203.0.113.7')
        self.ok('add', 'x', '5')
        before = self.counters()
        found = self.doctor()
        self.assertGreaterEqual(len(found['fine']), 5, found)
        self.says(found, 'fine', "This host's clock is plausible.")
        self.says(found, 'fine', 'This is footfall ')
        self.assertEqual(self.counters(), before)
        self.assertFalse(self.json('visit', 'main_page', '203.0.113.7')['is_new_visitor'])

    def test_json(self):
        self.ok('visit', 'main_page', '203.0.113.7')
        lines = [json.loads(line) for line in self.ok('--json', 'doctor').splitlines()]
        for line in lines:
            self.assertEqual(sorted(line), ['advice', 'severity', 'text'])
            self.assertIn(line['severity'], TAGS.values())
            self.assertTrue(line['text'])
            self.assertTrue(line['advice'] or line['severity'] == 'fine', line)
        found = self.doctor()
        for severity in TAGS.values():
            self.assertEqual(len([line for line in lines if line['severity'] == severity]), len(found[severity]))

    def test_mistakes(self):
        self.fails(2, 'doctor', 'x', says='too many arguments')
        for words, says in ((['-o', 'window=soon'], 'window'), (['-c', 'no-such-file'], 'no-such-file'),
                            (['-o', 'windw=24h'], 'windw')):
            for json_too in ([], ['--json']):
                done = self.run_only(*words, *json_too, 'doctor')
                self.assertEqual(done.status, 3, done)
                self.assertTrue(done.err.startswith('footfall: ') and says in done.err, done)
                self.assertEqual(done.out.count('\n'), 1, 'what was found before')
                self.assertIn('This is footfall ', done.out)
        self.assert_untouched()

    def test_the_server_s_keys(self):
        """Whatever is wrong of http.* is said here as `serve` says it, with its place."""
        for key, value in (('trusted_proxies', 'foo'), ('listen', 'nowhere'), ('max_counters', '0')):
            name = self.write('site.conf', f'[http]\n{key} = {value}\n')
            found = self.doctor('-c', name, status=3)
            self.says(found, 'wrong', f'site.conf:2: http.{key}: ')
            self.assertIn(f'{name}:2: http.{key}: ', self.fails(3, '-c', name, 'serve'))
        self.assert_untouched()

    def test_unknown_variables(self):
        found = self.doctor(env={'FOOTFALL_WINDWO': '5h'})
        self.says(found, 'warning', 'FOOTFALL_WINDWO is not a known variable; did you mean FOOTFALL_WINDOW?')

    def test_settings(self):
        self.says(self.doctor('-o', 'window=forever'), 'note', 'window is forever')
        self.says(self.doctor('-o', 'ipv6_prefix=128'), 'note', 'ipv6_prefix is longer than 64')

    def test_secret_files(self):
        self.environment.pop('FOOTFALL_SECRET', None)
        self.write('secret', 'a secret of 32 bytes or more, for tests')
        for mode, severity, says in ((0o644, 'warning', 'is open to every user of this host (mode 0644)'),
                                     (0o640, 'note', 'is open to its group (mode 0640)'),
                                     (0o600, 'fine', 'Only its owner may read secret (secret_file).')):
            os.chmod(self.path('secret'), mode)
            self.says(self.doctor('-o', 'secret_file=secret'), severity, says)
        self.write('short', 'x')
        self.ok('-o', 'secret_file=secret', 'visit', 'x', '203.0.113.7')
        for name, says in (('short', 'too short'), ('missing', 'No such file')):
            self.says(self.doctor('-o', 'secret_file=' + name, status=3), 'wrong', says)

    def test_configuration_files(self):
        self.environment.pop('FOOTFALL_SECRET', None)
        self.write('ff.ini', 'secret = a secret of 32 bytes or more, for tests\n')
        os.chmod(self.path('ff.ini'), 0o644)
        found = self.doctor('-c', 'ff.ini')
        self.says(found, 'warning', 'ff.ini (it holds a secret) is open to every user of this host (mode 0644)')
        self.says(found, 'fine', 'The configuration comes from ff.ini')
        self.assertNotIn('for tests', str(found))
        os.chmod(self.path('ff.ini'), 0o600)
        self.says(self.doctor('-c', 'ff.ini'), 'fine', 'Only its owner may read ff.ini')

    def test_colour(self):
        self.assertNotIn('\033', self.ok('doctor'))
        self.assertIn('\033[32mok\033[0m ', self.ok('--color=always', 'doctor'))

    def test_terminal(self):
        """Wrapped at its width, below the first word."""
        mine, its = pty.openpty()
        try:
            fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 50, 0, 0))
            env = {key: value for key, value in self.environment.items() if key not in ('COLUMNS', 'NO_COLOR')}
            with subprocess.Popen(self.command('-o', 'window=forever', 'doctor'), cwd=self.folder, stdout=its,
                                  stderr=its, env={**env, 'TERM': 'xterm'}) as doctor:
                os.close(its)
                its = None
                out = b''
                while chunk := read_some(mine):
                    out += chunk
                self.assertEqual(doctor.wait(60), 0)
        finally:
            os.close(mine)
            if its is not None:
                os.close(its)
        lines = re.sub(r'\033\[\d*m', '', out.decode()).replace('\r', '').splitlines()
        for line in lines:
            self.assertTrue(len(line) <= 50 or len(line.split()) == 1, line)
        self.assertIn('note     window is forever: its key is never\n         erased, so who has store', '\n'.join(lines))
        self.assertIn(b'\033[36mnote\033[0m', out)


def read_some(terminal):
    try:
        return os.read(terminal, 65536)
    except OSError:  # EIO: the other side is closed
        return b''


class File(Doctor):
    needs = 'file'

    def setUp(self):
        super().setUp()
        self.file = self.behind.path

    def contents(self):
        """{name: bytes} of the store's folder. The index of a log is no fact."""
        found = {}
        for name in os.listdir(self.path('store')):
            if not name.endswith('-shm'):
                with open(os.path.join(self.path('store'), name), 'rb') as file:
                    found[name] = file.read()
        return found

    def unchanged(self, *words, **more):
        """Runs it, and nothing in the folder is other than it was."""
        before = self.contents()
        found = self.doctor(*words, **more)
        self.assertEqual(self.contents(), before)
        return found

    def sql(self, *statements):
        db = sqlite3.connect(self.file, isolation_level=None)
        for statement in statements:
            db.execute(statement)
        db.close()

    def test_all_is_well(self):
        self.ok('visit', 'x', '203.0.113.7')
        self.assertEqual(self.ok('doctor').splitlines()[-1], 'sqlite: all is well')
        self.unchanged()

    def test_no_database(self):
        self.says(self.unchanged(), 'note', f'There is no database {self.file} yet.')
        self.says(self.unchanged('-o', 'sqlite.path=no/such/folder/x.db', status=1), 'wrong', 'its folder cannot be used')
        with open(self.file, 'wb'):
            pass
        self.says(self.unchanged(), 'note', 'is empty: its tables are to be made yet')

    def test_files_that_are_no_store(self):
        with open(self.file, 'wb') as file:
            file.write(b'no database at all, ' * 1000)
        self.says(self.unchanged(status=1), 'wrong', 'file is not a database')
        os.remove(self.file)
        self.sql('CREATE TABLE t(x)')
        self.says(self.unchanged(status=1), 'wrong', 'is a database of another program')
        os.remove(self.file)
        self.ok('add', 'x')
        self.sql('PRAGMA user_version = 1000')
        self.says(self.unchanged(status=1), 'wrong', 'a newer footfall made it')
        os.remove(self.file)
        os.mkdir(self.file)
        self.assertEqual(len(self.doctor(status=1)['wrong']), 1)

    def test_damage(self):
        self.ok('visit', 'x', '203.0.113.7')
        with open(self.file, 'r+b') as file:
            file.seek(36)
            file.write(struct.pack('>I', 5))  # of free pages; there are none
        self.says(self.unchanged(status=1), 'wrong', 'The database is damaged')
        with open(self.file, 'r+b') as file:
            file.seek(4096)
            file.write(b'\xff' * (os.path.getsize(self.file) - 4096))
        self.says(self.unchanged(status=1), 'wrong', 'malformed')

    def test_the_secret_beside_it(self):
        secret = self.file + '.secret'
        self.ok('add', 'x')
        os.chmod(secret, 0o644)
        self.says(self.unchanged(status=1), 'wrong', 'The secret beside the database has mode 644.')
        os.remove(secret)  # nobody was counted by it
        self.says(self.unchanged(), 'note', "The secret that keys the visitors' ids is not made yet.")
        self.ok('visit', 'x', '203.0.113.7')
        os.remove(secret)
        self.says(self.unchanged(status=3), 'wrong', 'the database holds visitors but')

    def test_who_may_change_it(self):
        self.ok('add', 'x')
        os.chmod(self.file, 0o666)
        self.says(self.unchanged(), 'warning', 'The database may be changed by every user of this host (mode 666).')

    def test_another_journal(self):
        self.ok('add', 'x')
        self.sql('PRAGMA journal_mode = DELETE')
        self.says(self.unchanged(), 'warning', 'The journal mode is delete, not wal')
        self.ok('add', 'x')
        self.says(self.unchanged(), 'fine', 'The write-ahead log is on.')

    def test_a_log_that_was_left_behind(self):
        self.ok('add', 'x')
        reader = sqlite3.connect(self.file, isolation_level=None)
        reader.execute('BEGIN')
        reader.execute('SELECT * FROM counters').fetchall()
        self.ok('add', 'x')
        for name in os.listdir(self.path('store')):
            if not name.endswith('-shm'):
                shutil.copy(os.path.join(self.path('store'), name), self.path('kept-' + name))
        reader.close()
        for name in os.listdir(self.path('store')):
            os.remove(os.path.join(self.path('store'), name))
        for name in os.listdir(self.folder):
            if name.startswith('kept-'):
                shutil.move(self.path(name), os.path.join(self.path('store'), name.removeprefix('kept-')))
        self.assertGreater(os.path.getsize(self.file + '-wal'), 0)
        self.unchanged()
        self.assertEqual(self.counters(), {'x': (2, 0)})

    def test_what_is_past_its_time(self):
        self.ok('visit', 'x', '203.0.113.7')
        self.says(self.unchanged(), 'fine', 'No epoch key is past its time.')
        self.sql('UPDATE epoch_keys SET expire = 1', 'UPDATE epochs SET least = 1', 'UPDATE visitors SET x = 1')
        found = self.unchanged()
        self.says(found, 'warning', 'epoch keys should have been erased')
        self.says(found, 'note', 'Visitors that expired more than a week ago still take room.')
        self.ok('purge')
        found = self.unchanged()
        self.says(found, 'fine', 'No epoch key is past its time.')
        self.assertFalse([text for text in found['note'] if 'expired' in text], found)

    def as_another(self, **more):
        """The report for a user whose the files are not (root may do everything); nothing is left behind."""
        command = self.command('doctor')
        if os.geteuid() == 0:
            shutil.copy(harness.TOOL, self.path('footfall'))
            os.chmod(self.folder, 0o755)
            command = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', self.path('footfall')] + command[1:]
        before = sorted(os.listdir(self.path('store')))
        found = self.doctor(command=command, **more)
        self.assertEqual(sorted(os.listdir(self.path('store'))), before)
        return found

    def test_another_user(self):
        self.environment['FOOTFALL_SECRET'] = 'a secret of 32 bytes or more, for tests'
        self.ok('visit', 'x', '203.0.113.7')
        os.chmod(self.file, 0o444)
        os.chmod(self.path('store'), 0o777)
        self.says(self.as_another(), 'warning', 'The database can only be read.')
        os.chmod(self.path('store'), 0o555)
        self.addCleanup(os.chmod, self.path('store'), 0o755)
        self.says(self.as_another(status=1), 'wrong', "The folder of the database can't be written")
        os.chmod(self.file, 0o666)
        self.says(self.as_another(status=1), 'wrong', 'its folder cannot be used: Permission denied')
        os.chmod(self.file, 0o000)
        self.says(self.as_another(status=1), 'wrong', 'cannot read ')

    def test_while_others_count(self):
        self.ok('add', 'x')
        with self.behind.hold():
            self.doctor()


class Evicting(Doctor):
    """A server whose settings and users can be changed."""
    needs = 'evicts'

    def user(self, *rights):
        """The settings with which another user counts, who may do all but these."""
        url = self.behind.settings['redis.url'].replace('://', '://bob:pw@')
        self.behind.ask('ACL', 'SETUSER', 'bob', 'reset', 'on', '>pw', '~*', '&*', '+@all', *rights)
        self.addCleanup(self.behind.ask, 'ACL', 'DELUSER', 'bob')
        return '-o', 'redis.url=' + url

    def test_eviction(self):
        self.says(self.doctor(), 'fine', 'maxmemory-policy is noeviction')
        with self.behind.evicts():
            self.says(self.doctor(status=3), 'wrong', 'redis.allow_eviction is false')
            self.says(self.doctor('-o', 'redis.allow_eviction=true', status=1), 'wrong', 'maxmemory-policy is allkeys-lru')

    def test_persistence(self):
        self.says(self.doctor(), 'warning', 'Nothing is kept on disk')

    def test_rights(self):
        self.says(self.doctor(*self.user()), 'fine', 'The user may run every command that counting needs.')
        self.says(self.doctor(*self.user('-hset'), status=1), 'wrong', 'may not run HSET')
        found = self.doctor(*self.user('-info', '-role', '-config'))
        self.says(found, 'warning', 'The server does not tell about itself')
        self.says(found, 'fine', 'The user may run every command')
        where, url = self.user()
        self.says(self.doctor(where, url.replace(':pw@', ':no@'), status=1), 'wrong', 'user or password is wrong')

    def test_no_server(self):
        self.says(self.doctor('-o', 'redis.url=redis://127.0.0.1:1', '-o', 'deadline=300ms', status=4), 'wrong',
                  'cannot connect')

    def test_no_secret(self):
        self.environment.pop('FOOTFALL_SECRET')
        self.says(self.doctor(status=3), 'wrong', 'it needs secret_file (or secret)')


class Tables(Doctor):
    needs = 'aws'

    def setUp(self):
        super().setUp()
        self.table = self.behind.settings['dynamodb.table']
        self.keys = self.behind.settings.get('dynamodb.key_table', self.table + '-keys')

    def test_tables_that_are_missing(self):
        found = self.doctor()
        self.says(found, 'note', f'There is no table {self.table} yet')
        self.says(found, 'note', f'There is no table {self.keys} yet')
        found = self.doctor('-o', 'dynamodb.create_table=false', status=1)
        self.says(found, 'wrong', f'There is no table {self.table} in region')
        self.says(found, 'wrong', f'There is no table {self.keys} in region')
        with self.behind.client() as client:
            self.assertEqual(client.tables(self.table), [])

    def test_tables_that_are_otherwise(self):
        self.ok('visit', 'x', '203.0.113.7')
        self.says(self.doctor(), 'fine', f'What is out of date expires from table {self.table}.')
        with self.behind.client() as client:
            client.call('UpdateTimeToLive', TableName=self.table,
                        TimeToLiveSpecification={'AttributeName': 'e', 'Enabled': False})
            self.says(self.doctor(), 'warning', f'Nothing expires in table {self.table}')
            client.call('CreateTable', TableName=self.table + '-other', BillingMode='PAY_PER_REQUEST',
                        KeySchema=[{'AttributeName': 'pk', 'KeyType': 'HASH'}, {'AttributeName': 'sk', 'KeyType': 'RANGE'}],
                        AttributeDefinitions=[{'AttributeName': 'pk', 'AttributeType': 'S'},
                                              {'AttributeName': 'sk', 'AttributeType': 'B'}])
        found = self.doctor('-o', f'dynamodb.table={self.table}-other', '-o', 'dynamodb.key_table=' + self.keys, status=1)
        self.says(found, 'wrong', "it has no index 'list'")

    def test_keys_past_their_time(self):
        self.ok('visit', 'x', '203.0.113.7')
        self.says(self.doctor(), 'fine', 'No epoch key is past its time.')
        with self.behind.client() as client:
            items = client.call('Scan', TableName=self.keys, ConsistentRead=True)['Items']
            for item in items:
                client.call('UpdateItem', TableName=self.keys, Key={'pk': item['pk'], 'sk': item['sk']},
                            UpdateExpression='SET x = :x', ExpressionAttributeValues={':x': {'N': '1'}})
            self.says(self.doctor(), 'warning', 'should have been erased')
            self.assertEqual(client.call('Scan', TableName=self.keys, ConsistentRead=True)['Count'], len(items))
        self.ok('purge')
        self.says(self.doctor(), 'fine', 'No epoch key is past its time.')

    def test_no_credentials(self):
        self.environment.update({'HOME': self.folder, 'AWS_EC2_METADATA_DISABLED': 'true', 'AWS_CONFIG_FILE': '/dev/null',
                                 'AWS_SHARED_CREDENTIALS_FILE': '/dev/null'})
        known = {name: self.environment.pop(name) for name in ('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY')}
        found = self.doctor(status=1)
        self.says(found, 'wrong', 'no AWS credentials')
        self.assertEqual(len(found['wrong']), 1)
        self.environment.update(known)
        self.says(self.doctor(env={'AWS_ACCESS_KEY_ID': 'not-a_key'}, status=1), 'wrong', 'There are no credentials that')

    def test_no_service(self):
        self.says(self.doctor('-o', 'dynamodb.endpoint=http://127.0.0.1:1', '-o', 'deadline=300ms', status=4), 'wrong',
                  '127.0.0.1')


if __name__ == '__main__':
    unittest.main()
