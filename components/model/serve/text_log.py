"""The text log: what the server does, and nothing of what it is asked."""

import logging
import logging.config
import traceback
import warnings
from types import TracebackType

_LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "components.model.serve.text_log.QuietFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "kserve": {"level": "WARNING", "handlers": ["stderr"], "propagate": False},
        "ratoon": {"level": "INFO"},
        "kserve.trace": {"level": "CRITICAL"},
        "uvicorn.error": {"level": "INFO"},
    },
}


class QuietFormatter(logging.Formatter):
    """Writes where an exception came from and not what it says: that may quote a request."""

    def formatException(  # noqa: N802  the name is logging's
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None]
        | tuple[None, None, None],
    ) -> str:
        """The frames, and the type of the exception."""
        frames = "".join(traceback.format_tb(ei[2])).rstrip()
        return f"{frames}\n{ei[0].__name__ if ei[0] else ''}"


def configure_logging() -> None:
    """Sends every logger to stderr: no access log, no timings a request, no quoted exception."""
    logging.config.dictConfig(_LOGGING)
    warnings.filterwarnings("ignore", "ORJSONResponse is deprecated")  # KServe's own use of it
