"""Presigned URLs as boto3 makes them, opened without a client. Argument: the endpoint."""
import sys
import urllib.error
import urllib.request
from xml.etree import ElementTree

import boto3
from botocore.config import Config

endpoint = sys.argv[1]
KEYS = {
    "known": ("LKIAS3TESTS", "the secret of the tests"),
    "customary": ("test", "test"),
}


def client(version, key, style="path"):
    key_id, secret = KEYS[key]
    config = Config(signature_version=version, s3={"addressing_style": style})
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        config=config,
    )


def open_url(url, method="GET", data=None, headers=None):
    sent = {"Content-Type": ""} if data is not None else {}
    request = urllib.request.Request(url, method=method, data=data, headers={**sent, **(headers or {})})
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, response.read(), dict(response.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read(), dict(error.headers)


def error_of(answer):
    root = ElementTree.fromstring(answer[1])
    return answer[0], {child.tag: child.text for child in root}


setup = client("s3v4", "known")
setup.create_bucket(Bucket="links")

for version in ("s3", "s3v4"):
    for key in KEYS:
        s3 = client(version, key)
        params = {"Bucket": "links", "Key": f"{version}/a b/ü+{key}"}
        put = s3.generate_presigned_url("put_object", Params=params, ExpiresIn=60)
        status, body, _ = open_url(put, "PUT", b"sent by a link")
        assert status == 200, (version, key, status, body)
        get = s3.generate_presigned_url("get_object", Params=params, ExpiresIn=60)
        assert open_url(get)[:2] == (200, b"sent by a link"), (version, key)
        named = dict(params, ResponseContentDisposition='attachment; filename="x.txt"')
        answer = open_url(s3.generate_presigned_url("get_object", Params=named))
        assert answer[2]["Content-Disposition"] == 'attachment; filename="x.txt"', answer

        # Another key, another method: not what was signed.
        status, fault = error_of(open_url(get.replace("/a%20b/", "/other/")))
        assert (status, fault["Code"]) == (403, "SignatureDoesNotMatch"), fault
        for member in ("AWSAccessKeyId", "SignatureProvided", "StringToSign", "StringToSignBytes"):
            assert fault[member], member
        assert open_url(get, "DELETE")[0] == 403

        gone = s3.generate_presigned_url("get_object", Params=params, ExpiresIn=-5 if version == "s3" else 0)
        if version == "s3":
            status, fault = error_of(open_url(gone))
            assert (status, fault["Code"], fault["Message"]) == (403, "AccessDenied", "Request has expired")
            assert "Expires" in fault and "ServerTime" in fault

        metadata = dict(params, Metadata={"foo": "bar"})
        link = s3.generate_presigned_url("put_object", Params=metadata)
        headers = {"x-amz-meta-foo": "bar"}
        assert open_url(link, "PUT", b"x", headers)[0] == 200, version
        status, _, headers = open_url(s3.generate_presigned_url("head_object", Params=params), "HEAD")
        assert headers["x-amz-meta-foo"] == "bar", headers

# A link means what was signed: no header of AWS's may be added to it.
for key in KEYS:
    params = {"Bucket": "links", "Key": "metadata", "Metadata": {"foo": "bar"}}
    link = client("s3v4", key).generate_presigned_url("put_object", Params=params)
    status, fault = error_of(open_url(link, "PUT", b"x", {"x-amz-meta-foo": "bar", "x-amz-meta-wrong": "wrong"}))
    assert status == 403 and fault["Code"] == "AccessDenied", fault
    assert fault["Message"] == "There were headers present in the request which were not signed", fault
    assert fault["HeadersNotSigned"] == "x-amz-meta-wrong", fault
    assert open_url(link, "PUT", b"x", {"x-amz-meta-foo": "bar"})[0] == 200

v4 = client("s3v4", "customary").generate_presigned_url("get_object", Params={"Bucket": "links", "Key": "k"})
without = "&".join(part for part in v4.split("&") if not part.startswith("X-Amz-SignedHeaders"))
status, fault = error_of(open_url(without))
assert (status, fault["Code"]) == (400, "AuthorizationQueryParametersError"), fault
assert fault["Message"].startswith("Query-string authentication version 4 requires"), fault
twice = v4.replace("%2F", "%252F")
status, fault = error_of(open_url(twice))
assert fault["Code"] == "AuthorizationQueryParametersError", fault
assert "the Credential is mal-formed" in fault["Message"], fault

v2 = client("s3", "customary").generate_presigned_url("get_object", Params={"Bucket": "links", "Key": "k"})
without = "&".join(part for part in v2.split("&") if not part.startswith("Expires"))
status, fault = error_of(open_url(without))
assert (status, fault["Code"]) == (403, "AccessDenied"), fault
assert fault["Message"].startswith("Query-string authentication requires the Signature"), fault
print("ok")
