#!/usr/bin/env python3
"""symbols.py LIBRARY HEADER…: the shared library exports exactly the functions that the headers mark FOOTFALL_API."""
import re
import sys

from cases import case, finish, read, run

library, headers = sys.argv[1], sys.argv[2:]
marked = set()
for header in headers:
    code = re.sub(r'/\*.*?\*/', '', read(header), flags=re.DOTALL)
    code = re.sub(r'^#.*$', '', code, flags=re.MULTILINE)
    found = re.findall(r'FOOTFALL_API\b[^;(]*?\b(\w+)\s*\(', code)
    case(f'{header} marks functions', len(found) > 0 and len(found) == code.count('FOOTFALL_API'), f'{found}')
    marked.update(found)
status, said = run(['nm', '-D', '--defined-only', library])
symbols = [line.split() for line in said.splitlines()]
exported = {re.sub('@.*', '', fields[-1]) for fields in symbols if fields[-2] != 'A'}
case('nm', status == 0 and exported, said)
case('nothing is missing', marked <= exported, f'{sorted(marked - exported)}')
case('nothing else is exported', exported <= marked, f'{sorted(exported - marked)}')
finish()
