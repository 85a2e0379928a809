"""Say in the reader's language what engine and rules say in English."""

import re
from collections.abc import Iterator
from functools import cache, lru_cache

from django.utils.translation import get_language, gettext, gettext_noop

from leaderboard.refusals import SENTENCES

# Parts that the engine builds up by itself: what a file lacks, and how a list is cut short.
PARTS = (
    gettext_noop("missing: %(names)s"),
    gettext_noop("not known: %(names)s"),
    gettext_noop("shape: %(names)s"),
    gettext_noop("%(names)s and %(rest)s more"),
    gettext_noop("%(tensor)s is (%(given)s), not (%(wanted)s)"),
)
PLACEHOLDER = re.compile(r"%\((\w+)\)s")
# Longer ones are no refusals but what an admin wrote; and no text is worth a slow search.
LONGEST = 1200
# A sentence with fewer marks of its own is recognised only by a phrase in it, as what people write may look like it.
FEW_MARKS = 7
Pattern = tuple[str, "re.Pattern[str]"]


@cache
def compile_patterns() -> tuple[Pattern, ...]:
    """Return each sentence with what recognises it, those with most words of their own first."""
    ordered = sorted((*SENTENCES, *PARTS), key=lambda text: -len(PLACEHOLDER.sub("", text)))
    return tuple((text, re.compile(write_pattern(text), re.DOTALL)) for text in ordered)


def write_pattern(text: str) -> str:
    # Splitting by the placeholder leaves text and name in turn.
    parts = PLACEHOLDER.split(text)
    return "".join(
        f"(?P<{part}>.*?)" if place % 2 else re.escape(part.replace("%%", "%")) for place, part in enumerate(parts)
    )


def say(text: str) -> str:
    """Return the sentence in the active language; what is not recognised, an admin's own words for one, as it is."""
    language = get_language() or "en"
    return text if language.startswith("en") or len(text) > LONGEST else translate(text, language)


@lru_cache(maxsize=4096)
def translate(text: str, language: str) -> str:
    """Return the translation of a sentence, of several one after another, or the text itself."""
    # A first sentence that is known ends where it ends, or its last value would swallow what follows.
    return "".join(translate_parts(text, language)) or match(text, language) or text


def gap() -> str:
    """Return what parts two sentences: a space, but in Chinese, where the full stop brings its own."""
    return "" if (get_language() or "").startswith("zh") else " "


def match(text: str, language: str) -> str:
    """Return the translation of the text as one sentence, its values translated where they are phrases; else ""."""
    for template, pattern in compile_patterns():
        if found := pattern.fullmatch(text):
            given = found.groupdict()
            values = {name: translate_value(value, language) for name, value in given.items()}
            if values != given or not given or count_marks(template) >= FEW_MARKS:
                return gettext(template) % values
    return ""


def count_marks(template: str) -> int:
    return len("".join(PLACEHOLDER.sub("", template).split()))


def translate_value(value: str, language: str) -> str:
    """Return a value in the reader's language: a phrase, a sentence after a space, several parted by semicolons."""
    if not value.strip():
        return value
    head = " " if value.startswith(" ") else ""
    return head + gettext("; ").join(translate(part, language) for part in value.strip().split("; "))


def translate_parts(text: str, language: str) -> Iterator[str]:
    """Return the sentences of a text of which the first is known, each translated where it can be."""
    for end in (found.end() for found in re.finditer(r"\. ", text)):
        if said := match(text[:end].rstrip(), language):
            yield said
            yield translate(text[end:], language)
            return
