"""footfall iam-policy: the document for each purpose, and what it says of a store that has nothing to grant. That the rights are
those that are really used is held against recorded calls elsewhere."""
import json

from harness import Case

READ = ['BatchGetItem']
COUNT = ['GetItem', 'BatchGetItem', 'UpdateItem', 'PutItem', 'DeleteItem', 'ConditionCheckItem', 'Query']
MAKE = ['CreateTable', 'DescribeTable', 'DescribeTimeToLive', 'UpdateTimeToLive']
KEYS = ['PutItem', 'DeleteItem', 'Query']


class Usage(Case):
    def test_mistakes(self):
        self.fails(2, 'iam-policy', 'x', says='too many arguments')
        self.fails(2, 'iam-policy', '--setup', '--read-only', says='one of --setup, --read-only and --import at a time')
        self.fails(2, 'iam-policy', '--read-only', '--import', 'old', says='at a time')
        self.fails(2, 'iam-policy', '--import', '', says='--import: empty')
        for account in ('', '12345678901', '1234567890123', '12345678901x'):
            self.fails(2, 'iam-policy', '--account', account, says='--account: not 12 digits')
        self.fails(3, 'iam-policy', '-o', 'window=0s', says='window')
        self.assert_untouched()


class Nothing(Case):
    needs = 'no_aws'

    def test_nothing_to_grant(self):
        for more in ([], ['--setup'], ['--read-only'], ['--import', 'old'], ['--account', '123456789012', '--json']):
            self.fails(1, 'iam-policy', *more, says='there is nothing to grant')
        self.assert_untouched()


class Policy(Case):
    needs = 'aws'

    def policy(self, *words, region='us-east-1', account='*', partition='aws'):
        """[(actions, what stands behind "table/")], after the checks that all documents must pass."""
        text = self.ok('-o', 'dynamodb.create_table=false', 'iam-policy', *words)
        document = json.loads(text)
        self.assertEqual(set(document), {'Version', 'Statement'})
        self.assertEqual(document['Version'], '2012-10-17')
        found = []
        for statement in document['Statement']:
            self.assertEqual(set(statement), {'Effect', 'Action', 'Resource'})
            self.assertEqual(statement['Effect'], 'Allow')
            begin = f'arn:{partition}:dynamodb:{region}:{account}:table/'
            self.assertTrue(statement['Resource'].startswith(begin), statement)
            self.assertTrue(all(action.startswith('dynamodb:') for action in statement['Action']), statement)
            found.append(([action.removeprefix('dynamodb:') for action in statement['Action']],
                          statement['Resource'][len(begin):]))
        self.assertNotIn('"dynamodb:*"', text)
        return found

    def setUp(self):
        super().setUp()
        self.table = self.behind.settings['dynamodb.table']
        self.keys = self.behind.settings.get('dynamodb.key_table', self.table + '-keys')

    def test_run(self):
        self.assertEqual(self.policy(), [(COUNT, self.table), (['Query'], self.table + '/index/list'), (KEYS, self.keys)])
        self.assertEqual(self.policy('-o', 'dynamodb.create_table=true'),
                         [(COUNT + MAKE, self.table), (['Query'], self.table + '/index/list'), (KEYS + MAKE, self.keys)])

    def test_setup(self):
        look = MAKE + ['DescribeContinuousBackups']
        self.assertEqual(self.policy('--setup'), [(look, self.table), (look, self.keys)])

    def test_read_only(self):
        self.assertEqual(self.policy('--read-only'),
                         [(READ, self.table), (['Query'], self.table + '/index/list'), (['Query'], self.keys)])

    def test_import(self):
        self.assertEqual(self.policy('--import', 'old'),
                         [(['GetItem', 'UpdateItem', 'PutItem'], self.table), (['Query'], self.keys),
                          (['Scan'], 'old')])
        self.fails(2, 'iam-policy', '--import', 'no table', says="is no table's name")

    def test_where(self):
        self.policy('--account', '012345678901', account='012345678901')
        self.policy('-o', 'dynamodb.region=cn-north-1', region='cn-north-1', partition='aws-cn')
        self.policy('-o', 'dynamodb.region=us-gov-west-1', region='us-gov-west-1', partition='aws-us-gov')
        for unset in ('AWS_REGION', 'AWS_DEFAULT_REGION'):
            self.environment.pop(unset, None)
        self.policy(region='*')
        self.environment['AWS_DEFAULT_REGION'] = 'eu-west-1'
        self.policy(region='eu-west-1')
        self.assertEqual(self.policy('-o', 'dynamodb.key_table=elsewhere', region='eu-west-1')[2], (KEYS, 'elsewhere'))

    def test_no_call_is_made(self):
        self.assertEqual(len(self.ok('--json', 'iam-policy', '-o', 'dynamodb.endpoint=http://127.0.0.1:1').splitlines()), 1)
        self.assert_untouched()
