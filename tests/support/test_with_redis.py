#!/usr/bin/env python3
"""test_with_redis.py: the wrapper with_redis.py from outside, and RedisServer as tests in Python use it."""
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True  # the source tree stays clean
import redis_server  # noqa: E402
import server_cases  # noqa: E402
import with_redis  # noqa: E402
import with_server  # noqa: E402
from redis_server import Client, RedisError, RedisServer  # noqa: E402
from server_cases import SECONDS, alive  # noqa: E402
from server_process import Absent, ServerError, program  # noqa: E402

WRAPPER = os.path.abspath(with_redis.__file__)
TRANSPORTS = ('tcp', 'unix', 'tls')
TELL_AND_WAIT = 'echo "$FOOTFALL_TEST_REDIS_PID $$ $0"; exec sleep 300'
ODD = 'p w"d:/@%?#\\\N{SNOWMAN}'


def wrapper(*words):
    return [sys.executable, WRAPPER, *words]


def run(*words, **env):
    return subprocess.run(wrapper(*words), env={**os.environ, **env}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=SECONDS, check=False)


class Case(server_cases.Case):
    def answers(self, server, words, reply):
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                with Client(server.url, server.ca) as client:
                    self.assertEqual(client.command(*words), reply)
                return
            except RedisError as error:  # it has just started
                if not str(error).startswith('LOADING') or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)


