"""Small images of samples, as the registration stored them."""

from django.core.files.storage import default_storage
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from leaderboard.models import Split
from leaderboard.samples import name_thumbnail

# The address holds the content's digest, so what it answers never changes.
FOREVER = "public, max-age=31536000, immutable"


@require_safe
def show_sample(request: HttpRequest, slug: str, digest: str, place: int) -> HttpResponse:
    """Hand out one small image, as long as the dataset lets pages show it."""
    shown = Split.objects.filter(dataset__slug=slug, dataset__shows_samples=True).only("digest", "thumbnails")
    split = get_object_or_404(shown, digest__startswith=f"sha256:{digest}")
    if len(digest) != len(split.short_digest) or place >= split.thumbnails:
        raise Http404
    try:
        with default_storage.open(name_thumbnail(split.digest, place)) as file:
            response = HttpResponse(file.read(), content_type="image/webp")
    except FileNotFoundError as error:
        raise Http404 from error
    response["Cache-Control"] = FOREVER
    return response
