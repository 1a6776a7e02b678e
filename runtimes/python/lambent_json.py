"""JSON as Lambda's Python runtime reads and writes it, without importing `json` (and `re`) to start.

The C scanner and encoder of the standard library are used directly. Lambda's runtime differs from
`json.dumps` in four ways, kept here: text is not escaped to ASCII from python3.12 on, a Decimal is
written as a number, bytes inside a response are text, and a named tuple is an object.
"""

import _json
import _struct

pack_double = _struct.Struct(">d").pack

_WHITESPACE = " \t\n\r"
_ASCII_RUNTIMES = ("AWS_Lambda_python3.10", "AWS_Lambda_python3.11")


class _ScanOptions:
    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = {
        "-Infinity": float("-inf"),
        "Infinity": float("inf"),
        "NaN": float("nan"),
    }.__getitem__
    memo = {}


_scan = _json.make_scanner(_ScanOptions)


def decode_json(text):
    """Raises ValueError with the message of `json.loads`."""
    stripped = text.strip(_WHITESPACE)
    try:
        value, end = _scan(stripped, 0)
    except (StopIteration, ValueError):
        end = -1  # json.loads says what is wrong, and where
    if end != len(stripped):
        import json

        return json.loads(text)
    return value


class _Decimals(list):
    """The Decimals met while encoding, and the text that stands for them until the end."""

    marker = None


def _default(decimals):
    def default(value):
        if isinstance(value, (bytes, bytearray)) and type(value) is bytes:
            return value.decode("utf-8")
        if type(value).__module__ in ("decimal", "_decimal", "_pydecimal") or _is_decimal(value):
            if value.is_nan():
                return float("nan")
            if decimals.marker is None:
                import os

                decimals.marker = "lambent-decimal-" + os.urandom(16).hex() + "-"
            decimals.append(str(value))
            return decimals.marker
        raise TypeError("Object of type %s is not JSON serializable" % type(value).__name__)

    return default


def _is_decimal(value):
    import sys

    module = sys.modules.get("decimal")
    return module is not None and isinstance(value, module.Decimal)


_encode_text = _json.encode_basestring


def choose_encoding(execution_environment):
    """python3.10 and python3.11 escape everything outside ASCII; later runtimes do not."""
    global _encode_text
    _encode_text = (
        _json.encode_basestring_ascii
        if execution_environment in _ASCII_RUNTIMES
        else _json.encode_basestring
    )


_SCALARS = frozenset((str, int, float, bool, type(None), bytes))


def _holds_named_tuple(value):
    kind = type(value)
    if kind in _SCALARS:
        return False
    if isinstance(value, dict):
        for item in value.values():
            if type(item) not in _SCALARS and _holds_named_tuple(item):
                return True
        return False
    if isinstance(value, (list, tuple)):
        if kind is not list and kind is not tuple and hasattr(value, "_asdict"):
            return True
        for item in value:
            if type(item) not in _SCALARS and _holds_named_tuple(item):
                return True
    return False


def _plain(value):
    """The same value with named tuples as dictionaries and bytes in keys as text."""
    if isinstance(value, dict):
        return {
            key.decode("utf-8") if type(key) is bytes else key: _plain(item)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        if type(value) is not tuple and callable(getattr(value, "_asdict", None)):
            return _plain(value._asdict())
        return [_plain(item) for item in value]
    return value


def encode_json(value):
    """Raises TypeError or ValueError with the message of `json.dumps`."""
    if type(value) is str:
        return _encode_text(value)
    try:
        if _holds_named_tuple(value):
            value = _plain(value)
    except RecursionError:
        pass  # circular or too deep: the encoder says which
    decimals = _Decimals()
    encode = _json.make_encoder(
        {}, _default(decimals), _encode_text, None, ": ", ", ", False, False, True
    )
    try:
        text = "".join(encode(value, 0))
    except TypeError as error:
        if not str(error).endswith("not bytes"):
            raise
        return encode_json(_plain(value))
    if decimals.marker is None:
        return text
    pieces = text.split('"' + decimals.marker + '"')
    joined = [pieces[0]]
    for number, piece in zip(decimals, pieces[1:]):
        joined.append(number)
        joined.append(piece)
    return "".join(joined)
