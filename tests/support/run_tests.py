#!/usr/bin/env python3
"""Runs the Meson tests of a build folder and counts their cases.

usage: run_tests.py BUILD [-t FACTOR] [--skip NAME]... [NAME...]

Cases come from cmocka's XML; a script may write the same, or end its output with "N passed, N failed, N skipped" or with
unittest's summary; any other test is one case. A program that crashed, timed out or exited nonzero without a failing case
counts as one failed. Failing cases are printed with their message. The last line is the sum; the exit status is 1 when a
case failed or nothing ran. NAME is a shell pattern, or a part, of a test's or a suite's name.

DynamoDB Local is fetched first when a chosen test needs it, and one server started for all that share it (with_dynamodb.py).
"""
import argparse
import fnmatch
import json
import os
import re
import shutil
import signal
import subprocess
import sys

sys.dont_write_bytecode = True  # the source tree stays clean
import dynamodb_local  # noqa: E402
from server_process import dies_with_us  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
WRAPPER = os.path.join(HERE, 'collect')
MARK = 'footfall-test-xml: '
SUMMARY = re.compile(r'^(\d+) passed, (\d+) failed, (\d+) skipped$')
# cmocka 1.1.5 escapes nothing and writes one root element per group: what it writes is read line by line, not as XML.
CASE = re.compile(r'^\s*<testcase name="(.*)" time="[^"]*" >$')
TAIL_LINES = 40


class Count:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.messages = []  # (case, text) of what failed

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def cases(self):
        return self.passed + self.failed + self.skipped

    def __str__(self):
        return f'{self.passed} passed, {self.failed} failed, {self.skipped} skipped'


def read_cmocka(path):
    count = Count()
    name, state, text = None, 'passed', []
    with open(path, encoding='utf-8', errors='replace') as file:
        for line in file:
            line = line.rstrip('\n')
            case = CASE.match(line)
            if case and state != 'message':
                name, state, text = case.group(1), 'passed', []
            elif name is None:
                continue
            elif line.strip() == '<skipped/>' and state == 'passed':
                state = 'skipped'
            elif line.startswith('      <failure><![CDATA[') and state == 'passed':
                state = 'message'
                line = line[len('      <failure><![CDATA['):]
                text.append(line)
            elif line == '    </testcase>':
                if state == 'message':
                    count.failed += 1
                    count.messages.append((name, '\n'.join(text).removesuffix(']]></failure>')))
                elif state == 'skipped':
                    count.skipped += 1
                else:
                    count.passed += 1
                name, state = None, 'passed'
            elif state == 'message':
                text.append(line)
    return count


def read_script(output):
    lines = [line.strip() for line in output.strip().splitlines()]
    count = Count()
    if lines and SUMMARY.match(lines[-1]):
        count.passed, count.failed, count.skipped = map(int, SUMMARY.match(lines[-1]).groups())
        return count
    ran = re.search(r'^Ran (\d+) tests? in ', output, re.MULTILINE)
    end = re.search(r'^(OK|FAILED)(?: \((.*)\))?$', output, re.MULTILINE)
    if not ran or not end:
        return None
    parts = {k.strip(): int(v) for k, v in re.findall(r'([a-z ]+)=(\d+)', end.group(2) or '')}
    count.failed = parts.get('failures', 0) + parts.get('errors', 0) + parts.get('unexpected successes', 0)
    count.skipped = parts.get('skipped', 0)
    count.passed = max(int(ran.group(1)) - count.failed - count.skipped, 0)
    return count


def died(entry):
    status = entry.get('returncode', 0)
    return entry['result'] == 'TIMEOUT' or status < 0 or status > 128


def one_test(entry):
    output = entry.get('stdout', '')
    if entry.get('stderr'):
        output = output.rstrip('\n') + '\n' + entry['stderr']
    first, _, rest = output.partition('\n')
    count = None
    if first.startswith(MARK):
        output = rest
        xml = first[len(MARK):].strip()
        if os.path.exists(xml):
            count = read_cmocka(xml)
    if count is None or count.cases() == 0:
        count = read_script(output) or Count()
    result = entry['result']
    if result == 'SKIP' and count.cases() == 0:
        count.skipped = 1
    elif result in ('OK', 'EXPECTEDFAIL') and count.cases() == 0:
        count.passed = 1
    elif result not in ('OK', 'EXPECTEDFAIL', 'SKIP') and (not count.messages or died(entry)):
        count.failed = count.failed + 1 if died(entry) else max(count.failed, 1)
        status = entry.get('returncode', 0)
        how = 'timed out' if result == 'TIMEOUT' else \
            f'was killed by signal {-status}' if status < 0 else \
            f'was killed by signal {status - 128}' if status > 128 else f'ended with status {status}'
        tail = '\n'.join(output.rstrip().splitlines()[-TAIL_LINES:])
        count.messages.append((None, f'{how}\n{tail}'))
    elif count.messages and output.strip():
        tail = '\n'.join(output.rstrip().splitlines()[-TAIL_LINES:])
        count.messages.append((None, f'it printed:\n{tail}'))
    return count


