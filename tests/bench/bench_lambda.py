#!/usr/bin/env python3
"""Measures the runtime for AWS Lambda beside the usual tutorials' function (tutorial_lambda.py, a Python with boto3) on one mock
Runtime API and one DynamoDB Local, and prints ratios with what is wanted of them.

usage: bench_lambda.py BUILD [--bootstrap PATH] [--zip FILE] [--starts N] [--calls N] [--only PART]

BUILD: a release build with tests. --bootstrap: what to measure instead of BUILD's footfall-lambda: the program of an unpacked zip.
--zip: a zip, to have its size measured too. Events are those of a Function URL; of the visitors every other one has come before.
Programs take turns, a figure is a median or the ratio of two. PART: start, warm, size. Every ten starts footfall counts another
counter: 16 processes that count one within a quarter of an hour are told apart without further ado, and a start after that costs a
write more (docs/dynamodb.md), which is measured too.

Time outside the store is taken between two proxies (lambda_link.py): from when the event was handed out until the reply came, less
what the calls of the store took, from the last byte of each request until the last byte of its reply. So it is seen from outside and
alike for both programs, and signing, JSON and waking up count as the program's own. Outside the backend is what is left when the time that
the backend itself has measured (footfall_store_seconds, in which those are) is taken off: events, requests, the engine, replies.
"""
import argparse
import collections
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ('support', 'lambda'):
    sys.path.insert(0, os.path.join(HERE, '..', folder))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
from dynamodb_server import ACCESS_KEY, REGION, SECRET_KEY, Client, DynamoServer  # noqa: E402
from lambda_link import Links  # noqa: E402
from runtime_api import RuntimeAPI  # noqa: E402

PARTS = ['start', 'warm', 'size']
SECRET = 'a secret of a benchmark, known to all'
TOKEN = 'a-token-of-a-benchmark-known-to-all'
KNOWN = 20  # visitors that came before
STARTS = 10  # of one counter
TURN = 50  # invocations of one, before it is the other's turn
PACKAGES = ('boto3', 'botocore', 's3transfer', 'jmespath', 'dateutil', 'urllib3', 'six')


