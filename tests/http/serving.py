"""What the suites share: `footfall serve` as a process of the case, and requests whose answers are all held against
docs/openapi.yaml."""
import json
import os
import re
import signal
import subprocess
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cli'))
import harness  # noqa: E402
from client import Connection  # noqa: E402
from contract import Contract  # noqa: E402
from server_process import dies_with_us  # noqa: E402

SECONDS = 60  # longest that anything may take to be seen
STOP_SECONDS = 12  # a server that was asked to stop is gone by then; it says 10
LISTENING = re.compile(r'^footfall: listening on (\S+)$', re.MULTILINE)
TOKEN = 'a-token-of-sixteen-bytes-or-more'
ADMIN = ('Authorization', f'Bearer {TOKEN}')
CONTRACT = Contract()


class Server:
    """A running `footfall serve`. It dies with us, and at the latest with its case."""

    def __init__(self, command, folder, environment, **more):
        self.log_path = os.path.join(folder, f'server-{time.monotonic_ns()}.log')
        self.keeps, self.kept = True, None  # one connection for what ask() asks
        self.address = None
        self.ended_by_us = False
        with open(self.log_path, 'wb') as log:
            self.process = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            preexec_fn=dies_with_us(), **more)

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


class Case(harness.Case):
    """self.server is the one started last."""
    server = None

    def setUp(self):
        super().setUp()
        self.write('token', TOKEN + '\n')

    def serve_command(self, *options, listen='127.0.0.1:0'):
        words = ['-o', f'http.listen={listen}'] if listen is not None else []
        for option in options:
            words += ['-o', option]
        return self.command(*words, 'serve')

    def serve(self, *options, listen='127.0.0.1:0', env=None, before=(), **more):
        """Starts one; returns it once it listens. before: words in front of the command."""
        self.server = Server([*before, *self.serve_command(*options, listen=listen)], self.folder,
                             {**self.environment, **(env or {})}, **more)
        self.addCleanup(self.end, self.server)
        self.server.wait_until_listening()
        return self.server

    def end(self, server):
        self.assertFalse(server.close(), f'it ended by itself, with {server.process.returncode}: {server.log()}')
        for mark in ('Sanitizer', 'runtime error:', 'Assertion', 'panic'):
            self.assertNotIn(mark, server.log())

    def stop(self, number=signal.SIGTERM):
        self.assertEqual(self.server.stop(number), 0, self.server.log())

    def until(self, what, message='it never came', seconds=SECONDS):
        deadline = time.monotonic() + seconds
        while not what():
            self.assertLess(time.monotonic(), deadline, message)
            time.sleep(0.01)

    # ---- requests; headers as keywords: user_agent='x' is User-Agent: x

    def check(self, method, target, answer):
        CONTRACT.check(method, target if isinstance(target, str) else target.decode('latin-1'), answer)

    def ask(self, method, target, headers=(), body=None, status=None, code=None, **named):
        """The answer, held against docs/openapi.yaml. status, code: what it must be."""
        headers = list(headers.items() if isinstance(headers, dict) else headers)
        headers += [(name.replace('_', '-').title(), value) for name, value in named.items()]
        answer = self.server.ask(method, target, headers, body)
        self.check(method, target, answer)
        if status is not None:
            self.assertEqual(answer.status, status, f'{method} {target}: {answer}')
        if code is not None:
            self.assertEqual(answer.json['code'], code, answer)
        return answer

    def get(self, target, headers=(), **more):
        return self.ask('GET', target, headers, **more)

    def post(self, target, headers=(), **more):
        return self.ask('POST', target, headers, **more)

    def visit(self, name='', headers=(), **more):
        """The JSON of a visit that is counted."""
        got = self.post('/visit' + (name and '/' + name), headers, status=200, **more).json
        self.assertIn('is_new_visitor', got)
        return got

    def manage(self, method, target, body=None, status=200, code=None, token=TOKEN):
        """As the administrator."""
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        headers = [(ADMIN[0], f'Bearer {token}')] if token is not None else []
        return self.ask(method, target, headers, body, status=status, code=code)

    def numbers(self, name):
        """(total, unique) as a read tells; (0, 0) for a counter that does not exist. name as in a path."""
        answer = self.get(f'/counter/{name}')
        if answer.status == 404:
            self.assertEqual(answer.json['code'], 'no_such_counter')
            return 0, 0
        self.assertEqual(answer.status, 200, answer)
        return answer.json['total_visits'], answer.json['unique_visitors']
