"""Customers' keys, websites, access logs and replication through boto3, field by field. Argument: the endpoint."""
import base64
import hashlib
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint = sys.argv[1]
ANY = object()


def client(region="us-east-1"):
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
    )


s3 = client()


def same(got, status, **expected):
    """The answer has exactly these members, and this status."""
    got = dict(got)
    assert got.pop("ResponseMetadata")["HTTPStatusCode"] == status
    body = got.pop("Body", None)
    assert set(got) == set(expected), (sorted(got), sorted(expected))
    for name, value in expected.items():
        assert value is ANY or got[name] == value, (name, got[name], value)
    return body.read() if body else None


def refused(call, status, code, message, **members):
    """The error has exactly these members beside its code and message."""
    try:
        call()
    except ClientError as error:
        fault = dict(error.response["Error"])
        got = error.response["ResponseMetadata"]["HTTPStatusCode"], fault.pop("Code"), fault.pop("Message")
        assert got == (status, code, message), got
        assert fault == members, (fault, members)
        return
    raise AssertionError(f"{code} was expected")


def key_of(raw):
    md5 = base64.b64encode(hashlib.md5(raw).digest()).decode()
    return {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": raw, "SSECustomerKeyMD5": md5}


def sent(key):
    """As boto3 sends it: with an MD5 given, it leaves the key as it is."""
    return {**key, "SSECustomerKey": base64.b64encode(key["SSECustomerKey"]).decode()}


KEY = sent(key_of(b"a key of exactly thirty-two byte"))
OTHER = sent(key_of(b"other key of thirty-two bytes..."))
SHOWN = {"SSECustomerAlgorithm": "AES256", "SSECustomerKeyMD5": KEY["SSECustomerKeyMD5"]}
ALGORITHM = "The Encryption request you specified is not valid. Supported value: AES256."
ARGUMENT = {"ArgumentName": "x-amz-server-side-encryption"}
SECRET = "Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key."


def customer_keys():
    b = "features-keys"
    at = {"Bucket": b, "Key": "k"}
    s3.create_bucket(Bucket=b)
    checksum = {"ChecksumCRC32": ANY, "ChecksumType": "FULL_OBJECT"}
    same(s3.put_object(**at, Body=b"test data", ChecksumAlgorithm="CRC32", **KEY), 200, ETag=ANY, **checksum, **SHOWN)
    head = {
        "AcceptRanges": "bytes",
        "ContentLength": 9,
        "ContentType": "binary/octet-stream",
        "ETag": ANY,
        "LastModified": ANY,
        "Metadata": {},
        **SHOWN,
    }
    assert same(s3.get_object(**at, **KEY), 200, **head, **checksum) == b"test data"
    same(s3.head_object(**at, ChecksumMode="ENABLED", **KEY), 200, **head, **checksum)
    attributes = s3.get_object_attributes(**at, ObjectAttributes=["ETag", "Checksum"], **KEY)
    same(attributes, 200, Checksum=ANY, ETag=ANY, LastModified=ANY)

    def attributes_with(**key):
        return lambda: s3.get_object_attributes(**at, ObjectAttributes=["ETag"], **key)

    def get(**key):
        return lambda: s3.get_object(**at, **key)

    none = (
        "The object was stored using a form of Server Side Encryption. "
        "The correct parameters must be provided to retrieve the object."
    )
    refused(get(), 400, "InvalidRequest", none)
    refused(attributes_with(), 400, "InvalidRequest", none)
    refused(get(**OTHER), 403, "AccessDenied", SECRET)
    wrong = {**KEY, "SSECustomerAlgorithm": "KMS"}
    refused(get(**wrong), 400, "InvalidEncryptionAlgorithmError", ALGORITHM, **ARGUMENT, ArgumentValue="KMS")
    refused(attributes_with(**wrong), 400, "InvalidEncryptionAlgorithmError", ALGORITHM, **ARGUMENT, ArgumentValue="KMS")
    refused(lambda: s3.head_object(**at, **wrong), 400, "400", "Bad Request")
    # Without an MD5 boto3 encodes the key once more, and computes the MD5 of what it was given.
    twice = {name: value for name, value in KEY.items() if name != "SSECustomerKeyMD5"}
    refused(get(**twice), 403, "AccessDenied", SECRET)
    refused(lambda: s3.head_object(**at, **twice), 403, "403", "Forbidden")
    short = {**KEY, "SSECustomerKey": base64.b64encode(b"too short").decode()}
    refused(get(**short), 400, "InvalidArgument", "The secret key was invalid for the specified algorithm.", **ARGUMENT)
    mixed = {**KEY, "SSECustomerKey": OTHER["SSECustomerKey"]}
    unlike = "The calculated MD5 hash of the key did not match the hash that was provided."
    refused(get(**mixed), 400, "InvalidArgument", unlike, **ARGUMENT)

    initiated = "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters."
    plain = s3.create_multipart_upload(**at)
    same(plain, 200, Bucket=b, Key="k", UploadId=ANY, ServerSideEncryption="AES256")
    part = {**at, "PartNumber": 1, "Body": b"x"}
    refused(lambda: s3.upload_part(**part, UploadId=plain["UploadId"], **KEY), 400, "InvalidRequest", initiated)
    sealed = s3.create_multipart_upload(**at, **KEY)
    same(sealed, 200, Bucket=b, Key="k", UploadId=ANY, **SHOWN)
    upload = {"UploadId": sealed["UploadId"]}
    refused(lambda: s3.upload_part(**part, **upload), 400, "InvalidRequest", initiated)
    refused(
        lambda: s3.upload_part(**part, **upload, **OTHER),
        400,
        "InvalidRequest",
        "The provided encryption parameters did not match the ones used originally.",
    )
    same(s3.upload_part(**part, **upload, **KEY), 200, ETag=ANY, ChecksumCRC32=ANY, **SHOWN)


def websites():
    b = "features-website"
    s3.create_bucket(Bucket=b)
    refused(
        lambda: s3.get_bucket_website(Bucket=b),
        404,
        "NoSuchWebsiteConfiguration",
        "The specified bucket does not have a website configuration",
        BucketName=b,
    )
    same(s3.delete_bucket_website(Bucket=b), 204)
    index = {"IndexDocument": {"Suffix": "index.html"}}
    same(s3.put_bucket_website(Bucket=b, WebsiteConfiguration=index), 200)
    same(s3.get_bucket_website(Bucket=b), 200, **index)
    same(s3.delete_bucket_website(Bucket=b), 204)


def logging():
    b, target = "features-logged", "features-logs"
    for name in (b, target):
        s3.create_bucket(Bucket=name)
    far = client("eu-west-1")
    far.create_bucket(Bucket="features-far", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})

    def put(name, **more):
        enabled = {"TargetBucket": name, "TargetPrefix": "log", **more}
        return s3.put_bucket_logging(Bucket=b, BucketLoggingStatus={"LoggingEnabled": enabled})

    same(s3.get_bucket_logging(Bucket=b), 200)
    refused(
        lambda: put("features-far"),
        403,
        "CrossLocationLoggingProhibitted",
        "Cross S3 location logging not allowed. ",
        TargetBucketLocation="eu-west-1",
    )
    refused(
        lambda: put("features-none"),
        400,
        "InvalidTargetBucketForLogging",
        "The target bucket for logging does not exist",
        TargetBucket="features-none",
    )
    group = {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/s3/LogDelivery"}
    grants = [{"Grantee": group, "Permission": name} for name in ("WRITE", "READ_ACP")]
    same(put(target, TargetGrants=grants), 200)
    enabled = {"TargetBucket": target, "TargetGrants": grants, "TargetPrefix": "log"}
    same(s3.get_bucket_logging(Bucket=b), 200, LoggingEnabled=enabled)
    same(s3.put_bucket_logging(Bucket=b, BucketLoggingStatus={}), 200)
    same(s3.get_bucket_logging(Bucket=b), 200)


def replication():
    b, target = "features-source", "features-copies"
    for name in (b, target):
        s3.create_bucket(Bucket=name)
    rule = {
        "ID": "rtc",
        "Priority": 0,
        "Filter": {},
        "Status": "Disabled",
        "Destination": {
            "Bucket": f"arn:aws:s3:::{target}",
            "StorageClass": "STANDARD",
            "ReplicationTime": {"Status": "Enabled", "Time": {"Minutes": 15}},
            "Metrics": {"Status": "Enabled", "EventThreshold": {"Minutes": 15}},
        },
        "DeleteMarkerReplication": {"Status": "Disabled"},
    }
    sent = {"Role": "arn:aws:iam::000000000000:role/copier", "Rules": [rule]}

    def put():
        return s3.put_bucket_replication(Bucket=b, ReplicationConfiguration=sent)

    s3.put_bucket_versioning(Bucket=b, VersioningConfiguration={"Status": "Enabled"})
    refused(put, 400, "InvalidRequest", "Destination bucket must have versioning enabled.")
    s3.put_bucket_versioning(Bucket=target, VersioningConfiguration={"Status": "Enabled"})
    same(put(), 200)
    same(s3.get_bucket_replication(Bucket=b), 200, ReplicationConfiguration=sent)


for case in (customer_keys, websites, logging, replication):
    case()
print("ok")
