#!/usr/bin/env python3
"""embed.py OUT NAME.lua...: the scripts as C, each with the SHA-1 by which the server knows it."""
import hashlib
import os
import sys

out, *paths = sys.argv[1:]
with open(out, 'w', encoding='ascii') as c:
    c.write('/* Generated from backends/redis/scripts by embed.py. */\n#include "redis.h"\n')
    for path in paths:
        with open(path, 'rb') as file:
            source = file.read()
        name = os.path.basename(path).removesuffix('.lua')
        lines = ''.join('    "%s\\n"\n' % line.replace('\\', '\\\\').replace('"', '\\"')
                        for line in source.decode('ascii').split('\n')[:-1])
        c.write(f'\nconst struct redis_script footfall__redis_script_{name} = {{\n{lines}    ,\n'
                f'    {len(source)}, "{hashlib.sha1(source).hexdigest()}",\n}};\n')
