"""What a handler gets as its second argument."""

import os
import time


class Identity:
    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")

    def __init__(self, fields):
        for name, key in zip(self.__slots__, ("cognitoIdentityId", "cognitoIdentityPoolId")):
            setattr(self, name, fields.get(key))

    def __repr__(self):
        return _describe(self, self.__slots__)


class Client:
    __slots__ = (
        "installation_id",
        "app_title",
        "app_version_name",
        "app_version_code",
        "app_package_name",
    )

    def __init__(self, fields):
        for name in self.__slots__:
            setattr(self, name, fields.get(name))

    def __repr__(self):
        return _describe(self, self.__slots__)


class ClientContext:
    __slots__ = ("custom", "env", "client")

    def __init__(self, fields):
        self.custom = fields.get("custom")
        self.env = fields.get("env")
        client = fields.get("client")
        self.client = None if client is None else Client(client)

    def __repr__(self):
        return _describe(self, self.__slots__)


class LambdaContext:
    """What a handler gets as its second argument.

    https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
    """

    def __init__(self, request, client_context, identity, send_log):
        self.aws_request_id = request["requestId"]
        (
            self.log_group_name,
            self.log_stream_name,
            self.function_name,
            self.memory_limit_in_mb,
            self.function_version,
        ) = _environment_fields()
        self.invoked_function_arn = request["invokedFunctionArn"]
        self.tenant_id = request.get("tenantId")
        self.client_context = client_context
        self.identity = identity
        self._epoch_deadline_time_in_ms = int(request["deadlineMs"])
        self._send_log = send_log

    def get_remaining_time_in_millis(self):
        left = self._epoch_deadline_time_in_ms - int(time.time() * 1000)
        return left if left > 0 else 0

    def log(self, message):
        self._send_log(str(message))

    def __repr__(self):
        return _describe(
            self,
            (
                "aws_request_id",
                "log_group_name",
                "log_stream_name",
                "function_name",
                "memory_limit_in_mb",
                "function_version",
                "invoked_function_arn",
                "client_context",
                "identity",
                "tenant_id",
            ),
        )


_fields = None


def _environment_fields():
    """What is the same for every invocation; reading it from the environment each time costs more
    than the rest of the context."""
    global _fields
    if _fields is None:
        _fields = tuple(
            os.environ.get("AWS_LAMBDA_" + name)
            for name in (
                "LOG_GROUP_NAME",
                "LOG_STREAM_NAME",
                "FUNCTION_NAME",
                "FUNCTION_MEMORY_SIZE",
                "FUNCTION_VERSION",
            )
        )
    return _fields


def _describe(value, names):
    return "%s([%s])" % (
        type(value).__name__,
        ",".join("%s=%s" % (name, getattr(value, name, None)) for name in names),
    )
