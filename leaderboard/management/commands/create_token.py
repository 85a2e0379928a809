from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from knox.models import AuthToken

from leaderboard.management.naming import describe_missing


class Command(BaseCommand):
    help = "Make an API token for an account and print it; it is shown this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", metavar="USER", help="the account's user name")

    def handle(self, *args: Any, **options: Any) -> None:
        users, name = get_user_model()._default_manager, options["user"]
        user = users.filter(username=name).first()
        if user is None:
            raise CommandError(describe_missing("account", name, users.values_list("username", flat=True)))
        if not user.is_active:
            raise CommandError(f"The account {name!r} is closed; open it in the admin first.")
        self.stdout.write(AuthToken.objects.create(user=user)[1])
