#!/usr/bin/env python3
"""template.py ROOT TOOL: tools/aws/template.yaml is a template, and makes what docs/deploy-aws.md says, with whatever parameters.

cfn-lint knows AWS's resources and their properties; that whole stacks come out, that the function can do its work with its rights
and its environment, and that nobody forges an address is held against the built program here. Tables: template_tables.py.
"""
import hashlib
import itertools
import json
import os
import re
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True  # the source tree stays clean
import cfn_lint  # noqa: E402
from cloudformation import PSEUDO, Stack, load  # noqa: E402

ROOT, TOOL = map(os.path.abspath, sys.argv[1:3]) if len(sys.argv) > 2 else ('', '')
PATH = f'{ROOT}/tools/aws/template.yaml'
TEMPLATE = load(PATH)
SECONDS = 60
DIRECTLY = 51200  # bytes that CloudFormation takes without a bucket
# Where Function URLs are, and where accounts may go without asking.
REGIONS = ['us-east-1', 'us-east-2', 'us-west-1', 'us-west-2', 'ca-central-1', 'sa-east-1', 'eu-west-1', 'eu-west-2', 'eu-west-3',
           'eu-central-1', 'eu-north-1', 'ap-northeast-1', 'ap-northeast-2', 'ap-south-1', 'ap-southeast-1', 'ap-southeast-2']
# What AWS gives no tags to, or nobody pays for by tag.
UNTAGGED = {'AWS::ApiGateway::' + kind for kind in ('BasePathMapping', 'Deployment', 'Method', 'Resource', 'UsagePlanKey')} | {
    'AWS::CloudFront::OriginAccessControl', 'AWS::CloudFront::OriginRequestPolicy', 'AWS::IAM::ManagedPolicy',
    'AWS::Lambda::Permission', 'AWS::Lambda::Url', 'AWS::S3::BucketPolicy'}
CERTIFICATE = 'arn:aws:acm:us-east-1:123456789012:certificate/01234567-89ab'
SECRET = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:mine-a1B2c3'
CHOICES = {
    'Endpoint': ['FunctionUrl', 'RestApi'], 'CloudFront': ['false', 'true'], 'Domain': ['', 'count.example.org'],
    'CertificateArn': ['', CERTIFICATE], 'TrustedProxies': ['', '173.245.48.0/20, 2400:cb00::/32'], 'Tables': ['new', 'existing'],
    'SecretArn': ['', SECRET], 'AlarmEmail': ['', 'me@example.org'], 'ReservedConcurrency': [0, 20],
}
METHODS = ('ApiRootMethod', 'ApiPath', 'ApiPathMethod')  # what a deployment copies


def stack(**more):
    return Stack(TEMPLATE, **{'CodeBucket': 'bucket', **more})


def everything():
    """(parameters, stack) of every combination of choices."""
    for values in itertools.product(*CHOICES.values()):
        parameters = dict(zip(CHOICES, values))
        yield parameters, stack(**parameters)


def each_stack():
    for parameters, one in everything():
        if not one.refusals():
            yield parameters, one


def environment_of(one):
    (_, function), = one.of_type('AWS::Lambda::Function').items()
    return function['Environment']['Variables']


def run_tool(environment, *words):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(('FOOTFALL_', 'AWS_'))}
    return subprocess.run([TOOL, *words], env={**clean, 'AWS_REGION': PSEUDO['AWS::Region'], **environment}, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=SECONDS, check=False)


def with_secret(environment):
    """The environment as Lambda gets it, a text of the kind that Secrets Manager makes in the place of the reference to it."""
    return {**environment, 'FOOTFALL_SECRET': 'aZ09' * 16}


def listed(value):
    return value if isinstance(value, list) else [value]


