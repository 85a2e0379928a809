"""Structured logs: one JSON object a line."""

import structlog
from structlog.tracebacks import ExceptionDictTransformer

# Where it broke, without the values at hand there: these are passwords, tokens and addresses of people too.
TRACEBACKS = structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))


class JsonFormatter(structlog.stdlib.ProcessorFormatter):
    """Render standard-library records as JSON with time, level, logger and message."""

    def __init__(self) -> None:
        super().__init__(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                TRACEBACKS,
                structlog.processors.JSONRenderer(),
            ],
            foreign_pre_chain=[
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.stdlib.ExtraAdder(),
            ],
        )
