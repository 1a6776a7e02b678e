"""Failures of a function, in the JSON and the log lines that Lambda gives them. Loaded on demand."""

import sys
import time
import traceback

ERROR_LEVEL = 5
NO_BREAK_SPACE = "\u00a0"
OWN_FILE = sys.modules["lambent_runtime"].__file__


def report(error, state, send_log, encode_json):
    """Logs the failure and returns the error JSON as bytes."""
    if type(error).__name__ == "Fault" and hasattr(error, "error_type"):
        kind, message, trace = error.error_type, error.message, error.trace or []
    else:
        kind, message = type(error).__name__, _text_of(error)
        trace = traceback.format_list(_own_frames(error.__traceback__))
    failure = {
        "errorMessage": message,
        "errorType": kind,
        "requestId": state.request_id or "",
        "stackTrace": trace,
    }
    for stream in (sys.stdout, sys.stderr):
        finish = getattr(stream, "finish", None)
        if finish is not None:
            finish()
    send_log(_log_line(failure, state, encode_json), ERROR_LEVEL)
    return encode_json(failure).encode("utf-8", "backslashreplace")


def too_large(size, limit, encode_json):
    """A response that Lambda would refuse: the error JSON as bytes."""
    return encode_json(
        {
            "errorMessage": "Response payload size (%d bytes) exceeded maximum allowed payload "
            "size (%d bytes)." % (size, limit),
            "errorType": "Function.ResponseSizeTooLarge",
        }
    ).encode("utf-8")


def _text_of(error):
    try:
        return str(error)
    except Exception:
        return "<unprintable %s object>" % type(error).__name__


def _own_frames(trace):
    """The frames as (file, line, name, text), without the bootstrap's at the top."""
    frames = [(f.filename, f.lineno, f.name, f.line) for f in traceback.extract_tb(trace)]
    for index, frame in enumerate(frames):
        if frame[0] != OWN_FILE:
            return frames[index:]
    return frames


def _log_line(failure, state, encode_json):
    if state.log_format == "JSON":
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return encode_json({"timestamp": stamp, "level": "ERROR", **failure})
    first = "[ERROR] " + failure["errorType"]
    if failure["errorMessage"]:
        first += ": " + failure["errorMessage"]
    lines = [first, "Traceback (most recent call last):"]
    for element in failure["stackTrace"]:
        for line in element.splitlines() or [""]:
            text = line.lstrip(" ")
            lines.append(NO_BREAK_SPACE * (len(line) - len(text)) + text)
    return "\n".join(lines)
