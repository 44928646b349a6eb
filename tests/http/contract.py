"""docs/openapi.yaml as something to hold answers against: status, headers, content type, body."""
import os
import re
import sys

try:
    import jsonschema
    import yaml
except ImportError as absent:
    print(absent)
    sys.exit(1 if os.environ.get('CI') == 'true' else 77)

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'docs', 'openapi.yaml')
METHODS = ('get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace')
ANYWHERE = {'date', 'connection', 'content-length', 'content-type'}  # HTTP's own


def expanded(node, document):
    """With every $ref replaced by what it names. What stands beside a reference in a schema holds too."""
    if isinstance(node, list):
        return [expanded(each, document) for each in node]
    if not isinstance(node, dict):
        return node
    rest = {key: expanded(value, document) for key, value in node.items() if key != '$ref'}
    if '$ref' not in node:
        return rest
    found = document
    for part in node['$ref'].removeprefix('#/').split('/'):
        found = found[part]
    found = expanded(found, document)
    return {'allOf': [found], **rest} if rest else found


def load(path=PATH):
    with open(path, encoding='utf-8') as file:
        return yaml.safe_load(file)


class Contract:
    def __init__(self, path=PATH):
        document = load(path)
        self.document = expanded(document, document)
        self.validators = {}

    def path_of(self, target):
        """The template that a target belongs to, or None. No name at all stands for the default counter."""
        path = re.sub(r'^[a-z]+://[^/?]*', '', target).partition('?')[0] or '/'
        if path in self.document['paths']:
            return path
        for template in self.document['paths']:
            if '{' in template and path.startswith(template.partition('{')[0]):
                return template
        return None

    def methods(self, template):
        return {method.upper() for method in self.document['paths'][template] if method in METHODS}

    def responses(self, method, target):
        template = self.path_of(target)
        operation = self.document['paths'].get(template, {}).get(method.lower()) if method == method.upper() else None
        return operation['responses'] if operation else self.document['x-other-requests']

    def valid(self, schema, value):
        """Raises AssertionError."""
        key = id(schema)
        if key not in self.validators:
            self.validators[key] = jsonschema.Draft202012Validator(schema)
        for wrong in self.validators[key].iter_errors(value):
            raise AssertionError(f'{value!r}: {wrong.message}')

    def check(self, method, target, answer):
        """Raises AssertionError unless this answer to that request is one that is promised."""
        try:
            responses = self.responses(method, target)
            if str(answer.status) not in responses:
                raise AssertionError(f'no such status is promised, but {", ".join(responses)}')
            response = responses[str(answer.status)]
            self.check_headers(response.get('headers', {}), answer)
            if method == 'HEAD' or 'content' not in response:
                if answer.body:
                    raise AssertionError('it has a body')
            else:
                self.check_body(response['content'], answer)
        except AssertionError as why:
            raise AssertionError(f'{method} {target}: {why}\n{answer}') from None

    def check_headers(self, declared, answer):
        for name, _ in answer.fields:
            if name.lower() not in ANYWHERE and name.lower() not in {each.lower() for each in declared}:
                raise AssertionError(f'{name} is not declared')
        for name, header in declared.items():
            value = answer.get(name)
            if value is None:
                if header.get('required'):
                    raise AssertionError(f'{name} is missing')
                continue
            number = header['schema'].get('type') == 'integer' and re.fullmatch('[0-9]+', value)
            self.valid(header['schema'], int(value) if number else value)

    def check_body(self, content, answer):
        kind = answer.get('Content-Type')
        if kind not in content:
            raise AssertionError(f'Content-Type: {kind}')
        if kind != 'application/json':
            answer.body.decode()
            return
        value = answer.json
        self.valid(content[kind]['schema'], value)
        for each in [value] + (value.get('counters') or []):
            if each.get('count') != each.get('total_visits'):
                raise AssertionError('count is not total_visits')
