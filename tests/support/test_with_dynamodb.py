#!/usr/bin/env python3
"""test_with_dynamodb.py WITH_DYNAMODB.PY --shim LIBRARY [--recorder PROGRAM]: the wrapper from outside, and DynamoServer as tests
in Python use it. A JVM's start costs more than a second of a core: all cases that can share one server."""
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True  # the source tree stays clean
import dynamodb_local  # noqa: E402
import server_cases  # noqa: E402
import with_server  # noqa: E402
from dynamodb_server import Client, DynamoError, DynamoServer, listens_on  # noqa: E402
from server_cases import SECONDS, alive  # noqa: E402
from server_process import Absent, ServerError, hold_port, program  # noqa: E402

WRAPPER = [sys.executable, *sys.argv[1:]]
SHIM = os.path.abspath(WRAPPER[WRAPPER.index('--shim') + 1]) if '--shim' in WRAPPER else ''
LOOPBACK = '0100007F'
SHARED = None  # a server for all cases


def environment(**more):
    env = {name: value for name, value in os.environ.items() if not name.startswith('FOOTFALL_TEST_DYNAMODB_SHARED')}
    return {**env, **more}


def run(*words, **env):
    """With a server of its own, unless told of the shared one."""
    return subprocess.run([*WRAPPER, *words], env=environment(**env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=SECONDS, check=False)


def run_shared(*words, **env):
    return run(*words, FOOTFALL_TEST_DYNAMODB_SHARED=SHARED.url, **env)


def create(client, name):
    client.call('CreateTable', TableName=name, BillingMode='PAY_PER_REQUEST', KeySchema=[{'AttributeName': 'k', 'KeyType': 'HASH'}],
                AttributeDefinitions=[{'AttributeName': 'k', 'AttributeType': 'S'}])


class SharedServer(server_cases.Case):
    def test_program_hears_of_it(self):
        show = 'printf "%s\\n" "$@"; env | grep -E "^(FOOTFALL_TEST_(DYNAMODB|NAME)|AWS_)|[pP][rR][oO][xX][yY]" | sort'
        done = run_shared('--', 'sh', '-c', show, 'sh', 'url=@URL@', '@SERVER_DIR@|', '--', AWS_PROFILE='mine', AWS_CA_BUNDLE='/x',
                          HTTP_PROXY='http://192.0.2.1:1', http_proxy='http://192.0.2.1:1', FOOTFALL_TEST_DYNAMODB_PID='stale')
        *words, = done.stdout.splitlines()
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertEqual(words[:3], ['url=' + SHARED.url, '|', '--'])
        said = dict(word.split('=', 1) for word in words[3:])
        self.assertRegex(said.pop('FOOTFALL_TEST_NAME_PREFIX'), '^[0-9a-f]{8}-$')
        self.assertEqual(said, {
            'FOOTFALL_TEST_DYNAMODB_URL': SHARED.url, 'FOOTFALL_TEST_DYNAMODB_PORT': str(SHARED.port),
            'FOOTFALL_TEST_DYNAMODB_SHARED': SHARED.url, 'AWS_ACCESS_KEY_ID': 'FOOTFALLTEST',
            'AWS_SECRET_ACCESS_KEY': 'secretForTestsOnly', 'AWS_REGION': 'us-east-1', 'AWS_EC2_METADATA_DISABLED': 'true',
            'AWS_CONFIG_FILE': '/dev/null', 'AWS_SHARED_CREDENTIALS_FILE': '/dev/null', 'NO_PROXY': '127.0.0.1'})

    def test_exit_status_is_the_programs(self):
        for script, status in (('exit 0', 0), ('exit 3', 3), ('exit 77', 77), ('kill -9 $$', 137), ('kill -15 $$', 143)):
            with self.subTest(script=script):
                self.assertEqual(run_shared('--', 'sh', '-c', script).returncode, status)
        self.assertEqual(run_shared('--', '/no/such/program').returncode, 127)

    def test_tables_of_a_program_go_with_it(self):
        script = ('import os, sys; sys.dont_write_bytecode = True; sys.path.insert(0, sys.argv[1])\n'
                  'from dynamodb_server import Client; from test_with_dynamodb import create\n'
                  'with Client(sys.argv[2]) as client:\n'
                  '    for i in range(103): create(client, os.environ["FOOTFALL_TEST_NAME_PREFIX"] + str(i))\n'
                  '    print(len(client.tables(os.environ["FOOTFALL_TEST_NAME_PREFIX"])))')
        with Client(SHARED.url) as client:
            create(client, 'anothers')
            done = run_shared('--', sys.executable, '-c', script, os.path.dirname(WRAPPER[1]), '@URL@')
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, '103\n', ''))
            self.assertEqual([name for name in client.tables() if name[8:9] == '-' or name == 'anothers'], ['anothers'])
            self.assertTrue(client.empty('anothers'))

    @unittest.skipUnless('--recorder' in WRAPPER, 'no recorder was built')
    def test_calls_are_recorded(self):
        script = ('import os, sys; sys.dont_write_bytecode = True; sys.path.insert(0, sys.argv[1])\n'
                  'from dynamodb_server import Client; from test_with_dynamodb import create\n'
                  'with Client(sys.argv[2]) as client:\n'
                  '    create(client, os.environ["FOOTFALL_TEST_NAME_PREFIX"] + "x")\n'
                  'print(os.environ["FOOTFALL_TEST_DYNAMODB_URL"], flush=True)\n'
                  'os.kill(os.getpid(), 9)')
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, 'calls')
            done = run_shared('--record', file, '--', sys.executable, '-c', script, os.path.dirname(WRAPPER[1]), '@URL@')
            self.assertEqual((done.returncode, done.stderr), (137, ''))
            self.assertNotEqual(done.stdout.strip(), SHARED.url)
            with open(file, encoding='utf-8') as calls:
                self.assertEqual([json.loads(line)['action'] for line in calls], ['CreateTable'])

    def test_errors_tell_what_they_are(self):
        with Client(SHARED.url) as client, self.assertRaises(DynamoError) as raised:
            client.call('DescribeTable', TableName='no-such-table')
        self.assertEqual((raised.exception.status, raised.exception.kind), (400, 'ResourceNotFoundException'))

    def test_it_listens_on_loopback_alone(self):
        self.assertEqual(listens_on(SHARED.pid, SHARED.port), [LOOPBACK])
        for family in ('tcp', 'tcp6'):
            with open('/proc/net/' + family, encoding='ascii') as sockets:
                listening = [fields.split()[1] for fields in sockets if fields.split()[3] == '0A']
            self.assertEqual([at for at in listening if at.endswith(f':{SHARED.port:04X}') and at[:8] != LOOPBACK], [])


