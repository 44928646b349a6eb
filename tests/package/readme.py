#!/usr/bin/env python3
"""readme.py README HEADER_DIR LIBRARY CC FLAGS: the C program in the README compiles as it stands there and counts.

Run twice on one folder, by one visitor, it must print 1 visit and 1 visitor, then 2 and 1.
"""
import os
import re
import shlex
import sys

from cases import case, finish, folder, read, run, write

readme, include, library, cc, flags = sys.argv[1:6]
blocks = [block for block in re.findall(r'^```c\n(.*?)^```', read(readme), re.DOTALL | re.MULTILINE) if 'main(' in block]
if case('the README shows a whole program', len(blocks) == 1, f'{len(blocks)} blocks of C have a main'):
    with folder() as work:
        source = write(f'{work}/program.c', blocks[0])
        where = os.path.dirname(library)
        status, said = run(shlex.split(cc) + shlex.split(flags) + ['-std=c11', '-Wall', '-Wextra', '-Werror', '-I', include,
                           source, '-o', f'{work}/program', library, f'-Wl,-rpath,{where}'])
        if case('it compiles', status == 0, said):
            for want in (['1', '1'], ['2', '1']):
                status, said = run([f'{work}/program'], cwd=work)
                case('it counts', status == 0 and re.findall(r'\d+', said) == want,
                     f'status {status}, wanted the numbers {want}, printed: {said}')
finish()
