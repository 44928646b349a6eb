"""What is in the zip, what the program asks of a system, and that the same commit gives the same bytes."""
import filecmp
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile

import zip_case
from zip_case import Case

MODES = {'bootstrap': 0o755}
LICENCES = {'licences/footfall', 'licences/libcurl', 'licences/libhiredis', 'licences/libjansson', 'licences/openssl', 'licences/zlib1g'}
BYTES = 4 << 20
THERE = {'libc.so.6', 'libm.so.6', 'ld-linux-x86-64.so.2'}
GLIBC = 34


def said(*command, **more):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True, **more).stdout


def git(*words):
    return said('git', '-C', zip_case.ROOT, *words).strip()


class Contents(Case):
    def setUp(self):
        super().setUp()
        self.packed = zipfile.ZipFile(zip_case.ZIP)
        self.addCleanup(self.packed.close)

    def test_names_modes_and_times(self):
        self.assertIsNone(self.packed.testzip())
        names = [entry.filename for entry in self.packed.infolist()]
        self.assertEqual(names, ['bootstrap', 'BUILD', *sorted(LICENCES)])
        committed = time.gmtime(int(git('log', '-1', '--format=%ct')))[:6]
        for entry in self.packed.infolist():
            with self.subTest(entry.filename):
                self.assertEqual(entry.external_attr >> 16, 0o100000 | MODES.get(entry.filename, 0o644))
                self.assertEqual(entry.date_time, (*committed[:5], committed[5] // 2 * 2))
                self.assertGreater(entry.file_size, 300)

    def test_size(self):
        self.assertLess(os.path.getsize(zip_case.ZIP), BYTES)

    def test_build_says_what_it_is(self):
        text = self.packed.read('BUILD').decode()
        self.assertIn(git('rev-parse', 'HEAD'), text)
        self.assertEqual('not committed' in text, git('status', '--porcelain', '--untracked-files=no') != '')
        self.assertIn(said('gcc', '--version').splitlines()[0], text)
        for package in ('libssl-dev', 'libjansson-dev', 'libhiredis-dev', 'zlib1g-dev'):
            self.assertIn(said('dpkg-query', '-W', '-f', '${Version}', package), text)
        self.assertRegex(text, r'libcurl \d+\.\d+\.\d+')


class Program(Case):
    def setUp(self):
        super().setUp()
        self.program = self.unpack(self.folder)

    def test_libraries(self):
        needed = set(re.findall(r'NEEDED\s+(\S+)', said('objdump', '-p', self.program)))
        self.assertIn('libc.so.6', needed)
        self.assertLessEqual(needed, THERE)

    def test_symbols(self):
        versions = set(re.findall(r'GLIBC_[A-Z0-9._]+', said('objdump', '-p', self.program) + said('objdump', '-T', self.program)))
        self.assertIn('GLIBC_2.34', versions, 'built where all of it is older? then this test sees nothing')
        for version in versions:
            parts = re.fullmatch(r'GLIBC_2\.(\d+)(\.\d+)*', version)
            self.assertTrue(parts and int(parts.group(1)) <= GLIBC, version)

    def test_hardened(self):
        headers = said('readelf', '-hldW', self.program)
        self.assertRegex(headers, r'Type:\s+DYN')
        self.assertRegex(headers, r'FLAGS_1\).*\bNOW\b.*\bPIE\b')
        self.assertIn('GNU_RELRO', headers)
        self.assertRegex(headers, r'GNU_STACK\s+(\S+\s+){5}RW\s')
        self.assertNotIn('RPATH', headers)
        self.assertNotIn('RUNPATH', headers)
        symbols = said('objdump', '-T', self.program)
        self.assertIn('__stack_chk_fail', symbols)
        self.assertIn('__snprintf_chk', symbols)

    def test_stripped_of_all_that_tells_of_who_built_it(self):
        self.assertNotRegex(said('readelf', '-SW', self.program), r'\.(symtab|debug_\w+)\b')
        with open(self.program, 'rb') as file:
            content = file.read()
        for path in (zip_case.ROOT, zip_case.BUILD, os.path.expanduser('~') + '/', tempfile.gettempdir() + '/'):
            self.assertNotIn(path.encode(), content)

    def test_version(self):
        self.assertRegex(said(self.program, '--version'), r'^footfall-lambda \S+ \(backends: dynamodb redis\)\n$')


class Check(Case):
    """The build's own check, of programs that would not start on Lambda."""

    def complaint(self, source, *libraries):
        program = os.path.join(self.folder, 'program')
        subprocess.run(['gcc', '-x', 'c', '-', '-o', program, '-Wl,--no-as-needed', *libraries], input=source, text=True, check=True)
        done = subprocess.run(['bash', '-c', '. "$1"; check_program "$2"', 'check', os.path.join(zip_case.ROOT, 'tools/aws/check.sh'),
                               program], stdout=subprocess.PIPE, text=True, check=False)
        return done.returncode, done.stdout

    def test_a_newer_symbol(self):
        status, text = self.complaint('#include <stdlib.h>\nint main(void) { return (int)arc4random(); }')
        self.assertEqual(status, 1, text)
        self.assertIn('arc4random of GLIBC_2.36', text)
        self.assertNotIn('__libc_start_main', text)

    def test_another_library(self):
        status, text = self.complaint('int main(void) { return 0; }', '-lz')
        self.assertEqual(status, 1, text)
        self.assertIn('libz.so.1', text)

    def test_fine(self):
        self.assertEqual(self.complaint('int main(void) { return 0; }', '-lm'), (0, ''))


class Build(Case):
    def copy(self):
        """A clone with what is changed here, in a folder whose name has a blank."""
        tree = os.path.join(self.folder, 'some where', 'else')
        said('git', 'clone', '--quiet', '--no-local', zip_case.ROOT, tree)
        changed = git('diff', '--name-only', '--no-renames', 'HEAD') + '\n' + git('ls-files', '--others', '--exclude-standard')
        for name in filter(None, changed.split('\n')):
            if os.path.exists(os.path.join(zip_case.ROOT, name)):
                os.makedirs(os.path.dirname(os.path.join(tree, name)), exist_ok=True)
                shutil.copy(os.path.join(zip_case.ROOT, name), os.path.join(tree, name))
            else:
                os.unlink(os.path.join(tree, name))
        return tree

    def test_the_same_bytes_from_elsewhere(self):
        tree, folder = self.copy(), os.path.join(self.folder, 'b')
        if os.environ.get('FOOTFALL_TEST_LONG') != '1':
            shutil.copytree(os.path.join(zip_case.BUILD, 'libcurl'), os.path.join(folder, 'libcurl'))
        status, out, err = zip_case.build(tree, folder, cwd=self.folder)
        self.assertEqual(status, 0, out + err)
        made = os.path.join(self.folder, 'footfall-lambda.zip')
        self.assertIn(made, out)
        if not filecmp.cmp(made, zip_case.ZIP, shallow=False):
            with zipfile.ZipFile(made) as one, zipfile.ZipFile(zip_case.ZIP) as other:
                self.fail('differs: ' + ' '.join(name for name in one.namelist() if one.read(name) != other.read(name)))

    def test_wrong_words(self):
        for words in (['--wrong'], ['-o'], ['file'], ['-o', self.folder], ['-o', os.path.join(self.folder, 'no', 'where.zip')]):
            status, out, err = zip_case.build(zip_case.ROOT, zip_case.BUILD, *words)
            self.assertEqual((status, out), (2, ''), words)
            self.assertIn('tools/aws/build: ', err)

    def test_help(self):
        status, out, err = zip_case.build(zip_case.ROOT, zip_case.BUILD, '--help')
        self.assertEqual((status, err), (0, ''))
        self.assertIn('footfall-lambda.zip', out)


class Pack(Case):
    """tools/aws/pack.py by itself."""

    def pack(self, folder, out, epoch):
        return subprocess.run([sys.executable, os.path.join(zip_case.ROOT, 'tools/aws/pack.py'), folder, out], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, 'SOURCE_DATE_EPOCH': epoch})

    def make(self, name, names, umask):
        folder = os.path.join(self.folder, name)
        before = os.umask(umask)
        try:
            for each in names:
                os.makedirs(os.path.dirname(os.path.join(folder, each)), exist_ok=True)
                with open(os.path.join(folder, each), 'w', encoding='ascii') as file:
                    file.write(each * 100)
            os.chmod(os.path.join(folder, 'bootstrap'), 0o711)
        finally:
            os.umask(before)
        out = folder + '.zip'
        done = self.pack(folder, out, '1700000001')
        self.assertEqual(done.returncode, 0, done.stdout)
        return out

    def test_neither_order_nor_umask_nor_time_matter(self):
        names = ['BUILD', 'bootstrap', 'licences/a', 'licences/b']
        one, other = self.make('one', names, 0o022), self.make('other', names[::-1], 0o077)
        self.assertTrue(filecmp.cmp(one, other, shallow=False))

    def test_a_time_before_zips_and_a_place_that_is_none(self):
        self.make('one', ['bootstrap'], 0o022)
        out = os.path.join(self.folder, 'old.zip')
        self.assertEqual(self.pack(os.path.join(self.folder, 'one'), out, '0').returncode, 0)
        with zipfile.ZipFile(out) as packed:
            self.assertEqual(packed.infolist()[0].date_time, (1980, 1, 1, 0, 0, 0))
        done = self.pack(os.path.join(self.folder, 'one'), os.path.join(self.folder, 'no', 'where.zip'), '0')
        self.assertEqual(done.returncode, 1)
        self.assertTrue(done.stdout.startswith(b'pack.py: '), done.stdout)
