"""footfall import --from-dynamodb-tutorial: moving in from the tables of the usual tutorials. Files: cases_export.py."""
import hashlib
import json
import os
import threading

from harness import Case

MAX = 9223372036854775807


class Usage(Case):
    def test_mistakes(self):
        together = 'footfall: --from-dynamodb-tutorial and --counter go together\n'
        self.assertEqual(self.fails(2, 'import', '--counter', 'page'), together)
        self.assertEqual(self.fails(2, 'import', '--counter', 'page', 'old.json'), together)
        self.assertEqual(self.fails(2, 'import', '--from-dynamodb-tutorial', 'old'), together)
        self.fails(2, 'import', '--from-dynamodb-tutorial', '', '--counter', 'page', says='--from-dynamodb-tutorial: empty')
        self.fails(2, 'import', '--from-dynamodb-tutorial', 'old', '--counter', '', says='COUNTER: ')
        self.fails(2, 'import', 'old.json', '--from-dynamodb-tutorial', 'old', '--counter', 'page',
                   says='FILE does not go with --from-dynamodb-tutorial')
        self.fails(2, 'import', '--overwrite', '--from-dynamodb-tutorial', 'old', '--counter', 'page',
                   says='--overwrite does not go with --from-dynamodb-tutorial')
        self.assert_untouched()


class Unsupported(Case):
    needs = 'no_aws'

    def test_says_so_before_anything_is_touched(self):
        self.fails(1, 'import', '--from-dynamodb-tutorial', 'old', '--counter', 'page',
                   says="cannot import from another program's table")
        self.assert_untouched()


