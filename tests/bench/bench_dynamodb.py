#!/usr/bin/env python3
"""Measures the DynamoDB backend on DynamoDB Local: what visits cost in units, and its speed as ratios to the usual tutorial's code.

usage: bench_dynamodb.py BUILD [--runs N] [--visits N] [--stored N] [--lines N] [--only PART]

BUILD: a release build with tests. One server for all; programs that are compared run in turn, A B A B; a figure is the ratio of
the medians. Units are the service's, by its documented rules, from the requests that were made; seconds are those of DynamoDB Local
on this machine, a long way from the service's. PART: units, tutorial, batches, ingest.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'support'))
sys.dont_write_bytecode = True
from dynamodb_server import ACCESS_KEY, REGION, SECRET_KEY, DynamoServer  # noqa: E402

PARTS = ['units', 'tutorial', 'batches', 'ingest']
SECRET = 'a secret of a benchmark, known to all'


def python_with_botocore():
    for candidate in ('/usr/bin/python3', sys.executable):
        if subprocess.run([candidate, '-c', 'import botocore'], stderr=subprocess.DEVNULL, check=False).returncode == 0:
            return candidate
    return None


class Bench:
    def __init__(self, args, server, folder):
        self.args, self.server, self.folder = args, server, folder
        self.program = f'{args.build}/tests/bench/bench-dynamodb'
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(('AWS_', 'FOOTFALL_'))}
        self.env.update({'AWS_ACCESS_KEY_ID': ACCESS_KEY, 'AWS_SECRET_ACCESS_KEY': SECRET_KEY, 'AWS_REGION': REGION,
                         'AWS_DEFAULT_REGION': REGION, 'NO_PROXY': '127.0.0.1'})
        self.missed = 0
        self.tables = 0

    def table(self):
        self.tables += 1
        return f'bench-{self.tables}'

    def run(self, *words, **more):
        return subprocess.run([str(word) for word in words], check=True, stdout=subprocess.PIPE, text=True,
                              env={**self.env, **more}).stdout

    def visits(self, table, how, depth, first, visitors, count, atomic=True):
        return [float(word) for word in self.run(self.program, 'visits', self.server.url, table, str(atomic).lower(), 'site', how,
                                                 depth, first, visitors, count).split()]

    def say(self, name, value, wanted=None, least=True, detail=''):
        fine = wanted is None or (value >= wanted if least else value <= wanted)
        self.missed += not fine
        bound = '' if wanted is None else f'{"at least" if least else "at most":8} {wanted:<6g} '
        print(f'{name:66} {value:9.3f}   {bound}{"" if fine else "MISSED "}{detail}', flush=True)

    def medians(self, *programs):
        columns = [[] for _ in programs]
        for _ in range(self.args.runs):
            for column, program in zip(columns, programs):
                column.append(program())
        return [statistics.median(column) for column in columns]

    def units(self):
        out = self.run(f'{self.args.build}/tests/fault/fault-dynamodb_costs', '--figures', str(self.args.stored),
                       FOOTFALL_TEST_DYNAMODB_URL=self.server.url, FOOTFALL_TEST_DYNAMODB_PORT=str(self.server.port),
                       FOOTFALL_TEST_NAME_PREFIX='units-')
        for line in out.splitlines():
            fields = line.split('|')
            if fields[0] == 'figure':
                _, name, writes, most_writes, reads, most_reads = fields
                self.say(f'{name}: write units', float(writes), float(most_writes), least=False)
                self.say(f'{name}: read units', float(reads), float(most_reads), least=False)

    def tutorial(self):
        python = python_with_botocore()
        if python is None:
            print('tutorial: not measured, no python here has botocore (apt-get install python3-botocore)')
            return
        code = os.path.join(HERE, 'tutorial.py')
        for visitors, wanted in ((10, 3), (self.args.stored, 60)):
            ours, theirs = self.table(), self.table()
            few = max(5, self.args.visits // 5 if visitors == 10 else 10)
            self.visits(ours, 'apply', 256, 0, visitors, visitors, atomic=False)
            self.run(python, code, self.server.url, theirs, 'fill', visitors)

            def footfall(table=ours, visitors=visitors):
                rate, fresh = self.visits(table, 'single', 1, 0, visitors, self.args.visits)
                if fresh:
                    sys.exit('bench_dynamodb.py: known visitors were new')
                return rate

            def usual(table=theirs, visitors=visitors, count=few):
                return float(self.run(python, code, self.server.url, table, 'visit', visitors, count))

            mine, other = self.medians(footfall, usual)
            self.say(f'one caller, {visitors:,} known visitors: footfall / tutorial', mine / other, wanted,
                     detail=f'{mine:,.0f} / {other:,.1f} visits a second')

    def batches(self):
        count = 2 * self.args.visits
        for atomic in (True, False):
            kind = 'atomic' if atomic else 'atomic=false'
            for how, depth in (('submit', 64), ('apply', 64), ('apply', 256)):
                fresh, known = [], []
                for _ in range(self.args.runs):
                    table = self.table()
                    fresh.append(self.visits(table, how, depth, 0, count, count, atomic)[0])
                    known.append(self.visits(table, how, depth, 0, 50, count, atomic)[0])
                self.say(f'visits a second, {depth} under way ({how}), new, {kind}', statistics.median(fresh))
                self.say(f'visits a second, {depth} under way ({how}), 50 known visitors, {kind}', statistics.median(known))

    def ingest(self):
        log = f'{self.folder}/access.log'
        self.run(sys.executable, f'{HERE}/make_log.py', '--lines', self.args.lines, log)
        for atomic in ('true', 'false'):
            for how in (('--by', 'path'), ('--counter', 'site')):
                def once(how=how, atomic=atomic):
                    options = ['backend=dynamodb', f'dynamodb.endpoint={self.server.url}', f'dynamodb.table={self.table()}',
                               'dynamodb.create_table=true', f'dynamodb.atomic={atomic}', f'secret={SECRET}', 'deadline=600s']
                    words = [word for option in options for word in ('-o', option)]
                    begun = time.monotonic()
                    self.run(f'{self.args.build}/tools/footfall/footfall', *words, 'ingest', *how, log)
                    return self.args.lines / (time.monotonic() - begun)
                self.say(f'ingest {" ".join(how)}, atomic={atomic}: lines a second', self.medians(once)[0])


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split('\n\n')[1].removeprefix('usage: '))
    parser.add_argument('build')
    parser.add_argument('--runs', type=int, default=3)
    parser.add_argument('--visits', type=int, default=1000)
    parser.add_argument('--stored', type=int, default=20000)
    parser.add_argument('--lines', type=int, default=10000)
    parser.add_argument('--only', action='append', choices=PARTS)
    args = parser.parse_args()
    if not shutil.which('java'):
        sys.exit('bench_dynamodb.py: java is not installed')
    shim = f'{args.build}/tests/support/libbind_loopback.so'
    with tempfile.TemporaryDirectory(prefix='footfall-bench-') as folder, DynamoServer(shim) as server:
        bench = Bench(args, server, folder)
        for part in args.only or PARTS:
            getattr(bench, part)()
    return 1 if bench.missed else 0


if __name__ == '__main__':
    sys.exit(main())
