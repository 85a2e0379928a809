"""What the tables of this field call things, in English and Chinese, and what we call them. Pure."""

import hashlib
import re
import unicodedata
from dataclasses import replace

from leaderboard.tables.document import ParsedDataset, ParsedMetric, ParsedProtocol, Texts

ENGLISH, CHINESE = "en", "zh-hans"

TASKS: dict[str, Texts] = {
    "image-classification": {ENGLISH: "Image classification", CHINESE: "图像分类"},
    "object-detection": {ENGLISH: "Object detection", CHINESE: "目标检测"},
    "semantic-segmentation": {ENGLISH: "Semantic segmentation", CHINESE: "语义分割"},
    "instance-segmentation": {ENGLISH: "Instance segmentation", CHINESE: "实例分割"},
    "pose-estimation": {ENGLISH: "Pose estimation", CHINESE: "姿态估计"},
    "face-recognition": {ENGLISH: "Face recognition", CHINESE: "人脸识别"},
}


def percent(key: str, label: str, english: str, chinese: str) -> ParsedMetric:
    name = {ENGLISH: english, CHINESE: chinese}
    return ParsedMetric(key, label, unit="%", minimum=0.0, maximum=100.0, name=name)


TOP1 = percent("top1", "Acc@1", "Top-1 accuracy", "Top-1 准确率")
TOP5 = percent("top5", "Acc@5", "Top-5 accuracy", "Top-5 准确率")
MAP = percent("map", "mAP", "Mean average precision", "平均精度均值")
MIOU = percent("miou", "mIoU", "Mean intersection over union", "平均交并比")

ACCURACY = r"acc(?:uracy)?\.?|准确[率度]|精度"
DEPTHS = re.compile(rf"(?:top|前|{ACCURACY})[ @_-]*([15])(?: *(?:{ACCURACY}))?")
KNOWN_METRICS = {
    **dict.fromkeys(("map", "mean average precision", "平均精度均值"), MAP),
    **dict.fromkeys(("miou", "mean iou", "mean intersection over union", "平均交并比"), MIOU),
}
PERCENT_SIGN = re.compile(r"\s*[,(\[]?\s*%\s*[)\]]?")
LOWER_IS_BETTER = re.compile(
    r"(?<!real-)(?<!real )\b(?:run)?time\b|error|\berr\b|latency|\bloss\b|params|parameters|flops"
    r"|\b(?:fid|kid|mae|mse|rmse|epe|lpips|eer|wer|cer|mpjpe|abs ?rel|perplexity|ppl)\b"
    r"|时间|误差|错误|损失|参数量|延迟|困惑度",
    re.IGNORECASE,
)
ARROWS = re.compile(r"\s*[(\[]?\s*([↑↓⬆⬇])\ufe0f?\s*[)\]]?")

PROTOCOLS: dict[str, tuple[re.Pattern[str], Texts]] = {
    "single-crop": (
        re.compile(r"single[- ]model,? single[- ]crop|单模型[，,、]\s*单(?:作物|裁剪|尺度裁剪)", re.IGNORECASE),
        {ENGLISH: "single model, single crop", CHINESE: "单模型，单裁剪"},
    ),
    "timm-validate": (
        re.compile(r"single crop, timm|单裁剪，timm", re.IGNORECASE),
        {ENGLISH: "single crop, timm", CHINESE: "单裁剪，timm"},
    ),
}
AS_PUBLISHED = ParsedProtocol("as-published", {ENGLISH: "as published", CHINESE: "按原文"})

SPLITS = {"imagenet": "validation", "imagenet-1k": "validation"}
SPLIT_NAMES = {
    "val": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
    "train": "train",
    "minival": "minival",
}
# Samples and classes.
SIZES = {
    ("imagenet", "validation"): (50_000, 1000),
    ("imagenet-1k", "validation"): (50_000, 1000),
    ("cifar-10", "test"): (10_000, 10),
    ("cifar-100", "test"): (10_000, 100),
    ("mnist", "test"): (10_000, 10),
    ("fashion-mnist", "test"): (10_000, 10),
}
SPLIT_AT_END = re.compile(
    r"[\s—–:,(-]+(validation|val|testing|test|train|minival)\s*(?:set|split)?\s*\)?$", re.IGNORECASE
)
SHORT_SPLITS = {"validation": "val"}
LONGEST_SLUG, LONGEST_KEY = 100, 60
# Neither letters, digits and punctuation, nor what is written out in a slug.
MARKS = re.compile(r"[^\w\s\-‐–—.,:;/|()\[\]'\"’“”（），、：·+*@]")


