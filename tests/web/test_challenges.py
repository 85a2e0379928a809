"""A reader objects with evidence, an admin answers, and what is accepted stands in the ledger."""

import pytest
from django.test import Client

from leaderboard.models import Challenge
from leaderboard.services.moderating import challenges, moderation
from tests.factories import NOW, make_entry, make_user
from tests.web.conftest import Stage

WRONG = "The file is **not** the paper's: its digest differs. <script>alert(1)</script>"
EVIDENCE = "https://example.org/issue/1"


def send(client: Client, entry_id: int | None, text: str = WRONG, url: str = EVIDENCE) -> str:
    address = f"/entries/{entry_id}/challenge/"
    return client.post(address, {"text": text, "evidence_url": url}, follow=True).content.decode()


@pytest.fixture
def reader(stage: Stage) -> Client:
    client = Client()
    client.force_login(make_user("eva"))
    return client


def test_accepted_challenge_is_answered_and_noted(stage: Stage, reader: Client, admin: Client, anyone: Client) -> None:
    page = send(reader, stage.verified.entry_id)
    assert "An admin will look into it" in page
    assert "<strong>not</strong>" in page
    assert "<script>alert" not in page
    queue = admin.get("/moderation/challenges/").content.decode()
    assert EVIDENCE in queue
    entry = f"/entries/{stage.verified.entry_id}/"
    assert "its digest differs" not in anyone.get(entry).content.decode(), "nothing is shown before it is accepted"
    made = Challenge.objects.get()
    admin.post(f"/moderation/challenges/{made.pk}/", {"accept": "1", "answer": "True; it is run again."})
    assert "True; it is run again." in reader.get("/challenges/").content.decode()
    ledger = anyone.get(entry).content.decode()
    assert "challenge accepted" in ledger
    assert "True; it is run again." in ledger
    assert "No reader objects" in admin.get("/moderation/challenges/").content.decode()


def test_declined_challenge_is_told_to_its_challenger_alone(
    stage: Stage, reader: Client, admin: Client, anyone: Client
) -> None:
    send(reader, stage.verified.entry_id)
    admin.post(f"/moderation/challenges/{Challenge.objects.get().pk}/", {"decline": "1", "answer": "It is the file."})
    assert "It is the file." in reader.get("/challenges/").content.decode()
    assert "It is the file." not in anyone.get(f"/entries/{stage.verified.entry_id}/").content.decode()


def test_answer_is_needed_and_given_once(stage: Stage, reader: Client, admin: Client) -> None:
    send(reader, stage.verified.entry_id)
    address = f"/moderation/challenges/{Challenge.objects.get().pk}/"
    assert "Give an answer" in admin.post(address, {"accept": "1", "answer": " "}, follow=True).content.decode()
    admin.post(address, {"accept": "1", "answer": "Yes."})
    again = admin.post(address, {"decline": "1", "answer": "No."}, follow=True).content.decode()
    assert "was answered meanwhile" in again
    assert Challenge.objects.get().answer == "Yes."


@pytest.mark.parametrize(
    ("text", "url", "sentence"),
    [
        ("Wrong.", "", "Say what is wrong in a sentence or two"),
        ("x" * 4001, "", "At most 4000 characters"),
        (WRONG, "javascript:alert(1)", "Give a whole address that begins with https://"),
    ],
)
def test_incomplete_challenge_gets_a_sentence(stage: Stage, reader: Client, text: str, url: str, sentence: str) -> None:
    assert sentence in send(reader, stage.verified.entry_id, text, url)
    assert not Challenge.objects.exists()


def test_one_at_a_time_and_five_a_day(stage: Stage, reader: Client) -> None:
    entries = [make_entry(stage.digits).pk for _ in range(challenges.PER_DAY + 1)]
    send(reader, entries[0])
    assert "You have challenged this entry already" in send(reader, entries[0])
    pages = [send(reader, entry) for entry in entries[1:]]
    assert "You have sent 5 challenges today" in pages[-1]
    assert Challenge.objects.count() == challenges.PER_DAY


def test_banned_account_challenges_nothing(stage: Stage, owner: Client) -> None:
    moderation.ban(stage.owner, by=stage.admin, at=NOW, reason="Floods the queue.")
    assert "Floods the queue." in send(owner, stage.verified.entry_id)
    assert not Challenge.objects.exists()
