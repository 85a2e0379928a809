"""The page of a submission in each of its states, and the finished one worth linking to."""

import dataclasses
import datetime as dt
import re
from html import unescape

import pytest
from django.test import Client

from leaderboard.models import BoardFacts, Run, Split, Submission
from leaderboard.services.moderating import moderation
from leaderboard.services.running import attempts, runs
from tests.factories import NOW, claim_run, make_report, make_submission
from tests.web.conftest import Stage, enqueue
from tests.web.test_pages import PAGE_BYTES

CLASSES = 1000
LATER = NOW + dt.timedelta(days=3)


def read(client: Client, submission: Submission) -> str:
    answer = client.get(submission.get_absolute_url())
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def test_link_is_shown_with_what_it_says(stage: Stage, anyone: Client) -> None:
    text = read(anyone, stage.verified)
    sentence = "Acc@1 81.03 (80.03 – 82.03), verified on Digits test. The claim was 91.73. Rank 2."
    assert f'<meta property="og:description" content="{sentence}">' in text
    assert f'<meta name="description" content="ResNet-20: {sentence}">' in text
    assert f'<link rel="canonical" href="http://127.0.0.1:8000{stage.verified.get_absolute_url()}">' in text


def test_result_is_cited_and_its_badge_copied(stage: Stage, anyone: Client) -> None:
    text = read(anyone, stage.verified)
    (entry,) = re.findall(r'id="bibtex">(.*?)</pre>', text, re.S)
    assert entry.startswith(f"@misc{{veriboard-{stage.verified.short_id},\n")
    assert "title = {{ResNet-20 on Digits test · single model, single crop: Acc@1 81.03, Acc@5 98.72}}" in entry
    assert "month = mar," in entry
    address = f"http://127.0.0.1:8000{stage.verified.get_absolute_url()}"
    assert f"[![Veriboard](http://127.0.0.1:8000/badges/digits/resnet-20.svg)]({address})" in text


@pytest.mark.parametrize("action", ["retract", "hide"])
def test_what_is_off_the_board_is_neither_cited_nor_worn_as_a_badge(stage: Stage, owner: Client, action: str) -> None:
    if action == "retract":
        moderation.retract(stage.verified, by=stage.admin, at=LATER, reason="Trained on the test images.")
    else:
        assert stage.verified.entry is not None
        moderation.hide(stage.verified.entry, by=stage.admin, at=LATER, reason="Sent twice.")
    text = read(owner, stage.verified)
    assert "/badges/" not in text
    assert "@misc" not in text
    # Retracted it is a claim of the board again; hidden it is no row at all.
    assert ("On the board" in text) == (action == "retract")
    assert (f"<small>{LATER:%Y-%m-%d %H:%M:%S}</small>" in text) == (action == "retract")


def test_surest_mistakes_stand_with_their_classes(stage: Stage, anyone: Client) -> None:
    text = read(anyone, stage.verified)
    (row,) = re.findall(r'<ol class="mistakes plain">(.*?)</ol>', text, re.S)
    assert re.sub(r"\s*<[^>]*>\s*", " ", row).split() == ["dog", "98.7", "%", "truly", "cat", "·", "sample", "3"]


@pytest.mark.parametrize(("is_same", "shown"), [(True, 1), (False, 0)])
def test_mistakes_have_pictures_of_the_very_dataset(stage: Stage, anyone: Client, is_same: bool, shown: int) -> None:
    split = stage.digits.split
    split.dataset.shows_samples = True
    split.dataset.save()
    digest = split.digest if is_same else "sha256:" + "1" * 64
    Split.objects.filter(pk=split.pk).update(digest=digest, thumbnails=10, class_counts=[5, 5])
    assert read(anyone, stage.verified).count('<img src="/datasets/digits/') == shown


def test_thousand_classes_do_not_blow_the_page_up(stage: Stage, anyone: Client) -> None:
    names = [f"class {number}, of which there are many" for number in range(CLASSES)]
    analysis = {
        "per_class": [
            {"name": name, "correct": number % 50, "total": 50, "accuracy": 2.0 * (number % 50)}
            for number, name in enumerate(names)
        ],
        "confused": [{"true": names[0], "predicted": names[number], "count": 9} for number in range(50)],
        "mistakes": [
            {"sample": number, "true": names[0], "predicted": names[number], "probability": 0.9} for number in range(24)
        ],
    }
    submission = make_submission(stage.digits, stage.owner, model_name="Thousand")
    run = claim_run(enqueue(submission, stage.owner))
    assert run.token
    report = dataclasses.replace(make_report(70.0, sha256="e" * 64), analysis=analysis)
    runs.record_report(run.pk, run.token, report, None, at=NOW)
    text = read(anyone, submission)
    assert len(text.encode()) < PAGE_BYTES
    assert (text.count('class="bar-fill"'), text.count("truly class 0")) == (20, 12)
    assert "980 classes in between" in text
    lines = anyone.get(f"{submission.get_absolute_url()}classes.csv").content.decode().splitlines()
    assert (lines[0], len(lines)) == ("name,correct,total,accuracy", CLASSES + 1)


def test_waiting_submission_says_its_place_and_what_is_not_known(stage: Stage, owner: Client) -> None:
    text = read(owner, stage.waiting)
    assert "next in line" in text
    assert "Waiting for a worker" in text
    assert 'class="button">Cancel</button>' in text


def test_running_submission_says_how_far_it_is(stage: Stage, owner: Client) -> None:
    run = claim_run(Run.objects.get(submission=stage.waiting))
    Run.objects.filter(pk=run.pk).update(stage="predicting", done=25, total=100)
    text = read(owner, stage.waiting)
    assert "<b>25 %</b><small>25 of 100 images</small>" in text
    assert re.search(r'class="mark now">\s*predicting\s*<', text)
    assert re.search(r"Done in about \d+ second", text)


def test_every_end_says_what_it_means(stage: Stage, owner: Client, admin: Client) -> None:
    text = read(owner, stage.failed)
    assert "the file or what was declared is at fault" in text
    assert "The file is cut short; upload it again." in text
    attempts.close(stage.waiting, "rejected", by=stage.admin, at=NOW, reason="Not a model.")
    text = read(owner, stage.waiting)
    assert "An admin rejected it" in text
    assert "Not a model." in text
    for name, words in (("cancelled", "costs none of the day's submissions"), ("stalled", "Stopped by our fault")):
        Submission.objects.filter(pk=stage.failed.pk).update(state=name)
        stage.failed.refresh_from_db()
        assert words in read(owner, stage.failed)


def test_own_list_shows_what_came_of_each(stage: Stage, owner: Client) -> None:
    text = owner.get("/submissions/").content.decode()
    assert "<b>81.03</b>" in text
    assert "The file is cut short; upload it again." in text


def test_link_is_shown_with_the_boards_picture_where_there_is_one(stage: Stage, anyone: Client) -> None:
    assert "og:image" not in read(anyone, stage.verified)
    BoardFacts.objects.filter(benchmark=stage.digits).update(card="cards/digits.png")
    address = "http://127.0.0.1:8000/benchmarks/digits/card.png"
    assert f'<meta property="og:image" content="{address}">' in read(anyone, stage.verified)
