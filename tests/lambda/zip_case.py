"""What the cases of the zip share: where it is, how it is built, what it is asked."""
import os
import shutil
import subprocess
import tempfile
import time
import unittest
import zipfile

BUILD_SECONDS = 900  # longest that a build may take
SECRET = 'a secret for tests, of 32 bytes and more'
ROOT = BUILD = ZIP = None  # of the source tree; the build's; the zip. Set by make()


def build(root, folder, *words, **more):
    """(exit status, standard output, standard error) of tools/aws/build."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith('FOOTFALL_')}
    done = subprocess.run([os.path.join(root, 'tools/aws/build'), *words], env={**environment, 'FOOTFALL_BUILD': folder},
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors='replace',
                          timeout=BUILD_SECONDS, check=False, **more)
    return done.returncode, done.stdout, done.stderr


def make(root, folder):
    global ROOT, BUILD, ZIP
    ROOT, BUILD, ZIP = root, folder, os.path.join(folder, 'made', 'footfall-lambda.zip')
    os.makedirs(os.path.dirname(ZIP), exist_ok=True)
    begun = time.monotonic()
    status, out, err = build(root, folder, '-o', ZIP)
    if status != 0:
        raise SystemExit(f'tools/aws/build ended with status {status}\n{out}{err}')
    print(f'{out}built in {time.monotonic() - begun:.0f} s', flush=True)


def url_event(address='203.0.113.7', path='/', method='GET'):
    """What a Function URL sends."""
    return {'version': '2.0', 'rawPath': path, 'rawQueryString': '', 'headers': {'host': 'x.lambda-url.us-east-1.on.aws'},
            'requestContext': {'domainName': 'x.lambda-url.us-east-1.on.aws', 'stage': '$default',
                               'http': {'method': method, 'path': path, 'sourceIp': address}}, 'isBase64Encoded': False}


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.folder = self.fresh_folder(self)

    @staticmethod
    def fresh_folder(of):
        """Goes with the case, or its class."""
        folder = tempfile.mkdtemp(prefix='footfall-zip-')
        (of.addClassCleanup if isinstance(of, type) else of.addCleanup)(shutil.rmtree, folder, ignore_errors=True)
        return folder

    @staticmethod
    def unpack(folder):
        """As Lambda does it. Returns the program."""
        with zipfile.ZipFile(ZIP) as packed:
            for entry in packed.infolist():
                os.chmod(packed.extract(entry, folder), entry.external_attr >> 16 & 0o777)
        return os.path.join(folder, 'bootstrap')

    @staticmethod
    def settings(url, **more):
        """The environment that says so."""
        name = os.environ['FOOTFALL_TEST_NAME_PREFIX'] + os.urandom(4).hex()
        return {'FOOTFALL_BACKEND': 'dynamodb', 'FOOTFALL_DYNAMODB_ENDPOINT': url, 'FOOTFALL_DYNAMODB_TABLE': name,
                'FOOTFALL_DYNAMODB_CREATE_TABLE': 'true', 'FOOTFALL_SECRET': SECRET, **more}
