#!/usr/bin/env python3
"""Holds the rights that `footfall iam-policy` asks for against the calls that are really made: each must be allowed, and nothing may
be allowed that is never asked. Runs below with_dynamodb.py.

usage: dynamodb_rights.py RECORDER CONFORMANCE MODEL CALLS TOOL

For each purpose, parts of the suites run through a proxy that writes down kinds of calls (dynamodb_record.c). A transaction needs the
rights to its parts, by the names that IAM has for them.
"""
import json
import os
import subprocess
import sys
import unittest

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
sys.dont_write_bytecode = True  # the source tree stays clean
import dynamodb_recorded  # noqa: E402
from dynamodb_server import Client  # noqa: E402

RECORDER, CONFORMANCE, MODEL, CALLS, TOOL = (os.path.abspath(path) for path in sys.argv[1:6]) if len(sys.argv) > 5 else [''] * 5
PORT = os.environ.get('FOOTFALL_TEST_DYNAMODB_PORT', '')
URL = os.environ.get('FOOTFALL_TEST_DYNAMODB_URL', '')
PREFIX = os.environ.get('FOOTFALL_TEST_NAME_PREFIX', '')
SECRET = 'a secret of 32 bytes or more, for tests'
SECONDS = 120
# Of the conformance suite, what takes all ways through the backend and little time.
KINDS = ('batches_of_a_*', 'delete_*', 'epochs_a_*', 'forget_*', 'list_in_*', 'must_*', 'purge_*', 'series_*', 'tokens_*')


def recorded():
    """(URL to call, set that gets the calls at the end): pairs of an action and a place, see place_of."""
    return dynamodb_recorded.recorded(RECORDER, PORT, lambda action, table, index: (action, place_of(table, index)))


def place_of(table, index):
    """Which of a configuration's tables it is, whatever the test called it."""
    if index:
        return f'counts/index/{index}'
    return 'keys' if table.endswith('-keys') else 'source' if table.endswith('-old') else 'counts'


class Rights(unittest.TestCase):
    maxDiff = None

    def run_it(self, *words):
        done = subprocess.run(words, env={**os.environ, 'FOOTFALL_SECRET': SECRET}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=SECONDS, check=False)
        self.assertEqual(done.returncode, 0, f'{words}\n{done.stdout}')
        return done.stdout

    def settings(self, url, table, *more):
        return ['dynamodb.endpoint=' + url, 'dynamodb.table=' + PREFIX + table, *more]

    def tool(self, url, table, *words, create='false'):
        options = ['backend=dynamodb', *self.settings(url, table, 'dynamodb.create_table=' + create)]
        return self.run_it(TOOL, *(word for option in options for word in ('-o', option)), *words)

    def allowed(self, *words, create='false'):
        env = {name: value for name, value in os.environ.items() if not name.startswith('FOOTFALL_')}
        document = json.loads(subprocess.run(
            [TOOL, '-o', 'backend=dynamodb', '-o', 'dynamodb.table=counts', '-o', 'dynamodb.create_table=' + create, 'iam-policy', *words],
            check=True, stdout=subprocess.PIPE, text=True, env=env).stdout)
        found = set()
        for statement in document['Statement']:
            table, _, index = statement['Resource'].partition(':table/')[2].partition('/index/')
            found |= {(action.removeprefix('dynamodb:'), place_of(table, index)) for action in statement['Action']}
        return found

    def suites(self, url, kinds, *more):
        """Counting of all kinds; each test makes its tables."""
        settings = self.settings(url, '@NAME@', 'dynamodb.create_table=true', *more)
        for kind in kinds:
            self.run_it(CONFORMANCE, 'dynamodb', '--slow', '--filter', kind, *settings)
        self.run_it(MODEL, 'dynamodb', '--operations', '300', *settings)

    def test_to_run(self):
        with recorded() as (url, calls):
            self.suites(url, KINDS)
            self.suites(url, ('epochs_a_*', 'forget_*'), 'dynamodb.atomic=false')
        self.assertEqual(calls, self.allowed(create='true'))

    def test_to_run_on_tables_that_are_there(self):
        self.tool(URL, 'there', 'get', 'a', create='true')
        with recorded() as (url, calls):
            self.tool(url, 'there', 'visit', 'a', '203.0.113.7', '--token', 'x')
            self.tool(url, 'there', 'visit', 'a', '203.0.113.7', '--at', '2024-03-01T12:00:00Z')
            for words in (['add', 'a', '5'], ['set', 'a', '3'], ['get', 'a'], ['list'], ['forget', 'a', '203.0.113.7'], ['delete', 'a'],
                          ['bench', '20'], ['purge']):
                self.tool(url, 'there', *words)
            self.run_it(CALLS, 'purge', 'backend=dynamodb', 'secret=' + SECRET, *self.settings(url, 'there'))
        self.assertEqual(calls, self.allowed())
        self.assertLess(calls, self.allowed(create='true'))

    def test_to_set_up(self):
        with recorded() as (url, calls):
            self.run_it(CALLS, 'check', 'backend=dynamodb', 'secret=' + SECRET,
                        *self.settings(url, 'made', 'dynamodb.create_table=true'))
        # Looking at a store also tries the rights to run it, one by one, on items that nobody has; who may not is told so.
        self.assertEqual(calls, self.allowed('--setup') | self.allowed())

    def test_to_read(self):
        self.tool(URL, 'read', 'visit', 'a', '203.0.113.7', create='true')
        with recorded() as (url, calls):
            self.tool(url, 'read', 'list')
            self.tool(url, 'read', 'get', 'a', 'b')
        self.assertEqual(calls, self.allowed('--read-only'))

    def test_to_import(self):
        old = PREFIX + 'old'
        self.tool(URL, 'import', 'get', 'a', create='true')
        with Client(URL) as client:
            client.call('CreateTable', TableName=old, BillingMode='PAY_PER_REQUEST',
                        KeySchema=[{'AttributeName': 'id', 'KeyType': 'HASH'}],
                        AttributeDefinitions=[{'AttributeName': 'id', 'AttributeType': 'S'}])
            with recorded() as (url, calls):
                for views in ('5', '7'):
                    client.call('PutItem', TableName=old, Item={'id': {'S': 'home'}, 'views': {'N': views}})
                    self.tool(url, 'import', 'import', '--from-dynamodb-tutorial', old, '--counter', 'page')
        self.assertEqual(calls, self.allowed('--import', old))


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