class Wrapper(Case):
    def test_program_reaches_its_server_over_each_transport(self):
        script = ('import os, sys; sys.dont_write_bytecode = True; sys.path.insert(0, sys.argv[1])\n'
                  'from redis_server import Client\n'
                  'assert os.environ["FOOTFALL_TEST_REDIS_URL"] == sys.argv[2]\n'
                  'with Client(sys.argv[2], sys.argv[3] or None) as client: print(client.command("PING"))')
        for transport in TRANSPORTS:
            for who in ([], ['--password', ODD], ['--user', 'us:er/@', '--password', ODD]):
                with self.subTest(transport=transport, who=who):
                    done = run('--transport', transport, *who, '--db', '7', '--', sys.executable, '-c', script,
                               os.path.dirname(WRAPPER), '@URL@', '@CA@')
                    self.assertEqual((done.returncode, done.stdout, done.stderr), (0, 'PONG\n', ''))

    def test_names_in_arguments_are_replaced(self):
        show = 'printf "%s\\n" "$@"; echo "$FOOTFALL_TEST_REDIS_PORT"'
        words = ['sh', '-c', show, 'sh', 'url=@URL@', '@SERVER_DIR@/x', '--', '@CA@']
        tcp = run('--user', 'me', '--password', 'a/b', '--db', '2', '--', *words).stdout.splitlines()
        self.assertEqual(tcp[0], f'url=redis://me:a%2Fb@127.0.0.1:{tcp[4]}/2')
        self.assertEqual(tcp[2:4], ['--', ''])
        unix = run('--transport', 'unix', '--password', 'b', '--', *words).stdout.splitlines()
        self.assertEqual(unix[0], f'url=unix://:b@{os.path.dirname(unix[1])}/redis.sock?db=0')
        tls = run('--transport', 'tls', '--', *words).stdout.splitlines()
        self.assertEqual(tls[0], f'url=rediss://localhost:{tls[4]}/0')
        self.assertEqual(tls[3], f'{os.path.dirname(tls[1])}/ca.crt')

    def test_configuration_lines_come_last(self):
        with tempfile.TemporaryDirectory() as folder:
            copy = os.path.join(folder, 'conf')
            run('--config', 'maxmemory', '5mb', '--config', 'save', '900 1', '--', 'cp', '@SERVER_DIR@/redis.conf', copy)
            with open(copy, encoding='utf-8') as conf:
                self.assertEqual(conf.read().splitlines()[-2:], ['maxmemory 5mb', 'save 900 1'])

    def test_streams_and_environment_reach_the_program(self):
        done = subprocess.run(wrapper('--', 'sh', '-c', 'cat; echo "$CMOCKA_XML_FILE"; echo err >&2'), input='in\n',
                              env={**os.environ, 'CMOCKA_XML_FILE': 'here', 'FOOTFALL_TEST_REDIS_CA': 'stale'}, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=SECONDS, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, 'in\nhere\n', 'err\n'))
        self.assertEqual(run('--', 'sh', '-c', 'echo "$FOOTFALL_TEST_REDIS_CA"', FOOTFALL_TEST_REDIS_CA='stale').stdout, '\n')

    def test_exit_status_is_the_programs(self):
        for script, status in (('exit 0', 0), ('exit 3', 3), ('exit 77', 77), ('kill -9 $$', 137), ('kill -15 $$', 143)):
            with self.subTest(script=script):
                self.assertEqual(run('--', 'sh', '-c', script).returncode, status)
        self.assertEqual(run('--', '/no/such/program').returncode, 127)

    def test_no_server_is_a_skip_at_home_and_a_failure_in_ci(self):
        for ci, status in (('', 77), ('false', 77), ('true', 1)):
            done = run('--', 'echo', 'ran', CI=ci, FOOTFALL_TEST_REDIS_SERVER='/no/redis-server')
            self.assertEqual((done.returncode, done.stdout), (status, ''), ci)
            self.assertIn('/no/redis-server', done.stderr)

    def test_a_server_that_does_not_start_is_an_error_with_its_log(self):
        done = run('--config', 'no-such-key', '1', '--', 'echo', 'ran')
        self.assertEqual((done.returncode, done.stdout), (99, ''))
        self.assertIn('no-such-key', done.stderr)

    def test_the_log_of_a_dead_server_is_shown_when_the_program_failed(self):
        die = 'kill -9 "$FOOTFALL_TEST_REDIS_PID"; exit '
        failed, passed = run('--', 'sh', '-c', die + '1'), run('--', 'sh', '-c', die + '0')
        self.assertEqual(failed.returncode, 1)
        self.assertIn('Ready to accept connections', failed.stderr)
        self.assertEqual((passed.returncode, passed.stderr), (0, ''))
        alone = run('--', 'sh', '-c', 'exit 1')
        self.assertEqual((alone.returncode, alone.stderr), (1, ''))

    def test_nothing_is_left_when_the_program_ends(self):
        done = run('--transport', 'unix', '--', 'sh', '-c', 'echo "$FOOTFALL_TEST_REDIS_PID $0"', '@SERVER_DIR@')
        pid, folder = done.stdout.split()
        self.assertFalse(alive(int(pid)))
        self.assertFalse(os.path.exists(folder))

    def test_nothing_is_left_when_the_wrapper_is_killed(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL):
            with self.subTest(signal=number), \
                    subprocess.Popen(wrapper('--', 'sh', '-c', TELL_AND_WAIT, '@SERVER_DIR@'), stdout=subprocess.PIPE,
                                     text=True) as process:
                server, program, folder = process.stdout.readline().split()
                self.assertTrue(alive(int(server)) and alive(int(program)))
                process.send_signal(number)
                handled = number != signal.SIGKILL
                self.assertEqual(process.wait(SECONDS), 128 + number if handled else -number)
                self.gone(int(server), int(program), folder=folder)

    def test_a_server_restarted_on_demand_goes_too(self):
        script = ('import os, socket, time\n'
                  's = socket.socket(socket.AF_UNIX); s.connect(os.environ["FOOTFALL_TEST_REDIS_CONTROL"])\n'
                  's.sendall(b"restart\\npause\\n"); f = s.makefile(); f.readline(); f.readline()\n'
                  'print(os.environ["FOOTFALL_TEST_REDIS_PORT"], flush=True); time.sleep(300)')
        with subprocess.Popen(wrapper('--', sys.executable, '-c', script), stdout=subprocess.PIPE, text=True) as process:
            port = int(process.stdout.readline())
            socket.create_connection(('127.0.0.1', port), 5).close()
            process.kill()
            process.wait(SECONDS)
            until = time.monotonic() + 10
            while time.monotonic() < until:
                try:
                    socket.create_connection(('127.0.0.1', port), 5).close()
                except ConnectionRefusedError:
                    return
                time.sleep(0.02)
            self.fail('it still listens')


