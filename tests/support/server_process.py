"""What a server of a test's own needs, whatever it serves: a fresh folder, a port that nobody else takes, a process that starts,
dies and starts again. redis_server.py and dynamodb_server.py say the rest.

A server dies with the thread that started it (PR_SET_PDEATHSIG), however that ends; its folder goes with the process.
"""
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

PORT_TRIES = 5
LONGEST_BASE = 64  # sun_path has 108 bytes
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


class Absent(Exception):
    """A program that must be installed is not there."""


class ServerError(Exception):
    """The server did not start or does not run; the text ends with its log."""


class PortTaken(ServerError):
    pass


def program(name, variable=None):
    wanted = os.environ.get(variable or '') or name
    found = shutil.which(wanted)
    if not found:
        raise Absent(f'there is no {wanted}')
    return found


def dies_with_us(number=signal.SIGKILL):
    """A preexec_fn: the child gets this signal when the thread that starts it ends."""
    parent = os.getpid()

    def arm():
        LIBC.prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(number))
        if os.getppid() != parent:  # it ended before
            os._exit(1)
    return arm


def hold_port():
    """A bound socket that keeps a free port from everybody but a server that sets SO_REUSEADDR, as Redis and Java do: nobody takes
    it while the server is down, and no client's connect() can meet itself there."""
    held = socket.socket()
    held.bind(('127.0.0.1', 0))
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return held


def stopped(pid):
    """Whether each of its threads is."""
    for thread in os.listdir(f'/proc/{pid}/task'):
        try:
            with open(f'/proc/{pid}/task/{thread}/stat', encoding='ascii', errors='replace') as stat:
                if stat.read().rpartition(')')[2].split()[0] not in 'TtZX':
                    return False
        except (FileNotFoundError, ProcessLookupError):  # it has ended
            pass
    return True


class Server:
    """A subclass has `kind`, which names folder and log, `ready_seconds`, launching() and answers()."""
    kind = ''
    ready_seconds = 20

    def __init__(self, on_port=True):
        base = tempfile.gettempdir()
        self.folder = tempfile.mkdtemp(prefix=f'footfall-{self.kind}-', dir=base if len(base) <= LONGEST_BASE else '/tmp')
        # Removes the folder once we closed the pipe: in close(), or by dying in whatever way.
        self.remover = subprocess.Popen(['sh', '-c', 'read -r _; rm -rf "$1"', 'remover', self.folder], stdin=subprocess.PIPE,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        self.held = hold_port() if on_port else None
        self.process = None
        self.started = self.closed = False
        self.ended_by_us = True

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def launching(self):
        """The words that start it, and more arguments of Popen."""
        raise NotImplementedError

    def answers(self):
        """Whether it, and no other server on its port, is ready."""
        raise NotImplementedError

    def path(self, name):
        return os.path.join(self.folder, name)

    @property
    def log_path(self):
        return self.path(self.kind + '.log')

    @property
    def port(self):
        return self.held.getsockname()[1] if self.held else None

    @property
    def pid(self):
        return self.process.pid if self.process else None

    def start(self):
        """Returns once it answers."""
        if self.running():
            raise ServerError('the server runs already')
        for left in reversed(range(PORT_TRIES)):
            try:
                self.launch()
                self.started = True
                return
            except PortTaken:
                if self.started or left == 0:
                    raise
                self.held.close()
                self.held = hold_port()

    def launch(self):
        words, more = self.launching()
        with open(self.log_path, 'ab') as log:
            if self.closed:
                raise ServerError('the test is over')
            said_before = log.tell()
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=dies_with_us(),
                                            **more)
        self.ended_by_us = False
        until = time.monotonic() + self.ready_seconds
        while not self.answers():
            if not self.running():
                taken = 'Address already in use' in self.log(since=said_before)
                raise (PortTaken if taken else ServerError)(f'the server did not start\n{self.log()}')
            if time.monotonic() > until:
                self.kill()
                raise ServerError(f'the server did not answer within {self.ready_seconds} s\n{self.log()}')
            time.sleep(0.02)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def died(self, within=0.5):
        """True when it ended, or does so in that many seconds, and nobody asked for it here."""
        if self.process is None or self.ended_by_us:
            return False
        try:
            self.process.wait(within)
        except subprocess.TimeoutExpired:
            return False
        return True

    def end(self, *signals):
        self.ended_by_us = True
        if self.running():
            for number in signals:
                self.process.send_signal(number)
            try:
                self.process.wait(self.ready_seconds)
            except subprocess.TimeoutExpired:
                raise ServerError(f'the server did not stop\n{self.log()}') from None

    def kill(self):
        self.end(signal.SIGKILL)

    def stop(self):
        self.end(signal.SIGTERM, signal.SIGCONT)  # it may be paused

    def restart(self):
        self.kill()
        self.start()

    def send(self, number):
        if not self.running():
            raise ServerError('the server does not run')
        self.process.send_signal(number)

    def pause(self):
        self.send(signal.SIGSTOP)
        until = time.monotonic() + self.ready_seconds
        while self.running() and not stopped(self.pid):  # its threads on other processors may go on for a while
            if time.monotonic() > until:
                raise ServerError('the server does not pause')
            time.sleep(0.001)

    def resume(self):
        self.send(signal.SIGCONT)

    def log(self, lines=40, since=0):
        try:
            with open(self.log_path, encoding='utf-8', errors='replace') as log:
                log.seek(since)
                return ''.join(log.readlines()[-lines:]).rstrip()
        except FileNotFoundError:
            return ''

    def close(self):
        """Kills the server and removes its folder; for good."""
        self.closed = True
        self.kill()
        if self.held:
            self.held.close()
        self.remover.stdin.close()
        self.remover.wait()
