"""The catalogue and submissions as JSON objects. Leaderboards are written straight from `queries`, see `boards`."""

from typing import Any, TypeVar

from django.db import models
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from leaderboard.models import Benchmark, Dataset, Metric, Model, Result, Run, Split, Submission, Task, Upload
from leaderboard.queries import read_progress

M = TypeVar("M", bound=models.Model)


class StoredSerializer(serializers.ModelSerializer[M]):
    """Addresses are plain text in the schema: many are empty, which is no URI."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.URLField: serializers.CharField,
    }


class MetricSerializer(StoredSerializer[Metric]):
    class Meta:
        model = Metric
        fields = ["key", "label", "name", "unit", "direction", "decimals", "minimum", "maximum"]


class TaskSerializer(StoredSerializer[Task]):
    parent = serializers.SlugRelatedField[Task](slug_field="slug", read_only=True, allow_null=True)  # type: ignore[assignment]
    benchmarks = serializers.SlugRelatedField[Benchmark](slug_field="slug", many=True, read_only=True)
    resources = serializers.SerializerMethodField()

    class Meta:
        model = Task
        fields = ["slug", "name", "description", "parent", "benchmarks", "resources"]

    def get_resources(self, task: Task) -> list[dict[str, str]]:
        return [
            {"title": r.title, "url": r.url, "type": r.type, "description": r.description} for r in task.resources.all()
        ]


class SplitSerializer(StoredSerializer[Split]):
    is_registered = serializers.BooleanField(read_only=True)

    class Meta:
        model = Split
        fields = ["name", "samples", "classes", "class_names", "digest", "is_registered"]


class DatasetSerializer(StoredSerializer[Dataset]):
    splits = SplitSerializer(many=True, read_only=True)

    class Meta:
        model = Dataset
        fields = ["slug", "name", "version", "licence", "description", "homepage_url", "splits"]


class BenchmarkSerializer(StoredSerializer[Benchmark]):
    task = serializers.SlugRelatedField[Task](slug_field="slug", read_only=True)
    dataset = serializers.CharField(source="split.dataset.slug", read_only=True)
    split = serializers.CharField(source="split.name", read_only=True)
    protocol = serializers.CharField(source="protocol.name", read_only=True)
    preprocessing = serializers.JSONField(source="protocol.preprocessing", read_only=True)
    metrics = serializers.SerializerMethodField()
    takes_submissions = serializers.BooleanField(read_only=True)

    class Meta:
        model = Benchmark
        fields = [
            "slug",
            "task",
            "dataset",
            "split",
            "protocol",
            "preprocessing",
            "description",
            "metrics",
            "tolerance",
            "highlight_count",
            "takes_submissions",
        ]

    @extend_schema_field(MetricSerializer(many=True))
    def get_metrics(self, benchmark: Benchmark) -> list[dict[str, Any]]:
        rows = sorted(benchmark.benchmark_metrics.all(), key=lambda row: row.position)
        return [dict(MetricSerializer(row.metric).data) for row in rows]


class ModelSerializer(StoredSerializer[Model]):
    paper_url = serializers.CharField(source="paper.url", default="", read_only=True)
    paper_title = serializers.CharField(source="paper.title", default="", read_only=True)
    weights = serializers.SerializerMethodField()

    class Meta:
        model = Model
        fields = ["slug", "name", "architecture", "parameters", "multiply_adds", "paper_url", "paper_title", "weights"]

    def get_weights(self, model: Model) -> list[dict[str, str]]:
        return [{"framework": w.framework, "url": w.url, "sha256": w.sha256} for w in model.weights.all()]


@extend_schema_field({"type": ["object", "null"]})
class ProtocolField(serializers.JSONField):
    """A protocol as it was sent, null where none was. Described here, as a JSON field that may be null is described
    as anything or null, so that null is both."""


class SubmissionSummarySerializer(StoredSerializer[Submission]):
    """A submission in a list. `result` is the id of its standing result, null while there is none."""

    benchmark = serializers.SlugRelatedField[Benchmark](slug_field="slug", read_only=True)
    model = serializers.CharField(source="model_name", read_only=True)
    result = serializers.UUIDField(read_only=True, allow_null=True)
    protocol = ProtocolField(read_only=True)

    class Meta:
        model = Submission
        fields = [
            "id",
            "benchmark",
            "model",
            "architecture",
            "framework",
            "weights_name",
            "weights_url",
            "weights_sha256",
            "background",
            "protocol",
            "claims",
            "paper_url",
            "code_url",
            "state",
            "state_reason",
            "result",
            "created_at",
            "changed_at",
        ]
        read_only_fields = fields


class ProgressSerializer(serializers.Serializer[Any]):
    """How far the latest attempt is. `queue_position` is null unless it waits, the times where nothing tells."""

    stage = serializers.CharField()
    done = serializers.IntegerField()
    total = serializers.IntegerField()
    percent = serializers.IntegerField()
    attempt = serializers.IntegerField()
    queue_position = serializers.IntegerField(allow_null=True)
    starts_in_seconds = serializers.IntegerField(allow_null=True)
    done_in_seconds = serializers.IntegerField(allow_null=True)


class SubmissionSerializer(SubmissionSummarySerializer):
    """A submission with its progress."""

    progress = serializers.SerializerMethodField()

    class Meta(SubmissionSummarySerializer.Meta):
        fields = [*SubmissionSummarySerializer.Meta.fields, "progress"]
        read_only_fields = fields

    @extend_schema_field(ProgressSerializer)
    def get_progress(self, submission: Submission) -> dict[str, Any]:
        return read_progress(submission, at=timezone.now()).to_dict()


class RunSerializer(StoredSerializer[Run]):
    class Meta:
        model = Run
        fields = ["attempt", "state", "stage", "log"]


class LogSerializer(serializers.Serializer[Any]):
    """What each attempt at a submission said."""

    runs = RunSerializer(many=True)


class UploadSerializer(StoredSerializer[Upload]):
    """A file on its way; `upload` of a submission takes its id once it is complete."""

    is_complete = serializers.BooleanField(read_only=True)

    class Meta:
        model = Upload
        fields = ["id", "name", "size_bytes", "offset_bytes", "sha256", "is_complete"]


class SubmissionRequestSerializer(serializers.Serializer[Any]):
    """A submission as it is sent: a file as multipart, or an address. What the fields may hold, `intake` checks."""

    benchmark = serializers.CharField(help_text="slug of the benchmark")
    model = serializers.CharField(help_text="name of the model")
    architecture = serializers.CharField(required=False, allow_blank=True, help_text="such as torchvision/resnet50")
    framework = serializers.CharField(required=False, allow_blank=True)
    weights = serializers.FileField(required=False)
    upload = serializers.CharField(required=False, allow_blank=True, help_text="id of a complete upload")
    weights_url = serializers.CharField(required=False, allow_blank=True)
    weights_sha256 = serializers.CharField(required=False, allow_blank=True)
    background = serializers.CharField(required=False, allow_blank=True)
    protocol = serializers.JSONField(required=False)
    claims = serializers.JSONField(required=False, help_text='scores by metric key, {"top1": 91.73}')
    paper_url = serializers.CharField(required=False, allow_blank=True)
    code_url = serializers.CharField(required=False, allow_blank=True)


class ResultSerializer(StoredSerializer[Result]):
    submission = serializers.UUIDField(source="run.submission_id", read_only=True)
    benchmark = serializers.CharField(source="entry.benchmark.slug", read_only=True)
    model = serializers.CharField(source="entry.model.slug", read_only=True)
    status = serializers.CharField(source="entry.status", read_only=True)
    verdict = serializers.CharField(source="entry.verdict", read_only=True)

    class Meta:
        model = Result
        fields = [
            "id",
            "submission",
            "benchmark",
            "model",
            "status",
            "verdict",
            "report",
            "evidence_sha256",
            "created_at",
            "retracted_at",
            "retraction_reason",
        ]


class RowSerializer(serializers.Serializer[Any]):
    """A row of a leaderboard, for the schema."""

    rank = serializers.IntegerField(allow_null=True)
    rank_low = serializers.IntegerField(allow_null=True)
    rank_high = serializers.IntegerField(allow_null=True)
    model = serializers.DictField(child=serializers.CharField())
    image_size = serializers.IntegerField(allow_null=True, help_text="in pixels, where the claim's source states it")
    status = serializers.ChoiceField(["claimed", "verified", "mismatch"])
    verdict = serializers.ChoiceField(["match", "below", "above", "none"])
    claims = serializers.DictField(child=serializers.FloatField())
    verified = serializers.DictField(child=serializers.DictField(child=serializers.FloatField()))
    weights = serializers.ListField(child=serializers.DictField(child=serializers.CharField()))
    paper_url = serializers.CharField()
    code_urls = serializers.ListField(child=serializers.CharField())
    parameters = serializers.IntegerField(allow_null=True)
    multiply_adds = serializers.IntegerField(allow_null=True)
    extra_data = serializers.CharField(help_text="empty where there was none")
    published_on = serializers.DateField(allow_null=True)
    verified_at = serializers.DateTimeField(allow_null=True)
    result = serializers.UUIDField(allow_null=True)
    submission = serializers.UUIDField(allow_null=True)
    entry = serializers.IntegerField(help_text="what /compare/?a=&b= and /entries/<id>/ ask for")


class BoardSerializer(serializers.Serializer[Any]):
    """A page of a leaderboard, for the schema."""

    benchmark = serializers.CharField()
    metric = serializers.CharField()
    counts = serializers.DictField(child=serializers.IntegerField())
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = RowSerializer(many=True)