def python_with_boto3():
    for candidate in ('/usr/bin/python3', sys.executable):
        found = subprocess.run([candidate, '-c', 'import boto3, sys; print(sys.version.split()[0], boto3.__version__)'],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
        if found.returncode == 0:
            return candidate, 'Python {} with boto3 {}'.format(*found.stdout.split())
    sys.exit('bench_lambda.py: no python here has boto3 (apt-get install python3-boto3)')


def event(address, path='/', **headers):
    """As a Function URL sends it for a browser's request."""
    host = 'abcdefghijklmnopqrstuvwxyz012345.lambda-url.us-east-1.on.aws'
    now = time.time()
    return {
        'version': '2.0', 'routeKey': '$default', 'rawPath': path, 'rawQueryString': '',
        'headers': {
            'sec-fetch-mode': 'cors', 'x-amzn-tls-version': 'TLSv1.3', 'sec-fetch-site': 'cross-site', 'x-forwarded-proto': 'https',
            'accept-language': 'en-GB,en;q=0.5', 'x-forwarded-port': '443', 'x-forwarded-for': address, 'accept': '*/*',
            'origin': 'https://www.example.com', 'referer': 'https://www.example.com/', 'host': host,
            'x-amzn-tls-cipher-suite': 'TLS_AES_128_GCM_SHA256', 'x-amzn-trace-id': 'Root=1-65f0e0b0-0123456789abcdef01234567',
            'accept-encoding': 'gzip, deflate, br', 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
            **headers},
        'requestContext': {
            'accountId': 'anonymous', 'apiId': host.partition('.')[0], 'domainName': host, 'domainPrefix': host.partition('.')[0],
            'http': {'method': 'GET', 'path': '/', 'protocol': 'HTTP/1.1', 'sourceIp': address,
                     'userAgent': 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0'},
            'requestId': 'e1506fd5-9e7b-434f-bd42-4f8fa224b599', 'routeKey': '$default', 'stage': '$default',
            'time': time.strftime('%d/%b/%Y:%H:%M:%S +0000', time.gmtime(now)), 'timeEpoch': int(now * 1000)},
        'isBase64Encoded': False}


class Program:
    """What is compared: how it is started, with what environment, and which visitors it has had."""

    def __init__(self, name, words, env):
        self.name, self.words, self.env = name, words, env
        self.visits = 0

    def next_address(self):
        """Every other visitor is new; the others are the first KNOWN in turn."""
        number, self.visits = self.visits, self.visits + 1
        is_new = number < KNOWN or number % 2 == 1
        if not is_new:
            number = number // 2 % KNOWN
        return f'10.1.{number >> 8}.{number & 255}', is_new


class Runtime:
    """A process of a program, with a mock Runtime API of its own. links: what it asks of the two goes through proxies."""

    def __init__(self, program, store_port, links=None, **more):
        self.program, self.api = program, RuntimeAPI()
        self.by_api = links.to(self.api.port) if links else self.api
        self.by_store = links.to(store_port) if links else None
        port = self.by_store.port if links else store_port
        env = {name: value.replace('@PORT@', str(port)) for name, value in {**program.env, **more}.items()}
        env['AWS_LAMBDA_RUNTIME_API'] = f'127.0.0.1:{self.by_api.port}'
        self.begun = time.monotonic()
        self.process = subprocess.Popen(program.words, env=env, stdin=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.api.close()

    def invoke(self):
        """When the reply came, and whether the visitor was new."""
        address, is_new = self.program.next_address()
        try:
            reply = self.api.ask(event(address), 20)
        except AssertionError as why:
            sys.exit(f'bench_lambda.py: {self.program.name}: {why}')
        said = json.loads(reply.json['body']) if reply.kind == 'response' and reply.json.get('statusCode') == 200 else {}
        if said.get('is_new_visitor') != is_new:
            sys.exit(f'bench_lambda.py: {self.program.name}, a visitor who is {"new" if is_new else "known"}: {reply}')
        return reply.came, is_new

    def in_backend(self):
        """Milliseconds that footfall's backend has taken so far, by its own clock."""
        said = self.api.ask(event('192.0.2.1', '/metrics', authorization=f'Bearer {TOKEN}'), 20).json['body']
        return sum(float(line.split()[1]) for line in said.splitlines() if line.startswith('footfall_store_seconds_sum')) * 1000

    def memory(self):
        """Resident, in MiB."""
        with open(f'/proc/{self.process.pid}/status', encoding='ascii') as status:
            return next(int(line.split()[1]) for line in status if line.startswith('VmRSS:')) / 1024


def outside(asked, stored):
    """For each invocation the milliseconds that it took less those of the store's calls, the names of these, and all that it took."""
    handed_out, rows = None, []
    calls = collections.deque(sorted(stored, key=lambda each: each.came))
    for each in sorted(asked, key=lambda each: each.came):
        if each.line.startswith('GET '):
            handed_out = each.left
            continue
        names, until, spent = [], handed_out, 0
        while calls and calls[0].came < each.came:
            call = calls.popleft()
            if call.came >= handed_out:
                names.append(call.line)
                spent += max(0, min(call.left, each.came) - max(call.came, until))  # calls at once count once
                until = max(until, call.left)
        rows.append(((each.came - handed_out - spent) / 1e6, names, (each.came - handed_out) / 1e6))
    return rows


def spread(values):
    low, middle, high = statistics.quantiles(values, n=4)
    return f'{middle:.2f} ({low:.2f} to {high:.2f})'


def in_words(names):
    return ' '.join(f'{name}' if count == 1 else f'{count} {name}' for name, count in collections.Counter(names).items())


class Bench:
    def __init__(self, args, server, python, folder):
        self.args, self.server = args, server
        token = os.path.join(folder, 'token')
        with open(token, 'w', encoding='ascii', opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(TOKEN)
        base = {'PATH': os.defpath, 'LANG': 'C.UTF-8', 'TZ': ':UTC', 'HOME': folder, 'AWS_ACCESS_KEY_ID': ACCESS_KEY,
                'AWS_SECRET_ACCESS_KEY': SECRET_KEY, 'AWS_REGION': REGION, 'AWS_DEFAULT_REGION': REGION, 'NO_PROXY': '127.0.0.1',
                'AWS_LAMBDA_FUNCTION_NAME': 'visits', 'AWS_LAMBDA_FUNCTION_MEMORY_SIZE': '128', '_HANDLER': 'handler'}
        self.ours = Program('footfall-lambda', [args.bootstrap or f'{args.build}/tools/lambda/footfall-lambda'],
                            {**base, 'FOOTFALL_BACKEND': 'dynamodb', 'FOOTFALL_DYNAMODB_TABLE': 'ours', 'FOOTFALL_SECRET': SECRET,
                             'FOOTFALL_HTTP_ADMIN_TOKEN_FILE': token,
                             'FOOTFALL_DYNAMODB_ENDPOINT': 'http://127.0.0.1:@PORT@'})
        self.theirs = Program('the tutorial', [python, f'{HERE}/tutorial_lambda.py'],
                              {**base, 'TABLE_NAME': 'theirs', 'ENDPOINT_URL': 'http://127.0.0.1:@PORT@'})
        self.missed = 0

    def say(self, name, value, wanted=None, least=True, detail=''):
        fine = wanted is None or (value >= wanted if least else value < wanted)
        self.missed += not fine
        bound = '' if wanted is None else f'{"at least" if least else "below":8} {wanted:<5g} '
        print(f'{name:52} {value:8.2f}   {bound}{"" if fine else "MISSED "}{detail}', flush=True)

    def fill(self):
        """Makes the tables, and has the known visitors come; more than once, so that the server is warm."""
        with Client(self.server.url) as client:
            client.call('CreateTable', TableName='theirs', BillingMode='PAY_PER_REQUEST',
                        KeySchema=[{'AttributeName': 'ip_address', 'KeyType': 'HASH'}],
                        AttributeDefinitions=[{'AttributeName': 'ip_address', 'AttributeType': 'S'}])
        for program, more in ((self.ours, {'FOOTFALL_DYNAMODB_CREATE_TABLE': 'true', 'FOOTFALL_DEADLINE': '20s'}), (self.theirs, {})):
            with Runtime(program, self.server.port, **more) as runtime:
                for _ in range(2 * KNOWN):
                    runtime.invoke()
        for start in range(0, self.args.starts, STARTS):  # the known visitors are known to each counter
            again = Program(self.ours.name, self.ours.words, self.ours.env)
            with Runtime(again, self.server.port, **self.counter(start)) as runtime:
                for _ in range(KNOWN):
                    runtime.invoke()

    # ---- from start to first answer

    @staticmethod
    def counter(start):
        return {'FOOTFALL_HTTP_DEFAULT_COUNTER': f'page {start // STARTS}'}

    def first_answer(self, program, **more):
        with Runtime(program, self.server.port, **more) as runtime:
            came, is_new = runtime.invoke()
            return (came - runtime.begun) * 1000, is_new, runtime.memory()

    def bare(self):
        begun = time.monotonic()
        subprocess.run([*self.ours.words, '--version'], env=self.ours.env, stdout=subprocess.DEVNULL, check=True)
        return (time.monotonic() - begun) * 1000

    def start(self):
        ours, theirs, bare, crowded = [], [], [], []
        for start in range(self.args.starts):
            ours.append(self.first_answer(self.ours, **self.counter(start)))
            theirs.append(self.first_answer(self.theirs))
            bare.append(self.bare())
        mine, other = ([row[0] for row in rows] for rows in (ours, theirs))
        self.say('start to first answer: the tutorial / footfall', statistics.median(other) / statistics.median(mine), 15,
                 detail=f'{spread(other)} / {spread(mine)} ms')
        for is_new in (False, True):
            self.say(f'start to first answer, a {"new" if is_new else "known"} visitor, ms',
                     statistics.median(row[0] for row in ours if row[1] == is_new),
                     detail=f'the tutorial {statistics.median(row[0] for row in theirs if row[1] == is_new):.2f}')
        for _ in range(16 + self.args.starts):
            crowded.append(self.first_answer(self.ours)[0])
        self.say('the same after 16 in a quarter of an hour, ms', statistics.median(crowded[16:]), detail=spread(crowded[16:]))
        self.say('start and end with --version, ms', statistics.median(bare), detail=spread(bare))
        self.say('resident memory after the first answer, MiB', max(row[2] for row in ours), 12, least=False,
                 detail=f'the most of {len(ours)}; the tutorial {max(row[2] for row in theirs):.2f}')

    # ---- warm

    def warm(self):
        with contextlib.ExitStack() as stack:
            links = stack.enter_context(contextlib.closing(Links()))
            runtimes = [stack.enter_context(Runtime(each, self.server.port, links)) for each in (self.ours, self.theirs)]
            new = [[runtime.invoke()[1]] for runtime in runtimes]
            for _ in range(0, self.args.calls, TURN):
                for kinds, runtime in zip(new, runtimes):
                    kinds += [runtime.invoke()[1] for _ in range(TURN)]
            memory = [runtime.memory() for runtime in runtimes]
            for runtime in runtimes:
                runtime.api.idle()
            in_backend = runtimes[0].in_backend()
            runtimes[0].api.idle()
            rows = [[(*row, is_new) for row, is_new in zip(outside(runtime.by_api.settle(), runtime.by_store.settle()), kinds)]
                    for kinds, runtime in zip(new, runtimes)]
            connections = [runtime.by_store.connections for runtime in runtimes]
        for is_new, kind in ((False, 'known'), (True, 'new')):
            mine, other = ([row for row in program[1 + KNOWN:] if row[3] == is_new] for program in rows)
            times = [[row[0] for row in each] for each in (mine, other)]
            self.say(f'warm, a {kind} visitor: outside the store, ms', statistics.median(times[0]), 0.3, least=False,
                     detail=f'{spread(times[0])}; the tutorial {spread(times[1])}')
            print(f'    calls of the store: {in_words(mine[-1][1])}; the tutorial: {in_words(other[-1][1])}', flush=True)
        self.say('warm: outside the backend, by its own clock, mean, ms', (sum(row[2] for row in rows[0]) - in_backend) / len(rows[0]), 0.3,
                 least=False, detail='visitors known and new in turn')
        print(f'first invocation, calls of the store: {in_words(rows[0][0][1])}; the tutorial: {in_words(rows[1][0][1])}')
        print(f'connections to the store: {connections[0]}; the tutorial: {connections[1]}')
        self.say(f'resident memory after {len(new[0]):,} invocations, MiB', memory[0], 12, least=False,
                 detail=f'the tutorial {memory[1]:.2f}')

    # ---- size

    def size(self):
        if not self.args.zip:
            return
        found = subprocess.run([self.theirs.words[0], '-c', 'import importlib, sys\n'
                                'for name in sys.argv[1:]: print(importlib.import_module(name).__file__)', *PACKAGES],
                               stdout=subprocess.PIPE, text=True, check=True).stdout.split()
        with tempfile.TemporaryFile() as out:
            with zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as packed:
                for path in found:
                    self.pack(packed, path)
            theirs = out.tell() / 2**20
        self.say('zip, MiB', os.path.getsize(self.args.zip) / 2**20, 4, least=False,
                 detail=f'boto3 and what it needs, zipped: {theirs:.2f} (in Lambda\'s Python runtime already)')

    @staticmethod
    def pack(packed, path):
        if os.path.basename(path) != '__init__.py':
            packed.write(path, os.path.basename(path))
            return
        above = os.path.dirname(os.path.dirname(path))
        for folder, _, names in os.walk(os.path.dirname(path)):
            for name in names:
                if not name.endswith('.pyc'):
                    packed.write(f'{folder}/{name}', os.path.relpath(f'{folder}/{name}', above))


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split('\n\n')[1].removeprefix('usage: '))
    parser.add_argument('build')
    parser.add_argument('--bootstrap')
    parser.add_argument('--zip')
    parser.add_argument('--starts', type=int, default=20)
    parser.add_argument('--calls', type=int, default=1000)
    parser.add_argument('--only', action='append', choices=PARTS)
    args = parser.parse_args()
    if not shutil.which('java'):
        sys.exit('bench_lambda.py: java is not installed')
    python, name = python_with_boto3()
    print(f'the tutorial: {name}')
    shim = f'{args.build}/tests/support/libbind_loopback.so'
    with tempfile.TemporaryDirectory(prefix='footfall-bench-') as folder, DynamoServer(shim) as server:
        bench = Bench(args, server, python, folder)
        bench.fill()
        for part in args.only or PARTS:
            getattr(bench, part)()
    return 1 if bench.missed else 0


if __name__ == '__main__':
    sys.exit(main())
