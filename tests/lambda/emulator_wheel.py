#!/usr/bin/env python3
"""Where AWS's own emulator of Lambda is (aws-lambda-rie, which its SAM CLI carries); as a program, it fetches it with pip and says
where it is. Nothing of the SAM CLI is installed or run.

It stays in ${XDG_CACHE_HOME:-~/.cache}/footfall/lambda-emulator, a folder for each version, for all build folders and checkouts.
FOOTFALL_TEST_LAMBDA_EMULATOR names another program; nothing is fetched then.
"""
import fcntl
import os
import subprocess
import sys
import tempfile
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
sys.dont_write_bytecode = True  # the source tree stays clean
from server_process import Absent, program  # noqa: E402

WHEEL, VERSION = 'aws-sam-cli', '1.170.0'
SHA256 = '24ebaf5ecba38dc1758089968cb89ab61e124b84e92a344fc7a2771a47f4d0bf'  # of the wheel: pip refuses any other
INSIDE = 'samcli/local/rapid/aws-lambda-rie-x86_64'
SECONDS = 300  # longest that it may take


class FetchError(Exception):
    pass


def place():
    """Where it is, or will be."""
    chosen = os.environ.get('FOOTFALL_TEST_LAMBDA_EMULATOR')
    if chosen:
        return os.path.abspath(chosen)
    cache = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
    return os.path.join(cache, 'footfall', 'lambda-emulator', f'{VERSION}-{SHA256[:8]}', os.path.basename(INSIDE))


def fetch():
    """Returns the program. Many may call this at once: one fetches, the others wait for it."""
    where = place()
    if os.access(where, os.X_OK):
        return where
    if os.environ.get('FOOTFALL_TEST_LAMBDA_EMULATOR'):
        raise FetchError(f'{where}, which FOOTFALL_TEST_LAMBDA_EMULATOR names, is no program')
    try:
        os.makedirs(os.path.dirname(where), exist_ok=True)
        with open(os.path.join(os.path.dirname(where), 'lock'), 'w', encoding='ascii') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.access(where, os.X_OK):
                fetch_alone(where)
    except OSError as error:
        raise FetchError(error) from None
    return where


def fetch_alone(where):
    with tempfile.TemporaryDirectory(prefix='footfall-emulator-') as folder:
        wanted = os.path.join(folder, 'requirements.txt')
        with open(wanted, 'w', encoding='ascii') as file:
            file.write(f'{WHEEL}=={VERSION} --hash=sha256:{SHA256}\n')
        said = run([sys.executable, '-m', 'pip', '--disable-pip-version-check', 'download', '--quiet', '--no-deps', '--no-cache-dir',
                    '--only-binary', ':all:', '--require-hashes', '-r', wanted, '-d', folder])
        wheels = [name for name in os.listdir(folder) if name.endswith('.whl')]
        if said or not wheels:
            raise FetchError(said or 'pip ended well, but there is no wheel')
        part = where + '.part'
        with zipfile.ZipFile(os.path.join(folder, wheels[0])) as wheel, open(part, 'wb') as out:
            out.write(wheel.read(INSIDE))
        os.chmod(part, 0o755)
        os.rename(part, where)


def run(command):
    """None, or the end of what it said when it failed."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors='replace', timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f'pip took longer than {SECONDS} s'
    if done.returncode == 0:
        return None
    return f'pip ended with status {done.returncode}\n' + '\n'.join(done.stdout.strip().splitlines()[-20:])


def emulator():
    try:
        return program(fetch())
    except FetchError as why:
        raise Absent(f'there is no emulator of Lambda: {why}') from None


def main():
    try:
        print(fetch())
        return 0
    except FetchError as why:
        print(f'Could not fetch the emulator of Lambda: {why}', file=sys.stderr)
        return 1


if __name__ == '__main__':
    sys.exit(main())
