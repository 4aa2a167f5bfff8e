"""The ASGI application: HTTP to Django, `/ws` to Channels. Any ASGI server can serve it; `manage.py serve` is ours."""

import os

import django
from django.core.cache import close_caches
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, reset_queries

# Each would start a thread at the start of a request, and hold it until the response has ended: a thread for every open
# stream. The thread that a page's request gets for itself is new: there is no old connection and no old query on it.
request_started.disconnect(close_old_connections)
request_started.disconnect(reset_queries)
# At the end of a request its handler closes the connections of its thread, if it had one; no cache has connections.
request_finished.disconnect(close_old_connections)
request_finished.disconnect(close_caches)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402 - Django's apps have to be loaded first

from chat.routing import websocket_urlpatterns  # noqa: E402 - as above
from config.handler import Handler  # noqa: E402 - as above

application = ProtocolTypeRouter({"http": Handler(), "websocket": URLRouter(websocket_urlpatterns)})