def allowed(document):
    """{(action, resource)} of a policy that allows and does nothing else."""
    found = set()
    for statement in document['Statement']:
        if set(statement) != {'Effect', 'Action', 'Resource'} or statement['Effect'] != 'Allow':
            raise AssertionError(f'more than a right: {statement}')
        found |= set(itertools.product(listed(statement['Action']), listed(statement['Resource'])))
    return found


def allowed_by_tool(environment, *words):
    done = run_tool(with_secret(environment), 'iam-policy', '--account', PSEUDO['AWS::AccountId'], *words)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return allowed(json.loads(done.stdout))


class Template(unittest.TestCase):
    def test_cfn_lint(self):
        try:
            program = cfn_lint.fetch()
        except cfn_lint.Absent as why:
            if os.environ.get('CI') == 'true':
                self.fail(f'{why}: a failure, for CI=true')
            self.skipTest(str(why))
        done = subprocess.run([program, '--regions', *REGIONS, '--', PATH], text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=SECONDS, check=False)
        self.assertEqual((done.returncode, done.stdout.strip()), (0, ''))

    def test_it_can_be_given_directly(self):
        self.assertLess(os.path.getsize(PATH), DIRECTLY)

    def test_parameters(self):
        self.assertEqual(stack().refusals(), [])
        shown = [name for group in TEMPLATE['Metadata']['AWS::CloudFormation::Interface']['ParameterGroups']
                 for name in group['Parameters']]
        self.assertEqual(sorted(shown), sorted(TEMPLATE['Parameters']))
        for name, said in TEMPLATE['Parameters'].items():
            self.assertIn('Description', said, name)
            self.assertIn('ConstraintDescription', said, name)
            self.assertEqual('Default' not in said, name == 'CodeBucket', name)

    def test_what_parameters_take(self):
        for name, good, bad in (
                ('CodeBucket', ['a.b-c'], ['s3://bucket', 'Bucket', '']),
                ('CodeKey', ['a/footfall-lambda.zip'], ['/a.zip', 'a b', '']),
                ('Prefix', ['footfall', 'my-2nd'], ['Footfall', '2nd', 'a', 'a_b', 'x' * 33]),
                ('AlarmEmail', ['', 'a@example.org'], ['a', '@', 'a b@c']),
                ('Window', ['24h', '90m', '30d', '3600s', 'forever'], ['', '0h', '24', '1y', 'Forever']),
                ('AllowedOrigins', ['*', 'https://a.example', 'https://a.example http://b.example:8080,https://c.example'],
                 ['', 'a.example', '* https://a.example', 'https://a.example, ', 'https://a.example/', 'https://A.example']),
                ('DefaultCounter', ['main_page', "/it's here;~", 'x' * 200], ['', 'a"b', 'a<b', 'a>b', 'a&b', 'x' * 201, 'é']),
                ('Domain', ['', 'count.example.org'], ['example', 'https://example.org', 'Example.org', 'a_b.example']),
                ('CertificateArn', ['', CERTIFICATE], ['arn:aws:iam::123456789012:server-certificate/x']),
                ('TrustedProxies', ['', '203.0.113.7', '173.245.48.0/20 2400:cb00::/32', ' 10.0.0.0/8, 192.0.2.0/24 '],
                 ['any', 'unix', '0.0.0.0/0', '::/0 10.0.0.0/8', '10.0.0.0/8,::/00', '131.0.72.0/222400:cb00::/32', '/8']),
                ('SecretArn', ['', SECRET], ['mine', SECRET + ':x']), ('RequestsPerSecond', [1], [0, 10001]),
                ('SecretVersion', ['', '01234567-89ab-cdef-0123-456789abcdef'], ['AWSCURRENT', '{{x}}']),
                ('ReservedConcurrency', [0, 1000], [-1, 1001])):
            for expected, values in ((0, good), (1, bad)):
                for value in values:
                    said = [text for text in stack(**{name: value}).refusals() if text.startswith(name + ' must')]
                    self.assertEqual(len(said), expected, (name, value))

    def test_what_parameters_take_footfall_takes(self):
        for parameters in ({'Window': '90m'}, {'Window': 'forever'}, {'AllowedOrigins': 'https://a.example http://b.example:8080'},
                           {'DefaultCounter': 'a b/c'}, {'CreateCounters': 'false'}):
            done = run_tool(with_secret(environment_of(stack(**parameters))), 'config')
            self.assertEqual((done.returncode, done.stderr), (0, ''), parameters)

    def test_every_combination_is_a_stack_or_refused(self):
        count = 0
        for parameters, one in everything():
            domain, fronted = parameters['Domain'] != '', parameters['CloudFront'] == 'true' and parameters['Endpoint'] == 'RestApi'
            wrong = (domain != (parameters['CertificateArn'] != '') or fronted and parameters['TrustedProxies'] != ''
                     or domain and parameters['Endpoint'] == 'FunctionUrl' and parameters['CloudFront'] == 'false')
            self.assertEqual(one.refusals() != [], wrong, parameters)
            if not wrong:
                outputs = one.all_values()  # says so when one part speaks of another that is not made
                self.assertTrue(outputs['VisitUrl'], parameters)
                count += 1
        self.assertGreater(count, 100)

    def test_all_is_used(self):
        text = json.dumps(TEMPLATE)
        for name in TEMPLATE['Parameters']:
            self.assertRegex(text, rf'"Ref": "{name}"|\$\{{{name}\}}', name)
        used = {said.get('Condition') for part in ('Resources', 'Outputs') for said in TEMPLATE[part].values()} | set(
            re.findall(r'"(?:Condition": |Fn::If": \[)"(\w+)"', text))
        self.assertEqual(used - {None}, set(TEMPLATE['Conditions']))
        made = set().union(*(one.resources for _, one in each_stack()))
        self.assertEqual(made, set(TEMPLATE['Resources']))

    def test_tags(self):
        for parameters, one in each_stack():
            for name in one.resources:
                if TEMPLATE['Resources'][name]['Type'] not in UNTAGGED:
                    self.assertIn({'Key': 'application', 'Value': 'footfall'}, one.properties(name).get('Tags', []), name)
            if parameters['Tables'] == 'existing':
                break

    def test_addresses_for_people(self):
        for parameters, url in (
                ({}, '<Url.FunctionUrl>'), ({'CloudFront': 'true'}, '<Url.FunctionUrl>'),
                ({'Endpoint': 'RestApi'}, 'https://<Api>.execute-api.eu-west-1.amazonaws.com/<Stage>/'),
                ({'Endpoint': 'RestApi', 'CloudFront': 'true'}, 'https://<Distribution.DomainName>/'),
                ({'Endpoint': 'RestApi', 'Domain': 'a.example', 'CertificateArn': CERTIFICATE}, 'https://a.example/'),
                ({'Endpoint': 'RestApi', 'CloudFront': 'true', 'Domain': 'a.example', 'CertificateArn': CERTIFICATE},
                 'https://a.example/')):
            one = stack(**parameters)
            outputs, environment = one.all_values(), environment_of(one)
            self.assertEqual(outputs['CountsTable'], environment['FOOTFALL_DYNAMODB_TABLE'])
            self.assertEqual(outputs['KeyTable'], environment['FOOTFALL_DYNAMODB_KEY_TABLE'])
            self.assertEqual(outputs['VisitUrl'], url + 'visit')
            self.assertEqual(outputs['Html'], f'<script src="{url}footfall.js" data-counter="main_page" async></script>')
            self.assertEqual('SiteBucket' in outputs, 'CloudFront' in parameters)
            self.assertEqual('DomainTarget' in outputs, 'Domain' in parameters)


