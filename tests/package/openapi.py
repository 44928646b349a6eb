#!/usr/bin/env python3
"""openapi.py ROOT TOOL: docs/openapi.yaml is an OpenAPI 3.1 document whose references, schemas and examples hold together, and it
has the paths, methods and error codes of the program, all of them and no other.

What the program answers to each is tested by tests/http.
"""
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True  # the source tree stays clean
from cases import case, finish, folder, read, run, write  # noqa: E402

root, tool = map(os.path.abspath, sys.argv[1:3])
sys.path.append(f'{root}/tests/http')
import contract  # noqa: E402
import jsonschema  # noqa: E402
import yaml  # noqa: E402
from server import Server  # noqa: E402

TOKEN = 'a-token-of-sixteen-bytes-or-more'
Schema = jsonschema.Draft202012Validator


class Loader(yaml.SafeLoader):
    """Says when a key stands twice in one mapping."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep) for key, _ in node.value]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise yaml.YAMLError(f'line {node.start_mark.line + 1}: {twice} twice')
        return super().construct_mapping(node, deep)


def each(node, place=''):
    """(place, node) of everything below."""
    yield place, node
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from each(value, f'{place}/{key}')


def check_structure(document):
    with open(f'{root}/tests/package/openapi_document.yaml', encoding='utf-8') as file:
        schema = Schema(yaml.safe_load(file))
    wrong = [f'{"/".join(map(str, error.absolute_path))}: {error.message}' for error in schema.iter_errors(document)]
    return case('it is an OpenAPI 3.1 document', not wrong, '; '.join(wrong))


def check_references(document):
    used = {node['$ref'] for _, node in each(document) if isinstance(node, dict) and '$ref' in node}
    known = {f'#/components/{kind}/{name}' for kind, named in document['components'].items() for name in named}
    schemes = {f'#/components/securitySchemes/{name}' for _,
               operation in operations(document) for one in operation.get('security', ())
               for name in one}
    whole = case('references lead somewhere', used | schemes <= known, (used | schemes) - known)
    case('all that is described is referred to', known <= used | schemes, known - used - schemes)
    return whole


def operations(document):
    for path, item in document['paths'].items():
        for method in contract.METHODS:
            if method in item:
                yield (path, method), item[method]


def check_operations(whole):
    names = [operation['operationId'] for _, operation in operations(whole)]
    case('operations have names of their own', len(set(names)) == len(names), names)
    tags = {tag['name'] for tag in whole['tags']}
    used = {tag for _, operation in operations(whole) for tag in operation.get('tags', ())}
    case('tags are those that are described', used == tags, used ^ tags)
    for (path, method), operation in operations(whole):
        parameters = whole['paths'][path].get('parameters', []) + operation.get('parameters', [])
        keys = [(each['in'], each['name'].lower()) for each in parameters]
        case(f'{method} {path}: parameters', len(set(keys)) == len(keys) and {name for where, name in keys if where == 'path'}
             == set(re.findall(r'\{(\w+)\}', path)), keys)


def check_schemas(whole):
    for place, node in each(whole):
        if not isinstance(node, dict) or not isinstance(node.get('schema'), dict):
            continue
        try:
            Schema.check_schema(node['schema'])
        except jsonschema.SchemaError as why:
            case(place, False, why.message)
            continue
        examples = [node[key] for key in ('example',) if key in node] + [each['value'] for each in node.get('examples',
                                                                                                            {}).values()]
        for example in examples:
            wrong = [error.message for error in Schema(node['schema']).iter_errors(example)]
            case(f'example of {place}', not wrong, wrong)
        if 'default' in node['schema']:
            case(f'default of {place}', Schema(node['schema']).is_valid(node['schema']['default']), node['schema'])


def codes_of(node):
    """The values of "code" that a schema names."""
    for _, one in each(node):
        if isinstance(one, dict) and isinstance(one.get('code'), dict):
            yield from one['code'].get('enum', [one['code'].get('const')])


def check_codes(document):
    """Those of the program's table."""
    table = re.search(r'failures\[\] = \{(.*?)\n\};', read(f'{root}/src/web/respond.c'), re.DOTALL)[1]
    rows = set(re.findall(r'\{\s*(\d+),\s*"(\w+)"', table))
    codes = {code for _, code in rows}
    errors = document['components']['schemas']['Error']['properties']['code']['enum']
    case('error codes are those of the program', set(errors) == codes, set(errors) ^ codes)
    used = {code for name, response in document['components']['responses'].items() for code in codes_of(response)}
    case('each belongs to a response', used == codes, used ^ codes)
    told = {(status, code) for responses in [document['x-other-requests'],
                                             *(operation['responses'] for _, operation in operations(document))]
            for status, response in responses.items()
            for code in codes_of(document['components']['responses'][response['$ref'].rpartition('/')[2]])}
    case('with its status', told == rows, told ^ rows)


def check_program(document):
    """Each path is there, and each of the program's routes is described."""
    version = run([tool, '--version'])[1].split()[1]
    case('its version is the program\'s', document['info']['version'] == version, version)
    labels = set(re.findall(r'\.label = "(/[^"]*)"', read(f'{root}/src/web/route.c')))
    paths = {re.sub(r'/\{.*', '', path) for path in document['paths']}
    case('routes are those of the program', paths == labels, paths ^ labels)
    with folder() as work:
        write(f'{work}/token', TOKEN)
        settings = ['backend=sqlite', 'sqlite.path=footfall.db', 'http.listen=127.0.0.1:0', 'http.admin_token_file=token']
        environment = {name: value for name, value in os.environ.items() if not name.startswith('FOOTFALL_')}
        server = Server([tool, *(word for setting in settings for word in ('-o', setting)), 'serve'], work, environment)
        try:
            server.wait_until_listening()
            ask_all(document, server)
        finally:
            server.close()


def ask_all(document, server):
    body = {'put': b'{"total_visits":5}'}
    server.ask('POST', '/visit/x')
    for (path, method), _ in operations(document):
        target = path.replace('{name}', 'y' if method == 'delete' else 'x')
        if method == 'delete':
            server.ask('POST', '/visit/y')
        answer = server.ask(method.upper(), target, {'Authorization': f'Bearer {TOKEN}'}, body.get(method))
        case(f'{method} {path} is there', answer.status in (200, 204), answer)
    for path in document['paths']:
        allow = server.ask('OPTIONS', path.replace('{name}', 'x')).get('Allow') or ''
        methods = {method.upper() for (one, method), _ in operations(document) if one == path}
        case(f'{path} has these methods and no other', set(allow.split(', ')) == methods, allow)


try:
    written = yaml.load(read(f'{root}/docs/openapi.yaml'), Loader)
except (yaml.YAMLError, subprocess.SubprocessError) as problem:
    written = None
    case('it is YAML', False, problem)
if written is not None and check_structure(written) and check_references(written):
    expanded = contract.expanded(written, written)
    check_operations(expanded)
    check_schemas(expanded)
    check_codes(written)
    check_program(written)
finish()
