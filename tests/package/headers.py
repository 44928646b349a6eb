#!/usr/bin/env python3
"""headers.py INCLUDE_DIR CC CXX: each public header compiles alone, as C11 and as C++17, without a warning."""
import os
import shlex
import sys

from cases import case, finish, folder, run, write

include, cc, cxx = sys.argv[1:4]
# Not -Wshadow for C++: there a function may have a struct's name, as in stat(2).
warnings = ['-Wall', '-Wextra', '-Wpedantic', '-Wconversion', '-Wundef', '-Werror']
with folder() as work:
    for header in sorted(os.listdir(include)):
        if not header.endswith('.h'):
            continue
        for suffix, compiler, flags in (('c', cc, ['-std=c11', '-Wstrict-prototypes', '-Wshadow']), ('cc', cxx, ['-std=c++17'])):
            source = write(f'{work}/alone.{suffix}', f'#include <{header}>\n#include <{header}>\nint nothing;\n')
            status, said = run(shlex.split(compiler) + flags + warnings + ['-I', include, '-c', source, '-o', '/dev/null'])
            case(f'{header} as {suffix}', status == 0, said)
finish()
