#!/usr/bin/env python3
"""manual.py ROOT TOOL LIBRARY CC FLAGS [LAMBDA] PAGE…: the manual pages hold what the program and the headers say, and nothing else.

Asked are `footfall --help` and that of every command, `footfall-lambda --help`, `footfall config`, the JSON that commands print,
and the public headers.
Pages must be clean for mandoc, fit a terminal, and their programs, commands and configurations must work. Without mandoc it is
skipped; under CI that is a failure.
"""
import json
import os
import re
import shlex
import shutil
import sys

from cases import case, finish, folder, read, run, write
from pages import Page, mandoc, shown, words

root, tool, library, cc, flags = sys.argv[1:6]
pages = {os.path.basename(path): path for path in sys.argv[6:]}
lambda_tool = pages.pop('footfall-lambda', None)
tool = os.path.abspath(tool)
CLEAN = {key: value for key, value in os.environ.items() if not key.startswith('FOOTFALL_')}


def ask(*arguments, **options):
    return run([tool, *arguments], env=CLEAN, **options)[1]


def listed(text, title):
    """What is listed under "TITLE:" of a help text: the words before what is said of each."""
    block = re.search(rf'^{title}:\n((?:  .*\n)+)', text, re.MULTILINE).group(1)
    return [re.split(r' {2,}|(?<=path) |(?<=[A-Z]) (?=[a-z])', line.strip())[0]
            for line in re.findall(r'^  \S.*', block, re.MULTILINE)]


# ---- footfall(1) --------------------------------------------------------------------------------------------------------

def check_command(page, name, common):
    said = ask(name, '--help')
    operands = re.match(rf'usage: footfall {name}(?: \[OPTIONS\])?(.*)\n', said).group(1).strip()
    own = [option for option in listed(said, 'Options') if option not in common]
    part = page.get('COMMANDS', name)
    usages = [' '.join(display.split()) for display in part.displays if ' '.join(display.split()).startswith(f'footfall {name}')]
    found, left = [], []
    for usage in usages:
        rest = usage[len(f'footfall {name}'):]
        found += re.findall(r'--[a-z-]+(?: (?:[A-Z]+|path))?', rest)
        rest = re.sub(r'\[--[^][]*\]|--[a-z-]+ [A-Z]+', '', rest)
        left.append(' '.join(rest.split()))
    case(f'{name}: usage has its operands', operands in left and set(left) <= {operands, ''}, f'wanted {operands!r}, has {left}')
    case(f'{name}: usage has its options', sorted(found) == sorted(own), f'wanted {own}, has {found}')
    case(f'{name}: its options are described', part.heads == own, f'wanted {own}, has {part.heads}')
    return own


def example_commands(page):
    """Command lines in displays, as words."""
    for display in page.displays():
        for line in display.replace('\\\n', ' ').splitlines():
            line = re.sub(r'^\s*\$ ', '', line).strip()
            if re.match(r'footfall -?\w', line) and '[' not in line and '{' not in line:
                yield shlex.split(re.split(r' (?:\||&&) ', re.sub(r'\$\(.*\)', 'X', line))[0])[1:]


def check_statuses(page, said):
    statuses = dict(re.findall(r'(\d+) +([A-Za-z, ]+)', said.split('Exit status:')[1].replace('\n', ' ')))
    part = page.get('EXIT STATUS')
    case('exit statuses', part.heads == list(statuses), f'{part.heads}')
    for status, text in statuses.items():
        case(f'exit status {status}', words(part.items.get(status, '')).startswith(words(text)), f'not "{text}"')


def check_lambda(path):
    page, (_, said) = Page(path), run([os.path.abspath(lambda_tool), '--help'], env=CLEAN)
    options = [option.split('  ')[0] for option in listed(said, 'Options')]
    case('options of the runtime', page.get('OPTIONS').heads == options, f'wanted {options}, has {page.get("OPTIONS").heads}')
    check_statuses(page, said)
    named = set(re.findall(r'FOOTFALL_[A-Z_]+', ' '.join(page.displays())))
    keys = {json.loads(line)['key'] for line in ask('config', '--json').splitlines()}
    known = {'FOOTFALL_' + key.replace('.', '_').upper() for key in keys}
    case('its variables are keys', named and named <= known, f'{sorted(named - known)}')


