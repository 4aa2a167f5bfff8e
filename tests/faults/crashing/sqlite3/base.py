from django.db.backends.sqlite3 import base

from tests.faults.crashing.commits import CrashingCommits


class DatabaseWrapper(CrashingCommits, base.DatabaseWrapper):
    pass
