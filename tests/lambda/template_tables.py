#!/usr/bin/env python3
"""template_tables.py ROOT TOOL LAMBDA RECORDER, below with_dynamodb.py: the tables of tools/aws/template.yaml are those that the
backend makes itself; the runtime counts on them with the function's environment and the events of its address, asks for nothing
that the function's role does not allow, and takes each client for whom it is.
"""
import json
import os
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True  # the source tree stays clean
from cloudformation import Stack, load  # noqa: E402

ROOT, TOOL, LAMBDA, RECORDER = map(os.path.abspath, sys.argv[1:5]) if len(sys.argv) > 4 else [''] * 4
sys.path.append(f'{ROOT}/tests/support')
import dynamodb_recorded  # noqa: E402
from dynamodb_server import Client  # noqa: E402
from runtime_api import Event, RuntimeAPI  # noqa: E402
from server_process import dies_with_us  # noqa: E402

TEMPLATE = load(f'{ROOT}/tools/aws/template.yaml')
PORT, URL = (os.environ.get('FOOTFALL_TEST_DYNAMODB_' + name, '') for name in ('PORT', 'URL'))
PREFIX = os.environ.get('FOOTFALL_TEST_NAME_PREFIX', '')
SECONDS = 60
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


def recorded():
    """(URL to call, set that gets (action, resource) of what was called at the end)."""
    return dynamodb_recorded.recorded(RECORDER, PORT, lambda action, table, index: (
        f'dynamodb:{action}', f'arn:aws:dynamodb:eu-west-1:123456789012:table/{table}' + (f'/index/{index}' if index else '')))


def rights(document):
    return {(action, each['Resource']) for each in document['Statement']
            for action in ([each['Action']] if isinstance(each['Action'], str) else each['Action'])}


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


def event(one, address, headers, method='GET', target='/visit'):
    """What the stack's address makes of such a request; address: whoever connects to it."""
    path, _, query = target.partition('?')
    headers = {'host': 'example', **headers}
    if one.of_type('AWS::Lambda::Url'):
        return {'version': '2.0', 'rawPath': path, 'rawQueryString': query, 'headers': headers, 'isBase64Encoded': False,
                'requestContext': {'domainName': 'abc.lambda-url.eu-west-1.on.aws', 'stage': '$default',
                                   'http': {'method': method, 'path': path, 'sourceIp': address}}}
    pairs = dict(pair.split('=') for pair in query.split('&')) if query else None
    return {'resource': '/{proxy+}', 'path': path, 'httpMethod': method, 'headers': headers, 'queryStringParameters': pairs,
            'multiValueHeaders': {name: [value] for name, value in headers.items()}, 'body': None, 'isBase64Encoded': False,
            'multiValueQueryStringParameters': pairs and {name: [value] for name, value in pairs.items()},
            'requestContext': {'stage': 'live', 'path': '/live' + path, 'httpMethod': method, 'identity': {'sourceIp': address}}}


