"""What the suites share: footfall-lambda as a process of the case, with a mock Runtime API, and events to hand to it."""
import os
import re
import signal
import subprocess
import sys
import time

sys.path += [os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', folder) for folder in ('cli', 'http', 'support')]
import harness  # noqa: E402
from link import Link  # noqa: E402, F401
from runtime_api import SECONDS, Event, RuntimeAPI  # noqa: E402
from server_process import dies_with_us, stopped  # noqa: E402

LAMBDA = os.path.abspath(os.environ['FOOTFALL_TEST_LAMBDA'])
AGENT = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0'
ORIGIN = 'https://www.example.org'


def url_event(path='/', address='203.0.113.7', method='POST', headers=None, query=''):
    """What a Function URL sends, or an HTTP API in its own format but for the domain."""
    return {'version': '2.0', 'routeKey': '$default', 'rawPath': path, 'rawQueryString': query,
            'headers': {'host': 'abcdefgh.lambda-url.us-east-1.on.aws', 'user-agent': AGENT, 'origin': ORIGIN, **(headers or {})},
            'requestContext': {'accountId': 'anonymous', 'apiId': 'abcdefgh', 'domainName': 'abcdefgh.lambda-url.us-east-1.on.aws',
                               'domainPrefix': 'abcdefgh', 'requestId': '4f1b0e2c-0000-4000-8000-000000000001',
                               'routeKey': '$default', 'stage': '$default', 'time': '28/Nov/2026:12:00:00 +0000',
                               'timeEpoch': 1795867200000,
                               'http': {'method': method, 'path': path, 'protocol': 'HTTP/1.1', 'sourceIp': address,
                                        'userAgent': AGENT}},
            'isBase64Encoded': False}


def address(number):
    """One of 16 million."""
    return f'10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}'


class Runtime:
    """A running footfall-lambda. It dies with us."""

    def __init__(self, api, folder, environment, words=(), before=()):
        self.log_path = os.path.join(folder, f'runtime-{time.monotonic_ns()}.log')
        with open(self.log_path, 'wb') as log:
            self.process = subprocess.Popen([*before, LAMBDA, *words], cwd=folder, stdin=subprocess.DEVNULL, stdout=log,
                                            env={**environment, 'AWS_LAMBDA_RUNTIME_API': api.address}, stderr=log,
                                            preexec_fn=dies_with_us())

    def log(self):
        with open(self.log_path, encoding='utf-8', errors='surrogateescape') as log:
            return log.read()

    def ended(self, seconds=SECONDS):
        """The exit status."""
        return self.process.wait(seconds)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(SECONDS)

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)
        until = time.monotonic() + SECONDS
        while not stopped(self.process.pid):
            assert time.monotonic() < until, 'it does not stop'
            time.sleep(0.001)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def memory(self, what='VmRSS'):
        """Resident bytes; None under a sanitizer, which takes its own."""
        with open(f'/proc/{self.process.pid}/maps', encoding='utf-8', errors='replace') as maps:
            if re.search(r'lib[at]san', maps.read()):
                return None
        with open(f'/proc/{self.process.pid}/status', encoding='ascii') as status:
            return int(re.search(what + r':\s+(\d+) kB', status.read())[1]) * 1024


class Case(harness.Case):
    """self.api and self.process are those started last."""
    api = process = None

    def variables(self, *settings):
        """The environment that says so to the runtime."""
        pairs = (setting.split('=', 1) for setting in ('backend=' + harness.BACKEND, *self.settings(), *settings))
        return {'FOOTFALL_' + key.replace('.', '_').upper(): value for key, value in pairs}

    def open_api(self, events=()):
        self.api = RuntimeAPI(events)
        self.addCleanup(self.api.close)
        return self.api

    def start(self, *settings, events=(), env=None, api=None, before=()):
        """Starts one, at an API of its own unless there is one."""
        self.api = api or self.open_api(events)
        environment = {**self.environment, **self.variables(*settings), **(env or {})}
        self.process = Runtime(self.api, self.folder, environment, ['footfall.handler'], before)
        self.addCleanup(self.check_log, self.process)
        self.addCleanup(self.process.kill)
        return self.process

    def check_log(self, process):
        for mark in ('Sanitizer', 'runtime error:', 'Assertion', 'panic'):
            self.assertNotIn(mark, process.log())

    def answer(self, event, status=None, **more):
        """The reply that says what to answer, as the client will see it."""
        reply = self.api.ask(event if isinstance(event, Event) else Event(event, **more))
        self.assertEqual(reply.kind, 'response', reply)
        if status is not None:
            self.assertEqual(reply.json['statusCode'], status, f'{reply}\n{self.process.log()}')
        return reply

    def visit(self, path='/', address='203.0.113.7', **more):
        """The JSON of a visit that is counted."""
        return self.answer(url_event(path, address), 200, **more).json_body

    def ends(self, status):
        self.assertEqual(self.process.ended(), status, self.process.log())
