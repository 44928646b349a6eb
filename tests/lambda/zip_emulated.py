"""The zip's program below AWS's emulator of Lambda, with DynamoDB Local behind it."""
import contextlib
import glob
import json
import os
import socket

from dynamodb_server import Client
from emulator import Emulator
from server_process import Absent
import zip_case
from zip_case import Case, url_event

EVENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'events', '*.json')
# What is no 200, and what is answered without being counted.
STATUS = {'rest-console-test': 400, 'rest-put-base64': 404, 'rest-preflight': 204}
NOT_COUNTED = {'url-head', 'alb-health', 'alb-health-multi-value', *STATUS}
CALLS, VISITORS = 200, 37
TIMEOUT = 2


def store(command):
    """pause, resume, of with_dynamodb.py's server."""
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(os.environ['FOOTFALL_TEST_DYNAMODB_CONTROL'])
        control.sendall(command.encode() + b'\n')
        said = control.makefile().readline().strip()
    if said != 'ok':
        raise AssertionError(said)


@contextlib.contextmanager
def paused():
    store('pause')
    try:
        yield
    finally:
        store('resume')


def numbers(reply):
    body = json.loads(reply['body'])
    return body['total_visits'], body['unique_visitors']


class Emulated(Case):
    @classmethod
    def setUpClass(cls):
        cls.url = os.environ['FOOTFALL_TEST_DYNAMODB_URL']
        cls.bootstrap = cls.unpack(cls.fresh_folder(cls))

    def start(self, timeout=3, **settings):
        """An emulator with tables of its own."""
        self.variables = self.settings(self.url, **settings)
        try:
            self.emulator = Emulator(self.bootstrap, self.variables, timeout)
            self.addCleanup(self.emulator.close)
        except Absent as what:
            if os.environ.get('CI') == 'true':
                raise
            self.skipTest(str(what))
        self.emulator.start()

    def ask(self, event, status=200):
        reply = self.emulator.invoke(event)
        self.assertEqual(reply.get('statusCode'), status, f'{reply}\n{self.emulator.log()}')
        return reply

    def tables(self):
        with Client(self.url) as client:
            return client.tables(self.variables['FOOTFALL_DYNAMODB_TABLE'])

    def test_every_event(self):
        """Each of them twice: counted is what is to be counted, as one visitor, under its name."""
        self.start()
        totals = {}
        files = sorted(glob.glob(EVENTS))
        self.assertGreater(len(files), 20)
        for path in files * 2:
            name = os.path.basename(path).removesuffix('.json')
            with open(path, encoding='utf-8') as file, self.subTest(name):
                reply = self.emulator.invoke(file.read())
                if name.startswith('no-'):
                    self.assertEqual(reply.get('errorType'), 'Footfall.Event', reply)
                    self.assertIn('wanted is an HTTP request', reply['errorMessage'])
                    continue
                self.assertEqual(reply.get('statusCode'), STATUS.get(name, 200), reply)
                self.assertEqual(name.startswith('alb'), 'statusDescription' in reply, reply)
                if name in NOT_COUNTED:
                    continue
                body = json.loads(reply['body'])
                totals.setdefault(body['counter'], []).append((body['total_visits'], body['is_new_visitor']))
        self.assertEqual(totals.pop('main_page'), [(1, True), (2, True), (3, False), (4, False)])  # rest-root and url
        for counter, seen in totals.items():
            self.assertEqual(seen, [(1, True), (2, False)], counter)
        taken = [path for path in files if not os.path.basename(path).startswith('no-')]
        self.assertEqual(len(totals) + 2, len(taken) - len(NOT_COUNTED))

    def test_exact(self):
        self.start()
        fresh = 0
        for i in range(CALLS):
            reply = self.ask(url_event(f'198.51.100.{i % VISITORS}', '/visit/many'))
            fresh += json.loads(reply['body'])['is_new_visitor']
            self.assertEqual(numbers(reply), (i + 1, min(i + 1, VISITORS)))
        self.assertEqual(fresh, VISITORS)
        self.assertEqual(len(self.emulator.functions()), 1)
        # Another process, the same store.
        before = self.emulator.functions()
        self.emulator.restart()
        self.assertEqual(numbers(self.ask(url_event('198.51.100.0', '/visit/many'))), (CALLS + 1, VISITORS))
        self.assertNotEqual(self.emulator.functions(), before)

    def test_errors_leave_it_alive(self):
        self.start()
        self.ask(url_event())
        before = self.emulator.functions()
        for event in ({'Records': [{'eventSource': 'aws:sqs', 'body': 'x'}]}, {}, [], 'null', '"text"', '{"a":', ''):
            reply = self.emulator.invoke(event)
            self.assertEqual(reply.get('errorType'), 'Footfall.Event', f'{event}: {reply}')
        self.assertIn('aws:sqs', self.emulator.invoke({'Records': [{'eventSource': 'aws:sqs'}]})['errorMessage'])
        self.assertEqual(numbers(self.ask(url_event())), (2, 1))
        self.assertEqual(self.emulator.functions(), before)

    def test_a_configuration_that_is_wrong(self):
        self.start(FOOTFALL_BACKEND='sqlite')
        for _ in range(2):
            reply = self.emulator.invoke(url_event())
            self.assertEqual(reply.get('errorType'), 'Footfall.Configuration', reply)
            self.assertIn('sqlite', reply['errorMessage'])
        self.assertNotIn(zip_case.SECRET, self.emulator.log())

    def test_a_store_that_hangs_is_answered_before_the_time_is_over(self):
        self.start(timeout=TIMEOUT)
        self.ask(url_event())
        for left in reversed(range(3)):  # a machine that is busy may need more than is kept for the reply
            with paused():
                reply = self.emulator.invoke(url_event('203.0.113.8'))
            if 'statusCode' in reply or left == 0:
                break
            self.emulator.invoke(url_event())
        self.assertIn(reply.get('statusCode'), (503, 504), f'{reply}\n{self.emulator.log()}')
        self.assertEqual(reply['headers']['Cache-Control'], 'no-store')
        self.ask(url_event('203.0.113.9'))

    def test_a_store_that_hangs_at_the_start(self):
        self.start(timeout=9)
        with paused():
            reply = self.ask(url_event(), 503)
        self.assertIn('Retry-After', reply['headers'])
        self.assertEqual(numbers(self.ask(url_event())), (1, 1))

    def test_tables_gone_and_back(self):
        self.start(FOOTFALL_DYNAMODB_CREATE_TABLE='true')
        self.assertEqual(numbers(self.ask(url_event())), (1, 1))
        with Client(self.url) as client:
            were = [client.call('DescribeTable', TableName=name)['Table'] for name in self.tables()]
            self.assertEqual(len(were), 2)
            for table in were:
                client.call('DeleteTable', TableName=table['TableName'])
            self.assertEqual(json.loads(self.ask(url_event(), 500)['body'])['code'], 'broken_store')
            self.assertEqual(self.tables(), [])
            for table in were:
                self.make_again(client, table)
        self.assertEqual(numbers(self.ask(url_event())), (1, 1))
        self.assertEqual(numbers(self.ask(url_event())), (2, 1))

    @staticmethod
    def make_again(client, table):
        same = {name: table[name] for name in ('TableName', 'AttributeDefinitions', 'KeySchema')}
        indexes = [{name: index[name] for name in ('IndexName', 'KeySchema', 'Projection')}
                   for index in table.get('GlobalSecondaryIndexes', [])]
        client.call('CreateTable', BillingMode='PAY_PER_REQUEST', **same, **({'GlobalSecondaryIndexes': indexes} if indexes else {}))

    def test_nothing_listens_elsewhere_or_stays(self):
        self.start()
        self.ask(url_event())
        self.assertEqual(self.emulator.listens_elsewhere(), [])
        self.assertEqual(len(self.emulator.functions()), 1)
        self.emulator.stop()
        self.assertEqual(self.emulator.functions(), [])
