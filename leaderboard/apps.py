from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.translation import gettext_lazy as _


class LeaderboardConfig(AppConfig):
    name = "leaderboard"
    verbose_name = _("Leaderboards")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Importing needs loaded apps; the triggers are installed after every migrate, on either database.
        from leaderboard import staleness
        from leaderboard.sessions import set_up_sessions
        from leaderboard.triggers import install_triggers, lift_triggers

        pre_migrate.connect(lift_triggers, sender=self)
        post_migrate.connect(install_triggers, sender=self)
        post_migrate.connect(set_up_sessions, sender=self)
        staleness.connect()
