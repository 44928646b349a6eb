#!/usr/bin/env python3
"""Where Amazon's DynamoDB Local is, which tests of the DynamoDB backend run against; as a program, it fetches it with Maven and
says where it is. Its licence forbids to pass it on, so that every machine fetches its own.

It stays in ${XDG_CACHE_HOME:-~/.cache}/footfall/dynamodb-local, a folder for each state of dynamodb_pom.xml, for all build folders
and checkouts. FOOTFALL_TEST_DYNAMODB_LOCAL names another folder with all the jars; nothing is fetched then.
"""
import glob
import hashlib
import os
import re
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True  # the source tree stays clean
import fetched  # noqa: E402
from fetched import FetchError  # noqa: E402
from server_process import Absent, program  # noqa: E402

POM = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'dynamodb_pom.xml')
TRIES = 2
SECONDS = 600  # longest that one try may take
PART = '.part-'


def complete(folder):
    return glob.glob(os.path.join(folder, 'DynamoDBLocal-*.jar')) != []


def folder():
    """Where it is, or will be."""
    chosen = os.environ.get('FOOTFALL_TEST_DYNAMODB_LOCAL')
    if chosen:
        return os.path.abspath(chosen)
    with open(POM, encoding='utf-8') as file:
        pom = file.read()
    version = re.search(r'DynamoDBLocal</artifactId>\s*<version>([^<]+)', pom).group(1)
    name = f'{version}-{hashlib.sha256(pom.encode()).hexdigest()[:8]}'
    return fetched.folder('dynamodb-local', name)


def jars():
    where = folder()
    if not complete(where):
        raise Absent(f'there is no DynamoDB Local in {where}')
    return where


def fetch():
    """Returns the folder. Many may call this at once: one fetches, the others wait for it."""
    where = folder()
    if complete(where):
        return where
    if os.environ.get('FOOTFALL_TEST_DYNAMODB_LOCAL'):
        raise FetchError(f'there is no DynamoDB Local in {where}, which FOOTFALL_TEST_DYNAMODB_LOCAL names')
    above = os.path.dirname(where)
    fetched.keep(above, lambda: complete(where), lambda: fetch_alone(where, above))
    return where


def fetch_alone(where, above):
    """Into a folder aside, which takes its name when all is there. Whatever was left half done before goes."""
    for left in [where, *glob.glob(os.path.join(glob.escape(above), PART + '*'))]:
        shutil.rmtree(left, ignore_errors=True)
    try:
        maven = program('mvn', 'FOOTFALL_TEST_MAVEN')
    except Absent as what:
        raise FetchError(what) from None
    part = tempfile.mkdtemp(prefix=PART, dir=above)
    try:
        shutil.copy(POM, os.path.join(part, 'pom.xml'))
        for left in reversed(range(TRIES)):
            # A repository of its own: what others have in theirs, half fetched perhaps, does not matter.
            said = fetched.run('Maven', [maven, '-B', '-q', '-U', '-f', os.path.join(part, 'pom.xml'), 'dependency:copy-dependencies',
                        '-DoutputDirectory=' + os.path.join(part, 'lib'),
                        '-Dmaven.repo.local=' + os.path.join(part, 'repository')], SECONDS)
            if said is None and complete(os.path.join(part, 'lib')):
                os.rename(os.path.join(part, 'lib'), where)
                return
            if left == 0:
                raise FetchError(said or 'Maven ended well, but there is no DynamoDB Local')
    finally:
        shutil.rmtree(part, ignore_errors=True)


def main():
    try:
        print(fetch())
        return 0
    except FetchError as why:
        print(f'Could not fetch DynamoDB Local: {why}', file=sys.stderr)
        return 1


if __name__ == '__main__':
    sys.exit(main())