def make_slug(text: str) -> str:
    """Return lower-case words joined by hyphens, as addresses take them; "" where there is neither letter nor digit.

    What of a name is in another script than addresses are, or longer, a digest stands for: two names never share a
    slug by it.
    """
    plain = unicodedata.normalize("NFKD", text).lower().replace("_", "-").replace("+", " plus ").replace("@", "-at-")
    letters = "".join(character for character in plain if not unicodedata.combining(character))
    slug = re.sub(r"[^a-z0-9]+", "-", letters).strip("-")
    if len(slug) > LONGEST_SLUG or any(character.isalnum() and not character.isascii() for character in letters):
        return f"{slug[:80]}-{digest(text)}".strip("-")
    return slug


def digest(text: str) -> str:
    return hashlib.sha256(text.strip().encode(errors="replace")).hexdigest()[:8]


def name_apart(name: str, kind: str) -> str:
    """Return the slug of a model or a column: names that differ by more than case, blanks and punctuation have two.

    A sign such as † or % tells rows and columns of a table apart, so it does here.
    """
    slug = make_slug(name.replace("*", " star "))
    return f"{slug[:80] or kind}-{digest(name)}" if not slug or MARKS.search(name) else slug


def detect_language(text: str) -> str:
    """Return the language of a document by the share of Chinese characters in it."""
    han = sum("\u4e00" <= character <= "\u9fff" for character in text)
    return CHINESE if han > 20 or han * 20 > len(text) else ENGLISH


def identify_task(title: str, stem: str = "") -> str:
    """Return the slug of a task from the file's name without its language, or from its title."""
    named = make_slug(re.sub(r"\.(zh|en|cn)([-_]\w+)?$", "", stem, flags=re.IGNORECASE))
    if named in TASKS:
        return named
    by_title = {name.lower(): slug for slug, names in TASKS.items() for name in names.values()}
    return by_title.get(title.strip().lower()) or make_slug(title) or named or "task"


def find_known_metric(header: str) -> ParsedMetric | None:
    name = PERCENT_SIGN.sub("", unicodedata.normalize("NFKC", header)).strip().lower()
    depth = DEPTHS.fullmatch(name)
    return KNOWN_METRICS.get(name) if depth is None else {"1": TOP1, "5": TOP5}[depth[1]]


def is_known_metric(header: str) -> bool:
    return find_known_metric(header) is not None


def describe_metric(header: str) -> ParsedMetric:
    """Return the metric that a column's header names. One of percents is never one of fractions of the same name."""
    arrow = ARROWS.search(header)
    plain = re.sub(r"\s+", " ", ARROWS.sub(" ", header).strip())
    known = find_known_metric(plain)
    if known is not None:
        return replace(known, name=dict(known.name))
    is_percent = "%" in plain
    label = PERCENT_SIGN.sub("", plain).strip() or plain
    unit = "%" if is_percent else (match[1] if (match := re.search(r"[,(]\s*(ms|s|M|G|GB|MB)\s*\)?$", plain)) else "")
    return ParsedMetric(
        key=shorten(name_apart(f"percent {label}" if is_percent else label, "score")),
        label=label[:60],
        unit=unit,
        direction="lower" if (arrow[1] in "↓⬇" if arrow else LOWER_IS_BETTER.search(plain)) else "higher",
        minimum=0.0 if is_percent else None,
        maximum=100.0 if is_percent else None,
    )


def shorten(key: str) -> str:
    return key if len(key) <= LONGEST_KEY else f"{key[:50]}-{digest(key)}"


def describe_dataset(name: str, split: str, slug: str = "") -> ParsedDataset:
    """Return the dataset of this name, with the size of its split where that is common knowledge."""
    slug = slug or make_slug(name)
    samples, classes = SIZES.get((slug, split), (None, None))
    return ParsedDataset(slug=slug, name=name, split=split, samples=samples, classes=classes)


def describe_protocol(text: str) -> ParsedProtocol:
    """Return the protocol that a section's text names."""
    for slug, (pattern, names) in PROTOCOLS.items():
        if pattern.search(text):
            return ParsedProtocol(slug, dict(names))
    return replace(AS_PUBLISHED, name=dict(AS_PUBLISHED.name))


def split_heading(heading: str) -> tuple[str, str]:
    """Return a dataset's name and split from a heading such as "PASCAL VOC 2012 — Validation set"."""
    match = SPLIT_AT_END.search(heading)
    name = heading[: match.start()].strip() if match else heading.strip()
    return name, SPLIT_NAMES[match[1].lower()] if match else SPLITS.get(make_slug(name), "test")


def name_benchmark(dataset_slug: str, split: str, protocol: str) -> str:
    parts = [dataset_slug, *([SHORT_SPLITS.get(split, split)] if split != "test" else [])]
    return "-".join([*parts, *([protocol] if protocol != AS_PUBLISHED.slug else [])])
