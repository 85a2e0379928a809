"""Why a submission cannot be taken: one plain sentence for each field."""


class RequestRefused(ValueError):
    """A submission cannot be taken. `errors` gives one plain sentence for each field; "" is the whole request."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(" ".join(errors.values()))
        self.errors = errors


class Refusals:
    """Collect the first refusal of each field."""

    def __init__(self) -> None:
        self.errors: dict[str, str] = {}

    def add(self, field: str, sentence: str) -> None:
        self.errors.setdefault(field, sentence)
