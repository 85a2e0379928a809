from django.urls import path

from leaderboard.feeds import BoardFeed
from leaderboard.views import accounts, boards, catalogue, comparison, entries, moderation, samples, submissions

urlpatterns = [
    path("", catalogue.home, name="home"),
    path("tasks/", catalogue.list_tasks, name="tasks"),
    path("tasks/<slug:slug>/", catalogue.show_task, name="task"),
    path("datasets/", catalogue.list_datasets, name="datasets"),
    path("datasets/<slug:slug>/", catalogue.show_dataset, name="dataset"),
    path("datasets/<slug:slug>/samples/<slug:digest>/<int:place>.webp", samples.show_sample, name="sample"),
    path("models/", catalogue.list_models, name="models"),
    path("models/<slug:slug>/", catalogue.show_model, name="model"),
    path("entries/<int:pk>/", entries.show_entry, name="entry"),
    path("papers/<int:pk>/", entries.show_paper, name="paper"),
    path("people/<str:username>/", entries.show_person, name="person"),
    path("search/", catalogue.search_catalogue, name="search"),
    path("how-we-verify/", catalogue.explain, name="explain"),
    path("benchmarks/<slug:slug>/", boards.show_board, name="benchmark"),
    path("benchmarks/<slug:slug>/findings/", boards.show_findings, name="findings"),
    path("benchmarks/<slug:slug>/export.<str:format>", boards.export_board, name="board-export"),
    path("benchmarks/<slug:slug>/feed.atom", BoardFeed(), name="feed"),
    path("badges/<slug:benchmark>/<slug:model>.svg", boards.show_badge, name="badge"),
    path("compare/", comparison.compare, name="compare"),
    path("submit/", submissions.submit_weights, name="submit"),
    path("submissions/", submissions.list_own, name="submissions"),
    path("submissions/<uuid:pk>/", submissions.show, name="submission"),
    path("submissions/<uuid:pk>/cancel/", submissions.cancel, name="submission-cancel"),
    path("submissions/<uuid:pk>/evidence/", submissions.download_evidence, name="submission-evidence"),
    path("submissions/<uuid:pk>/attestation.json", submissions.download_attestation, name="submission-attestation"),
    path("moderation/", moderation.show_queue, name="moderation"),
    path("moderation/repair/<slug:slug>/<int:number>/", moderation.accept_repair, name="accept-repair"),
    path("moderation/<str:action>/<str:target>/", moderation.act, name="moderate"),
    path("account/", accounts.show, name="account"),
    path("attestation-key.pem", accounts.show_key, name="attestation-key"),
]