class NoServer(server_cases.Case):
    def test_what_is_not_there_is_a_skip_at_home_and_a_failure_in_ci(self):
        for missing in ({'FOOTFALL_TEST_DYNAMODB_LOCAL': '/no/jars'}, {'FOOTFALL_TEST_JAVA': '/no/java'}):
            for ci, status in (('', 77), ('false', 77), ('true', 1)):
                done = run('--', 'echo', 'ran', CI=ci, **missing)
                self.assertEqual((done.returncode, done.stdout), (status, ''), ci)
                self.assertIn(*missing.values(), done.stderr)

    def test_a_server_that_does_not_start_is_an_error_with_its_log(self):
        done = run('--', 'echo', 'ran', FOOTFALL_TEST_JAVA='/bin/ls')  # it knows no -Xmx
        self.assertEqual((done.returncode, done.stdout), (99, ''))
        self.assertIn('/bin/ls: invalid option', done.stderr)

    def test_those_who_would_share_it_run_and_say_so_themselves(self):
        for trouble in ({'FOOTFALL_TEST_DYNAMODB_LOCAL': '/no/jars'}, {'FOOTFALL_TEST_JAVA': '/bin/ls'}):
            done = run('--share', '--', 'sh', '-c', 'echo "[$FOOTFALL_TEST_DYNAMODB_SHARED]"; exit 3', **trouble)
            self.assertEqual((done.returncode, done.stdout), (3, '[]\n'))