class FromTutorial(Case):
    needs = 'aws'

    def setUp(self):
        super().setUp()
        self.old = os.environ.get('FOOTFALL_TEST_NAME_PREFIX', '') + 'old-' + os.path.basename(self.folder)
        self.client = self.behind.client()
        self.addCleanup(self.client.close)

    def make(self, key):
        self.client.call('CreateTable', TableName=self.old, BillingMode='PAY_PER_REQUEST',
                         KeySchema=[{'AttributeName': key, 'KeyType': 'HASH'}],
                         AttributeDefinitions=[{'AttributeName': key, 'AttributeType': 'S'}])
        self.addCleanup(self.client.call, 'DeleteTable', TableName=self.old)

    def put(self, items):
        for at in range(0, len(items), 25):
            self.client.call('BatchWriteItem',
                             RequestItems={self.old: [{'PutRequest': {'Item': item}} for item in items[at:at + 25]]})

    @staticmethod
    def visitor(number, visits, more=0):
        """As the tutorial's function writes it, and `more` bytes."""
        return {'ip_address': {'S': hashlib.sha256(b'203.0.113.%d' % number).hexdigest()}, 'visit_count': {'N': str(visits)},
                'first_visit': {'S': '2024-03-01T12:00:00'}, 'last_visit': {'S': '2024-03-02T12:00:00' + 'x' * more}}

    def visit_old(self, number):
        self.client.call('UpdateItem', TableName=self.old, Key={'ip_address': self.visitor(number, 0)['ip_address']},
                         UpdateExpression='ADD visit_count :one', ExpressionAttributeValues={':one': {'N': '1'}})

    def words(self, counter='page'):
        return 'import', '--from-dynamodb-tutorial', self.old, '--counter', counter

    def assert_no_hash_is_kept(self, numbers):
        kept = ''
        for table in self.client.tables(self.behind.settings['dynamodb.table']):
            kept += json.dumps(self.client.call('Scan', TableName=table))
        for number in numbers:
            self.assertNotIn(self.visitor(number, 0)['ip_address']['S'], kept)

    def test_visitors(self):
        self.make('ip_address')
        self.put([self.visitor(number, number % 5 + 1) for number in range(10)])
        self.assertEqual(self.ok(*self.words()), 'page: 30 visits, 10 visitors (30 visits and 10 visitors added)\n')
        self.assertEqual(self.ok(*self.words()), 'page: 30 visits, 10 visitors (nothing new)\n')
        self.assertEqual(self.ok('--json', *self.words()),
                         '{"counter":"page","count":30,"total_visits":30,"unique_visitors":10,"added_visits":0,'
                         '"added_visitors":0}\n')
        self.assert_no_hash_is_kept(range(10))

    def test_views(self):
        self.make('id')
        self.put([{'id': {'S': '0'}, 'views': {'N': '41'}}])
        self.assertEqual(self.ok(*self.words()), 'page: 41 visits, 0 visitors (41 visits and 0 visitors added)\n')
        self.put([{'id': {'S': '0'}, 'views': {'N': '42'}}])
        self.assertEqual(self.ok(*self.words()), 'page: 42 visits, 0 visitors (1 visit and 0 visitors added)\n')

    def test_several_pages(self):
        self.make('ip_address')
        self.put([self.visitor(number, 2, more=2500) for number in range(1000)])  # 2.7 MB: three pages of a Scan
        self.assertEqual(self.counters(), {})
        self.assertEqual(self.json(*self.words())['added_visits'], 2000)
        self.assertEqual(self.counters(), {'page': (2000, 1000)})

    def test_visits_meanwhile(self):
        """Point the page to the new counter, import, and once more when the old function gets no more traffic."""
        self.make('ip_address')
        self.put([self.visitor(number, 1) for number in range(20)])
        for number in range(5):
            self.ok('visit', 'page', f'198.51.100.{number}')
        done = []

        def visit():
            for number in range(20):
                self.ok('visit', 'page', f'192.0.2.{number}')
            done.append(True)

        thread = threading.Thread(target=visit)
        thread.start()
        total = 20
        for number in range(15, 30):
            self.visit_old(number)
            total += 1
            self.assertEqual(self.json(*self.words())['added_visits'], 21 if number == 15 else 1)
        thread.join()
        self.assertEqual(done, [True])
        self.assertEqual(self.counters(), {'page': (5 + 20 + total, 5 + 20 + 30)})
        self.assertFalse(self.json('visit', 'page', '192.0.2.1')['is_new_visitor'])

    def test_many_at_once(self):
        self.make('id')
        self.put([{'id': {'S': 'home'}, 'views': {'N': '1000'}}])
        self.ok('add', 'page', '1')
        ended = []
        threads = [threading.Thread(target=lambda: ended.append(self.run_only('-o', 'deadline=20s', *self.words())))
                   for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([(done.status, done.err) for done in ended], [(0, '')] * 6, ended)
        self.assertEqual(self.counters(), {'page': (1001, 0)})

    def test_deleted_between(self):
        self.make('id')
        self.put([{'id': {'S': 'home'}, 'views': {'N': '7'}}])
        self.ok(*self.words())
        self.ok('delete', 'page')
        self.ok('add', 'page', '2')
        self.assertEqual(self.json(*self.words())['added_visits'], 7)
        self.assertEqual(self.json(*self.words())['added_visits'], 0)
        self.assertEqual(self.json(*self.words('other'))['added_visits'], 7)
        self.assertEqual(self.counters(), {'page': (9, 0), 'other': (7, 0)})

    def test_set_keeps_what_was_imported(self):
        self.make('id')
        self.put([{'id': {'S': 'home'}, 'views': {'N': '7'}}])
        self.ok(*self.words())
        self.ok('set', 'page', '100', '5')
        self.put([{'id': {'S': 'home'}, 'views': {'N': '9'}}])
        self.assertEqual(self.ok(*self.words()), 'page: 102 visits, 5 visitors (2 visits and 0 visitors added)\n')

    def test_edges_of_int64(self):
        self.make('id')
        self.put([{'id': {'S': 'home'}, 'views': {'N': str(MAX)}}])
        self.ok('add', 'page', '1')
        self.fails(1, *self.words(), says='range')
        self.assertEqual(self.counters(), {'page': (1, 0)})
        self.ok('add', 'page', '-1')
        self.assertEqual(self.json(*self.words())['total_visits'], MAX)
        self.ok('visit', 'other', '203.0.113.1')
        self.put([{'id': {'S': 'away'}, 'views': {'N': '1'}}])
        self.fails(1, *self.words(), says='the sum of views is larger than')

    def test_what_is_refused(self):
        good = {'id': {'S': 'a'}, 'views': {'N': '1'}}
        self.fails(2, *self.words(), says='there is no table ' + self.old)
        self.make('id')
        self.fails(2, *self.words(), says='is empty')
        for item, says in (({'id': {'S': 'b'}, 'views': {'N': '-1'}}, 'views of an item is -1, not a whole number'),
                           ({'id': {'S': 'b'}, 'views': {'N': '1.5'}}, 'views of an item is 1.5, not a whole number'),
                           ({'id': {'S': 'b'}, 'views': {'N': str(MAX + 1)}}, f'views of an item is {MAX + 1}, not'),
                           ({'id': {'S': 'b'}, 'views': {'S': '1'}}, 'views of an item is not a number'),
                           ({'id': {'S': 'b'}}, 'an item has neither'),
                           ({'id': {'S': 'b'}, 'ip_address': {'S': 'x'}, 'visit_count': {'N': '1'}}, 'an item has neither')):
            self.put([good, item])
            self.fails(2, *self.words(), says=says)
        self.client.call('DeleteItem', TableName=self.old, Key={'id': {'S': 'b'}})
        self.assertEqual(self.counters(), {})
        self.ok(*self.words())
        self.put([{'id': {'S': 'a'}, 'views': {'N': '0'}}])
        self.fails(2, *self.words(), says='holds fewer (0, 0) than were imported from it before (1, 0)')
        self.assertEqual(self.counters(), {'page': (1, 0)})
        self.fails(2, 'import', '--from-dynamodb-tutorial', self.behind.settings['dynamodb.table'], '--counter', 'page',
                   says='is the one that counters are in')
