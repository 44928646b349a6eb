#!/usr/bin/env python3
"""completion.py TOOL SCRIPT: bash is offered the commands and options that --help has, and nothing else; values that the program
takes; names of files where a FILE may stand. No store is opened for it, and no configuration read."""
import json
import os
import pty
import re
import select
import shlex
import shutil
import subprocess
import sys
import time

from cases import case, finish, folder, run, write

tool, script = (os.path.abspath(path) for path in sys.argv[1:3])
PACKAGE = '/usr/share/bash-completion/bash_completion'
CLEAN = {key: value for key, value in os.environ.items() if not key.startswith('FOOTFALL_')}
# What is asked stands in the script as calls; readline's part is played by compopt.
HARNESS = '''set -u
source {script}
compopt() {{ echo "compopt $*"; }}
ask() {{
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    _footfall {tool} "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
    for word in ${{COMPREPLY[@]+"${{COMPREPLY[@]}}"}}; do echo "offer $word"; done
    echo end
}}
'''


class Answer:
    def __init__(self, lines):
        self.offers = [line[6:] for line in lines if line.startswith('offer ')]
        self.files = 'compopt -o default' in lines
        self.no_space = 'compopt -o nospace' in lines
        self.other = [line for line in lines if not line.startswith(('offer ', 'compopt '))]

    def __repr__(self):
        return f'{self.offers}{" and files" if self.files else ""}{self.other or ""}'


def cut(words):
    """Words as bash has them in COMP_WORDS, the command's name first."""
    pieces = ['footfall']
    for word in words:
        pieces += re.findall(r'[=:]+|[^=:]+', word) or ['']
    return pieces


def ask(lines, work, env=None):
    """The answers to command lines, the last word of which is to be completed."""
    text = HARNESS.format(script=shlex.quote(script), tool=shlex.quote(tool))
    text += ''.join(f'ask {shlex.join(cut(words))}\n' for words in lines)
    status, out = run(['bash', write(f'{work}/ask.sh', text)], cwd=f'{work}/empty', env={**CLEAN, **(env or {})})
    answers = [Answer(block.splitlines()) for block in out.split('end\n')[:-1]]
    if not case('bash answers', status == 0 and len(answers) == len(lines), out):
        finish()
    return answers


# ---- what --help has ----------------------------------------------------------------------------------------------------

def options_of(text):
    """{'--at': ('TIME', what it says)}; no value: None. Both names of one are options of their own."""
    found = {}
    block = re.search(r'^Options:\n((?:  .*\n)+)', text, re.MULTILINE).group(1)
    for line in re.sub(r'\n {3,}', '  ', block).splitlines():  # what goes on in the next line, joined
        option = re.match(r'  (?:(-\w), )?(--?[\w-]+)(?: ([A-Z=]+|path)\b)? *(.*)', line)
        if option:
            letter, name, value, says = option.groups()
            for one in filter(None, (letter, name)):
                found[one] = (value, says)
    return found


HELP = subprocess.run([tool, '--help'], env=CLEAN, stdout=subprocess.PIPE, text=True, check=True).stdout
LISTED = re.search(r'^Commands:\n((?:  .*\n)+)', HELP, re.MULTILINE).group(1)
COMMANDS = dict(re.findall(r'^  ([\w-]+)(.*?)  ', LISTED, re.MULTILINE))  # their operands
COMMON = options_of(HELP)
OPTIONS = {name: options_of(run([tool, name, '--help'], env=CLEAN)[1]) for name in COMMANDS}


def without_equals(offers):
    return sorted(word.rstrip('=') for word in offers)


