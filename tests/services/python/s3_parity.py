"""What AWS's S3 answers, field by field. Argument: the endpoint."""
import hashlib
import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint = sys.argv[1]
ANY = object()


def client(region="us-east-1", key="test", **options):
    config = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}, **options)
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=key,
        aws_secret_access_key="test",
        config=config,
    )


s3 = client()


def same(got, status, **expected):
    """The answer has exactly these members, and this status."""
    got = dict(got)
    meta = got.pop("ResponseMetadata")
    got.pop("Body", None)
    assert meta["HTTPStatusCode"] == status, (meta["HTTPStatusCode"], got)
    assert set(got) == set(expected), (sorted(got), sorted(expected))
    for name, value in expected.items():
        assert value is ANY or got[name] == value, (name, got[name], value)
    return got


def refused(call, status, code, message=None, **members):
    """The error has exactly these members beside its code and message."""
    try:
        call()
    except ClientError as error:
        fault = dict(error.response["Error"])
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == status, fault
        assert fault.pop("Code") == code, (code, error.response)
        text = fault.pop("Message")
        assert message is None or text == message, text
        if members or status not in (304,):
            assert set(fault) == set(members), (fault, members)
        for name, value in members.items():
            assert value is ANY or fault[name] == value, (name, fault[name])
        return
    raise AssertionError(f"{code} was expected")


NO_KEY = "The specified key does not exist."
NO_BUCKET = "The specified bucket does not exist"
BAD_XML = "The XML you provided was not well-formed or did not validate against our published schema"
FAILED = "At least one of the pre-conditions you specified did not hold"
NOT_ALLOWED = "The specified method is not allowed against this resource."
ENC = {"ServerSideEncryption": "AES256"}
WRITTEN = {"ETag": ANY, "ChecksumCRC32": ANY, "ChecksumType": "FULL_OBJECT", **ENC}
HEAD = {
    "AcceptRanges": "bytes",
    "ContentLength": ANY,
    "ContentType": "binary/octet-stream",
    "ETag": ANY,
    "LastModified": ANY,
    "Metadata": {},
    **ENC,
}
READ = {**HEAD, "ChecksumCRC32": ANY, "ChecksumType": "FULL_OBJECT"}


