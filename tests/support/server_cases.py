"""What the tests of with_redis.py and with_dynamodb.py share: whether processes and folders are gone."""
import os
import time
import unittest

SECONDS = 60  # longest a wrapper may take


def alive(pid):
    try:
        with open(f'/proc/{pid}/stat', encoding='ascii', errors='replace') as stat:
            return stat.read().rpartition(')')[2].split()[0] not in 'ZX'
    except (FileNotFoundError, ProcessLookupError):
        return False


class Case(unittest.TestCase):
    def gone(self, *pids, folder):
        until = time.monotonic() + 10
        while (any(map(alive, pids)) or os.path.exists(folder)) and time.monotonic() < until:
            time.sleep(0.02)
        self.assertEqual([pid for pid in pids if alive(pid)], [])
        self.assertFalse(os.path.exists(folder), folder)