class Counting(unittest.TestCase):
    def start(self, one, url=URL):
        """The runtime, on tables of its own; self.api hands it events."""
        make(one)
        self.one, self.api = one, RuntimeAPI()
        self.addCleanup(self.api.close)
        environment = {**environment_of(one, url), 'AWS_LAMBDA_RUNTIME_API': self.api.address}
        runtime = subprocess.Popen([LAMBDA, 'bootstrap'], env=environment, stdin=subprocess.DEVNULL, preexec_fn=dies_with_us())
        self.addCleanup(runtime.wait, SECONDS)
        self.addCleanup(runtime.kill)

    def ask(self, address, headers, *request):
        """The answer, as Lambda gets it."""
        reply = self.api.ask(Event(event(self.one, address, headers, *request), timeout=60.0))
        self.assertEqual(reply.kind, 'response', reply)
        return reply.json

    def visitors(self, address, **headers):
        answer = self.ask(address, {name.replace('_', '-'): value for name, value in headers.items()})
        return json.loads(answer['body']).get('unique_visitors', answer['statusCode'])

    def test_with_the_rights_of_the_role(self):
        for number, parameters in enumerate(({}, FRONTED)):
            one = stack(f'rights{number}', **parameters)
            with recorded() as (url, calls):
                self.start(one, url)
                for last, (method, target, more) in enumerate((
                        ('GET', '/visit', {}), ('POST', '/visit/a', {}), ('POST', '/visit/a', {'Idempotency-Key': 'x'}),
                        ('GET', '/counter/a', {}), ('GET', '/badge/a?hit=1', {}), ('GET', '/badge/a', {}), ('HEAD', '/visit', {}),
                        ('GET', '/', {}), ('GET', '/footfall.js', {}), ('GET', '/visit', {}))):
                    address = f'203.0.113.{last % 7}'
                    answer = self.ask(address, {'CloudFront-Viewer-Address': address + ':50000', **more}, method, target)
                    self.assertEqual(answer['statusCode'], 200, answer)
                self.doCleanups()
            self.assertLessEqual(calls, rights(one.properties('Role')['Policies'][0]['PolicyDocument']))
            self.assertGreater(len(calls), 4)

    def test_preflight(self):
        for number, parameters in enumerate(({}, FRONTED)):
            self.start(stack(f'cors{number}', AllowedOrigins='https://a.example', **parameters))
            answer = self.ask('203.0.113.7', {'Origin': 'https://a.example', 'Access-Control-Request-Method': 'POST'}, 'OPTIONS')
            self.assertEqual(answer['statusCode'], 204)
            found = answer.get('multiValueHeaders') or {name: [value] for name, value in answer['headers'].items()}
            found = {name.lower(): value for name, value in found.items()}
            self.assertEqual(found['access-control-allow-origin'], ['https://a.example'])

    def test_who_comes_through_our_cloudfront(self):
        self.start(stack('fronted', **FRONTED))
        edge = '130.176.0.1'
        self.assertEqual(self.visitors(edge, CloudFront_Viewer_Address='203.0.113.7:50000'), 1)
        self.assertEqual(self.visitors(edge, CloudFront_Viewer_Address='203.0.113.7:50001', X_Forwarded_For='192.0.2.1'), 1)
        self.assertEqual(self.visitors(edge, CloudFront_Viewer_Address='2001:db8::7:443'), 2)
        self.assertEqual(self.visitors(edge, X_Forwarded_For='192.0.2.1'), 400)

    def test_who_comes_directly(self):
        for number, parameters in enumerate(({}, {'CloudFront': 'true'}, {'Endpoint': 'RestApi'})):
            self.start(stack(f'direct{number}', **parameters))
            for header in ('X_Forwarded_For', 'CloudFront_Viewer_Address', 'CF_Connecting_IP', 'X_Real_IP'):
                self.assertEqual(self.visitors('203.0.113.7', **{header: '192.0.2.1'}), 1, header)
            self.assertEqual(self.visitors('203.0.113.8'), 2)

    def test_who_comes_through_cloudflare_and_past_it(self):
        self.start(stack('cloudflare', Endpoint='RestApi', TrustedProxies='173.245.48.0/20, 2400:cb00::/32',
                         AddressHeader='CF-Connecting-IP'))
        self.assertEqual(self.visitors('173.245.48.5', CF_Connecting_IP='192.0.2.1'), 1)
        self.assertEqual(self.visitors('2400:cb00::5', CF_Connecting_IP='192.0.2.1'), 1)
        self.assertEqual(self.visitors('173.245.48.5', CF_Connecting_IP='192.0.2.2'), 2)
        self.assertEqual(self.visitors('203.0.113.7', CF_Connecting_IP='192.0.2.3'), 3)
        self.assertEqual(self.visitors('203.0.113.7', CF_Connecting_IP='192.0.2.4'), 3)


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
