#!/usr/bin/env python3
"""template_docs.py ROOT: what docs/deploy-aws.md says of parameters and outputs is in tools/aws/template.yaml, its commands,
policies and workflow can be read by those they are for, and its sums are right.
"""
import json
import os
import re
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True  # the source tree stays clean
from cloudformation import load  # noqa: E402
import yaml  # noqa: E402

ROOT = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else ''
TEMPLATE = load(f'{ROOT}/tools/aws/template.yaml')
with open(f'{ROOT}/docs/deploy-aws.md', encoding='utf-8') as page:
    PAGE = page.read()


def blocks(language):
    return [re.sub('^' + found[1], '', found[2], flags=re.MULTILINE)
            for found in re.finditer(rf'^( *)```{language}\n(.*?)^ *```$', PAGE, re.DOTALL | re.MULTILINE)]


def rows(title):
    """The cells of the first table below that title, without its head."""
    lines = PAGE.split(f'\n## {title}\n', 1)[1].split('\n## ', 1)[0].split('\n')
    first = next(i for i, line in enumerate(lines) if line.startswith('|---'))
    found = []
    for line in lines[first + 1:]:
        if not line.startswith('|'):
            break
        found.append([cell.strip() for cell in line.strip('|').split('|')])
    return found


class Docs(unittest.TestCase):
    def test_parameters(self):
        told = {name: default.strip('`') for names, default, _ in rows('Parameters') for name in re.findall(r'`(\w+)`', names)}
        self.assertEqual(told, {name: str(said.get('Default', '')) for name, said in TEMPLATE['Parameters'].items()})

    def test_names_of_parameters_and_outputs(self):
        given = {name for block in blocks('sh') if '--parameter-overrides' in block
                 for name in re.findall(r'\b([A-Z]\w+)=', block.split('--parameter-overrides', 1)[1])}
        given |= set(re.findall(r'`([A-Z][a-zA-Z]+)=', PAGE))
        self.assertGreater(len(given), 8)
        self.assertLessEqual(given, set(TEMPLATE['Parameters']))
        asked = set(re.findall(r'OutputKey==`(\w+)`', PAGE)) | set(re.findall(r'\$\(get (\w+)\)', PAGE))
        asked |= set(re.findall(r'outputs? `(\w+)`', PAGE))
        self.assertGreater(len(asked), 4)
        self.assertLessEqual(asked, set(TEMPLATE['Outputs']))

    def test_commands(self):
        self.assertGreater(len(blocks('sh')), 10)
        for block in blocks('sh'):
            done = subprocess.run(['bash', '-n'], input=block, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  check=False)
            self.assertEqual((done.returncode, done.stdout), (0, ''), block)

    def test_delivery(self):
        trust, deliver = (json.loads(block) for block in blocks('json') if 'Statement' in block)
        (statement,) = trust['Statement']
        self.assertEqual(set(statement['Condition']), {'StringEquals'})  # StringLike would let others in
        self.assertEqual({name.rpartition(':')[2] for name in statement['Condition']['StringEquals']}, {'aud', 'sub'})
        allowed = {action: each['Resource'] for each in deliver['Statement']
                   for action in ([each['Action']] if isinstance(each['Action'], str) else each['Action'])}
        self.assertFalse([one for one in allowed if '*' in one])
        (workflow,) = map(yaml.safe_load, blocks('yaml'))
        jobs = workflow['jobs']
        self.assertEqual(workflow['permissions'], {})
        self.assertEqual([name for name, job in jobs.items() if 'id-token' in job['permissions']], ['deliver'])
        self.assertTrue(statement['Condition']['StringEquals']['token.actions.githubusercontent.com:sub'].endswith(
            ':environment:' + jobs['deliver']['environment']))
        self.assertIn(f'arn:aws:s3:::{jobs["deliver"]["env"]["CODE_BUCKET"]}/footfall-lambda.zip', allowed.values())
        for job in jobs.values():
            for step in job['steps']:
                text = step.get('run', '')
                done = subprocess.run(['bash', '-n'], input=text, text=True, stderr=subprocess.PIPE, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)
                for action in re.findall(r'aws lambda (update-function-code)', text):
                    self.assertIn('lambda:' + action.title().replace('-', ''), allowed)

    def test_anchors(self):
        titles = {re.sub(r'[^\w -]', '', title.lower()).replace(' ', '-') for title in re.findall(r'^#+ (.*)$', PAGE, re.MULTILINE)}
        for page, anchor in re.findall(r'\]\(([\w.-]*)#([\w-]+)\)', PAGE):
            if page == '':
                self.assertIn(anchor, titles)

    def test_sums(self):
        parts, sums = {}, {}
        for what, how, money in rows('What it costs'):
            numbers = [float(number) for number in re.findall(r'\d+\.\d+', money)]
            if what.startswith('**'):
                sums[what.strip('*')] = numbers
            else:
                parts[what] = numbers[0]
        new, returning = parts.pop('DynamoDB, new visitors'), parts.pop('DynamoDB, returning visitors')
        url = [sum(parts.values()) + returning, sum(parts.values()) + new]
        for name, more in (('Function URL', 0), ('REST API', 3.5), ('REST API behind CloudFront', 4.5)):
            for told, is_so in zip(sums[name], url, strict=True):
                self.assertAlmostEqual(told, is_so + more, delta=0.011, msg=name)
        self.assertAlmostEqual(parts['Lambda, time'], 1e6 * 0.02 * 0.25 * 0.0000166667, delta=0.005)
        self.assertAlmostEqual(new, 4 * 0.625 + 2 * 0.125)
        self.assertAlmostEqual(returning, 0.625 + 0.125 / 2, delta=0.0026)


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
