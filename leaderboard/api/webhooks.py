"""One's own webhooks, for scripts. What the fields may hold, `services.telling.webhooks` checks."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, permissions, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard.api.missing import FindingViewSet
from leaderboard.api.paging import NewestFirst
from leaderboard.api.requests import BoundedJSONParser, find_user
from leaderboard.api.serializers import StoredSerializer
from leaderboard.models import Delivery, Webhook
from leaderboard.services.telling import webhooks

DELIVERIES_SHOWN = 20


class WebhookSerializer(StoredSerializer[Webhook]):
    events = serializers.ListField(child=serializers.ChoiceField(Webhook.Event.choices), read_only=True)

    class Meta:
        model = Webhook
        fields = ["id", "url", "events", "failures", "disabled_at", "created_at"]
        read_only_fields = fields


class NewWebhookSerializer(WebhookSerializer):
    """A webhook that was just made. The secret, which signs what is sent, is told this once."""

    secret = serializers.SerializerMethodField()

    class Meta(WebhookSerializer.Meta):
        fields = [*WebhookSerializer.Meta.fields, "secret"]
        read_only_fields = fields

    def get_secret(self, webhook: Webhook) -> str:
        return webhooks.make_secret(webhook)


class WebhookRequestSerializer(serializers.Serializer[Any]):
    url = serializers.CharField(max_length=1000, help_text="a public https address")
    events = serializers.ListField(child=serializers.ChoiceField(Webhook.Event.choices), allow_empty=False)


class WebhookChangeSerializer(WebhookRequestSerializer):
    """What is left out stays; `is_disabled` false begins again after failures."""

    is_disabled = serializers.BooleanField(required=False)


class DeliverySerializer(StoredSerializer[Delivery]):
    """A message and what became of it; `state` is waiting, delivered or failed."""

    state = serializers.ChoiceField(["waiting", "delivered", "failed"], read_only=True)

    class Meta:
        model = Delivery
        fields = ["id", "event", "payload", "state", "attempts", "status_code", "fault", "created_at", "delivered_at"]
        read_only_fields = fields


class WebhookViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, FindingViewSet):
    """Addresses of one's own that are told what happens to one's runs and entries."""

    serializer_class = WebhookSerializer
    permission_classes = [permissions.IsAuthenticated]
    parser_classes = [BoundedJSONParser]
    pagination_class = NewestFirst
    queryset = Webhook.objects.none()
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Webhook]:
        if getattr(self, "swagger_fake_view", False):
            return Webhook.objects.none()
        return webhooks.list_own(find_user(self.request))

    @extend_schema(request=WebhookRequestSerializer, responses={201: NewWebhookSerializer})
    def create(self, request: Request) -> Response:
        """Make a webhook; the answer alone tells its secret."""
        sent = read(WebhookRequestSerializer(data=request.data))
        webhook = webhooks.make(sent["url"], sent["events"], by=find_user(request), at=timezone.now())
        body = NewWebhookSerializer(webhook).data
        return Response(body, status=201, headers={"Location": f"{request.path}{webhook.pk}/"})

    @extend_schema(request=WebhookChangeSerializer, responses=WebhookSerializer)
    def partial_update(self, request: Request, pk: str | None = None) -> Response:
        """Change the address or the events, end it, or begin it again."""
        webhook: Webhook = self.get_object()
        sent = read(WebhookChangeSerializer(data=request.data, partial=True))
        webhooks.change(webhook, sent.get("url", webhook.url), sent.get("events", webhook.events))
        if sent.get("is_disabled") is True:
            webhooks.disable(webhook, at=timezone.now())
        elif sent.get("is_disabled") is False:
            webhooks.enable(webhook)
        webhook.refresh_from_db()
        return Response(WebhookSerializer(webhook).data)

    @extend_schema(responses=DeliverySerializer(many=True), filters=False)
    @action(detail=True, methods=["get"], pagination_class=None)
    def deliveries(self, request: Request, pk: str | None = None) -> Response:
        """The latest twenty messages and what was answered."""
        latest = self.get_object().deliveries.all()[:DELIVERIES_SHOWN]
        return Response(DeliverySerializer(latest, many=True).data)


def read(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    """Return the values that were sent. Raises: ValidationError with the reasons by field."""
    serializer.is_valid(raise_exception=True)
    values: dict[str, Any] = serializer.validated_data
    return values
