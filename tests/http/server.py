"""A running `footfall serve`, and how to ask it."""
import os
import re
import signal
import subprocess
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
from client import Connection  # noqa: E402
from server_process import dies_with_us  # noqa: E402

SECONDS = 60  # longest that anything may take to be seen
STOP_SECONDS = 12  # a server that was asked to stop is gone by then; it says 10
LISTENING = re.compile(r'^footfall: listening on (\S+)$', re.MULTILINE)


class Server:
    """A running `footfall serve`. It dies with us, and at the latest with its case."""

    def __init__(self, command, folder, environment, **more):
        self.log_path = os.path.join(folder, f'server-{time.monotonic_ns()}.log')
        self.keeps, self.kept = True, None  # one connection for what ask() asks
        self.address = None
        self.ended_by_us = False
        with open(self.log_path, 'wb') as log:
            self.process = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, preexec_fn=dies_with_us(), **more)

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        with open(self.log_path, encoding='utf-8', errors='surrogateescape') as log:
            return log.read()

    def wait_until_listening(self):
        until = time.monotonic() + SECONDS
        while True:
            ended = self.process.poll() is not None
            said = LISTENING.search(self.log())
            if said:
                self.address = self.read_address(said[1])
                return
            if ended or time.monotonic() > until:
                raise AssertionError(f'it does not listen (status {self.process.poll()}): {self.log()}')
            time.sleep(0.002)

    @staticmethod
    def read_address(said):
        if said.startswith('unix:'):
            return said.removeprefix('unix:')
        host, port = re.fullmatch(r'http://\[?([0-9a-f.:]+?)\]?:(\d+)/', said).groups()
        return host, int(port)

    def connect(self, source=None, seconds=SECONDS):
        return Connection(self.address, source, seconds)

    def ask(self, method, target, headers=(), body=None):
        """Over one connection, as long as the server keeps it; or each over its own."""
        if self.kept is None:
            self.kept = self.connect()
        answer = self.kept.ask(method, target, headers, body)
        if answer.closes or not self.keeps:
            self.forget()
        return answer

    def forget(self):
        if self.kept is not None:
            self.kept.close()
            self.kept = None

    def send(self, number):
        self.ended_by_us = True
        self.process.send_signal(number)

    def kill(self):
        self.send(signal.SIGKILL)
        self.process.wait(SECONDS)
        self.forget()

    def stop(self, number=signal.SIGTERM):
        """The exit status."""
        self.send(number)
        return self.ended(STOP_SECONDS)

    def ended(self, seconds=SECONDS):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f'it does not stop within {seconds} s: {self.log()}') from None
        finally:
            self.forget()

    def close(self):
        """Ends it in whatever way; says whether it had ended by itself."""
        by_itself = self.process.poll() is not None and not self.ended_by_us
        if self.process.poll() is None:
            self.kill()
        self.forget()
        return by_itself

    def memory(self):
        """The most that was resident, in bytes; None under a sanitizer, which takes its own."""
        with open(f'/proc/{self.pid}/maps', encoding='utf-8', errors='replace') as maps:
            if re.search(r'lib[at]san', maps.read()):
                return None
        with open(f'/proc/{self.pid}/status', encoding='ascii') as status:
            return int(re.search(r'VmHWM:\s+(\d+) kB', status.read())[1]) * 1024
