"""The usual tutorials' Lambda function on a runtime of its own: the loop of AWS's Python runtime, with http.client against the Runtime
API, and the handler as the tutorials have it: a table by boto3.resource, an item an address, a scan for the numbers, JSON with
Decimals, CORS headers. bench_lambda.py runs it with a python that has boto3, beside footfall-lambda.

Environment: AWS_LAMBDA_RUNTIME_API, TABLE_NAME, ENDPOINT_URL, and what boto3 wants.
"""
import http.client
import json
import os
import sys
import time
import traceback
from datetime import datetime, timezone
from decimal import Decimal

import boto3

dynamodb = boto3.resource('dynamodb', endpoint_url=os.environ['ENDPOINT_URL'])
table = dynamodb.Table(os.environ['TABLE_NAME'])

CORS_HEADERS = {'Content-Type': 'application/json', 'Access-Control-Allow-Origin': '*', 'Access-Control-Allow-Headers': 'Content-Type',
                'Access-Control-Allow-Methods': 'OPTIONS,GET,POST'}


class DecimalEncoder(json.JSONEncoder):
    def default(self, o):
        return int(o) if isinstance(o, Decimal) else super().default(o)


def reply(status, body):
    return {'statusCode': status, 'headers': CORS_HEADERS, 'body': json.dumps(body, cls=DecimalEncoder)}


def client_address(event):
    headers = {name.lower(): value for name, value in (event.get('headers') or {}).items()}
    for name in ('x-forwarded-for', 'x-real-ip', 'cf-connecting-ip'):
        if headers.get(name):
            return headers[name].split(',')[0].strip()
    context = event.get('requestContext', {})
    return (context.get('http') or context.get('identity') or {}).get('sourceIp')


def lambda_handler(event, context):
    try:
        if event.get('requestContext', {}).get('http', {}).get('method') == 'OPTIONS':
            return reply(200, {})
        address = client_address(event)
        now = datetime.now(timezone.utc).isoformat()
        found = table.get_item(Key={'ip_address': address})
        is_new = 'Item' not in found
        if is_new:
            table.put_item(Item={'ip_address': address, 'visit_count': 1, 'first_visit': now, 'last_visit': now,
                                 'user_agent': (event.get('headers') or {}).get('user-agent', 'unknown')})
        else:
            table.update_item(Key={'ip_address': address}, UpdateExpression='SET visit_count = visit_count + :one, last_visit = :now',
                              ExpressionAttributeValues={':one': 1, ':now': now})
        items = table.scan()['Items']
        total = sum(item.get('visit_count', 0) for item in items)
        return reply(200, {'count': total, 'unique_visitors': len(items), 'total_visits': total, 'is_new_visitor': is_new})
    except Exception as why:  # as they have it
        print(f'Error: {why}', file=sys.stderr)
        return reply(500, {'error': 'Internal server error'})


class Context:
    def __init__(self, headers):
        self.aws_request_id = headers['Lambda-Runtime-Aws-Request-Id']
        self.invoked_function_arn = headers['Lambda-Runtime-Invoked-Function-Arn']
        self.deadline_ms = int(headers['Lambda-Runtime-Deadline-Ms'] or 0)

    def get_remaining_time_in_millis(self):
        return max(0, self.deadline_ms - int(time.time() * 1000))


def loop():
    api = http.client.HTTPConnection(os.environ['AWS_LAMBDA_RUNTIME_API'])
    root = '/2018-06-01/runtime/invocation'
    while True:
        api.request('GET', f'{root}/next')
        invocation = api.getresponse()
        event = json.loads(invocation.read())
        context = Context(invocation.headers)
        if invocation.headers['Lambda-Runtime-Trace-Id']:
            os.environ['_X_AMZN_TRACE_ID'] = invocation.headers['Lambda-Runtime-Trace-Id']
        try:
            what, body = 'response', lambda_handler(event, context)
        except Exception as why:
            what, body = 'error', {'errorMessage': str(why), 'errorType': type(why).__name__, 'stackTrace': traceback.format_stack()}
        api.request('POST', f'{root}/{context.aws_request_id}/{what}', json.dumps(body), {'Content-Type': 'application/json'})
        api.getresponse().read()


loop()
