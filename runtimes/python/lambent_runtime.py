"""Lambent's Python runtime: runs inside a sandbox and speaks frames over file descriptor 3.

The frames are described in src/lambda/runtime-api/frames.ts. This file holds what every
invocation needs and imports as little as it can: a first call waits for it. What is rare
(errors, the logging set-up) lives in the lambent_*.py files beside it and is loaded on demand.

    python -S bootstrap.py [SDK_FOLDER]      SDK_FOLDER is where boto3 is, /var/runtime
"""

import os
import sys
import time
import _signal
import _thread

from lambent_context import ClientContext, Identity, LambdaContext
from lambent_json import choose_encoding, decode_json, encode_json, pack_double as _pack_double

FD = 3
INIT, INVOKE, SHUTDOWN = 1, 2, 3
BOOTED, READY, INIT_ERROR, RESPONSE, ERROR, LOG = 0x81, 0x82, 0x83, 0x84, 0x85, 0x86
# What Lambda allows a synchronous response to be (6 MB and some room for its envelope).
RESPONSE_BYTES_MAX = 6291556
LOG_CHARS_MAX = 1 << 20
WARM_UP_AFTER_S = 0.02
HERE = os.path.dirname(os.path.abspath(__file__))

_write_lock = _thread.allocate_lock()
_pending = b""


def send(kind, *parts):
    """Writes one frame. Blocks while the server does not read; that is the back-pressure."""
    length = 1
    for part in parts:
        length += len(part)
    _write(b"".join((length.to_bytes(4, "big"), bytes((kind,)), *parts)))


def _write(data):
    with _write_lock:
        written = os.write(FD, data)
        while written < len(data):
            data = data[written:]
            written = os.write(FD, data)


def read_frame():
    """The next frame as (type, body). The end of the stream is the end of the process."""
    global _pending
    data = _pending
    while len(data) < 4:
        chunk = os.read(FD, 65536)
        if not chunk:
            os._exit(0)
        data += chunk
    end = 4 + int.from_bytes(data[:4], "big")
    if len(data) < end:
        parts = [data]
        have = len(data)
        while have < end:
            chunk = os.read(FD, min(end - have, 1 << 20))
            if not chunk:
                os._exit(0)
            parts.append(chunk)
            have += len(chunk)
        data = b"".join(parts)
    _pending = data[end:]
    return data[4], data[5:end]


def send_log(text, level=0):
    """One log event. Longer ones than a frame may hold are cut into several."""
    stamp = _pack_double(time.time() * 1000.0) + bytes((level,))
    for start in range(0, len(text) or 1, LOG_CHARS_MAX):
        send(LOG, stamp, text[start : start + LOG_CHARS_MAX].encode("utf-8", "backslashreplace"))


def load(name):
    """Imports one of the files beside this one without leaving their folder on sys.path."""
    module = sys.modules.get(name)
    if module is None:
        sys.path.insert(0, HERE)
        try:
            module = __import__(name)
        finally:
            sys.path.remove(HERE)
    return module


