from django.urls import path

from chat.views import ChatPage, favicon

urlpatterns = [path("", ChatPage.as_view(), name="page"), path("favicon.ico", favicon, name="favicon")]
