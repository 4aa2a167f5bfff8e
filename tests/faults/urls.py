"""The product's routes, and one that tells how many tasks the process has: nobody outside can count them."""

import asyncio

from django.http import HttpRequest, JsonResponse
from django.urls import path

from config.urls import handler400, handler403, handler404, handler500, urlpatterns

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


async def tasks(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"tasks": len(asyncio.all_tasks())})


urlpatterns = [*urlpatterns, path("fault/tasks", tasks)]
