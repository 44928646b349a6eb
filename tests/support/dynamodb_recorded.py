"""What rights the calls need that a program makes of DynamoDB, by the recorder (dynamodb_record.c)."""
import contextlib
import json
import os
import subprocess
import tempfile

# IAM's names for the parts of a transaction.
PARTS = {'Put': 'PutItem', 'Update': 'UpdateItem', 'Delete': 'DeleteItem', 'ConditionCheck': 'ConditionCheckItem'}


@contextlib.contextmanager
def recorded(recorder, port, right):
    """(URL to call, set that gets the rights at the end): right(action, table, index) makes each."""
    rights = set()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'calls')
        with subprocess.Popen([recorder, port, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            yield f'http://127.0.0.1:{int(process.stdout.readline())}', rights
            process.stdin.close()
        with open(path, encoding='utf-8') as lines:
            for call in map(json.loads, lines):
                action = PARTS.get(call['part'], call['part']) if call['action'] == 'TransactWriteItems' else call['action']
                rights.add(right(action, call['table'], call['index']))
