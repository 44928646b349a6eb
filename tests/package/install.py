#!/usr/bin/env python3
"""install.py BUILD CC FLAGS: `meson install` into a fresh root, then a program that knows of the library by pkg-config alone,
linked with the shared library and with the static one."""
import glob
import os
import shlex
import sys

from cases import case, finish, folder, run, write

PROGRAM = r'''
#include <footfall.h>
#include <footfall_admin.h>
#include <stdio.h>
#include <string.h>
int main(void)
{
    struct footfall *ff;
    struct footfall_error err;
    struct footfall_result r;
    const char *const *names = footfall_backends();
    if (names[0] == NULL || strcmp(footfall_version(), "VERSION") != 0)
        return 2;
    if (footfall_open(&ff, NULL, &err) || footfall_add(ff, "a", 41, NULL, &r, &err)) {
        printf("%s\n", err.text);
        return 1;
    }
    printf("%d\n", (int)r.total + 1);
    footfall_close(ff);
    return 0;
}
'''
build, cc, flags = sys.argv[1:4]


def try_program(work, env, static):
    what = 'static' if static else 'shared'
    status, said = run(['pkg-config', '--cflags', '--libs'] + (['--static'] if static else []) + ['footfall'], env=env)
    if not case(f'pkg-config, {what}', status == 0, said):
        return
    status, out = run(shlex.split(cc) + shlex.split(flags) + [f'{work}/program.c', '-o', f'{work}/{what}']
                      + shlex.split(said))
    if not case(f'it links, {what}', status == 0, f'{said}\n{out}'):
        return
    os.makedirs(f'{work}/{what}-data')
    run_env = dict(os.environ) if static else dict(os.environ, LD_LIBRARY_PATH=env['FOOTFALL_LIBDIR'])
    status, out = run([f'{work}/{what}'], cwd=f'{work}/{what}-data', env=run_env)
    case(f'it runs, {what}', status == 0 and out == '42\n', f'status {status}: {out}')


with folder() as work:
    root = f'{work}/root'
    status, said = run(['meson', 'install', '-C', build, '--no-rebuild', '--quiet', '--destdir', root])
    case('meson install', status == 0, said)
    found = glob.glob(f'{root}/**/pkgconfig/footfall.pc', recursive=True)
    if case('footfall.pc is there once', len(found) == 1, f'{found}'):
        env = dict(os.environ, PKG_CONFIG_PATH=os.path.dirname(found[0]), PKG_CONFIG_SYSROOT_DIR=root)
        env['FOOTFALL_LIBDIR'] = os.path.dirname(os.path.dirname(found[0]))
        for header in ('footfall.h', 'footfall_admin.h', 'footfall_store.h'):
            case(header, glob.glob(f'{root}/**/include/{header}', recursive=True), 'is not installed')
        version = run(['pkg-config', '--modversion', 'footfall'], env=env)[1].strip()
        write(f'{work}/program.c', PROGRAM.replace('VERSION', version))
        try_program(work, env, False)
        for library in glob.glob(f'{env["FOOTFALL_LIBDIR"]}/libfootfall.so*'):
            os.remove(library)
        try_program(work, env, True)
finish()
