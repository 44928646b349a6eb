"""What tests have from elsewhere and keep for all build folders and checkouts: where it is, that one process fetches it while others
wait, and commands that say why they failed."""
import fcntl
import os
import subprocess


class FetchError(Exception):
    pass


def folder(*names):
    cache = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
    return os.path.join(cache, 'footfall', *names)


def keep(above, is_there, fetch):
    """Sees to it that is_there() by fetch(), which one process at a time runs; above: the folder that its lock is in."""
    if is_there():
        return
    try:
        os.makedirs(above, exist_ok=True)
        with open(os.path.join(above, 'lock'), 'w', encoding='ascii') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not is_there():
                fetch()
    except OSError as error:
        raise FetchError(error) from None


def run(name, command, seconds):
    """None, or the end of what it said when it failed."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors='replace', timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return f'{name} took longer than {seconds} s'
    if done.returncode == 0:
        return None
    return f'{name} ended with status {done.returncode}\n' + '\n'.join(done.stdout.strip().splitlines()[-20:])