class Control(Case):
    def setUp(self):
        self.server = self.enterContext(RedisServer(appendonly='always'))
        control = with_server.Control(self.server)
        control.start()
        self.path = control.path

    def connect(self):
        connection = self.enterContext(socket.socket(socket.AF_UNIX))
        connection.settimeout(SECONDS)
        connection.connect(self.path)
        return connection, self.enterContext(connection.makefile('r'))

    def test_many_requests_over_many_connections(self):
        (one, from_one), (two, from_two) = self.connect(), self.connect()
        self.answers(self.server, ('SET', 'a', '1'), 'OK')
        for _ in range(3):
            one.sendall(b'kill\nstart\n')
            self.assertEqual([from_one.readline(), from_one.readline()], ['ok\n', 'ok\n'])
            two.sendall(b'resta')
            one.sendall(b'stop\n')
            self.assertEqual(from_one.readline(), 'ok\n')
            two.sendall(b'rt\n')
            self.assertEqual(from_two.readline(), 'ok\n')
            self.answers(self.server, ('GET', 'a'), '1')

    def test_what_cannot_be_done_is_said(self):
        connection, answers = self.connect()
        connection.sendall(b'start\nexplode\nkill\nresume\n\n')
        said = [answers.readline() for _ in range(5)]
        self.assertEqual([line.partition(':')[0].strip() for line in said], ['error', 'error', 'ok', 'error', 'error'])

    def test_a_paused_server_says_nothing(self):
        connection, answers = self.connect()
        connection.sendall(b'pause\n')
        self.assertEqual(answers.readline(), 'ok\n')
        with self.assertRaises(TimeoutError), Client(self.server.url, seconds=0.2) as client:
            client.command('PING')
        connection.sendall(b'resume\n')
        self.assertEqual(answers.readline(), 'ok\n')
        self.answers(self.server, ('PING',), 'PONG')


class Server(Case):
    def test_appendonly_always_keeps_what_was_acknowledged(self):
        for transport in TRANSPORTS:
            with self.subTest(transport=transport), RedisServer(transport, 'always', 'me', ODD, 5) as server:
                was = server.url, server.port, server.folder
                for number in range(5):
                    pid = server.pid
                    self.answers(server, ('INCR', 'a'), number + 1)
                    server.restart()
                    self.assertNotEqual(server.pid, pid)
                self.answers(server, ('GET', 'a'), '5')
                self.assertEqual((server.url, server.port, server.folder), was)

    def test_without_persistence_a_kill_forgets(self):
        with RedisServer() as server:
            self.answers(server, ('SET', 'a', '1'), 'OK')
            server.restart()
            self.answers(server, ('GET', 'a'), None)

    def test_a_server_killed_by_others_starts_again(self):
        with RedisServer(appendonly='always') as server:
            self.assertFalse(server.died(within=0))
            os.kill(server.pid, signal.SIGKILL)
            self.assertTrue(server.died(within=10))
            server.start()
            self.answers(server, ('PING',), 'PONG')
            with self.assertRaises(ServerError):
                server.start()

    def test_only_who_knows_the_password_gets_in(self):
        for user in (None, 'me'):
            with self.subTest(user=user), RedisServer(user=user, password='secret') as server:
                with self.assertRaisesRegex(RedisError, 'NOAUTH'), Client(f'redis://127.0.0.1:{server.port}') as client:
                    client.command('PING')
                with self.assertRaisesRegex(RedisError, 'WRONGPASS'):
                    Client(server.url.replace('secret', 'guess'))

    def test_only_the_right_ca_vouches_for_the_server(self):
        with RedisServer('tls') as server:
            self.answers(server, ('PING',), 'PONG')
            Client(server.url.replace('localhost', '127.0.0.1'), server.ca).close()
            for ca in (server.bad_ca, None):
                with self.assertRaisesRegex(OSError, 'CERTIFICATE_VERIFY_FAILED'):
                    Client(server.url, ca)

    def test_nobody_else_gets_the_port_of_a_dead_server(self):
        with RedisServer() as server, socket.socket() as other:
            server.kill()
            with self.assertRaises(OSError):
                other.bind(('127.0.0.1', server.port))
            with self.assertRaises(ConnectionRefusedError):
                socket.create_connection(('127.0.0.1', server.port))
            server.start()

    def test_a_taken_port_is_given_up_for_another(self):
        with RedisServer() as first:
            second = RedisServer()
            self.addCleanup(second.close)
            second.held.close()
            second.held = socket.socket()
            second.held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            first.kill()  # it listens again before the second server tries
            second.held.bind(('127.0.0.1', first.port))
            first.start()
            self.assertEqual(second.port, first.port)
            second.start()
            self.assertNotEqual(second.port, first.port)
            for server in (first, second):
                self.answers(server, ('PING',), 'PONG')

    def test_a_long_tmpdir_leaves_room_for_the_sockets(self):
        with tempfile.TemporaryDirectory() as top:
            deep = os.path.join(top, 'x' * 120)
            os.mkdir(deep)
            self.assertEqual(run('--transport', 'unix', '--', 'true', TMPDIR=deep).returncode, 0)


def main():
    try:
        redis_server.redis_program()
        program('openssl')
    except Absent as what:
        return with_server.absent(what)
    unittest.main(verbosity=2)


if __name__ == '__main__':
    sys.exit(main())
