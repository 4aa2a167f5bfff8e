"""All routes. Paths of the API have no trailing slash."""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path

from chat.sign_in import SignInForm, refusing_with_429

handler400 = "chat.views.bad_request"
handler403 = "chat.views.permission_denied"
handler404 = "chat.views.page_not_found"
handler500 = "chat.views.server_error"
sign_in = LoginView.as_view(redirect_authenticated_user=True, authentication_form=SignInForm)

urlpatterns = [
    path("", include("chat.api.urls")),  # routes are tried in this order: what is asked most comes first
    path("", include("chat.urls")),
    path("", include("agents.api.urls")),
    path("", include("tools.api.urls")),
    path("accounts/login/", refusing_with_429(sign_in), name="login"),
    path("accounts/logout/", LogoutView.as_view(), name="logout"),
    path("admin/", admin.site.urls),
]
