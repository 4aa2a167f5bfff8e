"""The product's settings, for a server whose launcher has less patience."""

from config.settings import *  # noqa: F403 - the product's own
from config.settings import INSTALLED_APPS

INSTALLED_APPS = ["tests.security.impatient", *INSTALLED_APPS]
