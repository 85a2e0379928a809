"""The catalogue, submissions and results."""

from typing import Any

from django.db.models import OuterRef, Prefetch, QuerySet, Subquery
from django.http import FileResponse, Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, permissions
from rest_framework.decorators import action
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from leaderboard.api.missing import FindingViewSet
from leaderboard.api.paging import BySlug, NewestFirst
from leaderboard.api.requests import BoundedJSONParser, find_user, read_submission
from leaderboard.api.schema import ATTESTATION
from leaderboard.api.serializers import (
    BenchmarkSerializer,
    DatasetSerializer,
    LogSerializer,
    ModelSerializer,
    ResultSerializer,
    SubmissionRequestSerializer,
    SubmissionSerializer,
    SubmissionSummarySerializer,
    TaskSerializer,
)
from leaderboard.models import Benchmark, BenchmarkMetric, Dataset, Model, Result, Submission, Task
from leaderboard.services.running.attempts import cancel
from leaderboard.services.submitting.submissions import Repeated, submit_once

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="any text of your own, at most 100 characters: a request sent again with it submits nothing twice",
)


class CatalogueViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, FindingViewSet):
    """Lists in order of slugs; one object by its slug."""

    lookup_field = "slug"
    lookup_value_converter = "slug"
    pagination_class = BySlug


class TaskViewSet(CatalogueViewSet):
    queryset = Task.objects.select_related("parent").prefetch_related("benchmarks", "resources")
    serializer_class = TaskSerializer


class DatasetViewSet(CatalogueViewSet):
    queryset = Dataset.objects.prefetch_related("splits")
    serializer_class = DatasetSerializer


class BenchmarkViewSet(CatalogueViewSet):
    queryset = Benchmark.objects.select_related("task", "split__dataset", "protocol").prefetch_related(
        Prefetch("benchmark_metrics", BenchmarkMetric.objects.select_related("metric"))
    )
    serializer_class = BenchmarkSerializer


class ModelViewSet(CatalogueViewSet):
    queryset = Model.objects.select_related("paper").prefetch_related("weights")
    serializer_class = ModelSerializer


class SubmissionViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, FindingViewSet):
    """One's own submissions; an admin sees all."""

    serializer_class = SubmissionSerializer
    permission_classes = [permissions.IsAuthenticated]
    parser_classes = [MultiPartParser, FormParser, BoundedJSONParser]
    pagination_class = NewestFirst
    queryset = Submission.objects.none()
    lookup_value_converter = "uuid"

    def get_serializer_class(self) -> type[SubmissionSummarySerializer]:
        return SubmissionSummarySerializer if self.action == "list" else SubmissionSerializer

    def get_queryset(self) -> QuerySet[Submission]:
        if getattr(self, "swagger_fake_view", False):
            return Submission.objects.none()
        results = Result.objects.filter(run__submission=OuterRef("pk"), retracted_at=None).order_by("-created_at")
        submissions = Submission.objects.select_related("benchmark__split").annotate(
            result=Subquery(results.values("pk")[:1])
        )
        return submissions if self.request.user.is_staff else submissions.filter(submitter_id=self.request.user.pk)

    @extend_schema(
        request=SubmissionRequestSerializer,
        responses={201: SubmissionSerializer, 200: SubmissionSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def create(self, request: Request) -> Response:
        """Submit weights; the answer's address shows how it goes on. A repeated key answers 200 with the first one."""
        try:
            sent = read_submission(request)
            submission, status = submit_once(sent, by=find_user(request), at=timezone.now(), via="api"), 201
        except Repeated as repeated:
            submission, status = repeated.submission, 200
        body = self.get_serializer(self.get_queryset().get(pk=submission.pk)).data
        return Response(body, status=status, headers={"Location": f"{request.path}{submission.pk}/"})

    @extend_schema(request=None, responses=SubmissionSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str | None = None) -> Response:
        """End a submission that is not finished."""
        submission = self.get_object()
        cancel(submission, by=find_user(request), at=timezone.now())
        return Response(self.get_serializer(submission).data)

    @extend_schema(responses=LogSerializer)
    @action(detail=True, methods=["get"])
    def log(self, request: Request, pk: str | None = None) -> Response:
        """The log of each attempt, latest first."""
        return Response(LogSerializer({"runs": self.get_object().runs.order_by("-attempt")}).data)


class ResultViewSet(mixins.RetrieveModelMixin, FindingViewSet):
    """Verified results with their evidence; open to all."""

    queryset = Result.objects.select_related("entry__benchmark", "entry__model", "run").filter(entry__is_hidden=False)
    serializer_class = ResultSerializer
    lookup_value_converter = "uuid"

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"])
    def evidence(self, request: Request, pk: str | None = None) -> FileResponse:
        """The per-sample predictions."""
        result = self.get_object()
        if not result.evidence:
            raise Http404(_("This result has no evidence file; its attestation tells what was measured."))
        return FileResponse(result.evidence.open("rb"), as_attachment=True, filename=f"evidence-{result.pk}.npz")

    @extend_schema(responses={200: ATTESTATION})
    @action(detail=True, methods=["get"])
    def attestation(self, request: Request, pk: str | None = None) -> Response:
        """The signed statement, a DSSE envelope; `manage.py verify_attestation` checks it offline."""
        return Response(self.get_object().attestation)


class NowhereView(APIView):
    """Answers addresses that are none with a problem object, as every other refusal."""

    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise Http404(_("There is nothing at this address; /api/v1/ lists what there is."))