class Function(unittest.TestCase):
    maxDiff = None

    def test_rights(self):
        environments = {json.dumps(environment_of(one), sort_keys=True): one for _, one in each_stack()}
        for one in [*environments.values(), stack(Prefix='other-2')]:
            environment = environment_of(one)
            (_, role), = one.of_type('AWS::IAM::Role').items()
            policies = {policy['PolicyName']: allowed(policy['PolicyDocument']) for policy in role['Policies']}
            self.assertEqual(policies, {
                'count': allowed_by_tool(environment),
                'log': {('logs:CreateLogStream', '<LogGroup.Arn>'), ('logs:PutLogEvents', '<LogGroup.Arn>')}})
            self.assertEqual(set(role), {'AssumeRolePolicyDocument', 'Policies', 'Tags'})
            self.assertEqual(role['AssumeRolePolicyDocument']['Statement'], [
                {'Effect': 'Allow', 'Action': 'sts:AssumeRole', 'Principal': {'Service': 'lambda.amazonaws.com'}}])
            (_, reader), = one.of_type('AWS::IAM::ManagedPolicy').items()
            self.assertEqual(allowed(reader['PolicyDocument']), allowed_by_tool(environment, '--read-only'))
            self.assertEqual(set(reader), {'Description', 'PolicyDocument'})

    def test_environment(self):
        """footfall takes all of it without a word, and shows each value where it came from."""
        environments = {json.dumps(environment_of(one), sort_keys=True): environment_of(one) for _, one in each_stack()}
        self.assertGreater(len(environments), 2)
        for environment in environments.values():
            environment = with_secret(environment)
            done = run_tool(environment, '--json', 'config')
            self.assertEqual((done.returncode, done.stderr), (0, ''))
            known = {line['key']: line for line in map(json.loads, done.stdout.splitlines())}
            for name, value in environment.items():
                key = next((key for key in known if 'FOOTFALL_' + key.upper().replace('.', '_') == name), None)
                self.assertIsNotNone(key, f'{name} is no key')
                self.assertEqual(known[key]['value'], '***' if key == 'secret' else value)
                self.assertEqual(known[key]['source'], 'environment')
            self.assertLess(sum(len(name) + len(value) for name, value in environment.items()), 4096)  # Lambda takes no more

    def test_it_runs_the_zip(self):
        (_, function), = stack().of_type('AWS::Lambda::Function').items()
        self.assertEqual((function['Runtime'], function['Handler'], function['Architectures']),
                         ('provided.al2023', 'bootstrap', ['x86_64']))
        self.assertEqual(function['Code'], {'S3Bucket': 'bucket', 'S3Key': 'footfall-lambda.zip'})
        self.assertEqual(function['LoggingConfig'], {'LogFormat': 'Text', 'LogGroup': '<LogGroup>'})
        deadline = re.fullmatch(r'(\d+)s', function['Environment']['Variables']['FOOTFALL_DEADLINE'])[1]
        self.assertGreater(function['Timeout'], int(deadline))
        self.assertLessEqual(function['Timeout'], 10)

    def test_reserved_concurrency(self):
        self.assertNotIn('ReservedConcurrentExecutions', stack().properties('Function'))
        self.assertEqual(stack(ReservedConcurrency=20).properties('Function')['ReservedConcurrentExecutions'], '20')

    def test_secret(self):
        reference = '{{resolve:secretsmanager:%s:SecretString:::%s}}'
        for parameters, expected in (({}, ('<Secret>', '')), ({'SecretArn': SECRET}, (SECRET, '')),
                                     ({'SecretVersion': 'v' * 32}, ('<Secret>', 'v' * 32))):
            one = stack(**parameters)
            self.assertEqual(environment_of(one)['FOOTFALL_SECRET'], reference % expected)
            self.assertEqual('Secret' in one.resources, 'SecretArn' not in parameters)
        made = stack().properties('Secret')['GenerateSecretString']
        self.assertGreaterEqual(made['PasswordLength'], 32)
        self.assertTrue(made['ExcludePunctuation'])
        self.assertNotIn('Name', stack().properties('Secret'))

    def test_what_stays(self):
        resources = TEMPLATE['Resources']
        for name, policy in (('CountsTable', 'Retain'), ('KeyTable', 'Retain'), ('Secret', 'RetainExceptOnCreate'),
                             ('SiteBucket', 'RetainExceptOnCreate')):
            self.assertEqual((resources[name]['DeletionPolicy'], resources[name]['UpdateReplacePolicy']), (policy, 'Retain'))
        kept = {name for name, said in resources.items() if said.get('DeletionPolicy', 'Delete') != 'Delete'}
        self.assertEqual(kept, {'CountsTable', 'KeyTable', 'Secret', 'SiteBucket'})

    def test_alarms(self):
        for parameters, one in each_stack():
            alarms = one.of_type('AWS::CloudWatch::Alarm')
            metrics = {(alarm['Namespace'], alarm['MetricName']) for alarm in alarms.values()}
            api = parameters['Endpoint'] == 'RestApi'
            self.assertEqual(metrics, {('AWS/Lambda', 'Errors'), ('AWS/Lambda', 'Throttles'),
                                       ('AWS/ApiGateway', '5XXError') if api else ('AWS/Lambda', 'Url5xxCount')})
            for alarm in alarms.values():
                self.assertEqual(alarm.get('AlarmActions'), ['<AlarmTopic>'] if parameters['AlarmEmail'] else None)
                self.assertEqual(alarm['TreatMissingData'], 'notBreaching')


