import time

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from leaderboard.models.benchmark import Benchmark
from leaderboard.models.metric import Metric
from leaderboard.models.model import Model
from leaderboard.models.shapes import check_links, check_preprocessing
from leaderboard.models.weights import Weights


class Entry(models.Model):
    """A model in one set of weights on a benchmark: a row of its leaderboard.

    `status` and `verdict` are written by `services.boards.standings` alone, from claims and results.
    """

    class Status(models.TextChoices):
        CLAIMED = "claimed", _("claimed")
        VERIFIED = "verified", _("verified")
        MISMATCH = "mismatch", _("mismatch")

    class Verdict(models.TextChoices):
        MATCH = "match", _("match")
        BELOW = "below", _("below")
        ABOVE = "above", _("above")
        NONE = "none", _("no claim")

    benchmark = models.ForeignKey(Benchmark, models.PROTECT, related_name="entries")
    model = models.ForeignKey(Model, models.PROTECT, related_name="entries")
    # Tells rows of one model apart: an imported one's frameworks and image size, the digest of submitted weights.
    variant = models.CharField(max_length=120)
    preprocessing = models.JSONField(
        default=dict,
        blank=True,
        validators=[check_preprocessing],
        help_text=_('what its source says of the images, such as {"resize": 328, "crop": 288}; empty: nothing'),
    )
    weights = models.ManyToManyField(Weights, related_name="entries")
    code_urls = models.JSONField(
        default=list, blank=True, validators=[check_links], help_text='[{"label": "PyTorch", "url": "https://…"}]'
    )
    extra_data = models.CharField(
        max_length=200,
        blank=True,
        help_text=_("what it was trained on besides the benchmark's own dataset; empty: nothing"),
    )
    status = models.CharField(max_length=10, choices=Status, default=Status.CLAIMED)
    verdict = models.CharField(max_length=10, choices=Verdict, default=Verdict.NONE)
    verified_at = models.DateTimeField(null=True, blank=True)
    # When an admin last looked at it and had nothing to say; a later verification is to be looked at again.
    approved_at = models.DateTimeField(null=True, blank=True)
    is_hidden = models.BooleanField(default=False)
    hidden_reason = models.TextField(blank=True)
    # Something of it was written past the services, and its standings do not follow from it yet.
    is_stale = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("entry")
        verbose_name_plural = _("entries")
        constraints = [
            models.UniqueConstraint(fields=["benchmark", "model", "variant"], name="entry_key_is_unique"),
            models.CheckConstraint(
                condition=models.Q(status="claimed", verified_at__isnull=True)
                | models.Q(status__in=["verified", "mismatch"], verified_at__isnull=False),
                name="entry_is_dated_when_verified",
            ),
            models.CheckConstraint(
                condition=~models.Q(status="mismatch") | models.Q(verdict="below"), name="mismatch_is_below_its_claim"
            ),
        ]
        # Of a million entries few are verified, and only those wait for an admin.
        indexes = [
            models.Index(
                fields=["-verified_at"], name="verified_entries", condition=models.Q(verified_at__isnull=False)
            ),
            models.Index(fields=["benchmark"], name="stale_entries", condition=models.Q(is_stale=True)),
        ]

    def __str__(self) -> str:
        return f"{self.model.name} [{self.variant}] on {self.benchmark.slug}"

    def get_absolute_url(self) -> str:
        return reverse("entry", args=[self.pk])

    @property
    def image_size(self) -> int | None:
        """In pixels, where its source says."""
        size: int | None = self.preprocessing.get("crop")
        return size

    def clean(self) -> None:
        # An emptied field of a form is none.
        self.code_urls, self.preprocessing = self.code_urls or [], self.preprocessing or {}


class StandingQuerySet(models.QuerySet["Standing"]):
    def ranking(self) -> "StandingQuerySet":
        """Keep those on the metric that ranks their board: one for each entry."""
        # In one call: each further one would join the metrics of all boards anew.
        return self.filter(
            metric__benchmark_metrics__benchmark=models.F("benchmark"), metric__benchmark_metrics__position=0
        )


