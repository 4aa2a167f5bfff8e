from django.db.backends.postgresql import base

from tests.faults.crashing.commits import CrashingCommits


class DatabaseWrapper(CrashingCommits, base.DatabaseWrapper):
    pass
