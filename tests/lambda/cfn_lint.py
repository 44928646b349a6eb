#!/usr/bin/env python3
"""Where cfn-lint is, which checks CloudFormation templates; as a program, it fetches it from PyPI and says where it is.

It stays in ${XDG_CACHE_HOME:-~/.cache}/footfall/cfn-lint, a virtual environment for each state of cfn_lint.txt, for all build
folders and checkouts. FOOTFALL_TEST_CFN_LINT names another program; nothing is fetched then.
"""
import hashlib
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
sys.dont_write_bytecode = True  # the source tree stays clean
import fetched  # noqa: E402
from fetched import FetchError  # noqa: E402
from server_process import Absent  # noqa: E402

PINNED = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'cfn_lint.txt')
SECONDS = 240  # longest that one step may take


def fetch():
    """The program. Many may call this at once: one fetches, the others wait for it."""
    chosen = os.environ.get('FOOTFALL_TEST_CFN_LINT')
    if chosen:
        return chosen
    with open(PINNED, 'rb') as file:
        where = fetched.folder('cfn-lint', hashlib.sha256(file.read()).hexdigest()[:8])
    whole = os.path.join(where, 'whole')
    try:
        fetched.keep(os.path.dirname(where), lambda: os.path.exists(whole), lambda: fetch_alone(where, whole))
    except FetchError as why:
        raise Absent(f'cfn-lint cannot be fetched: {why}') from None
    return os.path.join(where, 'bin', 'cfn-lint')


def fetch_alone(where, whole):
    """What was left half done goes; `whole` is there when all is."""
    shutil.rmtree(where, ignore_errors=True)
    for command in ([sys.executable, '-m', 'venv', where],
                    [os.path.join(where, 'bin', 'pip'), 'install', '--quiet', '--disable-pip-version-check', '--only-binary', ':all:',
                     '--no-deps', '--requirement', PINNED],
                    [os.path.join(where, 'bin', 'cfn-lint'), '--version']):
        said = fetched.run(os.path.basename(command[0]), command, SECONDS)
        if said:
            raise FetchError(said)
    with open(whole, 'w', encoding='ascii'):
        pass


def main():
    try:
        print(fetch())
        return 0
    except Absent as why:
        print(why, file=sys.stderr)
        return 1


if __name__ == '__main__':
    sys.exit(main())
