"""What the suites may ask of the store behind the program, beside the command line: one class a kind of store. A class that does
not have what a case needs leaves the case out (Case.needs, run.py)."""
import contextlib
import os
import sqlite3
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import dynamodb_server  # noqa: E402
import redis_server  # noqa: E402

SECRET = 'a secret of 32 bytes or more, for tests'


class Store:
    """settings: {key: value} of this case's store."""
    abilities = frozenset()  # of: 'aws', 'evicts', 'file', 'hold', 'no_aws', 'records', 'server', 'units'
    url_key = None  # server: the setting that says where it is
    environment = {}
    slow = 1  # how many times slower than a file, roughly: Case.many

    def __init__(self, settings, folder):
        self.settings, self.folder = settings, folder

    def untouched(self):
        """Whether nothing at all was put there; True where nobody can look."""
        return True


class File(Store):
    """An SQLite file."""
    abilities = frozenset(('file', 'hold', 'no_aws', 'records'))  # records: those out of date stay until they are purged

    @property
    def path(self):
        return self.settings['sqlite.path']

    def untouched(self):
        return os.listdir(self.folder) == []

    @contextlib.contextmanager
    def hold(self):
        """Meanwhile it can be read and not written; who tries waits."""
        db = sqlite3.connect(self.path, isolation_level=None)
        db.execute('BEGIN IMMEDIATE')
        try:
            yield
        finally:
            db.execute('ROLLBACK')
            db.close()


class Redis(Store):
    """Keys under a prefix on the server that with_redis.py made for us."""
    abilities = frozenset(('evicts', 'hold', 'no_aws', 'server'))
    url_key = 'redis.url'
    environment = {'FOOTFALL_SECRET': SECRET}

    def ask(self, *words):
        with redis_server.Client(self.settings['redis.url']) as client:
            return client.command(*words)

    def untouched(self):
        return self.ask('KEYS', self.settings['redis.prefix'] + ':*') == []

    @contextlib.contextmanager
    def hold(self):
        self.ask('CONFIG', 'SET', 'min-replicas-to-write', '1')
        try:
            yield
        finally:
            self.ask('CONFIG', 'SET', 'min-replicas-to-write', '0')

    @contextlib.contextmanager
    def evicts(self):
        """Meanwhile it would throw counters away when memory is short."""
        self.ask('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
        try:
            yield
        finally:
            self.ask('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')


class Dynamo(Store):
    """Tables whose names begin with the case's own, on the server that with_dynamodb.py found for us."""
    # Its rights are AWS IAM's, it can import from other tables, and it counts the units that are billed.
    abilities = frozenset(('aws', 'server', 'units'))
    url_key = 'dynamodb.endpoint'
    environment = {'FOOTFALL_SECRET': SECRET, 'FOOTFALL_DEADLINE': '20s'}  # a JVM that has just started is slow
    slow = 10

    def client(self):
        return dynamodb_server.Client(self.settings['dynamodb.endpoint'])

    def untouched(self):
        with self.client() as client:
            return all(client.empty(name) for name in client.tables(self.settings['dynamodb.table']))


def kind(backend):
    return {'dynamodb': Dynamo, 'redis': Redis, 'sqlite': File}.get(backend, Store)