class OwnServer(server_cases.Case):
    TELL_AND_WAIT = 'echo "$FOOTFALL_TEST_DYNAMODB_PID $$ $0"; exec sleep 300'

    def test_a_shared_server_that_does_not_answer_is_replaced(self):
        held = self.enterContext(hold_port())
        nobody = f'http://127.0.0.1:{held.getsockname()[1]}'
        done = run('--', 'sh', '-c', 'echo "$FOOTFALL_TEST_DYNAMODB_URL $0 [$FOOTFALL_TEST_DYNAMODB_CONTROL]"', '@URL@',
                   FOOTFALL_TEST_DYNAMODB_SHARED=nobody)
        self.assertEqual(done.returncode, 0)
        self.assertIn('does not answer', done.stderr)
        url, again, control = done.stdout.split()
        self.assertEqual((url, control), (again, '[]'))
        self.assertNotEqual(url, nobody)

    def test_nothing_is_left_when_the_wrapper_is_killed(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            with self.subTest(signal=number), \
                    subprocess.Popen([*WRAPPER, '--own', '--', 'sh', '-c', self.TELL_AND_WAIT, '@SERVER_DIR@'], env=environment(),
                                     stdout=subprocess.PIPE, text=True) as process:
                server, waiting, folder = process.stdout.readline().split()
                self.assertTrue(alive(int(server)) and alive(int(waiting)) and os.path.isdir(folder))
                process.send_signal(number)
                self.assertEqual(process.wait(SECONDS), 128 + number if number == signal.SIGTERM else -number)
                self.gone(int(server), int(waiting), folder=folder)

    def test_the_log_of_a_dead_server_is_shown_when_the_program_failed(self):
        done = run('--own', '--', 'sh', '-c', 'kill -9 "$FOOTFALL_TEST_DYNAMODB_PID"; exit 1')
        self.assertEqual(done.returncode, 1)
        self.assertIn('Initializing DynamoDB Local', done.stderr)


class Life(server_cases.Case):
    def ask(self, *commands):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(SECONDS)
            connection.connect(self.control.path)
            connection.sendall(''.join(command + '\n' for command in commands).encode())
            with connection.makefile('r') as answers:
                return [answers.readline().partition(':')[0].strip() for _ in commands]

    def test_control(self):
        self.server = self.enterContext(DynamoServer(SHIM))
        self.control = with_server.Control(self.server)
        self.control.start()
        url, pid, folder = self.server.url, self.server.pid, self.server.folder
        with Client(url) as client:
            create(client, 'lost')
        self.assertEqual(self.ask('start', 'explode', 'pause'), ['error', 'error', 'ok'])
        with self.assertRaises(TimeoutError), Client(url, seconds=0.2) as client:
            client.tables()
        self.assertEqual(self.ask('resume'), ['ok'])
        with Client(url) as client:
            self.assertEqual(client.tables(), ['lost'])
        self.assertEqual(self.ask('restart'), ['ok'])
        self.assertNotEqual(self.server.pid, pid)
        with Client(url) as client:
            self.assertEqual(client.tables(), [])
        self.assertEqual(self.ask('stop', 'kill', 'resume'), ['ok', 'ok', 'error'])
        with self.assertRaises(ConnectionRefusedError), Client(url) as client:
            client.tables()
        with self.assertRaises(OSError), socket.socket() as other:
            other.bind(('127.0.0.1', self.server.port))
        self.assertEqual((self.server.url, self.server.folder), (url, folder))

    def test_a_taken_port_is_given_up_for_another(self):
        with socket.socket() as taken:
            second = DynamoServer(SHIM)
            self.addCleanup(second.close)
            second.held.close()
            taken.bind(('127.0.0.1', 0))
            taken.listen()
            second.held = taken
            port = second.port
            second.start()
            self.assertNotEqual(second.port, port)
            with self.assertRaises(ServerError):
                second.start()


def main():
    global SHARED
    try:
        program('java')
        dynamodb_local.jars()
    except Absent as what:
        return with_server.absent(what)
    with DynamoServer(SHIM) as SHARED:
        return 0 if unittest.main(argv=sys.argv[:1], verbosity=2, exit=False).result.wasSuccessful() else 1


if __name__ == '__main__':
    sys.exit(main())
