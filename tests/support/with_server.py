"""What with_redis.py and with_dynamodb.py share: they run a program with a server, tell it where that is, and take it away again.

The exit status is the program's, or 128 and the number of the signal that ended it. What the server needs is not there: 77, which
Meson counts as skipped, and 1 when CI=true; 99 when the server did not start.
"""
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading

from server_process import Absent, ServerError, dies_with_us

SKIPPED, BROKEN, NOT_FOUND = 77, 99, 127
LAST_SECONDS = 2  # what the program has to end by itself when we are told to
COMMANDS = ('kill', 'restart', 'stop', 'start', 'pause', 'resume')


def say(text):
    print(f'{os.path.basename(sys.argv[0]).removesuffix(".py")}: {text}', file=sys.stderr, flush=True)


def absent(what):
    """The exit status when something is not there: never a silent skip in CI."""
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


def environment(prefix, said, stays=()):
    """Ours, without what an outer wrapper said of another server, but for the names that stay; and with what is said."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(prefix) or name in stays}
    env.update({prefix + name: str(value) for name, value in said.items() if value is not None})
    return env


def filled_in(words, places):
    """The words with @NAME@ replaced; by nothing where there is no such thing."""
    for name, value in places.items():
        words = [word.replace(f'@{name}@', value or '') for word in words]
    return words


def run(command, env, last_seconds=LAST_SECONDS):
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
            program.wait(last_seconds)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()
        raise
    return 128 - status if status < 0 else status


def run_beside(server, command, env):
    """run(), and a word about a server that did not outlive a program that failed."""
    status = run(command, env)
    if status not in (0, SKIPPED) and server.died():
        say(f'the server ended by itself; its log:\n{server.log()}')
    return status


def leave(number, _frame):
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise SystemExit(128 + number)


def main(parser, words, serve):
    """serve(parser, options, command) is the exit status, of words "OPTIONS -- COMMAND"."""
    split = words.index('--') if '--' in words else len(words)
    options, command = parser.parse_args(words[:split]), words[split + 1:]
    if not command:
        parser.error('no PROGRAM')
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, leave)
    try:
        return serve(parser, options, command)
    except Absent as what:
        return absent(what)
    except ServerError as error:
        say(error)
        return BROKEN
