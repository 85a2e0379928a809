"""The checks of `make check` that are ours find what they are for."""

from pathlib import Path

import pytest

from scripts import engine_environment, lock, translations

HEAD = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n"Language: zh_Hans\\n"\n\n'


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ('msgid "Rank"\nmsgstr "名次"\n', None),
        ('msgid "Rank"\nmsgstr ""\n', "not translated: 'Rank'"),
        ('#, fuzzy\nmsgid "Rank"\nmsgstr "名次"\n', "not translated: 'Rank'"),
        ('#, python-format\nmsgid "%(count)s runs"\nmsgstr "次运行"\n', "placeholders differ"),
        ('msgid "run"\nmsgid_plural "runs"\nmsgstr[0] ""\n', "not translated"),
    ],
)
def test_catalogue_faults_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str, fault: str | None
) -> None:
    monkeypatch.setattr(translations, "ROOT", tmp_path)
    path = tmp_path / "django.po"
    path.write_text(HEAD + entry)
    faults = list(translations.find_faults(path))
    assert len(faults) == (fault is not None)
    assert fault is None or fault in faults[0]


LOCKED = "django==5.2.1 \\\n    --hash=sha256:00\n"


@pytest.mark.parametrize(
    ("declared", "locked", "fault"),
    [
        ("django>=5.2,<5.3", LOCKED, None),
        ("django>=6", LOCKED, "django is locked at 5.2.1, outside >=6."),
        ("Celery", LOCKED, "Celery is declared in pyproject.toml and not locked"),
        ("django", "django==5.2.1\n", "has no hash"),
        ("django", "--index-url https://index.example\n" + LOCKED, "holds an address"),
    ],
)
def test_lock_faults_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, declared: str, locked: str, fault: str | None
) -> None:
    monkeypatch.setattr(lock, "ROOT", tmp_path)
    (tmp_path / "requirements.lock").write_text(locked)
    (tmp_path / "pyproject.toml").write_text(
        f'[project]\ndependencies = ["{declared}"]\noptional-dependencies = {{}}\n'
    )
    faults = list(lock.find_faults())
    assert len(faults) == (fault is not None)
    assert fault is None or fault in faults[0]


def test_engine_declares_nothing_of_the_portal() -> None:
    found = engine_environment.collect(engine_environment.read_extras())
    assert {"torch", "numpy", "onnxruntime"} <= set(found)
    assert set(found) & set(engine_environment.FORBIDDEN) == set()
