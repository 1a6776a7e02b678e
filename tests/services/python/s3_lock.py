"""Object Lock: what is locked cannot be deleted, by nobody or without a bypass. Argument: the endpoint."""
import datetime
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint = sys.argv[1]
s3 = boto3.client(
    "s3",
    endpoint_url=endpoint,
    region_name="us-east-1",
    aws_access_key_id="test",
    aws_secret_access_key="test",
    config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
)


def refused(call, status, code, message=None):
    try:
        call()
    except ClientError as error:
        fault = error.response["Error"]
        assert (error.response["ResponseMetadata"]["HTTPStatusCode"], fault["Code"]) == (status, code), fault
        assert message is None or fault["Message"] == message, fault
        return fault
    raise AssertionError(f"{code} was expected")


def later(days):
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)


LOCKED = "Access Denied because object protected by object lock."
b = "locked"
s3.create_bucket(Bucket=b, ObjectLockEnabledForBucket=True)
assert s3.get_bucket_versioning(Bucket=b)["Status"] == "Enabled"
assert s3.get_object_lock_configuration(Bucket=b)["ObjectLockConfiguration"] == {"ObjectLockEnabled": "Enabled"}
refused(lambda: s3.put_bucket_versioning(Bucket=b, VersioningConfiguration={"Status": "Suspended"}), 409, "InvalidBucketState")

v = s3.put_object(Bucket=b, Key="k", Body=b"test")["VersionId"]
refused(lambda: s3.get_object_retention(Bucket=b, Key="k"), 404, "NoSuchObjectLockConfiguration")
s3.put_object_retention(Bucket=b, Key="k", VersionId=v, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": later(2)})
assert s3.get_object_retention(Bucket=b, Key="k")["Retention"]["Mode"] == "GOVERNANCE"
head = s3.head_object(Bucket=b, Key="k")
assert head["ObjectLockMode"] == "GOVERNANCE" and "ObjectLockRetainUntilDate" in head, head
refused(lambda: s3.delete_object(Bucket=b, Key="k", VersionId=v), 403, "AccessDenied", LOCKED)
refused(lambda: s3.put_object_retention(Bucket=b, Key="k", Retention={"Mode": "GOVERNANCE", "RetainUntilDate": later(1)}), 403, "AccessDenied", LOCKED)
s3.put_object_retention(Bucket=b, Key="k", Retention={"Mode": "GOVERNANCE", "RetainUntilDate": later(3)})
s3.put_object_retention(Bucket=b, Key="k", Retention={}, BypassGovernanceRetention=True)
s3.put_object_retention(Bucket=b, Key="k", Retention={"Mode": "COMPLIANCE", "RetainUntilDate": later(1)})
refused(lambda: s3.delete_object(Bucket=b, Key="k", VersionId=v, BypassGovernanceRetention=True), 403, "AccessDenied", LOCKED)
refused(
    lambda: s3.put_object_retention(
        Bucket=b, Key="k", Retention={"Mode": "GOVERNANCE", "RetainUntilDate": later(9)}, BypassGovernanceRetention=True
    ),
    403,
    "AccessDenied",
    LOCKED,
)
# A marker may be put over it, and taken away.
marker = s3.delete_object(Bucket=b, Key="k")
assert marker["DeleteMarker"] is True
fault = refused(lambda: s3.put_object_retention(Bucket=b, Key="k", VersionId=marker["VersionId"], Retention={"Mode": "GOVERNANCE", "RetainUntilDate": later(1)}), 405, "MethodNotAllowed")
assert (fault["Method"], fault["ResourceType"]) == ("PUT", "DeleteMarker"), fault
s3.delete_object(Bucket=b, Key="k", VersionId=marker["VersionId"])

v = s3.put_object(Bucket=b, Key="h", Body=b"x", ObjectLockLegalHoldStatus="ON")["VersionId"]
assert s3.get_object_legal_hold(Bucket=b, Key="h")["LegalHold"] == {"Status": "ON"}
refused(lambda: s3.delete_object(Bucket=b, Key="h", VersionId=v, BypassGovernanceRetention=True), 403, "AccessDenied", LOCKED)
done = s3.delete_objects(Bucket=b, Delete={"Objects": [{"Key": "h", "VersionId": v}]})
assert done["Errors"] == [{"Key": "h", "VersionId": v, "Code": "AccessDenied", "Message": LOCKED}], done
copy = s3.copy_object(Bucket=b, Key="c", CopySource={"Bucket": b, "Key": "h"})
assert "ObjectLockLegalHoldStatus" not in s3.head_object(Bucket=b, Key="c", VersionId=copy["VersionId"])
s3.put_object_legal_hold(Bucket=b, Key="h", LegalHold={"Status": "OFF"})
assert s3.head_object(Bucket=b, Key="h")["ObjectLockLegalHoldStatus"] == "OFF"
s3.delete_object(Bucket=b, Key="h", VersionId=v)

s3.put_object_lock_configuration(
    Bucket=b, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}}
)
v = s3.put_object(Bucket=b, Key="d", Body=b"x")["VersionId"]
assert s3.head_object(Bucket=b, Key="d")["ObjectLockMode"] == "GOVERNANCE"
refused(lambda: s3.delete_object(Bucket=b, Key="d", VersionId=v), 403, "AccessDenied", LOCKED)
assert s3.delete_object(Bucket=b, Key="d", VersionId=v, BypassGovernanceRetention=True)["VersionId"] == v
for wrong in (
    {},
    {"ObjectLockEnabled": "Enabled", "Rule": {}},
    {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {}}},
    {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE"}}},
    {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "X", "Days": 1}}},
    {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1, "Years": 1}}},
):
    refused(lambda: s3.put_object_lock_configuration(Bucket=b, ObjectLockConfiguration=wrong), 400, "MalformedXML")
fault = refused(lambda: s3.put_object(Bucket=b, Key="w", ObjectLockMode="GOVERNANCE"), 400, "InvalidArgument",
                "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied")
assert fault["ArgumentName"] == "x-amz-object-lock-retain-until-date", fault

plain = "unlocked"
s3.create_bucket(Bucket=plain)
v = s3.put_object(Bucket=plain, Key="k", Body=b"x")
MISSING = "Bucket is missing Object Lock Configuration"
refused(lambda: s3.put_object_retention(Bucket=plain, Key="k", Retention={"Mode": "GOVERNANCE", "RetainUntilDate": later(1)}), 400, "InvalidRequest", MISSING)
refused(lambda: s3.get_object_retention(Bucket=plain, Key="k"), 400, "InvalidRequest", MISSING)
refused(lambda: s3.put_object_legal_hold(Bucket=plain, Key="no", LegalHold={"Status": "ON"}), 404, "NoSuchKey")
refused(lambda: s3.put_object_legal_hold(Bucket=plain, Key="k", LegalHold={"Status": "ON"}), 400, "InvalidRequest", MISSING)
refused(lambda: s3.put_object(Bucket=plain, Key="k", ObjectLockLegalHoldStatus="ON"), 400, "InvalidRequest", MISSING)
refused(lambda: s3.put_object_lock_configuration(Bucket=plain, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"}), 409, "InvalidBucketState",
        "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration")
for given in (True, False):
    fault = refused(lambda: s3.delete_object(Bucket=plain, Key="k", BypassGovernanceRetention=given), 400, "InvalidArgument",
                    "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.")
    assert fault["ArgumentName"] == "x-amz-bypass-governance-retention", fault
s3.put_bucket_versioning(Bucket=plain, VersioningConfiguration={"Status": "Enabled"})
s3.put_object_lock_configuration(Bucket=plain, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})
print("ok")