def objects_and_conditions():
    b = "parity-objects"
    same(s3.create_bucket(Bucket=b), 200, Location=f"/{b}", BucketArn=f"arn:aws:s3:::{b}")
    same(s3.get_bucket_location(Bucket=b), 200, LocationConstraint=None)
    put = same(s3.put_object(Bucket=b, Key="k", Body=b"0123456789"), 200, **WRITTEN)
    etag = put["ETag"]
    same(s3.get_object(Bucket=b, Key="k"), 200, **READ)
    same(s3.head_object(Bucket=b, Key="k"), 200, **HEAD)
    part = {**HEAD, "ContentRange": ANY}
    for wanted, shown in (("0-8", "0-8"), ("1-1", "1-1"), ("1-", "1-9"), ("-2", "8-9"), ("-9", "1-9")):
        got = s3.get_object(Bucket=b, Key="k", Range=f"bytes={wanted}")
        same(got, 206, **{**part, "ContentRange": f"bytes {shown}/10"})
        first, last = map(int, shown.split("-"))
        assert got["Body"].read() == b"0123456789"[first : last + 1]
    for wanted in ("-15", "0-100"):
        got = s3.get_object(Bucket=b, Key="k", Range=f"bytes={wanted}")
        same(got, 206, **{**READ, "ContentRange": "bytes 0-9/10"})
    for wanted in ("bytes=1-0", "bytes=-1-", "bytes=0--1", "bytes=0-1,3-4", "0-9", "bytes=-"):
        same(s3.get_object(Bucket=b, Key="k", Range=wanted), 200, **READ)
    for wanted in ("bytes=-0", "bytes=100-200"):
        refused(
            lambda: s3.get_object(Bucket=b, Key="k", Range=wanted),
            416,
            "InvalidRange",
            "The requested range is not satisfiable",
            ActualObjectSize="10",
            RangeRequested=wanted,
        )
    refused(lambda: s3.get_object(Bucket=b, Key="no"), 404, "NoSuchKey", NO_KEY, Key="no")
    refused(lambda: s3.head_object(Bucket=b, Key="no"), 404, "404", "Not Found")
    refused(lambda: s3.get_object(Bucket="no-such-b", Key="k"), 404, "NoSuchBucket", NO_BUCKET, BucketName="no-such-b")
    refused(lambda: s3.head_bucket(Bucket="no-such-b"), 404, "404", "Not Found")
    refused(
        lambda: s3.get_object(Bucket=b, Key="k", IfMatch='"x"'), 412, "PreconditionFailed", FAILED, Condition="If-Match"
    )
    refused(lambda: s3.head_object(Bucket=b, Key="k", IfMatch='"x"'), 412, "412", "Precondition Failed")
    refused(lambda: s3.get_object(Bucket=b, Key="k", IfNoneMatch=etag), 304, "304", "Not Modified")
    refused(lambda: s3.get_object(Bucket=b, Key="k", IfNoneMatch=etag.strip('"')), 304, "304", "Not Modified")
    when = s3.head_object(Bucket=b, Key="k")["LastModified"]
    refused(lambda: s3.get_object(Bucket=b, Key="k", IfModifiedSince=when), 304, "304", "Not Modified")
    same(s3.get_object(Bucket=b, Key="k", IfUnmodifiedSince=when), 200, **READ)
    refused(
        lambda: s3.get_object(Bucket=b, Key="k", IfUnmodifiedSince="2015-01-01"),
        412,
        "PreconditionFailed",
        FAILED,
        Condition="If-Unmodified-Since",
    )
    refused(
        lambda: s3.put_object(Bucket=b, Key="k", IfNoneMatch="*"),
        412,
        "PreconditionFailed",
        FAILED,
        Condition="If-None-Match",
    )
    refused(
        lambda: s3.put_object(Bucket=b, Key="k", IfMatch='"x"'), 412, "PreconditionFailed", FAILED, Condition="If-Match"
    )
    refused(lambda: s3.put_object(Bucket=b, Key="no", IfMatch=etag), 404, "NoSuchKey", NO_KEY, Key="no")
    refused(
        lambda: s3.put_object(Bucket=b, Key="k", IfMatch="*"),
        501,
        "NotImplemented",
        "A header you provided implies functionality that is not implemented",
        Header="If-Match",
        additionalMessage="We don't accept the provided value of If-Match header for this API",
    )
    same(s3.put_object(Bucket=b, Key="k", Body=b"x", IfMatch=etag), 200, **WRITTEN)
    refused(
        lambda: s3.delete_object(Bucket=b, Key="k", IfMatch='"x"'),
        412,
        "PreconditionFailed",
        FAILED,
        Condition="If-Match",
    )
    for name in ("STANDARD_IA", "GLACIER_IR", "ONEZONE_IA", "INTELLIGENT_TIERING", "REDUCED_REDUNDANCY"):
        s3.put_object(Bucket=b, Key="class", Body=b"x", StorageClass=name)
        same(s3.get_object(Bucket=b, Key="class"), 200, **{**READ, "StorageClass": name})
    for name in ("GLACIER", "DEEP_ARCHIVE"):
        s3.put_object(Bucket=b, Key="class", Body=b"x", StorageClass=name)
        refused(
            lambda: s3.get_object(Bucket=b, Key="class"),
            403,
            "InvalidObjectState",
            "The operation is not valid for the object's storage class",
            StorageClass=name,
        )
    refused(lambda: s3.put_object(Bucket=b, Key="class", StorageClass="FOO"), 400, "InvalidStorageClass")
    s3.put_object(
        Bucket=b,
        Key="meta",
        Body=b"x",
        CacheControl="no-cache",
        ContentDisposition='attachment; filename="foo.jpg"',
        ContentLanguage="de",
        Metadata={"Key": "value"},
    )
    more = {"CacheControl": "no-cache", "ContentDisposition": 'attachment; filename="foo.jpg"', "ContentLanguage": "de"}
    same(s3.head_object(Bucket=b, Key="meta"), 200, **{**HEAD, **more, "Metadata": {"key": "value"}})
    refused(
        lambda: s3.put_object(Bucket=b, Key="x" * 1025),
        400,
        "KeyTooLongError",
        "Your key is too long",
        MaxSizeAllowed="1024",
        Size="1025",
    )
    refused(lambda: s3.get_object(Bucket=b, Key="k", ExpectedBucketOwner="0000"), 400, "InvalidBucketOwnerAWSAccountID",
            "The value of the expected bucket owner parameter must be an AWS Account ID... [0000]")
    refused(lambda: s3.get_object(Bucket=b, Key="k", ExpectedBucketOwner="111111111111"), 403, "AccessDenied", "Access Denied")


