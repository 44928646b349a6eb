#!/usr/bin/env python3
"""dynamodb_sign.py PROGRAM: our signatures against botocore's, for random requests: UTF-8 bodies, regions, tokens, hosts with
ports, dates around midnights. PROGRAM is dynamodb_sign_lines.

FOOTFALL_TEST_LONG=1: 1,000 requests instead of 50. FOOTFALL_TEST_SEED: the same requests again.
"""
import datetime
import json
import os
import random
import subprocess
import sys
import time

try:
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
except ImportError:
    print('no botocore')
    sys.exit(1 if os.environ.get('CI') == 'true' else 77)

DAY_MS = 86400 * 1000
SECRET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
REGIONS = ['eu-west-1', 'us-east-1', 'us-gov-west-1', 'ap-southeast-2', 'x', 'r' * 63]
ALPHABETS = ['{}":,[] abc0123', '\x00\t\n\r\x7f"\\', 'äßéñ', 'шλ中文', '😀👣\u2028', '%+=&;~ ']
seed = int(os.environ.get('FOOTFALL_TEST_SEED') or time.time_ns() % 2**32)
count = 1000 if os.environ.get('FOOTFALL_TEST_LONG') == '1' else 50
rng = random.Random(seed)


def text(alphabet, low, high):
    return ''.join(rng.choices(alphabet, k=rng.randint(low, high)))


def body():
    length = rng.choice([0, 1, 55, 56, 63, 64, 65, 1000, 50000])
    mixed = ''.join(ALPHABETS)
    return text(rng.choice(ALPHABETS + [mixed]), length, length)


def when():
    """Around a midnight, else any time of this century; 2100 was no leap year."""
    day = rng.randrange(11000, 47600) * DAY_MS
    return day + rng.choice([-1001, -1000, -999, -1, 0, 1, 999, 1000, rng.randrange(DAY_MS)])


def make_requests():
    """Some share secret, region and day, so that a key that is kept is used again, and not where it must not be."""
    identities = [(text(SECRET[:62], 16, 128), text(SECRET, 20, 80)) for _ in range(4)]
    days = [when() for _ in range(5)]
    for _ in range(count):
        key_id, secret = rng.choice(identities)
        region = rng.choice(REGIONS)
        request = {'id': key_id, 'secret': secret, 'region': region, 'target': f'DynamoDB_20120810.{text(SECRET[:52], 1, 30)}',
                   'body': body(), 'utc_ms': rng.choice(days + [when()] * 3),
                   'host': rng.choice([f'dynamodb.{region}.amazonaws.com', '127.0.0.1:8000', '[::1]:65535', 'a-b.example:1'])}
        if rng.random() < 0.5:
            request['token'] = text(SECRET + '=', 1, rng.choice([10, 4000]))
        yield request


def expected(request):
    date = (datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=request['utc_ms'])).strftime('%Y%m%dT%H%M%SZ')
    headers = {'Content-Type': 'application/x-amz-json-1.0', 'Host': request['host'], 'X-Amz-Date': date,
               'X-Amz-Target': request['target']}
    if 'token' in request:
        headers['X-Amz-Security-Token'] = request['token']
    aws = AWSRequest('POST', f'https://{request["host"]}/', headers, request['body'].encode())
    aws.context['timestamp'] = date
    auth = SigV4Auth(Credentials(request['id'], request['secret'], request.get('token')), 'dynamodb', request['region'])
    signature = auth.signature(auth.string_to_sign(aws, auth.canonical_request(aws)), aws)
    signed = auth.signed_headers(auth.headers_to_sign(aws))
    return f'{date} AWS4-HMAC-SHA256 Credential={auth.scope(aws)}, SignedHeaders={signed}, Signature={signature}'


print(f'FOOTFALL_TEST_SEED={seed}', flush=True)
asked = list(make_requests())
ran = subprocess.run(sys.argv[1:], input=''.join(json.dumps(request) + '\n' for request in asked), stdout=subprocess.PIPE,
                     text=True, check=True, timeout=240)
answers = ran.stdout.splitlines()
wrong = [(request, answer) for request, answer in zip(asked, answers) if answer != expected(request)]
for request, answer in wrong[:3]:
    print(f'{str(request)[:400]}\n  ours {answer}\n  true {expected(request)}')
failed = len(wrong) + abs(len(answers) - len(asked))
print(f'{len(asked) - failed} passed, {failed} failed, 0 skipped')
sys.exit(1 if failed else 0)