class Address(unittest.TestCase):
    def test_one_way_in(self):
        for _, one in each_stack():
            urls, apis = one.of_type('AWS::Lambda::Url'), one.of_type('AWS::ApiGateway::RestApi')
            self.assertEqual(len(urls) + len(apis), 1)
            permissions = list(one.of_type('AWS::Lambda::Permission').values())
            for permission in permissions:
                self.assertEqual(permission.pop('FunctionName'), '<Function.Arn>')
            if urls:
                self.assertEqual(urls, {'Url': {
                    'TargetFunctionArn': '<Function.Arn>', 'AuthType': 'NONE', 'InvokeMode': 'BUFFERED'}})
                self.assertCountEqual(permissions, [
                    {'Action': 'lambda:InvokeFunctionUrl', 'Principal': '*', 'FunctionUrlAuthType': 'NONE'},
                    {'Action': 'lambda:InvokeFunction', 'Principal': '*', 'InvokedViaFunctionUrl': True}])
            else:
                self.assertEqual(permissions, [{
                    'Action': 'lambda:InvokeFunction', 'Principal': 'apigateway.amazonaws.com',
                    'SourceArn': 'arn:aws:execute-api:eu-west-1:123456789012:<Api>/*/*'}])

    def test_rest_api(self):
        """Every method of every path goes to the function as it is: OPTIONS too, for the function alone answers for CORS."""
        for _, one in each_stack():
            if 'Api' not in one.resources:
                continue
            self.assertEqual(set(one.properties('Api')), {'Name', 'Description', 'EndpointConfiguration', 'Tags'})
            self.assertEqual(one.properties('Api')['EndpointConfiguration'], {'Types': ['REGIONAL']})
            methods = one.of_type('AWS::ApiGateway::Method')
            self.assertEqual({method['ResourceId'] for method in methods.values()}, {'<Api.RootResourceId>', '<ApiPath>'})
            self.assertEqual(one.properties('ApiPath')['PathPart'], '{proxy+}')
            for method in methods.values():
                self.assertEqual((method['HttpMethod'], method['AuthorizationType']), ('ANY', 'NONE'))
                self.assertEqual(method['Integration'], {
                    'Type': 'AWS_PROXY', 'IntegrationHttpMethod': 'POST',
                    'Uri': 'arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/<Function.Arn>/invocations'})
            (settings,) = one.properties('Stage')['MethodSettings']
            self.assertEqual((settings['HttpMethod'], settings['ResourcePath']), ('*', '/*'))
            self.assertEqual((settings['ThrottlingRateLimit'], settings['ThrottlingBurstLimit']), ('100', '100'))

    def test_deployments_are_new_when_methods_are(self):
        """A deployment copies the methods when it is made and never again. So its name says what it copied."""
        methods = json.dumps([TEMPLATE['Resources'][name] for name in METHODS], sort_keys=True)
        digest = hashlib.sha256(methods.encode()).hexdigest()[:8]
        for parameters, name in (({}, f'OpenDeployment{digest}'), ({'CloudFront': 'true'}, f'FrontedDeployment{digest}')):
            one = stack(Endpoint='RestApi', **parameters)
            self.assertEqual(list(one.of_type('AWS::ApiGateway::Deployment')), [name])
            self.assertEqual(one.properties('Stage')['DeploymentId'], f'<{name}>')
            depends = TEMPLATE['Resources'][name]['DependsOn']
            self.assertEqual(set(depends), {each for each in METHODS if each.endswith('Method')})

    def test_nobody_forges_an_address(self):
        """A header is believed from whoever connects only where nobody but our CloudFront can: API Gateway wants its key."""
        for parameters, one in each_stack():
            environment = environment_of(one)
            trusted, header = (environment.get('FOOTFALL_HTTP_' + name) for name in ('TRUSTED_PROXIES', 'ADDRESS_HEADER'))
            fronted = parameters['Endpoint'] == 'RestApi' and parameters['CloudFront'] == 'true'
            methods = one.of_type('AWS::ApiGateway::Method').values()
            self.assertEqual({method['ApiKeyRequired'] for method in methods} or {False}, {fronted})
            if not fronted:
                others = parameters['TrustedProxies']
                self.assertEqual((trusted, header), (others, 'X-Forwarded-For') if others else (None, None))
                continue
            self.assertEqual((trusted, header), ('any', 'CloudFront-Viewer-Address'))
            self.assertEqual(one.of_type('AWS::Lambda::Url'), {})
            self.assertEqual(one.of_type('AWS::ApiGateway::DomainName'), {})
            self.assertEqual(one.properties('UsagePlanKey'), {
                'KeyId': '<ApiKey>', 'KeyType': 'API_KEY', 'UsagePlanId': '<UsagePlan>'})
            self.assertEqual(one.properties('UsagePlan')['ApiStages'], [{'ApiId': '<Api>', 'Stage': '<Stage>'}])
            key = '{{resolve:secretsmanager:<OriginKey>:SecretString:::}}'
            self.assertEqual(one.properties('ApiKey')['Value'], key)
            made = one.properties('OriginKey')['GenerateSecretString']
            self.assertTrue(32 <= made['PasswordLength'] <= 128 and made['ExcludePunctuation'])
            origin = one.properties('Distribution')['DistributionConfig']['Origins'][1]
            self.assertEqual(origin['OriginCustomHeaders'], [{'HeaderName': 'x-api-key', 'HeaderValue': key}])

    def test_what_cloudfront_hands_on(self):
        """The headers that the program knows, but for those that Lambda has no use for, and the address; never Host."""
        with open(f'{ROOT}/src/web/exchange.c', encoding='utf-8') as file:
            table = re.search(r'known_names\[\w+\] = \{(.*?)\n\};', file.read(), re.DOTALL)[1]
        wanted = set(re.findall(r'"([a-z0-9-]+)"', table)) - {'authorization', 'if-none-match'} | {'cloudfront-viewer-address'}
        policy = stack(Endpoint='RestApi', CloudFront='true').properties('OriginRequestPolicy')['OriginRequestPolicyConfig']
        self.assertEqual(policy['HeadersConfig']['HeaderBehavior'], 'whitelist')
        self.assertEqual({name.lower() for name in policy['HeadersConfig']['Headers']}, wanted)
        self.assertLessEqual(len(wanted), 10)  # CloudFront takes no more
        self.assertEqual(policy['QueryStringsConfig'], {'QueryStringBehavior': 'all'})

    def test_cloudfront_counts_every_visit(self):
        config = stack(Endpoint='RestApi', CloudFront='true').properties('Distribution')['DistributionConfig']
        self.assertEqual({behaviour['PathPattern'] for behaviour in config['CacheBehaviors']},
                         {'/visit', '/visit/*', '/counter/*', '/badge/*', '/footfall.js'})
        for behaviour in config['CacheBehaviors']:
            self.assertEqual(behaviour['CachePolicyId'], '4135ea2d-6df8-44a3-9df3-4b5a84be39ad')  # CachingDisabled
            self.assertEqual(behaviour['OriginRequestPolicyId'], '<OriginRequestPolicy>')
            self.assertEqual(behaviour['TargetOriginId'], 'counter')
            self.assertLessEqual({'GET', 'HEAD', 'OPTIONS', 'POST'}, set(behaviour['AllowedMethods']))
        for error in config['CustomErrorResponses']:
            self.assertEqual(set(error), {'ErrorCode', 'ErrorCachingMinTTL'})  # an answer of ours stays as it is
            self.assertEqual(error['ErrorCachingMinTTL'], 0)
        self.assertLessEqual({400, 404, 500, 503, 504}, {error['ErrorCode'] for error in config['CustomErrorResponses']})
        (origin,) = [each for each in config['Origins'] if each['Id'] == 'counter']
        self.assertEqual((origin['ConnectionAttempts'], origin['OriginPath']), (1, '/<Stage>'))
        self.assertGreater(origin['CustomOriginConfig']['OriginReadTimeout'], stack().properties('Function')['Timeout'])
        self.assertEqual(origin['CustomOriginConfig']['OriginProtocolPolicy'], 'https-only')

    def test_without_a_rest_api_cloudfront_has_the_site_alone(self):
        config = stack(CloudFront='true').properties('Distribution')['DistributionConfig']
        self.assertEqual([origin['Id'] for origin in config['Origins']], ['site'])
        self.assertNotIn('CacheBehaviors', config)