def checksums():
    b = "parity-sums"
    s3.create_bucket(Bucket=b)
    body = b"test-checksum"
    known = {
        "CRC32": "lVk/nw==",
        "CRC32C": "Fz3epA==",
        "CRC64NVME": "1f2xscCCZCU=",
        "SHA1": "jbXkHAsXUrubtL3dqDQ4w+7WXc0=",
        "SHA256": "1YQo81vx2VFUl0q5ccWISq8AkSBQQ0WO80S82TmfdIQ=",
    }
    for algorithm, value in known.items():
        sums = {f"Checksum{algorithm}": value, "ChecksumType": "FULL_OBJECT"}
        stated = {f"Checksum{algorithm}": value}
        etag = f'"{hashlib.md5(body).hexdigest()}"'
        same(s3.put_object(Bucket=b, Key="k", Body=body, **stated), 200, ETag=etag, **sums, **ENC)
        same(s3.head_object(Bucket=b, Key="k", ChecksumMode="ENABLED"), 200, **{**HEAD, **sums})
        same(s3.get_object(Bucket=b, Key="k"), 200, **{**HEAD, **sums})
        attributes = s3.get_object_attributes(Bucket=b, Key="k", ObjectAttributes=["Checksum"])
        same(attributes, 200, Checksum=sums, LastModified=ANY)
        refused(
            lambda: s3.put_object(Bucket=b, Key="k", Body=b"other", **stated),
            400,
            "BadDigest",
            f"The {algorithm} you specified did not match the calculated checksum.",
        )
        refused(
            lambda: s3.put_object(Bucket=b, Key="k", Body=body, **{f"Checksum{algorithm}": "TEST"}),
            400,
            "InvalidRequest",
            f"Value for x-amz-checksum-{algorithm.lower()} header is invalid.",
        )
    refused(
        lambda: s3.put_object(Bucket=b, Key="k", Body=body, ChecksumSHA256=known["SHA256"], ChecksumSHA1=known["SHA1"]),
        400,
        "InvalidRequest",
        "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
    )
    refused(lambda: s3.put_object(Bucket=b, Key="k", Body=body, ContentMD5="rL0Y20zC+Fzt72VPzMSk2A=="), 400, "BadDigest")
    refused(lambda: s3.put_object(Bucket=b, Key="k", Body=body, ContentMD5="x"), 400, "InvalidDigest", None, **{"Content-MD5": "x"})
    plain = client(request_checksum_calculation="when_required", response_checksum_validation="when_required")
    same(plain.put_object(Bucket=b, Key="plain", Body=body), 200, ETag=ANY, ChecksumCRC64NVME=known["CRC64NVME"],
         ChecksumType="FULL_OBJECT", **ENC)


