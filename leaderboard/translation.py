"""Which catalogue texts stand in both languages."""

from modeltranslation.translator import TranslationOptions, register

from leaderboard.models import Benchmark, Dataset, Metric, Protocol, Resource, Task


@register(Task)
class TaskTranslation(TranslationOptions):
    fields = ("name", "description")


@register(Resource)
class ResourceTranslation(TranslationOptions):
    fields = ("title", "description")


@register(Dataset)
class DatasetTranslation(TranslationOptions):
    fields = ("description",)


@register(Metric)
class MetricTranslation(TranslationOptions):
    fields = ("name",)


@register(Protocol)
class ProtocolTranslation(TranslationOptions):
    fields = ("name", "description")


@register(Benchmark)
class BenchmarkTranslation(TranslationOptions):
    fields = ("description",)
