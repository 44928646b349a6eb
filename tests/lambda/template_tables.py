#!/usr/bin/env python3
"""template_tables.py ROOT TOOL RECORDER, below with_dynamodb.py: the tables of tools/aws/template.yaml are those that the backend
makes itself; the program counts on them with the function's environment, asks for nothing that the function's role does not allow,
and takes each client for whom it is.
"""
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True  # the source tree stays clean
from cloudformation import Stack, load  # noqa: E402

ROOT, TOOL, RECORDER = map(os.path.abspath, sys.argv[1:4]) if len(sys.argv) > 3 else [''] * 3
sys.path += [f'{ROOT}/tests/support', f'{ROOT}/tests/http']
from dynamodb_server import Client  # noqa: E402
from server import Server  # noqa: E402

TEMPLATE = load(f'{ROOT}/tools/aws/template.yaml')
PORT, URL = (os.environ.get('FOOTFALL_TEST_DYNAMODB_' + name, '') for name in ('PORT', 'URL'))
PREFIX = os.environ.get('FOOTFALL_TEST_NAME_PREFIX', '')
SECONDS = 60
PARTS = {'Put': 'PutItem', 'Update': 'UpdateItem', 'Delete': 'DeleteItem', 'ConditionCheck': 'ConditionCheckItem'}
FRONTED = {'Endpoint': 'RestApi', 'CloudFront': 'true'}


def stack(name, **more):
    return Stack(TEMPLATE, CodeBucket='bucket', Prefix=PREFIX + name, **more)


def environment_of(one, url=URL):
    """What Lambda gives the program, but for where DynamoDB is."""
    said = one.properties('Function')['Environment']['Variables']
    clean = {name: value for name, value in os.environ.items() if not name.startswith('FOOTFALL_')}
    return {**clean, **said, 'FOOTFALL_SECRET': 'aZ09' * 16, 'FOOTFALL_DYNAMODB_ENDPOINT': url,
            'FOOTFALL_DEADLINE': '30s'}  # a test's machine is slower


def make(one):
    """The tables, as CloudFormation would ask for them."""
    for table in one.of_type('AWS::DynamoDB::Table').values():
        asked = {name: value for name, value in table.items() if name in (
            'TableName', 'BillingMode', 'AttributeDefinitions', 'KeySchema', 'GlobalSecondaryIndexes', 'DeletionProtectionEnabled')}
        with Client(URL) as client:
            client.call('CreateTable', **{**asked, 'DeletionProtectionEnabled': False})  # so that it can be taken away
            client.call('UpdateTimeToLive', TableName=table['TableName'], TimeToLiveSpecification=table['TimeToLiveSpecification'])


def described(table):
    """What makes a table what it is."""
    with Client(URL) as client:
        said = client.call('DescribeTable', TableName=table)['Table']
        expiry = client.call('DescribeTimeToLive', TableName=table)['TimeToLiveDescription']
    return {'keys': said['KeySchema'], 'billed': said['BillingModeSummary']['BillingMode'],
            'types': {each['AttributeName']: each['AttributeType'] for each in said['AttributeDefinitions']},
            'indexes': [(index['IndexName'], index['KeySchema'], index['Projection'])
                        for index in said.get('GlobalSecondaryIndexes', [])],
            'expiry': (expiry['TimeToLiveStatus'], expiry['AttributeName'])}


