"""Forms as boto3 presigns them, sent as a browser sends them. Argument: the endpoint."""
import base64
import json
import sys
import urllib.error
import urllib.request
import uuid
from xml.etree import ElementTree

import boto3
from botocore.config import Config

endpoint = sys.argv[1]


def client(version, key=("LKIAS3TESTS", "the secret of the tests")):
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=key[0],
        aws_secret_access_key=key[1],
        config=Config(signature_version=version, s3={"addressing_style": "path"}),
    )


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


opener = urllib.request.build_opener(NoRedirect)


def post(url, fields, data, filename="up.txt"):
    boundary = uuid.uuid4().hex
    body = b""
    for name, value in fields.items():
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    if data is not None:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\nContent-Type: text/plain\r\n\r\n'
        body += head.encode() + data + b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")
    try:
        with opener.open(request) as response:
            return response.status, response.read(), dict(response.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read(), dict(error.headers)


def error_of(answer):
    return answer[0], {child.tag: child.text for child in ElementTree.fromstring(answer[1])}


s3 = client("s3v4")
s3.create_bucket(Bucket="forms")
large = bytes(range(256)) * 1000 + b"\r\n--almost"
for version in ("s3", "s3v4"):
    for key in (("LKIAS3TESTS", "the secret of the tests"), ("test", "test")):
        mine = client(version, key)
        form = mine.generate_presigned_post("forms", f"{version}/${{filename}}")
        status, body, headers = post(form["url"], form["fields"], large)
        assert status == 204, (version, key, status, body)
        assert "ETag" in headers, headers
        got = s3.get_object(Bucket="forms", Key=f"{version}/up.txt")
        assert got["Body"].read() == large
        assert got["ContentType"] == "binary/octet-stream", got
        # Somebody changed the policy.
        policy = json.loads(base64.b64decode(form["fields"]["policy"]))
        policy["conditions"] = []
        spoiled = dict(form["fields"], policy=base64.b64encode(json.dumps(policy).encode()).decode())
        status, fault = error_of(post(form["url"], spoiled, b"x"))
        assert (status, fault["Code"]) == (403, "SignatureDoesNotMatch"), fault
        assert fault["StringToSign"] == spoiled["policy"]
    gone = client(version).generate_presigned_post("forms", "k", ExpiresIn=-10)
    status, fault = error_of(post(gone["url"], gone["fields"], b"x"))
    assert (status, fault["Code"]) == (403, "AccessDenied"), fault
    assert fault["Message"] == "Invalid according to Policy: Policy expired.", fault

fields = {"success_action_status": "201", "x-amz-meta-a": "b", "Content-Type": "text/plain"}
conditions = [dict([item]) for item in fields.items()]
form = s3.generate_presigned_post("forms", "made", Fields=fields, Conditions=conditions)
status, body, headers = post(form["url"], form["fields"], b"made")
assert status == 201, (status, body)
made = {child.tag: child.text for child in ElementTree.fromstring(body)}
assert (made["Bucket"], made["Key"]) == ("forms", "made"), made
head = s3.head_object(Bucket="forms", Key="made")
assert (head["ContentType"], head["Metadata"]) == ("text/plain", {"a": "b"}), head

form = s3.generate_presigned_post("forms", "range", Conditions=[["content-length-range", 5, 10]])
status, fault = error_of(post(form["url"], form["fields"], b"a" * 12))
assert (fault["Code"], fault["MaxSizeAllowed"], fault["ProposedSize"]) == ("EntityTooLarge", "10", "12"), fault
status, fault = error_of(post(form["url"], form["fields"], b"a"))
assert (fault["Code"], fault["MinSizeAllowed"], fault["ProposedSize"]) == ("EntityTooSmall", "5", "1"), fault
assert post(form["url"], form["fields"], b"a" * 10)[0] == 204

target = "http://localhost.test/random"
for condition, shown in (
    (["eq", "$success_action_redirect", target], f'["eq", "$success_action_redirect", "{target}"]'),
    (["starts-with", "$success_action_redirect", "http://localhost"], '["starts-with", "$success_action_redirect", "http://localhost"]'),
    (["eq", "success_action_redirect", target], f'["eq", "success_action_redirect", "{target}"]'),
):
    form = s3.generate_presigned_post("forms", "cond", Conditions=[condition])
    wrong = dict(form["fields"], success_action_redirect="https://other.test/")
    status, fault = error_of(post(form["url"], wrong, b"x"))
    assert fault["Message"] == f"Invalid according to Policy: Policy Condition failed: {shown}", fault
form = s3.generate_presigned_post("forms", "cond", Conditions=[["eq", "$success_action_redirect", target]])
status, body, headers = post(form["url"], dict(form["fields"], success_action_redirect=target), b"x")
assert status == 303 and headers["Location"].startswith(target + "?bucket=forms&key=cond&etag="), headers
form = s3.generate_presigned_post("forms", "cond", Conditions=[{"a": "b", "c": "d"}])
status, fault = error_of(post(form["url"], form["fields"], b"x"))
assert fault["Code"] == "InvalidPolicyDocument", fault
form = s3.generate_presigned_post("forms", "extra")
status, fault = error_of(post(form["url"], dict(form["fields"], acl="private"), b"x"))
assert fault["Message"] == "Invalid according to Policy: Extra input fields: acl", fault
status, fault = error_of(post(form["url"], form["fields"], None))
assert fault["Message"] == "POST requires exactly one file upload per request.", fault
assert error_of(post(endpoint + "/no-such-bucket", form["fields"], b"x"))[1]["Code"] == "NoSuchBucket"
print("ok")
