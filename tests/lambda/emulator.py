"""AWS's emulator of Lambda with a bootstrap, for tests.

    with Emulator('/some/bootstrap', {'FOOTFALL_BACKEND': …}, timeout=3) as emulator:
        emulator.invoke(event)     # what the function answers, or {'errorType': …, 'errorMessage': …}

The bootstrap starts with the first invocation, and again whenever it has ended. Both listen on 127.0.0.1 alone, and go with us.
"""
import http.client
import json
import os
import signal

import emulator_wheel
from dynamodb_server import listens_on
from server_process import Server, hold_port

LOOPBACK = '0100007F'  # 127.0.0.1, as /proc/net/tcp has it
INVOCATIONS = '/2015-03-31/functions/function/invocations'


def processes():
    """(pid, command line) of all that run."""
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{pid}/cmdline', 'rb') as file:
                yield int(pid), file.read().decode(errors='replace').split('\0')[0]
        except (FileNotFoundError, ProcessLookupError):  # it has ended
            pass


class Emulator(Server):
    kind = 'emulator'

    def __init__(self, bootstrap, environment, timeout=3):
        self.emulator = emulator_wheel.emulator()
        self.bootstrap, self.timeout = os.path.abspath(bootstrap), timeout
        self.environment = {name: value for name, value in os.environ.items() if name.startswith('AWS_') or name == 'NO_PROXY'}
        self.environment.update(environment)
        super().__init__()
        self.api = hold_port()

    @property
    def api_port(self):
        return self.api.getsockname()[1]

    def launching(self):
        words = [self.emulator, '--log-level', 'error', '--runtime-interface-emulator-address', f'127.0.0.1:{self.port}',
                 '--runtime-api-address', f'127.0.0.1:{self.api_port}', self.bootstrap, 'handler']
        return words, {'cwd': self.folder, 'env': {'PATH': '/usr/bin:/bin', 'AWS_LAMBDA_FUNCTION_TIMEOUT': str(self.timeout),
                                                   **self.environment}}

    def answers(self):
        return bool(listens_on(self.pid, self.port) and listens_on(self.pid, self.api_port))

    def listens_elsewhere(self):
        return [address for port in (self.port, self.api_port) for address in listens_on(self.pid, port) if address != LOOPBACK]

    def functions(self):
        """The bootstraps that run."""
        return [pid for pid, program in processes() if program == self.bootstrap]

    def invoke(self, event, seconds=60):
        """event: JSON, or what becomes JSON."""
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=seconds)
        try:
            connection.request('POST', INVOCATIONS, (event if isinstance(event, str) else json.dumps(event)).encode())
            text = connection.getresponse().read()
        finally:
            connection.close()
        try:
            return json.loads(text)
        except ValueError:  # "Task timed out", say
            return {'errorType': 'Emulator', 'errorMessage': text.decode(errors='replace')}

    def close(self):
        """It takes the bootstrap with it when it is asked to, not when it is killed."""
        if self.running():
            self.stop()
        for pid in self.functions():
            os.kill(pid, signal.SIGKILL)
        self.api.close()
        super().close()
