"""Resumable uploads after tus 1.0, https://tus.io/protocols/resumable-upload: core, creation, termination, checksum."""

import base64
import binascii
import io
import re
from typing import IO, Any, cast
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import permissions
from rest_framework.parsers import BaseParser, FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from leaderboard.api.missing import miss
from leaderboard.api.requests import find_user
from leaderboard.api.serializers import UploadSerializer
from leaderboard.models import Upload
from leaderboard.queries.bans import find_ban
from leaderboard.services.submitting import uploads
from leaderboard.services.submitting.uploads import UploadRefused

VERSION = "1.0.0"
EXTENSIONS = "creation,termination,checksum"
SHA256 = re.compile(r"[0-9a-f]{64}")
LONGEST_NUMBER = 15


class OffsetStream(BaseParser):
    """Hands the body on as the stream that it is."""

    media_type = "application/offset+octet-stream"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        return stream


def header(name: str, description: str, *, required: bool = False) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, OpenApiParameter.HEADER, required=required, description=description)


RESUMABLE = header("Tus-Resumable", f"the protocol's version, {VERSION}")


class TusView(APIView):
    """What both addresses have in common: one's own uploads only, and the protocol's version on every answer."""

    permission_classes = [permissions.IsAuthenticated]
    parser_classes = [OffsetStream]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.headers.get("Tus-Resumable", VERSION) != VERSION:
            raise UploadRefused(412, f"This server speaks version {VERSION} of tus.")

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        answer: Response = super().finalize_response(request, response, *args, **kwargs)
        answer["Tus-Resumable"] = answer["Tus-Version"] = VERSION
        answer["Cache-Control"] = "no-store"
        return answer


class UploadsView(TusView):
    """Begin an upload."""

    # A form's token is looked for in a form's body, so that one must be readable, though nothing else is in it.
    parser_classes = [OffsetStream, FormParser, MultiPartParser]

    @extend_schema(
        request=None,
        responses={201: UploadSerializer},
        parameters=[
            RESUMABLE,
            header("Upload-Length", "size of the file in bytes", required=True),
            header("Upload-Metadata", "`filename` and `sha256`, each followed by its value in base64; both optional"),
        ],
    )
    def post(self, request: Request) -> Response:
        """Begin the upload of a weights file; the answer's address takes its bytes."""
        if reason := find_ban(find_user(request)):
            raise UploadRefused(403, reason)
        size = read_number(request, "Upload-Length")
        known = read_metadata(request.headers.get("Upload-Metadata", ""))
        sha256 = known.get("sha256", "").lower()
        if sha256 and not SHA256.fullmatch(sha256):
            raise UploadRefused(400, "A sha256 is 64 hexadecimal digits; `sha256sum FILE` prints it.")
        name = known.get("filename", "")
        upload = uploads.begin(by=find_user(request), name=name, size=size, sha256=sha256, at=timezone.now())
        address = reverse("api:upload", args=[upload.pk])
        return Response(UploadSerializer(upload).data, status=201, headers={"Location": address})

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """Say what of the protocol is spoken."""
        limits = {"Tus-Max-Size": str(settings.MAX_WEIGHTS_BYTES), "Tus-Checksum-Algorithm": "sha256"}
        return Response(status=204, headers={"Tus-Extension": EXTENSIONS, **limits})


class UploadView(TusView):
    """An upload on its way."""

    def find(self, pk: UUID) -> Upload:
        """Raises: Http404, for another's upload too."""
        upload = uploads.find_own(pk, find_user(self.request))
        if upload is None:
            raise miss(Upload)
        return upload

    @extend_schema(responses={200: UploadSerializer})
    def get(self, request: Request, pk: UUID) -> Response:
        """How much of the file is here; HEAD gives the same in `Upload-Offset`."""
        upload = self.find(pk)
        return Response(UploadSerializer(upload).data, headers=describe(upload))

    @extend_schema(
        request={OffsetStream.media_type: OpenApiTypes.BINARY},
        responses={204: None},
        parameters=[
            RESUMABLE,
            header("Upload-Offset", "the byte at which these go on", required=True),
            header("Upload-Checksum", "sha256 and the digest of these bytes in base64; what does not match is dropped"),
        ],
    )
    def patch(self, request: Request, pk: UUID) -> Response:
        """Send the next bytes of the file. What arrived before a connection broke off is kept."""
        upload, offset = self.find(pk), read_number(request, "Upload-Offset")
        stream = request.data if hasattr(request.data, "read") else io.BytesIO()
        checksum = request.headers.get("Upload-Checksum", "")
        uploads.append(upload, offset, cast(IO[bytes], stream), checksum, at=timezone.now())
        return Response(status=204, headers=describe(upload))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: UUID) -> Response:
        """Give an upload up."""
        uploads.discard(self.find(pk))
        return Response(status=204)


def describe(upload: Upload) -> dict[str, str]:
    return {"Upload-Offset": str(upload.offset_bytes), "Upload-Length": str(upload.size_bytes)}


def read_number(request: Request, name: str) -> int:
    """Raises: UploadRefused."""
    text = request.headers.get(name, "")
    if not (text.isascii() and text.isdecimal()) or len(text) > LONGEST_NUMBER:
        raise UploadRefused(400, f"{name} is a whole number of bytes.")
    return int(text)


def read_metadata(text: str) -> dict[str, str]:
    """Return the pairs of name and value, whose values come in base64. Raises: UploadRefused."""
    found: dict[str, str] = {}
    for pair in filter(None, (each.strip() for each in text.split(","))):
        name, _space, encoded = pair.partition(" ")
        try:
            found[name] = base64.b64decode(encoded.strip(), validate=True).decode()
        except (binascii.Error, ValueError) as error:
            raise UploadRefused(400, "Upload-Metadata is names, each followed by its value in base64.") from error
    return found