def check_words(work):
    lines = [[''], ['-'], ['--'], ['l'], ['-c', 'get', ''], ['--json', ''], ['--', ''], ['--sort', 'total', ''], ['get', '']]
    answers = ask(lines, work)
    case('commands', sorted(answers[0].offers) == sorted(COMMANDS), f'{answers[0]}')
    case('options before a command', without_equals(answers[1].offers) == sorted(COMMON), f'{answers[1]}')
    case('long ones', without_equals(answers[2].offers) == sorted(name for name in COMMON if name[1] == '-'), f'{answers[2]}')
    case('a letter', answers[3].offers == ['list'] and not answers[3].no_space, f'{answers[3]}')
    for words, answer in list(zip(lines, answers))[4:8]:
        case(f'commands after {words}', sorted(answer.offers) == sorted(COMMANDS), f'{answer}')
    case('no counter is offered', not answers[8].offers and not answers[8].files, f'{answers[8]}')


def check_options(work):
    lines = [[name, '-'] for name in COMMANDS] + [['-o', 'a=b:c', '--json', name, '-'] for name in COMMANDS]
    for (*before, name, _), answer in zip(lines, ask(lines, work)):
        case(f'options of {before} {name}', without_equals(answer.offers) == sorted(OPTIONS[name]),
             f'wanted {sorted(OPTIONS[name])}, has {answer}')
        valued = sorted(option + '=' for option, (value, _) in OPTIONS[name].items() if value and option[1] == '-')
        case(f'those of {name} with a value', sorted(word for word in answer.offers if word[-1] == '=') == valued,
             f'wanted {valued}, has {answer}')
    answers = ask([['visit', '--tok'], ['visit', '--', '-'], ['visit', '--at=2026-01-01T00:00:00Z', '--tok']], work)
    for answer in (answers[0], answers[2]):
        case('one option', answer.offers == ['--token='] and answer.no_space, f'{answer}')
    case('no options after --', answers[1].offers == [], f'{answers[1]}')


def check_values(work):
    lines = [(name, option, form) for name in COMMANDS for option, (value, _) in OPTIONS[name].items() if value and option != '-o'
             for form in ([[option, '']] + ([[option + '=']] if option[1] == '-' else []))]
    for (name, option, form), answer in zip(lines, ask([[name, *form] for name, _, form in lines], work)):
        value, says = OPTIONS[name][option]
        known = [value] + re.findall(r'[a-z]+', says)
        case(f'values of {name} {form}', all(offer in known for offer in answer.offers), f'{answer}')
        case(f'files for {name} {form}', answer.files == (value in ('FILE', 'STATEFILE')), f'{answer}')
    some = {('list', '--sort'): ['name', 'total', 'unique'], ('ingest', '--format'): ['combined', 'common', 'json'],
            ('ingest', '--by'): ['path'], ('get', '--color'): ['always', 'auto', 'never'], ('add', '--token'): []}
    for (name, option), wanted in some.items():
        begin = wanted[0][:2] if wanted else ''
        for answer in ask([[name, option, ''], [name, option + '=']], work):
            case(f'{name} {option}', sorted(answer.offers) == wanted, f'{answer}')
        for answer in ask([[name, option, begin], [name, f'{option}={begin}']], work):
            case(f'{name} {option} {begin}', sorted(answer.offers) == [word for word in wanted if word.startswith(begin)],
                 f'{answer}')
    for name, operands in COMMANDS.items():
        for answer in ask([[name, ''], [name, 'x', '']], work):
            case(f'{name}: files as operands', answer.files == ('FILE' in operands) and not answer.offers, f'{answer}')


# ---- -o -----------------------------------------------------------------------------------------------------------------

