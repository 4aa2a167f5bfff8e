from django.urls import path

from chat.views import ChatPage

urlpatterns = [path("", ChatPage.as_view(), name="page")]
