"""The product's settings, with switches that only these tests have: a folder of files that say what is to go wrong."""

from config.settings import *  # noqa: F403 - the product's own
from config.settings import CHANNEL_LAYERS, DATABASES

ROOT_URLCONF = "tests.faults.urls"
_database = DATABASES["default"]
_database["ENGINE"] = _database["ENGINE"].replace("django.db.backends", "tests.faults.crashing")
if "pubsub" in CHANNEL_LAYERS["default"]["BACKEND"]:
    CHANNEL_LAYERS["default"]["BACKEND"] = "tests.faults.lossy_layer.LossyLayer"
