#!/usr/bin/env python3
"""install.py BUILD CC FLAGS: `meson install` into a fresh root: what must be there, then a program that knows of the library by
pkg-config alone, linked with the shared library and with the static one."""
import glob
import os
import shlex
import sys

from cases import case, finish, folder, read, run, write

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


def check_texts(root, version):
    """Manual pages and completion: those of the program only where there is one."""
    with_tool = len(glob.glob(f'{root}/**/bin/footfall', recursive=True))
    with_lambda = len(glob.glob(f'{root}/**/bin/footfall-lambda', recursive=True))
    wanted = {'man/man3/footfall.3': 1, 'man/man3/footfall_admin.3': 1, 'man/man3/footfall_store.3': 1,
              'man/man5/footfall.conf.5': 1, 'man/man1/footfall.1': with_tool, 'man/man1/footfall-lambda.1': with_lambda,
              'bash-completion/completions/footfall': with_tool}
    for name, count in wanted.items():
        found = glob.glob(f'{root}/**/share/{name}', recursive=True)
        case(name, len(found) == count, f'wanted {count}, there are {found}')
        if found and 'man/' in name:
            text = read(found[0])
            case(f'{name} is whole', f'\n.Os footfall {version}\n' in text and '\n@' not in text, text[:400])


def check_units(root):
    """Those of the server only where there is one; the service starts what was installed."""
    programs = glob.glob(f'{root}/**/bin/footfall', recursive=True)
    for name in ('footfall.service', 'footfall.socket'):
        found = glob.glob(f'{root}/**/systemd/system/{name}', recursive=True)
        case(name, len(found) == len(programs), f'wanted {len(programs)}, there are {found}')
        if found and name == 'footfall.service':
            case('it starts what is installed', f'\nExecStart={programs[0].removeprefix(root)} serve\n' in read(found[0]), read(found[0]))


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
        check_texts(root, version)
        check_units(root)
        write(f'{work}/program.c', PROGRAM.replace('VERSION', version))
        try_program(work, env, False)
        for library in glob.glob(f'{env["FOOTFALL_LIBDIR"]}/libfootfall.so*'):
            os.remove(library)
        try_program(work, env, True)
finish()