def check_program(path):
    page, said = Page(path), ask('--help')
    commands = [line.split(' ')[0] for line in listed(said, 'Commands')]
    common = listed(said, 'Options')
    case('commands', page.subsections('COMMANDS') == commands, f'wanted {commands}, has {page.subsections("COMMANDS")}')
    case('options of every command', page.get('OPTIONS').heads == common, f'wanted {common}, has {page.get("OPTIONS").heads}')
    known = {option for name in commands for option in check_command(page, name, common)} | set(common)
    known = set(re.findall(r'--[a-z-]+', ' '.join(known)))
    spoken = set(re.findall(r'(?<![\w-])--[a-z][a-z-]*', page.text()))
    case('options that it speaks of exist', spoken <= known, f'{sorted(spoken - known)}')
    statuses = dict(re.findall(r'(\d) +([a-z, ]+)', said.split('Exit status:')[1].replace('\n', ' ')))
    part = page.get('EXIT STATUS')
    case('exit statuses', part.heads == list(statuses), f'{part.heads}')
    for status, text in statuses.items():
        case(f'exit status {status}', words(part.items.get(status, '')).startswith(words(text)), f'not "{text}"')
    examples = list(example_commands(page))
    case('it has examples', len(examples) > 5, f'{examples}')
    for example in examples:  # --help looks at the words, and does nothing
        status, out = run([tool, *example, '--help'], env=CLEAN)
        case(f'example {shlex.join(example)}', status == 0, out)


def check_output(path):
    """What commands print as JSON is spoken of."""
    page = Page(path)
    with folder() as work:
        for command in (['visit', 'a', '192.0.2.1', '--token', 't'],) * 2 + (['delete', 'a'], ['ingest'], ['config']):
            out = ask('--json', *command, cwd=work, stdin=-3)
            for key in json.loads(out.splitlines()[0]):
                case(f'{command[0]}: {key}', re.search(rf'\b{key}\b', page.get('OUTPUT').text), 'OUTPUT does not have it')
        reasons = json.loads(ask('--json', 'ingest', cwd=work, stdin=-3))['skipped_by_reason']
    for reason in reasons:
        case(f'skipped: {reason}', reason in page.get('INGESTING LOGS', 'What is skipped').heads, 'is not explained')


# ---- footfall.conf(5) ---------------------------------------------------------------------------------------------------

def check_configuration(path):
    page = Page(path)
    built_in = re.search(r'backends: (.*)\)', ask('--version')).group(1).split()
    keys = {}
    for line in ask('config', '--json').splitlines():
        entry = json.loads(line)
        keys[entry['key']] = entry['value']
    on_page = {}
    for head in page.heads('KEYS'):
        item = re.fullmatch(r'([a-z0-9_.]+) (?:= (.*)|\(no default\))', head)
        if case(f'"{head}" is a key with its default', item and item.group(1) not in on_page, 'is none, or is there twice'):
            on_page[item.group(1)] = item.group(2)
    for key, default in keys.items():
        if case(f'{key} is explained', key in on_page, 'is not on the page') and default != '***':
            case(f'default of {key}', on_page[key] == default, f'wanted {default}, has {on_page[key]}')
    for key in on_page:
        case(f'{key} exists', key in keys or ('.' in key and key.split('.')[0] not in built_in), 'no such key')
    with folder() as work:
        for number, display in enumerate(display for display in page.displays() if re.search(r'^\w+ = ', display, re.MULTILINE)):
            backend = re.search(r'^backend = (\w+)', display, re.MULTILINE)
            if backend is None or backend.group(1) in built_in:
                file = write(f'{work}/{number}.conf', display + '\n')
                status, out = run([tool, '-c', file, 'config'], env=CLEAN)
                case(f'example {number} is read', status == 0, out)


# ---- footfall(3) and its like -------------------------------------------------------------------------------------------

def comments(header):
    """The texts of a header's comments that its page must have."""
    for number, found in enumerate(re.findall(r'/\*(.*?)\*/', header, re.DOTALL)):
        blocks = re.split(r'\n\s*\*?\s*\n', found)
        for block in blocks[1:] if number == 0 else blocks:
            text = re.sub(r'^\s*\* ?', '', block, flags=re.MULTILINE)
            if not (number == 0 and text.startswith('    ')):
                yield words(text)


