"""What the suites share: `footfall serve` as a process of the case, and requests whose answers are all held against
docs/openapi.yaml."""
import json
import os
import signal
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cli'))
import harness  # noqa: E402
from contract import Contract  # noqa: E402
from server import SECONDS, Server  # noqa: E402

TOKEN = 'a-token-of-sixteen-bytes-or-more'
ADMIN = ('Authorization', f'Bearer {TOKEN}')
CONTRACT = Contract()


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
