#!/usr/bin/env python3
"""Gives a test program a Redis server of its own, and takes it away again.

usage: with_redis.py [--transport tcp|unix|tls] [--appendonly no|everysec|always] [--user NAME] [--password PASSWORD] [--db N]
                     [--config KEY VALUE]... -- PROGRAM ARGS...

In PROGRAM's arguments @URL@ is the server's URL, @CA@ the file of the CA that signed its certificate, @SERVER_DIR@ its folder.
PROGRAM finds in its environment FOOTFALL_TEST_REDIS_URL and _PID (of the first start); _PORT (tcp, tls), _SOCKET (unix), _CA and
_BAD_CA (tls: a CA that did not sign); and _CONTROL, a Unix socket: each line kill, restart (kill -9 and start), stop (SIGTERM),
start, pause or resume is answered by "ok" or "error: WHY" once it is done. redis_control.h is the C side of all this.

The exit status is PROGRAM's, or 128 and the number of the signal that ended it. Without redis-server (or openssl, for tls) it is
77, which Meson counts as skipped, and 1 when CI=true; 99 when the server did not start.
"""
import argparse
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading

sys.dont_write_bytecode = True  # the source tree stays clean
from redis_server import Absent, RedisServer, ServerError, dies_with_us  # noqa: E402

SKIPPED, BROKEN, NOT_FOUND = 77, 99, 127
PREFIX = 'FOOTFALL_TEST_REDIS_'
LAST_SECONDS = 2  # what PROGRAM has to end by itself when we are told to
COMMANDS = ('kill', 'restart', 'stop', 'start', 'pause', 'resume')


def say(text):
    print(f'with_redis: {text}', file=sys.stderr, flush=True)


def absent(what):
    """The exit status when a program is not there: never a silent skip in CI."""
    in_ci = os.environ.get('CI') == 'true'
    say(f'{what}: {"a failure, for CI=true" if in_ci else "skipped"}')
    return 1 if in_ci else SKIPPED


class Control(threading.Thread):
    """Answers requests, one after the other, from any number of connections. One thread, because the server that it starts
    dies with it."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server = server
        self.path = server.path('control.sock')
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(64)

    def run(self):
        with selectors.DefaultSelector() as selector:
            selector.register(self.listener, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self.listener:
                        selector.register(self.listener.accept()[0], selectors.EVENT_READ, bytearray())
                    elif not self.serve(key.fileobj, key.data):
                        selector.unregister(key.fileobj)
                        key.fileobj.close()

    def serve(self, connection, pending):
        """False when the other side has gone."""
        try:
            got = connection.recv(4096)
            pending += got
            while b'\n' in pending:
                line, _, pending[:] = pending.partition(b'\n')
                connection.sendall(self.answer(line.decode(errors='replace').strip()).encode() + b'\n')
        except OSError:
            return False
        return got != b''

    def answer(self, command):
        if command not in COMMANDS:
            return f'error: no such command: {command}'
        try:
            getattr(self.server, command)()
        except Exception as error:  # whatever it is, the test must hear of it
            return 'error: ' + str(error).replace('\n', ' | ')
        return 'ok'


def environment(server, control):
    """Ours, without what an outer wrapper said of another server."""
    said = {'URL': server.url, 'PID': server.pid, 'PORT': server.port, 'SOCKET': server.socket, 'CA': server.ca,
            'BAD_CA': server.bad_ca, 'CONTROL': control.path}
    env = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX) or name == PREFIX + 'SERVER'}
    env.update({PREFIX + name: str(value) for name, value in said.items() if value is not None})
    return env


def run(command, env):
    try:
        program = subprocess.Popen(command, env=env, preexec_fn=dies_with_us())
    except OSError as error:
        say(f'{command[0]}: {error.strerror}')
        return NOT_FOUND
    try:
        status = program.wait()
    except BaseException:
        program.terminate()
        try:
            program.wait(LAST_SECONDS)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()
        raise
    return 128 - status if status < 0 else status


def serve(options, command):
    """Runs the command with a server; the exit status."""
    server = RedisServer(options.transport, options.appendonly, options.user, options.password, options.db, options.config)
    try:
        server.start()
        control = Control(server)
        control.start()
        for name, value in (('@URL@', server.url), ('@CA@', server.ca), ('@SERVER_DIR@', server.folder)):
            command = [word.replace(name, value or '') for word in command]
        status = run(command, environment(server, control))
        if status not in (0, SKIPPED) and server.died():
            say(f'the server ended by itself; its log:\n{server.log()}')
        return status
    finally:
        server.close()


def leave(number, _frame):
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise SystemExit(128 + number)


def main(words):
    split = words.index('--') if '--' in words else len(words)
    parser = argparse.ArgumentParser(usage=__doc__.split('\n\n')[1].removeprefix('usage: '))
    parser.add_argument('--transport', choices=['tcp', 'unix', 'tls'], default='tcp')
    parser.add_argument('--appendonly', choices=['no', 'everysec', 'always'], default='no')
    parser.add_argument('--user')
    parser.add_argument('--password')
    parser.add_argument('--db', type=int, choices=range(16), default=0)
    parser.add_argument('--config', nargs=2, action='append', default=[], metavar=('KEY', 'VALUE'))
    options, command = parser.parse_args(words[:split]), words[split + 1:]
    if not command:
        parser.error('no PROGRAM')
    if options.user and options.password is None:
        parser.error('--user needs --password')
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, leave)
    try:
        return serve(options, command)
    except Absent as what:
        return absent(what)
    except ServerError as error:
        say(error)
        return BROKEN


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