def check_settings(work):
    entries = [json.loads(line) for line in run([tool, 'config', '--json'], env=CLEAN)[1].splitlines()]
    keys = sorted(entry['key'] + '=' for entry in entries)
    broken = {'FOOTFALL_CONFIG': write(f'{work}/broken.conf', 'nonsense\n'), 'FOOTFALL_WINDOW': 'x', 'FOOTFALL_BACKEND': ''}
    for answer in ask([['-o', '']], work) + ask([['get', '-o', '']], work, broken):
        case('keys', sorted(answer.offers) == keys, f'{answer}')
    answers = ask([['-o', f'{entry["key"]}='] for entry in entries], work)
    for entry, answer in zip(entries, answers):
        is_file = entry['key'].endswith(('_file', '.path'))
        case(f'files for {entry["key"]}', answer.files == is_file, f'{answer}')
        if entry['value'] in ('true', 'false'):
            case(f'{entry["key"]} is a switch', sorted(answer.offers) == ['false', 'true'], f'{answer}')
        for offer in answer.offers:
            status, said = run([tool, '-o', f'{entry["key"]}={offer}', 'config'], env=CLEAN)
            case(f'{entry["key"]}={offer} is taken', status == 0, said)
    offers = {entry['key']: answer.offers for entry, answer in zip(entries, answers)}
    backends = re.search(r'backends: (.*)\)', run([tool, '--version'])[1]).group(1).split()
    case('backends', offers['backend'] == backends, f'{offers["backend"]}')
    for key, value in (('window_mode', 'sliding'), ('visitor', 'address+agent'), ('log_level', 'debug'), ('window', 'forever')):
        case(f'{key} may be {value}', value in offers[key], f'{offers[key]}')
    answers = ask([['-o', 'window_m'], ['-o', 'window_mode=sl'], ['-o', 'redis.url=unix:///x', 'li'], ['-o', 'window=1h', '']],
                  work)
    case('one key', answers[0].offers == ['window_mode='] and answers[0].no_space, f'{answers[0]}')
    case('one value', answers[1].offers == ['sliding'] and not answers[1].no_space, f'{answers[1]}')
    case('a command after a setting', answers[2].offers == ['list'], f'{answers[2]}')
    case('a new word after a setting', sorted(answers[3].offers) == sorted(COMMANDS), f'{answers[3]}')


# ---- a shell ------------------------------------------------------------------------------------------------------------

def typed(preamble, keys, wanted, work, env):
    """Does what bash shows, after these keys are typed, hold that text within 30 s?"""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(f'{work}/empty')
        os.execvpe('bash', ['bash', '--norc', '--noprofile', '-i'], env)
    shown, until = '', time.monotonic() + 30
    os.write(terminal, f"PS1='> '; {preamble}; echo rea''dy\n".encode())
    try:
        while wanted not in shown and time.monotonic() < until:
            if select.select([terminal], [], [], 1)[0]:
                shown += os.read(terminal, 4096).decode(errors='replace')
            if keys and 'ready' in shown:
                os.write(terminal, keys.encode())
                keys, shown = '', ''
    except OSError:  # bash has ended
        pass
    os.close(terminal)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    return wanted in shown, shown


def check_shell(work):
    os.makedirs(f'{work}/share/bash-completion/completions')
    shutil.copy(script, f'{work}/share/bash-completion/completions/footfall')
    env = {**CLEAN, 'PATH': f'{os.path.dirname(tool)}:{os.environ["PATH"]}', 'TERM': 'dumb', 'INPUTRC': '/dev/null',
           'XDG_DATA_DIRS': f'{work}/share', 'HISTFILE': '/dev/null', 'COLUMNS': '200'}
    ways = {'alone': f'source {shlex.quote(script)}'}
    if os.path.exists(PACKAGE):
        ways['with bash-completion'] = f'source {PACKAGE}'
    for way, preamble in ways.items():
        for keys, wanted in (('footfall li\t', 'footfall list '), ('footfall list --sort=to\t', '--sort=total '),
                             ('footfall -o window_mo\tsl\t', '-o window_mode=sliding ')):
            ok, shown = typed(preamble, keys, wanted, work, env)
            case(f'{keys!r}, {way}', ok, f'wanted {wanted!r}, shown is {shown!r}')


if not shutil.which('bash'):
    print('0 passed, 0 failed, 1 skipped')
    sys.exit(0)
with folder() as place:
    os.mkdir(f'{place}/empty')
    check_words(place)
    check_options(place)
    check_values(place)
    check_settings(place)
    check_shell(place)
    case('nothing is made', os.listdir(f'{place}/empty') == [], f'{os.listdir(f"{place}/empty")}')
finish()
