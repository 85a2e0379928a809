from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import DefaultRouter

from leaderboard.api.boards import LeaderboardView
from leaderboard.api.uploads import UploadsView, UploadView
from leaderboard.api.views import (
    BenchmarkViewSet,
    DatasetViewSet,
    ModelViewSet,
    NowhereView,
    ResultViewSet,
    SubmissionViewSet,
    TaskViewSet,
)
from leaderboard.api.webhooks import WebhookViewSet

router = DefaultRouter(use_regex_path=False)
router.include_format_suffixes = False
router.register("tasks", TaskViewSet)
router.register("datasets", DatasetViewSet)
router.register("benchmarks", BenchmarkViewSet)
router.register("models", ModelViewSet)
router.register("submissions", SubmissionViewSet)
router.register("results", ResultViewSet)
router.register("webhooks", WebhookViewSet)

app_name = "api"
urlpatterns = [
    path("benchmarks/<slug:slug>/leaderboard/", LeaderboardView.as_view(), name="leaderboard"),
    path("uploads/", UploadsView.as_view(), name="uploads"),
    path("uploads/<uuid:pk>/", UploadView.as_view(), name="upload"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path(
        "docs/",
        SpectacularSwaggerSplitView.as_view(url_name="api:schema", template_name="leaderboard/api_docs.html"),
        name="docs",
    ),
    path("", include(router.urls)),
    re_path(r"^[\s\S]*/$", NowhereView.as_view(), name="nowhere"),
]
