#!/usr/bin/env python3
"""test_dynamodb_record.py RECORDER: the proxy that writes down kinds of calls, before a server that says yes to everything."""
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import unittest

sys.dont_write_bytecode = True  # the source tree stays clean
from dynamodb_server import Client  # noqa: E402

RECORDER = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else ''
SECONDS = 20


class Yes(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_POST(self):
        self.rfile.read(int(self.headers['Content-Length']))
        self.send_response(200)
        self.send_header('Content-Length', '2')
        self.end_headers()
        self.wfile.write(b'{}')

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):  # a connection that was reset
        pass


class Record(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(Server(('127.0.0.1', 0), Yes))
        threading.Thread(target=self.server.serve_forever, args=[0.02], daemon=True).start()
        self.addCleanup(self.server.shutdown)
        self.file = os.path.join(self.enterContext(tempfile.TemporaryDirectory()), 'calls')

    def start(self):
        process = self.enterContext(subprocess.Popen([RECORDER, str(self.server.server_port), self.file], stdin=subprocess.PIPE,
                                                     stdout=subprocess.PIPE, text=True))
        self.addCleanup(process.kill)
        return process, self.enterContext(Client(f'http://127.0.0.1:{int(process.stdout.readline())}', SECONDS))

    def end(self, process):
        process.stdin.close()
        self.assertEqual(process.wait(SECONDS), 0)

    def lines(self):
        with open(self.file, encoding='utf-8') as file:
            return [(line['action'], line['part'], line['table'], line['index']) for line in map(json.loads, file)]

    def test_each_kind_of_call(self):
        process, client = self.start()
        client.call('ListTables')
        client.call('UpdateItem', TableName='one', Key={})
        client.call('Query', TableName='one', IndexName='list')
        client.call('Query', TableName='one', KeyConditionExpression='"\N{SNOWMAN}')
        client.call('BatchGetItem', RequestItems={'one': {'Keys': [{}, {}]}, 'two': {'Keys': [{}]}})
        client.call('BatchWriteItem', RequestItems={'one': [{'PutRequest': {}}, {'DeleteRequest': {}}, {'PutRequest': {}}]})
        parts = [{'Update': {'TableName': 'one'}}, {'ConditionCheck': {'TableName': 'one'}}, {'Update': {'TableName': 'two'}},
                 {'Update': {'TableName': 'one', 'Key': {}}}]
        client.call('TransactWriteItems', TransactItems=parts)
        client.call('TransactGetItems', TransactItems=[{'Get': {'TableName': 'one'}}])
        self.end(process)
        self.assertEqual(self.lines(), [
            ('ListTables', None, None, None), ('UpdateItem', None, 'one', None), ('Query', None, 'one', 'list'),
            ('Query', None, 'one', None), ('BatchGetItem', None, 'one', None), ('BatchGetItem', None, 'two', None),
            ('BatchWriteItem', 'PutRequest', 'one', None), ('BatchWriteItem', 'DeleteRequest', 'one', None),
            ('TransactWriteItems', 'Update', 'one', None), ('TransactWriteItems', 'ConditionCheck', 'one', None),
            ('TransactWriteItems', 'Update', 'two', None), ('TransactGetItems', 'Get', 'one', None)])

    def test_a_kind_stands_there_once(self):
        for _ in range(2):
            process, client = self.start()
            for table in ('a', 'b', 'a'):
                client.call('PutItem', TableName=table)
            client.call('DeleteItem', TableName='a', Key={'k': {'S': 'x' * 300000}})
            self.end(process)
        self.assertEqual([line[::2] for line in self.lines()], [('PutItem', 'a'), ('PutItem', 'b'), ('DeleteItem', 'a')])

    def test_what_was_answered_outlives_a_kill(self):
        process, client = self.start()
        for number in range(20):
            client.call('PutItem', TableName=f't{number}')
        process.kill()
        process.wait(SECONDS)
        self.assertEqual([line[2] for line in self.lines()], [f't{number}' for number in range(20)])

    def test_what_cannot_be_read_is_told_apart(self):
        process, client = self.start()
        client.connection.request('POST', '/', 'no JSON', {'x-amz-target': 'DynamoDB_20120810.GetItem'})
        client.connection.getresponse().read()
        client.connection.request('POST', '/', '[]')
        client.connection.getresponse().read()
        self.end(process)
        self.assertEqual(self.lines(), [('GetItem', None, None, None), ('', None, None, None)])

    def test_usage(self):
        for words in ([], ['0', self.file], ['x', self.file], ['65536', self.file]):
            done = subprocess.run([RECORDER, *words], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=SECONDS,
                                  check=False)
            self.assertEqual(done.returncode, 2)


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1], verbosity=2)
