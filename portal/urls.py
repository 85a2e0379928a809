from django.contrib import admin
from django.urls import include, path

from portal import health
from portal.accounts.views import ConfirmingEmailView
from portal.languages import choose_language

admin.site.site_header = admin.site.site_title = "Veriboard"
handler400 = "portal.errors.answer_bad_request"
handler500 = "portal.errors.answer_fault"
urlpatterns = [
    path("healthz", health.alive, name="alive"),
    path("readyz", health.ready, name="ready"),
    path("metrics", health.metrics, name="metrics"),
    path("admin/", admin.site.urls),
    # Before allauth's own view of this address.
    path("accounts/email/", ConfirmingEmailView.as_view(), name="account_email"),
    path("accounts/", include("allauth.urls")),
    path("i18n/setlang/", choose_language, name="set_language"),
    path("api/v1/", include("leaderboard.api.urls")),
    path("", include("leaderboard.urls")),
]