class Standing(models.Model):
    """Where an entry stands on one metric: what the leaderboard reads.

    Derived; written by `services.boards.standings` alone.
    `order_value` sorts best first whatever the metric's direction; missing scores carry `MISSING` and come last.
    Rank and rank interval belong to verified scores only.
    """

    MISSING = -1e300
    objects = StandingQuerySet.as_manager()

    entry = models.ForeignKey(Entry, models.CASCADE, related_name="standings")
    benchmark = models.ForeignKey(Benchmark, models.CASCADE, related_name="standings")
    metric = models.ForeignKey(Metric, models.PROTECT, related_name="standings")
    claimed = models.FloatField(null=True)
    claimed_text = models.CharField(max_length=40, blank=True)
    verified = models.FloatField(null=True)
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    order_value = models.FloatField(default=MISSING)
    is_visible = models.BooleanField(default=True)
    is_best = models.BooleanField(default=False)
    rank = models.PositiveIntegerField(null=True)
    rank_low = models.PositiveIntegerField(null=True)
    rank_high = models.PositiveIntegerField(null=True)
    # Facts of the entry that boards are narrowed by, so that no join stands between them and the order of the board.
    parameters = models.PositiveBigIntegerField(null=True)
    multiply_adds = models.PositiveBigIntegerField(null=True)
    published_on = models.DateField(null=True)
    has_extra_data = models.BooleanField(default=False)
    is_mismatch = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("standing")
        verbose_name_plural = _("standings")
        constraints = [
            models.UniqueConstraint(fields=["entry", "metric"], name="standing_once_per_entry_and_metric"),
            models.CheckConstraint(
                condition=models.Q(rank__isnull=True) | models.Q(verified__isnull=False),
                name="rank_belongs_to_verified_scores",
            ),
        ]
        indexes = [
            models.Index(
                "benchmark", "metric", "is_visible", models.F("order_value").desc(), "entry", name="board_order"
            ),
            models.Index(
                "benchmark",
                "metric",
                models.F("order_value").desc(),
                "entry",
                name="verified_order",
                condition=models.Q(verified__isnull=False, is_visible=True),
            ),
            models.Index(
                "benchmark",
                "metric",
                models.F("order_value").desc(),
                "entry",
                name="claimed_order",
                condition=models.Q(verified__isnull=True, is_visible=True),
            ),
            models.Index(
                "benchmark",
                "metric",
                models.F("order_value").desc(),
                "entry",
                name="mismatch_order",
                condition=models.Q(is_mismatch=True, is_visible=True),
            ),
            # For filters that leave little: sorting what is found beats walking down the board.
            models.Index("benchmark", "metric", "parameters", name="board_parameters"),
            models.Index("benchmark", "metric", "multiply_adds", name="board_multiply_adds"),
            models.Index("benchmark", "metric", "published_on", name="board_published_on"),
            models.Index("benchmark", "metric", name="board_extra_data", condition=models.Q(has_extra_data=True)),
            models.Index("benchmark", "metric", name="best_of_board", condition=models.Q(is_best=True)),
        ]

    def __str__(self) -> str:
        return f"{self.entry_id}: {self.metric_id} {self.order_value}"

    @property
    def difference(self) -> float | None:
        """Verified minus claimed, in the metric's unit; None where one of them is missing."""
        return None if self.verified is None or self.claimed is None else self.verified - self.claimed


class BoardFacts(models.Model):
    """What a board's page says of the whole board, so that no reader has to count it.

    Derived; written by `services.boards.standings` alone. `version` is another one after every change, so that what
    was made from it can be kept as long as it stands; `names_version` is another one only after a change of what stands
    around the entries: benchmark, dataset, protocol, task or metrics. `is_stale` says that something was written past
    the services; the entries that it bears on say so too.
    """

    # Of up to so many entries a board is linted at every publication, and derived by its reader where it is stale.
    SMALL = 1000

    benchmark = models.OneToOneField(Benchmark, models.CASCADE, related_name="facts")
    version = models.PositiveBigIntegerField(default=time.time_ns)
    names_version = models.PositiveBigIntegerField(default=time.time_ns)
    is_stale = models.BooleanField(default=False)
    entries = models.PositiveIntegerField(default=0)
    verified = models.PositiveIntegerField(default=0)
    mismatch = models.PositiveIntegerField(default=0)
    frameworks = models.JSONField(default=list)
    has_links = models.BooleanField(default=True, help_text="to weights, papers or code, in any row")
    findings = models.JSONField(default=list, help_text="of the claim lint, the gravest first")
    card = models.CharField(max_length=300, blank=True, help_text="its picture in the storage")
    card_version = models.PositiveBigIntegerField(default=0, help_text="the version that was drawn")

    class Meta:
        verbose_name = _("facts of a board")
        verbose_name_plural = _("facts of the boards")

    def __str__(self) -> str:
        return f"{self.benchmark.slug}: {self.entries}"

    @property
    def claimed(self) -> int:
        return self.entries - self.verified
