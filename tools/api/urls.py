from django.urls import path

from tools.api.views import ToolListView

urlpatterns = [path("tools", ToolListView.as_view(), name="tools")]