def multipart():
    b = "parity-parts"
    s3.create_bucket(Bucket=b)
    gone = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
    for call in (
        lambda: s3.upload_part(Bucket=b, Key="k", UploadId="fakeid", PartNumber=1, Body=b"x"),
        lambda: s3.complete_multipart_upload(
            Bucket=b, Key="k", UploadId="fakeid", MultipartUpload={"Parts": [{"ETag": "x", "PartNumber": 1}]}
        ),
        lambda: s3.abort_multipart_upload(Bucket=b, Key="k", UploadId="fakeid"),
        lambda: s3.list_parts(Bucket=b, Key="k", UploadId="fakeid"),
    ):
        refused(call, 404, "NoSuchUpload", gone, UploadId="fakeid")
    made = same(s3.create_multipart_upload(Bucket=b, Key="k"), 200, Bucket=b, Key="k", UploadId=ANY, **ENC)
    at = {"Bucket": b, "Key": "k", "UploadId": made["UploadId"]}
    listed = {
        "Bucket": b,
        "Key": "k",
        "UploadId": at["UploadId"],
        "Initiator": ANY,
        "Owner": ANY,
        "IsTruncated": False,
        "MaxParts": 1000,
        "PartNumberMarker": 0,
        "StorageClass": "STANDARD",
    }
    same(s3.list_parts(**at), 200, **listed, NextPartNumberMarker=0)
    part = same(s3.upload_part(**at, PartNumber=1, Body=b"upload-part-1" * 5), 200, ETag=ANY, ChecksumCRC32="axEe0A==", **ENC)
    rows = same(s3.list_parts(**at), 200, **listed, NextPartNumberMarker=1, Parts=ANY)["Parts"]
    assert [set(row) for row in rows] == [{"ETag", "LastModified", "PartNumber", "Size"}], rows
    done = s3.complete_multipart_upload(**at, MultipartUpload={"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]})
    same(
        done,
        200,
        Bucket=b,
        Key="k",
        Location=f"{endpoint}/{b}/k",
        ETag='"e747540af6911dbc890f8d3e0b48549b-1"',
        ChecksumCRC64NVME="CTXktO4pIQs=",
        ChecksumType="FULL_OBJECT",
        **ENC,
    )
    big = b"a" * 5242881
    sums = {
        "CRC32": ("NRU+Sw==", "TBHN8A==", "qSEQSA=="),
        "CRC32C": ("2/Ckiw==", "5yZkMA==", "eTdAQA=="),
        "CRC64NVME": ("Kg7TOs6algM=", "DBqAA21lxVU=", "ZMNX55lZurA="),
    }
    for algorithm, (large, small, whole) in sums.items():
        made = s3.create_multipart_upload(Bucket=b, Key="whole", ChecksumAlgorithm=algorithm, ChecksumType="FULL_OBJECT")
        at = {"Bucket": b, "Key": "whole", "UploadId": made["UploadId"]}
        parts = []
        for number, body in enumerate((big, big, b"a" * 10), 1):
            stated = {f"Checksum{algorithm}": small if number == 3 else large}
            got = s3.upload_part(**at, PartNumber=number, Body=body, **stated)
            parts.append({"ETag": got["ETag"], "PartNumber": number, f"Checksum{algorithm}": got[f"Checksum{algorithm}"]})
        wrong = [dict(parts[0]), parts[1], {**parts[2], f"Checksum{algorithm}": parts[0][f"Checksum{algorithm}"]}]
        refused(
            lambda: s3.complete_multipart_upload(**at, MultipartUpload={"Parts": wrong}),
            400,
            "InvalidPart",
            None,
            ETag="e09c80c42fda55f9d992e59ca6b3307d",
            PartNumber="3",
            UploadId=at["UploadId"],
        )
        done = s3.complete_multipart_upload(**at, MultipartUpload={"Parts": parts})
        assert done[f"Checksum{algorithm}"] == whole, done
        assert done["ETag"] == '"4d45984fc3feb2ac9b22683c49674b56-3"', done
        attributes = s3.get_object_attributes(Bucket=b, Key="whole", ObjectAttributes=["ETag", "Checksum", "ObjectParts"])
        assert attributes["ObjectParts"] == {"TotalPartsCount": 3}, attributes
        same(
            s3.get_object(Bucket=b, Key="whole", PartNumber=3),
            206,
            **{**HEAD, "ContentRange": "bytes 10485762-10485771/10485772", "PartsCount": 3},
        )
        copy = s3.copy_object(Bucket=b, Key="copy", CopySource={"Bucket": b, "Key": "whole"})
        assert copy["CopyObjectResult"]["ETag"] == '"a0397ee2df08832642af5d7e57c5760c"', copy
        assert copy["CopyObjectResult"][f"Checksum{algorithm}"] == whole, copy
    refused(
        lambda: s3.create_multipart_upload(Bucket=b, Key="k", ChecksumType="COMPOSITE"),
        400,
        "InvalidRequest",
        "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
    )
    made = s3.create_multipart_upload(Bucket=b, Key="k", ChecksumAlgorithm="SHA256")
    same(made, 200, Bucket=b, Key="k", UploadId=ANY, ChecksumAlgorithm="SHA256", ChecksumType="COMPOSITE", **ENC)
    refused(
        lambda: s3.upload_part(Bucket=b, Key="k", UploadId=made["UploadId"], PartNumber=1, Body=b"x", ChecksumAlgorithm="CRC32"),
        400,
        "InvalidRequest",
        "Checksum Type mismatch occurred, expected checksum Type: sha256, actual checksum Type: crc32",
    )
    # Small parts, wrong order.
    made = s3.create_multipart_upload(Bucket=b, Key="small")
    at = {"Bucket": b, "Key": "small", "UploadId": made["UploadId"]}
    parts = [{"PartNumber": n, "ETag": s3.upload_part(**at, PartNumber=n, Body=b"x")["ETag"]} for n in (1, 2)]
    refused(
        lambda: s3.complete_multipart_upload(**at, MultipartUpload={"Parts": parts}),
        400,
        "EntityTooSmall",
        "Your proposed upload is smaller than the minimum allowed size",
        ETag=ANY,
        MinSizeAllowed="5242880",
        PartNumber="1",
        ProposedSize="1",
    )
    refused(
        lambda: s3.complete_multipart_upload(**at, MultipartUpload={"Parts": parts[::-1]}),
        400,
        "InvalidPartOrder",
        "The list of parts was not in ascending order. Parts must be ordered by part number.",
        UploadId=at["UploadId"],
    )
    refused(lambda: s3.complete_multipart_upload(**at), 400, "MalformedXML")
    # Ranges of a copied part.
    s3.put_object(Bucket=b, Key="src", Body=b"0123456789")
    source = {"Bucket": b, "Key": "src"}
    same(
        s3.upload_part_copy(**at, PartNumber=3, CopySource=source, CopySourceRange="bytes=0-8"),
        200,
        CopyPartResult=ANY,
        **ENC,
    )
    form = "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy"
    for wanted in ("0-8", "bytes=1-0", "bytes=-1-", "bytes=0-1,3-4", "bytes=-", "bytes=-2", "bytes=1-"):
        refused(
            lambda: s3.upload_part_copy(**at, PartNumber=3, CopySource=source, CopySourceRange=wanted),
            400,
            "InvalidArgument",
            form,
            ArgumentName="x-amz-copy-source-range",
            ArgumentValue=wanted,
        )
    # Conditions that were broken while the parts came.
    s3.put_object(Bucket=b, Key="cond", Body=b"test")
    made = s3.create_multipart_upload(Bucket=b, Key="cond")
    at = {"Bucket": b, "Key": "cond", "UploadId": made["UploadId"]}
    parts = [{"PartNumber": 1, "ETag": s3.upload_part(**at, PartNumber=1, Body=b"x")["ETag"]}]
    whole = {"MultipartUpload": {"Parts": parts}}
    refused(lambda: s3.complete_multipart_upload(**at, **whole, IfNoneMatch="*"), 412, "PreconditionFailed", FAILED, Condition="If-None-Match")
    s3.delete_object(Bucket=b, Key="cond")
    refused(
        lambda: s3.complete_multipart_upload(**at, **whole, IfNoneMatch="*"),
        409,
        "ConditionalRequestConflict",
        "The conditional request cannot succeed due to a conflicting operation against this resource.",
        Condition="If-None-Match",
        Key="cond",
    )


def versions():
    b = "parity-versions"
    s3.create_bucket(Bucket=b)
    s3.put_object(Bucket=b, Key="old", Body=b"null version")
    same(s3.get_bucket_versioning(Bucket=b), 200)
    s3.put_bucket_versioning(Bucket=b, VersioningConfiguration={"Status": "Enabled"})
    same(s3.get_object(Bucket=b, Key="old"), 200, **READ, VersionId="null")
    v1 = same(s3.put_object(Bucket=b, Key="k", Body=b"1"), 200, **WRITTEN, VersionId=ANY)["VersionId"]
    v2 = s3.put_object(Bucket=b, Key="k", Body=b"2")["VersionId"]
    assert len(v1) == 32 and v1 != v2
    marker = same(s3.delete_object(Bucket=b, Key="k"), 204, DeleteMarker=True, VersionId=ANY)["VersionId"]
    refused(lambda: s3.get_object(Bucket=b, Key="k"), 404, "NoSuchKey", NO_KEY, Key="k")
    refused(lambda: s3.get_object(Bucket=b, Key="k", VersionId=marker), 405, "MethodNotAllowed", NOT_ALLOWED, Method="GET", ResourceType="DeleteMarker")
    refused(lambda: s3.head_object(Bucket=b, Key="k", VersionId=marker), 405, "405", "Method Not Allowed")
    refused(lambda: s3.put_object_tagging(Bucket=b, Key="k", Tagging={"TagSet": []}), 405, "MethodNotAllowed", NOT_ALLOWED, Method="PUT", ResourceType="DeleteMarker")
    assert s3.get_object(Bucket=b, Key="k", VersionId=v1)["Body"].read() == b"1"
    unknown = "HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD"
    refused(lambda: s3.get_object(Bucket=b, Key="k", VersionId=unknown), 404, "NoSuchVersion", "The specified version does not exist.", Key="k", VersionId=unknown)
    refused(lambda: s3.delete_bucket(Bucket=b), 409, "BucketNotEmpty", "The bucket you tried to delete is not empty. You must delete all versions in the bucket.", BucketName=b)
    got = s3.list_object_versions(Bucket=b)
    same(got, 200, Name=b, Prefix="", KeyMarker="", VersionIdMarker="", MaxKeys=1000, IsTruncated=False,
         EncodingType="url", Versions=ANY, DeleteMarkers=ANY)
    assert [(v["Key"], v["VersionId"], v["IsLatest"]) for v in got["Versions"]] == [("k", v2, False), ("k", v1, False), ("old", "null", True)]
    assert [(v["Key"], v["VersionId"], v["IsLatest"]) for v in got["DeleteMarkers"]] == [("k", marker, True)]
    pages, at = [], {}
    while True:
        page = s3.list_object_versions(Bucket=b, MaxKeys=1, **at)
        pages += [v["VersionId"] for v in page.get("Versions", []) + page.get("DeleteMarkers", [])]
        if not page["IsTruncated"]:
            break
        at = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}
    assert pages == [marker, v2, v1, "null"], pages
    refused(lambda: s3.list_object_versions(Bucket=b, VersionIdMarker=v1), 400, "InvalidArgument",
            "A version-id marker cannot be specified without a key marker.", ArgumentName="version-id-marker", ArgumentValue=v1)
    done = s3.delete_objects(Bucket=b, Delete={"Objects": [{"Key": "k", "VersionId": marker}, {"Key": "wrong"}, {"Key": "k", "VersionId": unknown}]})
    assert done["Deleted"] == [
        {"Key": "k", "VersionId": marker, "DeleteMarker": True, "DeleteMarkerVersionId": marker},
        {"Key": "wrong", "DeleteMarker": True, "DeleteMarkerVersionId": done["Deleted"][1]["DeleteMarkerVersionId"]},
    ], done
    assert done["Errors"] == [{"Key": "k", "VersionId": unknown, "Code": "NoSuchVersion", "Message": "The specified version does not exist."}], done
    assert s3.get_object(Bucket=b, Key="k")["Body"].read() == b"2"
    same(s3.delete_object(Bucket=b, Key="k", VersionId=v2), 204, VersionId=v2)
    assert s3.get_object(Bucket=b, Key="k")["VersionId"] == v1
    s3.put_bucket_versioning(Bucket=b, VersioningConfiguration={"Status": "Suspended"})
    same(s3.put_object(Bucket=b, Key="k", Body=b"suspended"), 200, **WRITTEN)
    same(s3.get_object(Bucket=b, Key="k"), 200, **READ, VersionId="null")
    same(s3.delete_object(Bucket=b, Key="k"), 204, DeleteMarker=True, VersionId="null")
    attributes = s3.get_object_attributes(Bucket=b, Key="k", VersionId=v1, ObjectAttributes=["ETag", "ObjectSize", "StorageClass"])
    same(attributes, 200, ETag=hashlib.md5(b"1").hexdigest(), LastModified=ANY, ObjectSize=1, StorageClass="STANDARD", VersionId=v1)


def copies():
    b = "parity-copies"
    s3.create_bucket(Bucket=b)
    s3.put_object(Bucket=b, Key="k", Body=b'{"key": "value"}', ContentType="application/json", Metadata={"key": "value"})
    source = {"Bucket": b, "Key": "k"}
    result = {"ETag": '"88bac95f31528d13a072c05f2a1cf371"', "ChecksumCRC32": "MzVIGw==", "ChecksumType": "FULL_OBJECT"}
    got = same(s3.copy_object(Bucket=b, Key="c", CopySource=source), 200, CopyObjectResult=ANY, **ENC)
    assert {k: v for k, v in got["CopyObjectResult"].items() if k != "LastModified"} == result, got
    same(s3.head_object(Bucket=b, Key="c"), 200, **{**HEAD, "ContentType": "application/json", "Metadata": {"key": "value"}})
    s3.copy_object(Bucket=b, Key="c", CopySource=source, MetadataDirective="REPLACE", Metadata={"another-key": "value"}, ContentType="image/jpg")
    same(s3.head_object(Bucket=b, Key="c"), 200, **{**HEAD, "ContentType": "image/jpg", "Metadata": {"another-key": "value"}})
    refused(lambda: s3.copy_object(Bucket=b, Key="k", CopySource=source), 400, "InvalidRequest",
            "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.")
    s3.copy_object(Bucket=b, Key="k", CopySource=source, StorageClass="STANDARD")
    refused(lambda: s3.copy_object(Bucket=b, Key="c", CopySource={"Bucket": b, "Key": "no"}), 404, "NoSuchKey", NO_KEY, Key="no")
    refused(lambda: s3.copy_object(Bucket=b, Key="c", CopySource={"Bucket": "no-such-b", "Key": "k"}), 404, "NoSuchBucket", NO_BUCKET, BucketName="no-such-b")
    refused(lambda: s3.copy_object(Bucket=b, Key="c", CopySource="wrongformat"), 400, "InvalidArgument", "Invalid copy source object key",
            ArgumentName="x-amz-copy-source", ArgumentValue="x-amz-copy-source")
    refused(lambda: s3.copy_object(Bucket=b, Key="c", CopySource=source, CopySourceIfUnmodifiedSince="2015-01-01"), 412, "PreconditionFailed", FAILED,
            Condition="x-amz-copy-source-If-Unmodified-Since")
    refused(lambda: s3.copy_object(Bucket=b, Key="c", CopySource=source, IfNoneMatch="*"), 412, "PreconditionFailed", FAILED, Condition="If-None-Match")
    refused(lambda: s3.copy_object(Bucket=b, Key="c", CopySource=source, IfNoneMatch="*", IfMatch="x"), 501, "NotImplemented", None,
            Header="If-Match,If-None-Match", additionalMessage="Multiple conditional request headers present in the request")


def settings():
    b = "parity-settings"
    s3.create_bucket(Bucket=b)
    refused(lambda: s3.get_bucket_tagging(Bucket=b), 404, "NoSuchTagSet", "The TagSet does not exist", BucketName=b)
    same(s3.put_bucket_tagging(Bucket=b, Tagging={"TagSet": [{"Key": "tag1", "Value": "tag1"}, {"Key": "tag2", "Value": ""}]}), 204)
    same(s3.get_bucket_tagging(Bucket=b), 200, TagSet=[{"Key": "tag1", "Value": "tag1"}, {"Key": "tag2", "Value": ""}])
    same(s3.delete_bucket_tagging(Bucket=b), 204)
    wrong = [
        ([{"Key": "Key1", "Value": "a"}, {"Key": "Key1", "Value": "b"}], "Cannot provide multiple Tags with the same key", {"TagKey": "Key1"}),
        ([{"Key": "Key1,Key2", "Value": "a"}], "The TagKey you have provided is invalid", {"TagKey": "Key1,Key2"}),
        ([{"Key": "Key1", "Value": "a,b"}], "The TagValue you have provided is invalid", {"TagKey": "Key1", "TagValue": "a,b"}),
        ([{"Key": "aws:x", "Value": "a"}], "System tags cannot be added/updated by requester", {"TagKey": "aws:x"}),
    ]
    for tags, message, members in wrong:
        refused(lambda: s3.put_bucket_tagging(Bucket=b, Tagging={"TagSet": tags}), 400, "InvalidTag", message, **members)
    same(s3.get_bucket_ownership_controls(Bucket=b), 200, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})
    refused(lambda: s3.put_bucket_ownership_controls(Bucket=b, OwnershipControls={"Rules": [{"ObjectOwnership": "X"}]}), 400, "MalformedXML", BAD_XML)
    refused(lambda: s3.create_bucket(Bucket="parity-own", ObjectOwnership="RandomValue"), 400, "InvalidArgument",
            "Invalid x-amz-object-ownership header: RandomValue", ArgumentName="x-amz-object-ownership")
    on = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True}
    same(s3.get_public_access_block(Bucket=b), 200, PublicAccessBlockConfiguration=on)
    same(s3.delete_public_access_block(Bucket=b), 204)
    refused(lambda: s3.get_public_access_block(Bucket=b), 404, "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found", BucketName=b)
    refused(lambda: s3.get_bucket_policy(Bucket=b), 404, "NoSuchBucketPolicy", "The bucket policy does not exist", BucketName=b)
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{b}/*"}]}
    same(s3.put_bucket_policy(Bucket=b, Policy=json.dumps(policy)), 204)
    assert json.loads(s3.get_bucket_policy(Bucket=b)["Policy"]) == policy
    same(s3.get_bucket_policy_status(Bucket=b), 200, PolicyStatus={"IsPublic": True})
    refused(lambda: s3.put_bucket_policy(Bucket=b, Policy="x"), 400, "MalformedPolicy")
    refused(lambda: s3.get_bucket_cors(Bucket=b), 404, "NoSuchCORSConfiguration", "The CORS configuration does not exist", BucketName=b)
    refused(lambda: s3.put_bucket_cors(Bucket=b, CORSConfiguration={"CORSRules": [{"AllowedMethods": ["PATCH"], "AllowedOrigins": ["*"]}]}), 400, "InvalidRequest",
            "Found unsupported HTTP method in CORS config. Unsupported method is PATCH")
    refused(lambda: s3.get_bucket_lifecycle_configuration(Bucket=b), 404, "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist", BucketName=b)
    rule = {"ID": "wholebucket", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 7}}
    s3.put_bucket_lifecycle_configuration(Bucket=b, LifecycleConfiguration={"Rules": [rule]})
    same(s3.get_bucket_lifecycle_configuration(Bucket=b), 200, Rules=[rule], TransitionDefaultMinimumObjectSize="all_storage_classes_128K")
    got = same(s3.put_object(Bucket=b, Key="k"), 200, **WRITTEN, Expiration=ANY)
    assert 'rule-id="wholebucket"' in got["Expiration"]
    same(s3.delete_bucket_lifecycle(Bucket=b), 204)
    same(s3.get_bucket_encryption(Bucket=b), 200, ServerSideEncryptionConfiguration={
        "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]})
    for call, code in (
        (s3.get_bucket_website, "NoSuchWebsiteConfiguration"),
        (s3.get_bucket_replication, "ReplicationConfigurationNotFoundError"),
        (s3.get_object_lock_configuration, "ObjectLockConfigurationNotFoundError"),
    ):
        refused(lambda: call(Bucket=b), 404, code, None, BucketName=b)
    same(s3.get_bucket_logging(Bucket=b), 200)
    same(s3.get_bucket_accelerate_configuration(Bucket=b), 200)
    same(s3.get_bucket_request_payment(Bucket=b), 200, Payer="BucketOwner")
    same(s3.list_bucket_metrics_configurations(Bucket=b), 200, IsTruncated=False)
    refused(lambda: s3.get_bucket_metrics_configuration(Bucket=b, Id="x"), 404, "NoSuchConfiguration", "The specified configuration does not exist.")
    refused(lambda: s3.put_bucket_acl(Bucket=b, ACL="public-read"), 400, "AccessControlListNotSupported", "The bucket does not allow ACLs")
    s3.put_bucket_ownership_controls(Bucket=b, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    s3.put_bucket_acl(Bucket=b, ACL="public-read")
    grants = s3.get_bucket_acl(Bucket=b)["Grants"]
    assert [grant["Permission"] for grant in grants] == ["FULL_CONTROL", "READ"], grants
    refused(lambda: s3.put_bucket_acl(Bucket=b, ACL="fake-acl"), 400, "InvalidArgument", None, ArgumentName="x-amz-acl", ArgumentValue="fake-acl")
    refused(lambda: s3.put_bucket_acl(Bucket=b), 400, "MissingSecurityHeader", "Your request was missing a required header", MissingHeaderName="x-amz-acl")
    refused(lambda: s3.put_bucket_acl(Bucket=b, ACL="private", GrantRead='id="x"'), 400, "InvalidRequest", "Specifying both Canned ACLs and Header Grants is not allowed")
    refused(lambda: s3.put_bucket_acl(Bucket=b, GrantWrite='fakekey="1234"'), 400, "InvalidArgument", "Argument format not recognized",
            ArgumentName="x-amz-grant-write", ArgumentValue='fakekey="1234"')
    refused(lambda: s3.put_bucket_acl(Bucket=b, GrantWrite='id="wrong-id"'), 400, "InvalidArgument", "Invalid id", ArgumentName="id", ArgumentValue="wrong-id")
    refused(lambda: s3.put_bucket_acl(Bucket=b, AccessControlPolicy={}), 400, "MalformedACLError", BAD_XML)


def regions():
    west = client("us-west-2")
    refused(lambda: west.create_bucket(Bucket="parity-west"), 400, "IllegalLocationConstraintException",
            "The unspecified location constraint is incompatible for the region specific endpoint this request was sent to.")
    refused(lambda: west.create_bucket(Bucket="parity-west", CreateBucketConfiguration={"LocationConstraint": "EU"}), 400, "IllegalLocationConstraintException",
            "The EU location constraint is incompatible for the region specific endpoint this request was sent to.")
    refused(lambda: s3.create_bucket(Bucket="parity-west", CreateBucketConfiguration={"LocationConstraint": "aws-global"}), 400, "InvalidLocationConstraint",
            "The specified location-constraint is not valid", LocationConstraint="aws-global")
    west.create_bucket(Bucket="parity-west", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    same(s3.head_bucket(Bucket="parity-west"), 200, BucketRegion="us-west-2", BucketArn="arn:aws:s3:::parity-west", AccessPointAlias=False)
    assert west.get_bucket_location(Bucket="parity-west")["LocationConstraint"] == "us-west-2"
    refused(lambda: west.create_bucket(Bucket="parity-west", CreateBucketConfiguration={"LocationConstraint": "us-west-2"}), 409, "BucketAlreadyOwnedByYou",
            "Your previous request to create the named bucket succeeded and you already own it.", BucketName="parity-west")
    other = client(key="111111111111")
    refused(lambda: other.create_bucket(Bucket="parity-west"), 409, "BucketAlreadyExists", None, BucketName="parity-west")
    page = same(s3.list_buckets(MaxBuckets=1), 200, Buckets=ANY, Owner=ANY, ContinuationToken=ANY)
    assert set(page["Buckets"][0]) == {"Name", "CreationDate", "BucketRegion", "BucketArn"}, page


for case in (objects_and_conditions, checksums, multipart, versions, copies, settings, regions):
    case()
print("ok")
