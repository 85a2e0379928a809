"""The catalogue, submissions and results."""

import json
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.http import FileResponse, Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, permissions, viewsets
from rest_framework.decorators import action
from rest_framework.pagination import CursorPagination
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard.api.serializers import (
    BenchmarkSerializer,
    DatasetSerializer,
    ModelSerializer,
    ResultSerializer,
    SubmissionRequestSerializer,
    SubmissionSerializer,
    TaskSerializer,
)
from leaderboard.models import Benchmark, BenchmarkMetric, Dataset, Model, Result, Submission, Task
from leaderboard.services.intake import CLAIM_PREFIX, RequestRefused, read_request
from leaderboard.services.submissions import cancel, submit


class BySlug(CursorPagination):
    ordering = "slug"
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200


class NewestFirst(BySlug):
    ordering = "-created_at"


class CatalogueViewSet(viewsets.ReadOnlyModelViewSet[Any]):
    """Lists in order of slugs; one object by its slug."""

    lookup_field = "slug"
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


class SubmissionViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Submission]):
    """One's own submissions; an admin sees all."""

    serializer_class = SubmissionSerializer
    permission_classes = [permissions.IsAuthenticated]
    parser_classes = [MultiPartParser, FormParser, JSONParser]
    pagination_class = NewestFirst
    queryset = Submission.objects.none()
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Submission]:
        if getattr(self, "swagger_fake_view", False):
            return Submission.objects.none()
        submissions = Submission.objects.select_related("benchmark")
        return submissions if self.request.user.is_staff else submissions.filter(submitter_id=self.request.user.pk)

    @extend_schema(request=SubmissionRequestSerializer, responses={201: SubmissionSerializer})
    def create(self, request: Request) -> Response:
        """Submit weights; the answer's address shows how it goes on."""
        if not isinstance(request.data, dict):
            raise RequestRefused({"": "Send an object with fields such as benchmark, model, architecture and weights."})
        checked = read_request(read_fields(request.data), request.FILES.get("weights"), by=request.user)
        submission = submit(checked, by=request.user, at=timezone.now(), via="api")
        body = self.get_serializer(submission).data
        return Response(body, status=201, headers={"Location": f"{request.path}{submission.pk}/"})

    @extend_schema(request=None, responses=SubmissionSerializer)
    @action(detail=True, methods=["post"], parser_classes=[JSONParser, FormParser, MultiPartParser])
    def cancel(self, request: Request, pk: str | None = None) -> Response:
        """End a submission that is not finished."""
        submission = self.get_object()
        cancel(submission, by=request.user, at=timezone.now())
        return Response(self.get_serializer(submission).data)

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    @action(detail=True, methods=["get"])
    def log(self, request: Request, pk: str | None = None) -> Response:
        """The log of each attempt, latest first."""
        runs = self.get_object().runs.order_by("-attempt")
        return Response(
            {"runs": [{"attempt": r.attempt, "state": r.state, "stage": r.stage, "log": r.log} for r in runs]}
        )


def read_fields(data: Any) -> dict[str, str]:
    """Return the request as the form's fields; claims become one field a metric. Raises: RequestRefused."""
    fields = {
        name: "" if value is None else str(value)
        for name, value in data.items()
        if name not in ("weights", "claims", "protocol")
    }
    fields["model_name"] = fields.pop("model", "")
    for name in ("claims", "protocol"):
        fields |= read_object(name, data.get(name))
    return fields


def read_object(name: str, value: Any) -> dict[str, str]:
    """Return a JSON object, sent as such or as text, as fields. Raises: RequestRefused."""
    try:
        found = json.loads(value) if isinstance(value, str) and value.strip() else value or {}
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise RequestRefused({name: f'{name} is a JSON object, such as {{"top1": 91.73}}.'})
    if name == "protocol":
        return {"protocol": json.dumps(found)} if found else {}
    return {f"{CLAIM_PREFIX}{key}": str(score) for key, score in found.items()}


class ResultViewSet(mixins.RetrieveModelMixin, viewsets.GenericViewSet[Result]):
    """Verified results with their evidence; open to all."""

    queryset = Result.objects.select_related("entry__benchmark", "entry__model", "run").filter(entry__is_hidden=False)
    serializer_class = ResultSerializer
    lookup_value_converter = "uuid"

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"])
    def evidence(self, request: Request, pk: str | None = None) -> FileResponse:
        """The per-sample predictions."""
        result = get_object_or_404(self.get_queryset(), pk=pk)
        if not result.evidence:
            raise Http404("This result has no evidence file.")
        return FileResponse(result.evidence.open("rb"), as_attachment=True, filename=f"evidence-{result.pk}.npz")

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    @action(detail=True, methods=["get"])
    def attestation(self, request: Request, pk: str | None = None) -> Response:
        """The signed statement, a DSSE envelope; `manage.py verify_attestation` checks it offline."""
        return Response(get_object_or_404(self.get_queryset(), pk=pk).attestation)