@contextlib.contextmanager
def recorded():
    """(URL to call, set that gets (action, resource) of what was called at the end)."""
    calls = set()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'calls')
        with subprocess.Popen([RECORDER, PORT, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as recorder:
            yield f'http://127.0.0.1:{int(recorder.stdout.readline())}', calls
            recorder.stdin.close()
        with open(path, encoding='utf-8') as lines:
            for call in map(json.loads, lines):
                action = PARTS.get(call['part'], call['part']) if call['action'] == 'TransactWriteItems' else call['action']
                index = f'/index/{call["index"]}' if call['index'] else ''
                calls.add((f'dynamodb:{action}', f'arn:aws:dynamodb:eu-west-1:123456789012:table/{call["table"]}{index}'))


class Tables(unittest.TestCase):
    maxDiff = None

    def test_they_are_those_of_the_backend(self):
        one, own = stack('cloud'), stack('own', Tables='existing')
        make(one)
        done = subprocess.run([TOOL, '-o', 'dynamodb.create_table=true', 'get', 'a'], env=environment_of(own), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        for suffix in ('', '-keys'):
            self.assertEqual(described(f'{PREFIX}cloud{suffix}'), described(f'{PREFIX}own{suffix}'))

    def test_how_they_are_kept(self):
        counts, keys = (stack('x').properties(name) for name in ('CountsTable', 'KeyTable'))
        for table, backed_up in ((counts, True), (keys, False)):
            self.assertEqual(table['PointInTimeRecoverySpecification'], {'PointInTimeRecoveryEnabled': backed_up})
            self.assertEqual(table['SSESpecification'], {'SSEEnabled': True})
            self.assertIs(table['DeletionProtectionEnabled'], True)
            self.assertEqual(table['BillingMode'], 'PAY_PER_REQUEST')
        self.assertEqual(stack('x', Tables='existing').of_type('AWS::DynamoDB::Table'), {})


class Counting(unittest.TestCase):
    def serve(self, one, url=URL):
        folder = tempfile.TemporaryDirectory(prefix='footfall-test-')
        self.addCleanup(folder.cleanup)
        server = Server([TOOL, '-o', 'http.listen=127.0.0.1:0', 'serve'], folder.name, environment_of(one, url))
        self.addCleanup(server.close)
        server.wait_until_listening()
        return server

    def visit(self, server, **headers):
        answer = server.ask('GET', '/visit', {name.replace('_', '-'): value for name, value in headers.items()})
        return answer.status, answer.json.get('unique_visitors')

    def test_with_the_rights_of_the_role(self):
        one = stack('rights', **FRONTED)
        make(one)
        with recorded() as (url, calls):
            server = self.serve(one, url)
            for number, (method, target, more) in enumerate((
                    ('GET', '/visit', {}), ('POST', '/visit/a', {}), ('POST', '/visit/a', {'Idempotency-Key': 'x'}),
                    ('GET', '/counter/a', {}), ('GET', '/badge/a?hit=1', {}), ('GET', '/badge/a', {}), ('GET', '/readyz', {}), ('GET', '/visit', {}))):
                answer = server.ask(method, target, {'CloudFront-Viewer-Address': f'203.0.113.{number % 7}:50000', **more})
                self.assertEqual(answer.status, 200, answer)
            self.assertEqual(server.stop(), 0)
        role = one.properties('Role')['Policies'][0]['PolicyDocument']['Statement']
        allowed = {(action, each['Resource']) for each in role
                   for action in ([each['Action']] if isinstance(each['Action'], str) else each['Action'])}
        self.assertLessEqual(calls, allowed)
        self.assertGreater(len(calls), 4)

    def test_who_comes_through_our_cloudfront(self):
        one = stack('fronted', **FRONTED)
        make(one)
        server = self.serve(one)
        self.assertEqual(self.visit(server, CloudFront_Viewer_Address='203.0.113.7:50000'), (200, 1))
        self.assertEqual(self.visit(server, CloudFront_Viewer_Address='203.0.113.7:50001', X_Forwarded_For='192.0.2.1'), (200, 1))
        self.assertEqual(self.visit(server, CloudFront_Viewer_Address='2001:db8::7:443'), (200, 2))
        self.assertEqual(self.visit(server, X_Forwarded_For='192.0.2.1')[0], 400)

    def test_who_comes_directly(self):
        one = stack('direct')
        make(one)
        server = self.serve(one)
        for header in ('X_Forwarded_For', 'CloudFront_Viewer_Address', 'CF_Connecting_IP', 'X_Real_IP'):
            self.assertEqual(self.visit(server, **{header: '192.0.2.1'}), (200, 1), header)

    def test_who_comes_through_a_proxy_of_ones_own(self):
        for number, (proxies, expected) in enumerate((('127.0.0.0/8, 2400:cb00::/32', 2), ('173.245.48.0/20', 1))):
            one = stack(f'proxy{number}', TrustedProxies=proxies, AddressHeader='CF-Connecting-IP')
            make(one)
            server = self.serve(one)
            self.assertEqual(self.visit(server, CF_Connecting_IP='192.0.2.1'), (200, 1))
            self.assertEqual(self.visit(server, CF_Connecting_IP='192.0.2.2'), (200, expected))


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