def check_header(path, header):
    page, name = Page(path), os.path.basename(path)
    code = re.sub(r'^#.*$', '', re.sub(r'/\*.*?\*/', '', header, flags=re.DOTALL), flags=re.MULTILINE)
    heads = page.all_heads()
    inline = {word for part in page.parts.values() for text in part.items.values() if re.fullmatch(r'(?:\w+[,.]\s*)+', text)
              for word in re.findall(r'\w+', text)}  # of enums that need no words
    functions = re.findall(r'FOOTFALL_API\b[^;(]*?\b(\w+)\s*\(', code) + re.findall(r'^typedef \w+ (\w+)\(', code, re.MULTILINE)
    for function in functions:
        case(f'{name}: {function}', any(head.startswith(function + '(') for head in heads), 'has no item')
    for constant, value in re.findall(r'^\s+(FOOTFALL_\w+)(?:\s+=\s+(-?\w+))?,?\s*$', code, re.MULTILINE):
        item = f'{constant} ({value})' if value else constant
        case(f'{name}: {item}', item in heads or constant in inline, 'has no item')
    for constant in re.findall(r'^#define (FOOTFALL_\w+).* (?!__)\S', header, re.MULTILINE):
        case(f'{name}: {constant}', re.search(rf'\b{constant}\b', page.text()), 'is not on the page')
    for kind in set(re.findall(r'(?:struct|enum) footfall\w* (?={)', code)):
        case(f'{name}: {kind}', kind.strip() in heads, 'has no item')
    text = words(page.text())
    for comment in comments(header):
        case(f'{name}: says all that the header says', comment in text, f'not: {comment}')
    version = re.search(r'^\.Os footfall (\S+)$', read(path), re.MULTILINE).group(1)
    with folder() as work:
        status, said = run([sys.executable, f'{root}/docs/man/header_to_man.py', f'{root}/docs/man/{name}.in',
                            f'{root}/include/{name[:-2]}.h', version, f'{work}/{name}'], env={**CLEAN, 'PYTHONHASHSEED': '1'})
        case(f'{name}: made again it is the same', status == 0 and read(f'{work}/{name}') == read(path), said)
    for at, display in enumerate(display for display in page.displays() if 'main(' in display):
        check_example(f'{name}: program {at + 1}', display)


def check_example(name, program):
    """It must compile as it stands there, and count: the first time, and with the same token or visitor again."""
    with folder() as work:
        source = write(f'{work}/program.c', program + '\n')
        status, said = run(shlex.split(cc) + shlex.split(flags) + ['-std=c11', '-Wall', '-Wextra', '-Werror', '-I',
                           f'{root}/include', source, '-o', f'{work}/program', library,
                           f'-Wl,-rpath,{os.path.dirname(os.path.abspath(library))}'])
        if case(f'{name} compiles', status == 0, said):
            said = [run([f'{work}/program'], cwd=work, env=CLEAN) for _ in range(2)]
            again = '1' if 'token' in program else '2'
            case(f'{name} counts', [status for status, _ in said] == [0, 0]
                 and [re.findall(r'\d+', out) for _, out in said] == [['1', '1'], [again, '1']], f'{said}')


# ---- all of them --------------------------------------------------------------------------------------------------------

def check_form(path):
    name = os.path.basename(path)
    status, out, err = mandoc('-T', 'lint', '-W', 'warning', path)
    case(f'{name}: mandoc has nothing to say', status == 0 and out + err == '', out + err)
    lines = shown(path, 78)
    case(f'{name}: is shown', len(lines) > 50, f'{lines}')
    case(f'{name}: fits 80 columns', not any(len(line) > 80 for line in lines), [line for line in lines if len(line) > 80])
    case(f'{name}: has its title', f'\n.Dt {name.rsplit(".", 1)[0].upper()} {name[-1]}\n' in read(path), 'no .Dt')
    version = re.match(r'footfall (\S+) ', ask('--version')).group(1)
    case(f'{name}: is of this version', f'\n.Os footfall {version}\n' in read(path), f'not {version}')
    if shutil.which('groff') and shutil.which('preconv'):  # what `man` of most Linux systems uses
        status, out = run(['groff', '-k', '-mdoc', '-Tutf8', '-ww', '-z', path])
        case(f'{name}: groff has nothing to say', status == 0 and out == '', out)


if not shutil.which('mandoc'):
    if os.environ.get('CI') == 'true':
        case('mandoc', False, 'is not there')
        finish()
    print('0 passed, 0 failed, 1 skipped')
    sys.exit(0)

check_program(pages['footfall.1'])
check_output(pages['footfall.1'])
check_configuration(pages['footfall.conf.5'])
if lambda_tool is not None:
    check_lambda(pages['footfall-lambda.1'])
for page_name, page_path in pages.items():
    check_form(page_path)
    if page_name.endswith('.3'):
        check_header(page_path, read(f'{root}/include/{page_name[:-2]}.h'))
finish()
