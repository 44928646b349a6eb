#!/usr/bin/env python3
"""layers.py ROOT: who may include what, who may name a backend, and that every test is built.

Data flows from tools to src to backends. A folder sees its own headers, the system's and the libraries', and of ours only
what is listed here.
"""
import os
import re
import sys

from cases import case, finish, read

root = sys.argv[1]
STORE, PUBLIC, ADMIN = 'footfall_store.h', 'footfall.h', 'footfall_admin.h'
# Who may see their libraries' headers.
LIBRARIES = {'sqlite3.h': ('backends/sqlite/',), 'hiredis.h': ('backends/redis/',), 'jansson.h': ('tools/', 'src/lambda/', 'src/logs/', 'src/web/', 'backends/dynamodb/'),
             'curl/curl.h': ('backends/dynamodb/', 'tools/lambda/'), 'zlib.h': ('tools/', 'backends/dynamodb/'), 'microhttpd.h': ('tools/serve/',)}
# A backend is named where it is chosen: the registry's table and the table of keys. The command line's table has the option
# whose name is a promise, --from-dynamodb-tutorial.
MAY_NAME = {'src/registry.c', 'src/config_keys.c', 'tools/footfall/table.c'}
NAMES = re.compile(r'sqlite|redis|dynamodb', re.IGNORECASE)
FORBIDDEN = re.compile(r'\b(strcpy|strcat|sprintf|vsprintf|atoi|atol|strtok|gets|alloca)\s*\(')
UNFINISHED = re.compile(r'\b(TODO|FIXME|XXX)\b')


def headers_in(folder):
    return {name for name in os.listdir(f'{root}/{folder}') if name.endswith('.h')}


def sources():
    for top in ('include', 'src', 'backends', 'tools', 'tests'):
        for folder, _, names in os.walk(f'{root}/{top}'):
            for name in sorted(names):
                if name.endswith(('.c', '.h')):
                    yield os.path.relpath(os.path.join(folder, name), root)


LEAF = headers_in('src/leaf')
CORE = headers_in('src')
LOGS = headers_in('src/logs')


def allowed(path):
    """Of our own headers, those that this file may include."""
    folder = os.path.dirname(path)
    own = headers_in(folder)
    if folder == 'include':
        return {PUBLIC} if path.endswith(ADMIN) else set()
    if folder == 'src/leaf':
        return LEAF
    if folder == 'src':
        return own | LEAF | {PUBLIC, ADMIN, STORE}
    if folder == 'src/web':
        return own | LEAF | {PUBLIC, ADMIN}
    if folder == 'src/lambda':
        return own | LEAF | {PUBLIC, ADMIN, 'web.h'}
    if folder.startswith('src/'):
        return own | LEAF
    if folder.startswith('backends/'):
        return own | LEAF | {STORE}
    if folder == 'tools/serve':
        return own | {PUBLIC, ADMIN, 'web.h'}
    if folder == 'tools/lambda':
        return own | {PUBLIC, ADMIN, 'web.h', 'lambda.h'}
    if folder.startswith('tools'):
        return own | LOGS | {PUBLIC, ADMIN, 'serve.h'}
    return None  # tests may see everything


def ours():
    known = set()
    for path in sources():
        if path.endswith('.h') and not path.startswith('tests/'):
            known.add(os.path.basename(path))
    return known


def without_comments(text):
    return re.sub(r'/\*.*?\*/|//[^\n]*|("(?:\\.|[^"\\\n])*")',
                  lambda match: match.group(1) or re.sub(r'[^\n]', ' ', match.group(0)), text, flags=re.DOTALL)


def check_includes(path, code):
    may = allowed(path)
    if may is None:
        return
    wrong = []
    for number, line in enumerate(code.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+[<"]([^>"]+)[>"]', line)
        if not match:
            continue
        header = match.group(1)
        if os.path.basename(header) in OURS and '/' not in header:
            fine = header in may
        elif '"' in line:
            fine = False  # none of ours, or with a path
        elif header in LIBRARIES:
            fine = path.startswith(LIBRARIES[header])
        else:
            fine = not header.startswith('openssl/') or path.startswith(('src/', 'backends/'))
        if not fine:
            wrong.append(f'line {number} may not include {header}')
    case(path, not wrong, '; '.join(wrong))


def check_names(path, code):
    if path.startswith('tests/') or path in MAY_NAME:
        return
    own = path.split('/')[1] if path.startswith('backends/') else None
    wrong = []
    for number, line in enumerate(code.splitlines(), 1):
        if any(match.group(0).lower() != own for match in NAMES.finditer(line)):
            wrong.append(f'line {number} names a backend: {line.strip()}')
    case(path, not wrong, '; '.join(wrong))


OURS = ours()
for source in sources():
    text = read(f'{root}/{source}')
    code = without_comments(text)
    check_includes(source, code)
    check_names(source, code)
    found = FORBIDDEN.search(code) or UNFINISHED.search(text)
    case(source, not found, f'has {found and found.group(1)}')

for folder, _, names in os.walk(f'{root}/tests'):
    for name in names:
        if re.fullmatch(r'(test|fuzz)_.*\.c', name):
            build = f'{folder}/meson.build'
            stem = re.sub(r'^(test|fuzz)_|\.c$', '', name)
            case(f'{name} is built', os.path.exists(build) and re.search(rf"\b(test_|fuzz_)?{stem}\b", read(build)),
                 f'{os.path.relpath(build, root)} does not name it')
finish()
