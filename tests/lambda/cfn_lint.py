#!/usr/bin/env python3
"""Where cfn-lint is, which checks CloudFormation templates; as a program, it fetches it from PyPI and says where it is.

It stays in ${XDG_CACHE_HOME:-~/.cache}/footfall/cfn-lint, a virtual environment for each state of cfn_lint.txt, for all build
folders and checkouts. FOOTFALL_TEST_CFN_LINT names another program; nothing is fetched then.
"""
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True  # the source tree stays clean
PINNED = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'cfn_lint.txt')
SECONDS = 240  # longest that one step may take


class Absent(Exception):
    pass


def fetch():
    """The program. Many may call this at once: one fetches, the others wait for it."""
    chosen = os.environ.get('FOOTFALL_TEST_CFN_LINT')
    if chosen:
        return chosen
    cache = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
    with open(PINNED, 'rb') as file:
        where = os.path.join(cache, 'footfall', 'cfn-lint', hashlib.sha256(file.read()).hexdigest()[:8])
    program, whole = os.path.join(where, 'bin', 'cfn-lint'), os.path.join(where, 'whole')
    try:
        os.makedirs(os.path.dirname(where), exist_ok=True)
        with open(where + '.lock', 'w', encoding='ascii') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.exists(whole):  # what was left half done goes
                shutil.rmtree(where, ignore_errors=True)
                run(sys.executable, '-m', 'venv', where)
                run(os.path.join(where, 'bin', 'pip'), 'install', '--quiet', '--disable-pip-version-check',
                    '--only-binary', ':all:', '--no-deps', '--requirement', PINNED)
                run(program, '--version')
                with open(whole, 'w', encoding='ascii'):
                    pass
    except OSError as why:
        raise Absent(f'cfn-lint cannot be fetched: {why}') from None
    return program


def run(*command):
    try:
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       timeout=SECONDS, check=True)
    except subprocess.CalledProcessError as why:
        raise Absent(f'cfn-lint cannot be fetched: {command[0]} ended with status {why.returncode}\n{why.stdout[-2000:]}') from None
    except subprocess.TimeoutExpired:
        raise Absent(f'cfn-lint cannot be fetched: {command[0]} takes longer than {SECONDS} s') from None


def main():
    try:
        print(fetch())
        return 0
    except Absent as why:
        print(why, file=sys.stderr)
        return 1


if __name__ == '__main__':
    sys.exit(main())
