"""Gives the root logger the handler and the formats of Lambda's Python runtime. Loaded on demand.

https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
"""

import time

STAMP = "%Y-%m-%dT%H:%M:%SZ"
# Fields of a record that are not `extra` ones.
_STANDARD = frozenset(
    "name msg args levelname levelno pathname filename module exc_info exc_text stack_info lineno "
    "funcName created msecs relativeCreated thread threadName processName process taskName "
    "aws_request_id tenant_id".split()
)


def configure(logging, state, send_log):
    """`state` is the bootstrap's: request_id and tenant_id are read when a record is emitted."""
    logging.Formatter.converter = time.gmtime

    class RequestFilter(logging.Filter):
        def filter(self, record):
            record.aws_request_id = state.request_id or ""
            record.tenant_id = state.tenant_id
            return True

    class LambdaHandler(logging.Handler):
        def emit(self, record):
            try:
                text = self.format(record)
            except Exception:
                self.handleError(record)
                return
            send_log(text, _frame_level(record.levelno))

    class JsonFormatter(logging.Formatter):
        def __init__(self):
            super().__init__(datefmt=STAMP)

        def format(self, record):
            import json

            level = min(50, max(0, record.levelno)) // 10 * 10
            info = record.exc_info
            message = record.msg if isinstance(record.msg, dict) and not record.args else None
            fields = {
                "timestamp": self.formatTime(record, self.datefmt),
                "level": logging.getLevelName(level),
                "message": record.getMessage() if message is None else message,
                "logger": record.name,
            }
            if info and info[0] is not None:
                import traceback

                fields["stackTrace"] = traceback.format_tb(info[2])
                fields["errorType"] = info[0].__name__
                fields["errorMessage"] = str(info[1])
            fields["requestId"] = record.aws_request_id
            if info and info[0] is not None:
                fields["location"] = "%s:%s:%s" % (record.pathname, record.funcName, record.lineno)
            if record.tenant_id is not None:
                fields["tenantId"] = record.tenant_id
            for key, value in record.__dict__.items():
                if key not in _STANDARD and key not in fields and value is not None:
                    fields[key] = value
            return json.dumps(fields, ensure_ascii=False, default=str) + "\n"

    handler = LambdaHandler()
    if state.log_format == "JSON":
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(
            logging.Formatter(
                "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n",
                "%Y-%m-%dT%H:%M:%S",
            )
        )
    handler.addFilter(RequestFilter())
    root = logging.getLogger()
    level = {"TRACE": "DEBUG", "FATAL": "CRITICAL"}.get(state.log_level.upper(), state.log_level.upper())
    if level in ("DEBUG", "INFO", "WARN", "WARNING", "ERROR", "CRITICAL"):
        root.setLevel(level)
    root.addHandler(handler)


def _frame_level(number):
    """logging's DEBUG 10 … CRITICAL 50 as the frame's DEBUG 2 … FATAL 6; anything lower is 0."""
    step = min(50, max(0, number)) // 10
    return step + 1 if step else 0