def chosen(build, patterns, skips):
    """{name: command}, in Meson's order."""
    listed = json.loads(subprocess.run(['meson', 'introspect', build, '--tests'], check=True,
                                       stdout=subprocess.PIPE).stdout)

    def matches(test, pattern):
        names = [test['name']] + [suite.split(':', 1)[-1] for suite in test['suite']]
        return any(fnmatch.fnmatch(name, pattern) or pattern in name for name in names)

    return {test['name']: test['cmd'] for test in listed
            if (not patterns or any(matches(test, p) for p in patterns)) and not any(matches(test, s) for s in skips)}


def sharing(build, commands):
    """What to put before a command so that the tests which it runs share a server; nothing when none does."""
    if any('with_dynamodb.py' in word for command in commands for word in command):
        try:
            dynamodb_local.fetch()
        except dynamodb_local.FetchError as why:
            print(f'Could not fetch DynamoDB Local: {why}\nWhat needs it is skipped, and fails when CI=true.', flush=True)
    for command in commands:
        options = command[:command.index('--')] if '--' in command else []
        wrapper = [word for word in options if os.path.basename(word) == 'with_dynamodb.py']
        if wrapper and '--own' not in options:
            shim = os.path.join(build, options[options.index('--shim') + 1])
            return [sys.executable, wrapper[0], '--shim', shim, '--share', '--']
    return []


def run(command, env):
    """Runs meson test, shows its line for each finished test, and the shared server's troubles; returns all that it said."""
    said, troubled = [], False
    with subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors='replace', preexec_fn=dies_with_us(signal.SIGTERM)) as meson:
        try:
            for line in meson.stdout:
                said.append(line)
                troubled = troubled or line.startswith('with_dynamodb: ')
                if troubled or re.match(r'^\s*\d+/\d+ ', line):
                    print(line.rstrip(), flush=True)
        except BaseException:  # told to end: Meson ends its tests, but only while somebody hears what it says
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            meson.terminate()
            meson.stdout.read()
            raise
    return ''.join(said)


def leave(number, _frame):
    raise SystemExit(128 + number)


def main():
    signal.signal(signal.SIGTERM, leave)
    parser = argparse.ArgumentParser(usage=__doc__.split('\n\n')[1].removeprefix('usage: '))
    parser.add_argument('build')
    parser.add_argument('-t', dest='factor', default='1')
    parser.add_argument('--skip', action='append', default=[])
    parser.add_argument('names', nargs='*')
    args = parser.parse_intermixed_args()

    names = chosen(args.build, args.names, args.skip)
    if not names:
        print('no test has such a name')
        print(Count())
        return 1
    results = os.path.join(os.path.abspath(args.build), 'test-results')
    shutil.rmtree(results, ignore_errors=True)
    os.makedirs(results)
    log = os.path.join(args.build, 'meson-logs', f'testlog-{os.path.basename(WRAPPER)}.json')
    if os.path.exists(log):
        os.remove(log)
    env = dict(os.environ, FOOTFALL_TEST_RESULTS=results)
    shared = sharing(args.build, list(names.values()))
    said = run([*shared, 'meson', 'test', '-C', args.build, '--no-rebuild', '--wrapper', WRAPPER, '-t', args.factor, *names], env)
    total = Count()
    if not os.path.exists(log):
        print(said)
        total.failed = 1
    else:
        with open(log, encoding='utf-8') as file:
            for entry in map(json.loads, file):
                count = one_test(entry)
                if count.failed:
                    print(f'\nFAILED {entry["name"].split(" / ", 1)[-1]}: {count}')
                for case, text in count.messages:
                    text = text.replace('\n', '\n      ')
                    print(f'  {case + ": " if case else ""}{text}')
                total.add(count)
        print()
    print(total)
    return 1 if total.failed or total.passed == 0 else 0


if __name__ == '__main__':
    sys.exit(main())
