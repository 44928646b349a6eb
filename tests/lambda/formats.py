"""What AWS documents of replies, held against a reply: Amazon API Gateway's "Lambda proxy integrations" (REST API; HTTP API, payload
formats 1.0 and 2.0), "Response payload format" of function URLs, "Lambda functions as targets for Application Load Balancers"."""
import base64
import json
import re

KINDS = ('alb', 'http-1', 'http-2', 'rest', 'url')
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
VALUE = re.compile(r'[\t -~\x80-\U0010ffff]*')
DESCRIPTION = re.compile(r'(\d{3}) [A-Z][A-Za-z -]*')
# What the service writes itself; API Gateway renames or refuses it in a reply.
NOT_OURS = {'connection', 'content-length', 'date', 'host', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'via',
            'x-amzn-requestid', 'x-amz-apigw-id', 'proxy-authenticate', 'max-forwards'}
LIMIT, ALB_LIMIT = 6 << 20, 1_000_000


def fail(what):
    raise AssertionError(what)


def no_duplicates(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        fail(f'a field is there twice: {names}')
    return dict(pairs)


def read(text):
    """The JSON, strictly."""
    return json.loads(text.decode('utf-8'), object_pairs_hook=no_duplicates, parse_constant=fail)


def check_headers(headers, as_lists):
    if not isinstance(headers, dict):
        fail(f'headers are {headers!r}')
    lower = [name.lower() for name in headers]
    if len(set(lower)) != len(lower):
        fail(f'a header is there twice: {lower}')
    if NOT_OURS & set(lower):
        fail(f'not ours to send: {NOT_OURS & set(lower)}')
    for name, value in headers.items():
        values = value if as_lists else [value]
        if not TOKEN.fullmatch(name) or not isinstance(values, list) or not values:
            fail(f'header {name!r}: {value!r}')
        for each in values:
            if not isinstance(each, str) or not VALUE.fullmatch(each) or each != each.strip():
                fail(f'header {name}: {each!r}')


def check(kind, event, text):
    """{'status', 'headers': {lower-case name: [value]}, 'body': bytes} of a reply to an event of that kind; AssertionError: it is none."""
    reply = read(text)
    if not isinstance(reply, dict):
        fail(f'it is {type(reply)}')
    as_lists = kind not in ('http-2', 'url') and isinstance(event.get('multiValueHeaders'), dict)
    name = 'multiValueHeaders' if as_lists else 'headers'
    must = {'statusCode', 'body', 'isBase64Encoded', name} | ({'statusDescription'} if kind == 'alb' else set())
    may = must | ({'cookies'} if kind in ('http-2', 'url') else set())
    if not must <= set(reply) <= may:
        fail(f'fields are {sorted(reply)}')
    status = reply['statusCode']
    if type(status) is not int or not 200 <= status <= 599:
        fail(f'statusCode is {status!r}')
    check_headers(reply[name], as_lists)
    if type(reply['isBase64Encoded']) is not bool or not isinstance(reply['body'], str):
        fail('body or isBase64Encoded is of another type')
    body = base64.b64decode(reply['body'], validate=True) if reply['isBase64Encoded'] else reply['body'].encode()
    headers = {name.lower(): value if as_lists else [value] for name, value in reply[name].items()}
    if body and 'content-type' not in headers:
        fail('a body without Content-Type')
    if body and status in (204, 304):
        fail(f'a body with {status}')
    if kind == 'alb':
        found = DESCRIPTION.fullmatch(reply['statusDescription'])
        if not found or int(found[1]) != status:
            fail(f'statusDescription is {reply["statusDescription"]!r}')
    if 'cookies' in reply and not all(isinstance(each, str) for each in reply['cookies']):
        fail('cookies are no texts')
    if len(text) > (ALB_LIMIT if kind == 'alb' else LIMIT):
        fail(f'it has {len(text)} bytes')
    return {'status': status, 'headers': headers, 'body': body}