class Output:
    """sys.stdout and sys.stderr: every complete line becomes one log event, in order.

    Everything but writing is asked of the real stream (fileno, encoding, buffer, isatty, ...).
    """

    def __init__(self, stream):
        self.stream = stream
        self.partial = ""
        self.forked = False

    def __getattr__(self, name):
        return getattr(self.stream, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.flush()

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError("write() argument must be str, not " + type(text).__name__)
        if self.forked:
            self.stream.write(text)
            self.stream.flush()
            return len(text)
        end = text.rfind("\n") + 1
        if end == 0:
            self.partial += text
            return len(text)
        for line in (self.partial + text[:end]).split("\n")[:-1]:
            send_log(line + "\n")
        self.partial = text[end:]
        return len(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def flush(self):
        """Part of a line waits for its end; the streams of a forked child are the real ones."""

    def finish(self):
        """An invocation ended: what has no line end yet is an event of this invocation."""
        if self.partial:
            text, self.partial = self.partial, ""
            send_log(text)

    def after_fork(self):
        self.partial = ""
        self.forked = True


class Fault(Exception):
    """A failure that Lambda names itself: Runtime.ImportModuleError and its like."""

    def __init__(self, error_type, message, trace=None):
        super().__init__(message)
        self.error_type = error_type
        self.message = message
        self.trace = trace


class State:
    """What the parts loaded on demand need to know."""

    request_id = None
    tenant_id = None
    log_format = "Text"
    log_level = ""


def find_handler(handler):
    """Loads the module of `folder/module.function` and returns the function, or raises Fault."""
    module_name, dot, function_name = handler.rpartition(".")
    if not dot:
        raise Fault(
            "Runtime.MalformedHandlerName",
            "Bad handler '%s': not enough values to unpack (expected 2, got 1)" % handler,
        )
    import importlib

    try:
        if module_name.split(".")[0] in sys.builtin_module_names:
            raise Fault(
                "Runtime.BuiltInModuleConflict",
                "Cannot use built-in module %s as a handler module" % module_name,
            )
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise Fault(
            "Runtime.ImportModuleError",
            "Unable to import module '%s': %s" % (module_name, error),
        ) from None
    except SyntaxError as error:
        raise Fault(
            "Runtime.UserCodeSyntaxError",
            "Syntax error in module '%s': %s" % (module_name, error),
            ['  File "%s" Line %s\n    %s' % (error.filename, error.lineno, error.text)],
        ) from None
    try:
        return getattr(module, function_name)
    except AttributeError:
        raise Fault(
            "Runtime.HandlerNotFound",
            "Handler '%s' missing on module '%s'" % (function_name, module_name),
        ) from None


class LoggingHook:
    """Gives the root logger Lambda's handler the moment `logging` is first imported."""

    def find_spec(self, name, path=None, target=None):
        if name != "logging":
            return None
        sys.meta_path.remove(self)
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                break
        else:
            return None
        execute = spec.loader.exec_module

        def execute_and_configure(module):
            execute(module)
            load("lambent_logging").configure(module, State, send_log)

        spec.loader.exec_module = execute_and_configure
        return spec


def prepare(message, sdk):
    """Becomes the function of an INIT message: environment, folder, search path, streams."""
    environ = os.environ
    # A process that was started with the function's variables keeps what its start-up script made
    # of them (AWS_LAMBDA_EXEC_WRAPPER).
    if environ.pop("LAMBENT_KEEP_ENV", None) is None:
        environ.clear()
        environ.update(message["env"])
    else:
        for name, value in message["env"].items():
            environ.setdefault(name, value)
    time.tzset()
    State.log_format = message.get("logFormat") or "Text"
    State.log_level = message.get("logLevel") or ""
    os.chdir(message["cwd"])

    version = "python%d.%d" % sys.version_info[:2]
    layers = message["optRoot"] + "/python"
    asked = [part for part in environ.get("PYTHONPATH", "").split(":") if part]
    standard = [part for part in sys.path if part != HERE]
    path = [message["taskRoot"], layers + "/lib/" + version + "/site-packages", layers]
    for part in (*asked, *standard, *([sdk] if sdk else [])):
        if part not in path:
            path.append(part)
    sys.path[:] = path
    sys.argv[:] = [message["handler"]]
    sys.path_importer_cache.clear()

    if "logging" in sys.modules:
        load("lambent_logging").configure(sys.modules["logging"], State, send_log)
    else:
        sys.meta_path.insert(0, LoggingHook())


def install_streams():
    sys.stdout = out = Output(sys.stdout)
    sys.stderr = err = Output(sys.stderr)

    def after_fork():
        global _write_lock
        # A thread that does not exist in the child may hold it, and would never give it back.
        _write_lock = _thread.allocate_lock()
        out.after_fork()
        err.after_fork()

    os.register_at_fork(after_in_child=after_fork)
    return out, err


def install_builtins():
    """`exit` and `quit` come from the site module, which is not imported (-S) to start faster."""
    import builtins
    from _sitebuiltins import Quitter

    for name in ("exit", "quit"):
        setattr(builtins, name, Quitter(name, "Ctrl-D (i.e. EOF)"))


def context_of(request):
    client_context = identity = None
    text = request.get("clientContext")
    if text:
        client_context = ClientContext(_parse_context(text, "Client Context"))
    text = request.get("cognitoIdentity")
    identity = Identity(_parse_context(text, "Cognito Identity") if text else {})
    return LambdaContext(request, client_context, identity, send_log)


def _parse_context(text, name):
    try:
        fields = decode_json(text)
        fields.get
        return fields
    except Exception as error:
        raise Fault(
            "Runtime.LambdaContextUnmarshalError",
            "Unable to parse %s JSON: %s" % (name, error),
        ) from None


def invoke(handler, request, payload):
    """Calls the handler; returns the type of the answering frame and its bytes."""
    try:
        context = context_of(request)
        try:
            event = decode_json(payload.decode("utf-8"))
        except Exception as error:
            raise Fault(
                "Runtime.UnmarshalError", "Unable to unmarshal input: %s" % error
            ) from None
        result = handler(event, context)
        if isinstance(result, bytes):
            answer = result
        else:
            try:
                answer = encode_json(result).encode("utf-8")
            except Exception as error:
                raise Fault(
                    "Runtime.MarshalError", "Unable to marshal response: %s" % error
                ) from None
    except Exception as error:
        return ERROR, load("lambent_errors").report(error, State, send_log, encode_json)
    if len(answer) > RESPONSE_BYTES_MAX:
        return ERROR, load("lambent_errors").too_large(len(answer), RESPONSE_BYTES_MAX, encode_json)
    return RESPONSE, answer


def warm_up(*_):
    """Imports what most functions import, while the process waits in the pool for its function.

    A process that is given a function at once never gets here: the timer is stopped before.
    """
    import select

    for name in ("json", "importlib", "logging", "lambent_logging"):
        if select.select([FD], [], [], 0)[0]:
            return
        load(name)


def shut_down(own_handler):
    """Ends the process; a SIGTERM handler of the function gets its signal, which follows."""
    if _signal.getsignal(_signal.SIGTERM) is own_handler:
        os._exit(0)
    while True:
        _signal.pause()


def terminate(*_):
    os._exit(143)


def main():
    sdk = sys.argv[1] if len(sys.argv) > 1 else None
    os.set_inheritable(FD, False)
    os.set_blocking(FD, True)
    _signal.signal(_signal.SIGTERM, terminate)
    send(BOOTED, ('{"version":"%d.%d.%d"}' % sys.version_info[:3]).encode())

    _signal.signal(_signal.SIGALRM, warm_up)
    _signal.setitimer(_signal.ITIMER_REAL, WARM_UP_AFTER_S)
    kind, body = read_frame()
    _signal.setitimer(_signal.ITIMER_REAL, 0)
    _signal.signal(_signal.SIGALRM, _signal.SIG_DFL)
    if kind != INIT:
        os._exit(0)
    out, err = install_streams()
    message = decode_json(body.decode("utf-8"))
    install_builtins()
    prepare(message, sdk)
    try:
        handler = find_handler(message["handler"])
    except Exception as error:
        failure = load("lambent_errors").report(error, State, send_log, encode_json)
        out.finish()
        err.finish()
        send(INIT_ERROR, failure)
        sys.exit(1)
    out.finish()
    err.finish()
    choose_encoding(os.environ.get("AWS_EXECUTION_ENV", ""))
    send(READY)

    try:
        serve(handler, out, err)
    finally:
        # The handler ended the process (sys.exit): what it printed last has no line end yet.
        out.finish()
        err.finish()


def serve(handler, out, err):
    """Answers invocations until the process ends."""
    environ = os.environ
    while True:
        kind, body = read_frame()
        if kind != INVOKE:
            shut_down(terminate)
        start = 4 + int.from_bytes(body[:4], "big")
        request = decode_json(body[4:start].decode("utf-8"))
        request_id = State.request_id = request["requestId"]
        State.tenant_id = request.get("tenantId")
        trace_id = request.get("traceId")
        if trace_id is not None:
            environ["_X_AMZN_TRACE_ID"] = trace_id
        elif "_X_AMZN_TRACE_ID" in environ:
            del environ["_X_AMZN_TRACE_ID"]
        kind, answer = invoke(handler, request, body[start:])
        if out.partial or err.partial:
            out.finish()
            err.finish()
        identifier = request_id.encode("utf-8")
        send(kind, len(identifier).to_bytes(4, "big"), identifier, answer)
