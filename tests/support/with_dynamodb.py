#!/usr/bin/env python3
"""Runs a test program with Amazon's DynamoDB Local.

usage: with_dynamodb.py --shim LIBRARY [--recorder PROGRAM] [--own] [--record FILE] -- PROGRAM ARGS...
       with_dynamodb.py --shim LIBRARY --share -- PROGRAM ARGS...

In PROGRAM's arguments @URL@ is the server's URL and @SERVER_DIR@ its folder (--own). PROGRAM finds in its environment
FOOTFALL_TEST_DYNAMODB_URL and _PORT; with --own _PID (of the first start) and _CONTROL, a Unix socket as with_redis.py has it (a
server that starts again has lost all its tables); test credentials, a region and no other AWS_* setting, no proxy; and
FOOTFALL_TEST_NAME_PREFIX, which the tests' @NAME@ begins with: it is PROGRAM's alone, and tables so named are deleted when it ends.

The server is that of --share, when we run below one, else one for PROGRAM. --own: one for PROGRAM alone, that it may kill. --share:
whatever PROGRAM starts shares one server, for a JVM costs more than most tests; PROGRAM runs, without it, when it does not start.
--record: all calls pass through PROGRAM's recorder (dynamodb_record.c), which writes down each kind of them.

Without java or DynamoDB Local (dynamodb_local.py fetches it) the exit status is 77 or 1, see with_server.py.
"""
import argparse
import contextlib
import http.client
import os
import secrets
import subprocess
import sys

sys.dont_write_bytecode = True  # the source tree stays clean
import with_server  # noqa: E402
from dynamodb_server import ACCESS_KEY, REGION, SECRET_KEY, Client, DynamoError, DynamoServer  # noqa: E402
from server_process import Absent, ServerError, dies_with_us  # noqa: E402

PREFIX = 'FOOTFALL_TEST_DYNAMODB_'
STAYS = tuple(PREFIX + name for name in ('LOCAL', 'SHARED'))
NAME_PREFIX = 'FOOTFALL_TEST_NAME_PREFIX'
PROXIES = ('http_proxy', 'https_proxy', 'all_proxy', 'no_proxy')
SHARED_LAST_SECONDS = 10  # what those who share have to end by themselves
FAULTS = (OSError, ValueError, http.client.HTTPException, DynamoError)


def environment(said):
    env = with_server.environment(PREFIX, said, STAYS)
    env = {name: value for name, value in env.items() if not name.startswith('AWS_') and name.lower() not in PROXIES}
    env.update({'AWS_ACCESS_KEY_ID': ACCESS_KEY, 'AWS_SECRET_ACCESS_KEY': SECRET_KEY, 'AWS_REGION': REGION,
                'AWS_EC2_METADATA_DISABLED': 'true', 'AWS_CONFIG_FILE': '/dev/null', 'AWS_SHARED_CREDENTIALS_FILE': '/dev/null',
                'NO_PROXY': '127.0.0.1', NAME_PREFIX: secrets.token_hex(4) + '-'})
    return env


def answers(url):
    try:
        with Client(url) as client:
            client.call('ListTables')
            return True
    except FAULTS as why:
        with_server.say(f'the shared server does not answer ({why}); another is started')
        return False


def delete_tables(url, prefix):
    """So that what one program left does not weigh on the next."""
    try:
        with Client(url) as client:
            for name in client.tables(prefix):
                client.call('DeleteTable', TableName=name)
    except FAULTS as why:
        with_server.say(f'tables named {prefix}… stay: {why}')


@contextlib.contextmanager
def recorded(options, port):
    """The port to call at, so that calls to this port are recorded."""
    if not options.record:
        yield port
        return
    with subprocess.Popen([options.recorder, str(port), options.record], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          preexec_fn=dies_with_us()) as recorder:
        own = recorder.stdout.readline().strip()
        if not own:
            raise ServerError('the recorder did not start')
        yield int(own)


def run_shared(options, url, command):
    with recorded(options, int(url.rpartition(':')[2])) as port:
        through = f'http://127.0.0.1:{port}'
        env = environment({'URL': through, 'PORT': port})
        try:
            return with_server.run(with_server.filled_in(command, {'URL': through, 'SERVER_DIR': None}), env)
        finally:
            delete_tables(url, env[NAME_PREFIX])


def run_private(options, command):
    server = DynamoServer(options.shim)
    try:
        server.start()
        said, folder = {}, None
        if options.own:
            control = with_server.Control(server)
            control.start()
            said, folder = {'PID': server.pid, 'CONTROL': control.path}, server.folder
        with recorded(options, server.port) as port:
            said.update({'URL': f'http://127.0.0.1:{port}', 'PORT': port})
            command = with_server.filled_in(command, {'URL': said['URL'], 'SERVER_DIR': folder})
            return with_server.run_beside(server, command, environment(said))
    finally:
        server.close()


def share(options, command):
    env = {name: value for name, value in os.environ.items() if name != PREFIX + 'SHARED'}
    try:
        server = DynamoServer(options.shim)
    except Absent:  # each test says so
        return with_server.run(command, env, SHARED_LAST_SECONDS)
    try:
        try:
            server.start()
            env[PREFIX + 'SHARED'] = server.url
        except ServerError as why:
            with_server.say(why)
        status = with_server.run(command, env, SHARED_LAST_SECONDS)
        if server.died(within=0):
            with_server.say(f'the shared server ended by itself; its log:\n{server.log()}')
        return status
    finally:
        server.close()


def serve(parser, options, command):
    if options.record and not options.recorder:
        parser.error('--record needs --recorder')
    if options.share:
        return share(options, command)
    shared = os.environ.get(PREFIX + 'SHARED')
    if shared and not options.own and answers(shared):
        return run_shared(options, shared, command)
    return run_private(options, command)


def main(words):
    parser = argparse.ArgumentParser(usage=__doc__.split('\n\n')[1].removeprefix('usage: '))
    parser.add_argument('--shim', required=True)
    parser.add_argument('--recorder')
    parser.add_argument('--own', action='store_true')
    parser.add_argument('--share', action='store_true')
    parser.add_argument('--record')
    return with_server.main(parser, words, serve)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
