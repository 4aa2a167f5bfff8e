"""The ASGI application: HTTP to Django, `/ws` to Channels. Any ASGI server can serve it; `manage.py serve` is ours."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
http_application = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402 - Django's apps have to be loaded first

from chat.routing import websocket_urlpatterns  # noqa: E402 - as above

application = ProtocolTypeRouter({"http": http_application, "websocket": URLRouter(websocket_urlpatterns)})
