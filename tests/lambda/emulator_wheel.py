#!/usr/bin/env python3
"""Where AWS's own emulator of Lambda is (aws-lambda-rie, which its SAM CLI carries); as a program, it fetches it with pip and says
where it is. Nothing of the SAM CLI is installed or run.

It stays in ${XDG_CACHE_HOME:-~/.cache}/footfall/lambda-emulator, a folder for each version, for all build folders and checkouts.
FOOTFALL_TEST_LAMBDA_EMULATOR names another program; nothing is fetched then.
"""
import os
import sys
import tempfile
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
sys.dont_write_bytecode = True  # the source tree stays clean
import fetched  # noqa: E402
from fetched import FetchError  # noqa: E402
from server_process import Absent, program  # noqa: E402

WHEEL, VERSION = 'aws-sam-cli', '1.170.0'
SHA256 = '24ebaf5ecba38dc1758089968cb89ab61e124b84e92a344fc7a2771a47f4d0bf'  # of the wheel: pip refuses any other
INSIDE = 'samcli/local/rapid/aws-lambda-rie-x86_64'
SECONDS = 300  # longest that it may take


def place():
    """Where it is, or will be."""
    chosen = os.environ.get('FOOTFALL_TEST_LAMBDA_EMULATOR')
    if chosen:
        return os.path.abspath(chosen)
    return fetched.folder('lambda-emulator', f'{VERSION}-{SHA256[:8]}', os.path.basename(INSIDE))


def fetch():
    """Returns the program. Many may call this at once: one fetches, the others wait for it."""
    where = place()
    if os.environ.get('FOOTFALL_TEST_LAMBDA_EMULATOR') and not os.access(where, os.X_OK):
        raise FetchError(f'{where}, which FOOTFALL_TEST_LAMBDA_EMULATOR names, is no program')
    fetched.keep(os.path.dirname(where), lambda: os.access(where, os.X_OK), lambda: fetch_alone(where))
    return where


def fetch_alone(where):
    with tempfile.TemporaryDirectory(prefix='footfall-emulator-') as folder:
        wanted = os.path.join(folder, 'requirements.txt')
        with open(wanted, 'w', encoding='ascii') as file:
            file.write(f'{WHEEL}=={VERSION} --hash=sha256:{SHA256}\n')
        said = fetched.run('pip', [sys.executable, '-m', 'pip', '--disable-pip-version-check', 'download', '--quiet', '--no-deps', '--no-cache-dir',
                    '--only-binary', ':all:', '--require-hashes', '-r', wanted, '-d', folder], SECONDS)
        wheels = [name for name in os.listdir(folder) if name.endswith('.whl')]
        if said or not wheels:
            raise FetchError(said or 'pip ended well, but there is no wheel')
        part = where + '.part'
        with zipfile.ZipFile(os.path.join(folder, wheels[0])) as wheel, open(part, 'wb') as out:
            out.write(wheel.read(INSIDE))
        os.chmod(part, 0o755)
        os.rename(part, where)


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
