"""Amazon's DynamoDB Local for tests, and the few lines of client that tests need to look at it.

    with DynamoServer(shim) as server:
        Client(server.url).call('ListTables')
        server.restart()  # kill -9, then the same port; it keeps everything in memory, so that all tables are gone

It listens on 127.0.0.1 alone, thanks to the shim (bind_loopback.c, as a shared library), keeps what it unpacks in a fresh folder,
and goes with us (server_process.py). dynamodb_local.py knows where it is installed; java is taken from PATH.
"""
import http.client
import json
import os
from urllib.parse import urlsplit

import dynamodb_local
from server_process import Server, program

# Any well-formed signature is accepted, and access keys of letters and digits only.
ACCESS_KEY, SECRET_KEY, REGION = 'FOOTFALLTEST', 'secretForTestsOnly', 'us-east-1'
AUTHORIZATION = (f'AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20260101/{REGION}/dynamodb/aws4_request, '
                 'SignedHeaders=host;x-amz-target, Signature=' + '0' * 64)
# Half of it was enough for 400 tables and 63,000 items: SQLite keeps them, outside of the JVM's heap (242 MB resident in all).
HEAP = '512m'


class DynamoError(Exception):
    """An error reply: `kind` is what comes after the '#' of its type."""

    def __init__(self, status, body):
        self.status, self.body = status, body
        self.kind = body.get('__type', '').rpartition('#')[2]
        super().__init__(f'{status} {self.kind}: {body.get("Message") or body.get("message")}')


class Client:
    """One connection, used by one thread at a time."""

    def __init__(self, url, seconds=10):
        url = urlsplit(url)
        self.connection = http.client.HTTPConnection(url.hostname, url.port, timeout=seconds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.connection.close()

    def call(self, action, **arguments):
        """The reply's object. A connection that fails is made anew by the next call."""
        try:
            self.connection.request('POST', '/', json.dumps(arguments), {
                'Content-Type': 'application/x-amz-json-1.0', 'X-Amz-Target': 'DynamoDB_20120810.' + action,
                'Authorization': AUTHORIZATION})
            reply = self.connection.getresponse()
            body = json.loads(reply.read() or b'{}')
        except BaseException:
            self.connection.close()
            raise
        if reply.status != 200:
            raise DynamoError(reply.status, body)
        return body

    def tables(self, prefix=''):
        """The names of all tables that begin so."""
        names, last = [], {}
        while last is not None:
            part = self.call('ListTables', **last)
            names += part['TableNames']
            last = {'ExclusiveStartTableName': part['LastEvaluatedTableName']} if 'LastEvaluatedTableName' in part else None
        return [name for name in names if name.startswith(prefix)]

    def empty(self, table):
        return self.call('Scan', TableName=table, Limit=1, ConsistentRead=True)['Count'] == 0


def listens_on(pid, port):
    """The addresses, as /proc/net/tcp writes them, at which this process listens on that port."""
    found = {}
    for family in ('tcp', 'tcp6'):
        with open('/proc/net/' + family, encoding='ascii') as sockets:
            for fields in map(str.split, sockets):
                address, _, its_port = fields[1].rpartition(':')
                if fields[3] == '0A' and its_port == f'{port:04X}':
                    found[f'socket:[{fields[9]}]'] = address
    addresses = []
    for fd in os.listdir(f'/proc/{pid}/fd') if found else []:
        try:
            addresses.append(found.get(os.readlink(f'/proc/{pid}/fd/{fd}')))
        except FileNotFoundError:  # closed meanwhile
            pass
    return [address for address in addresses if address]


class DynamoServer(Server):
    kind = 'dynamodb'
    ready_seconds = 60

    def __init__(self, shim):
        self.shim = os.path.abspath(shim)
        self.java = program('java', 'FOOTFALL_TEST_JAVA')
        self.jars = dynamodb_local.jars()
        super().__init__()

    @property
    def url(self):
        return f'http://127.0.0.1:{self.port}'

    def launching(self):
        words = [self.java, '-Xmx' + HEAP, '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:-UsePerfData',
                 '-Djava.net.preferIPv4Stack=true', '-Djava.io.tmpdir=' + self.folder, '-Duser.home=' + self.folder,
                 '-cp', os.path.join(self.jars, '*'), 'software.amazon.dynamodb.services.local.main.ServerRunner',
                 '-inMemory', '-sharedDb', '-disableTelemetry', '-port', str(self.port)]
        env = {'PATH': os.environ.get('PATH', os.defpath), 'LC_ALL': 'C.UTF-8', 'HOME': self.folder,
               'DDB_LOCAL_TELEMETRY': '0', 'LD_PRELOAD': self.shim}
        return words, {'env': env, 'cwd': self.folder}

    def answers(self):
        try:
            # Another server may sit where this one could not bind.
            if not listens_on(self.pid, self.port):
                return False
            with Client(self.url) as client:
                client.call('ListTables')
                return True
        except (OSError, ValueError, http.client.HTTPException, DynamoError):
            return False
