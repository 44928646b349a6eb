"""The visitor counter of the usual tutorials, as their Lambda function has it: look the address up, put or update its item, scan the
whole table for the numbers. One page of the scan, as they do. bench_dynamodb.py runs it with a python that has botocore.

usage: tutorial.py URL TABLE fill VISITORS       makes the table, with an item a visitor
       tutorial.py URL TABLE visit VISITORS N    N visits by visitors that are there; prints visits a second
"""
import sys
import time

import botocore.session

url, table, what, visitors = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
client = botocore.session.get_session().create_client('dynamodb', endpoint_url=url)


def address(number):
    return f'10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}'


def item(ip):
    return {'ip_address': {'S': ip}, 'visit_count': {'N': '1'}, 'last_visit': {'S': '2026-03-01T12:00:00.000000+00:00'},
            'user_agent': {'S': 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0'}}


def fill():
    client.create_table(TableName=table, BillingMode='PAY_PER_REQUEST', KeySchema=[{'AttributeName': 'ip_address', 'KeyType': 'HASH'}],
                        AttributeDefinitions=[{'AttributeName': 'ip_address', 'AttributeType': 'S'}])
    for first in range(0, visitors, 25):
        batch = [{'PutRequest': {'Item': item(address(n))}} for n in range(first, min(first + 25, visitors))]
        client.batch_write_item(RequestItems={table: batch})


def handler(ip):
    key = {'ip_address': {'S': ip}}
    if 'Item' in client.get_item(TableName=table, Key=key):
        client.update_item(TableName=table, Key=key, UpdateExpression='SET visit_count = visit_count + :one, last_visit = :now',
                           ExpressionAttributeValues={':one': {'N': '1'}, ':now': {'S': time.strftime('%Y-%m-%dT%H:%M:%S')}})
    else:
        client.put_item(TableName=table, Item=item(ip))
    items = client.scan(TableName=table)['Items']
    return {'unique_visitors': len(items), 'total_visits': sum(int(each['visit_count']['N']) for each in items)}


def visit(count):
    begun = time.monotonic()
    for n in range(count):
        handler(address(n * 7919 % visitors))
    print(f'{count / (time.monotonic() - begun):.2f}')


if what == 'fill':
    fill()
else:
    visit(int(sys.argv[5]))