class Site(unittest.TestCase):
    def test_bucket(self):
        bucket = stack(CloudFront='true').properties('SiteBucket')
        self.assertEqual(set(bucket['PublicAccessBlockConfiguration'].values()), {True})
        self.assertEqual(len(bucket['PublicAccessBlockConfiguration']), 4)
        self.assertEqual(bucket['VersioningConfiguration'], {'Status': 'Enabled'})
        self.assertEqual({rule['Status'] for rule in bucket['LifecycleConfiguration']['Rules']}, {'Enabled'})
        self.assertNotIn('WebsiteConfiguration', bucket)

    def test_who_reads_it(self):
        statements = stack(CloudFront='true').properties('SiteBucketPolicy')['PolicyDocument']['Statement']
        let_in, deny = statements
        self.assertEqual((let_in['Effect'], let_in['Principal'], let_in['Action']),
                         ('Allow', {'Service': 'cloudfront.amazonaws.com'}, 's3:GetObject'))
        self.assertEqual(let_in['Condition'], {'StringEquals': {
            'AWS:SourceArn': 'arn:aws:cloudfront::123456789012:distribution/<Distribution>'}})
        self.assertEqual((deny['Effect'], deny['Principal'], deny['Action']), ('Deny', '*', 's3:*'))
        self.assertEqual(deny['Condition'], {'Bool': {'aws:SecureTransport': 'false'}})

    def test_only_with_cloudfront(self):
        for parameters, one in each_stack():
            self.assertEqual('SiteBucket' in one.resources, parameters['CloudFront'] == 'true')
            if 'SiteBucket' in one.resources:
                origin = one.properties('Distribution')['DistributionConfig']['Origins'][0]
                self.assertEqual((origin['DomainName'], origin['OriginAccessControlId']),
                                 ('<SiteBucket.RegionalDomainName>', '<OriginAccessControl.Id>'))


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
