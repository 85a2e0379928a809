"""Every word of the product that is stored, one file a concept."""

from leaderboard.models.audit import AuditEvent
from leaderboard.models.ban import Ban
from leaderboard.models.benchmark import Benchmark, BenchmarkMetric, Protocol
from leaderboard.models.challenge import Challenge
from leaderboard.models.claim import Claim
from leaderboard.models.dataset import Dataset, Split
from leaderboard.models.entry import BoardFacts, Entry, Standing
from leaderboard.models.metric import Metric
from leaderboard.models.model import Model
from leaderboard.models.notice import Notice, NoticeSettings
from leaderboard.models.paper import Paper
from leaderboard.models.part import Part
from leaderboard.models.result import Result, Score
from leaderboard.models.run import Run
from leaderboard.models.submission import Submission
from leaderboard.models.task import Resource, Task
from leaderboard.models.upload import Upload, UploadPart
from leaderboard.models.webhook import Delivery, Webhook
from leaderboard.models.weights import Weights
from leaderboard.models.worker import Worker

__all__ = [
    "AuditEvent",
    "Ban",
    "Benchmark",
    "BenchmarkMetric",
    "BoardFacts",
    "Challenge",
    "Claim",
    "Dataset",
    "Delivery",
    "Entry",
    "Metric",
    "Model",
    "Notice",
    "NoticeSettings",
    "Paper",
    "Part",
    "Protocol",
    "Resource",
    "Result",
    "Run",
    "Score",
    "Split",
    "Standing",
    "Submission",
    "Task",
    "Upload",
    "UploadPart",
    "Webhook",
    "Weights",
    "Worker",
]
