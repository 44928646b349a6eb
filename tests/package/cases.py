"""Counting cases: what every script in this folder ends with. The last line is what the test runner reads."""
import os
import subprocess
import sys
import tempfile

passed, failed = 0, 0


def case(name, ok, message=''):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print(f'FAILED {name}: {message}')
    return ok


def finish():
    print(f'{passed} passed, {failed} failed, 0 skipped')
    sys.exit(1 if failed else 0)


def run(command, **options):
    """(exit status, standard output and error together)"""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace', **options)
    return done.returncode, done.stdout


def folder():
    return tempfile.TemporaryDirectory(prefix='footfall-test-')


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)
    return path


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()
