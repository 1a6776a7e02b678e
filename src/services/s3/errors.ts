import type { Caller } from "../../aws/service.ts";
import { ServiceError } from "../../kernel/errors.ts";

/** S3's refusals, each spelled once: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */

type Members = Readonly<Record<string, unknown>>;

function refusal(code: string, status: number, message: string, members: Members = {}): ServiceError {
  return new ServiceError(code, status, message, { members });
}

export function noSuchBucket(name: string): ServiceError {
  return new ServiceError("NoSuchBucket", 404, "The specified bucket does not exist", {
    members: { BucketName: name },
    hint: "aws s3 ls lists the buckets of this account",
  });
}

export function noSuchKey(key: string): ServiceError {
  return refusal("NoSuchKey", 404, "The specified key does not exist.", { Key: key });
}

/** Of a version that is a delete marker: `error`, whose headers say so. */
export function aboutMarker(
  error: ServiceError,
  marker: { readonly versionId: string; readonly modifiedAt: number },
): ServiceError {
  const isNamed = error.status === 405;
  return new ServiceError(error.code, error.status, error.message, {
    members: error.members,
    headers: {
      "x-amz-delete-marker": "true",
      "x-amz-version-id": marker.versionId,
      ...(isNamed ? { Allow: "DELETE", "Last-Modified": new Date(marker.modifiedAt).toUTCString() } : {}),
    },
  });
}

export function noSuchVersion(key: string, versionId: string): ServiceError {
  return refusal("NoSuchVersion", 404, "The specified version does not exist.", {
    Key: key,
    VersionId: versionId,
  });
}

export function noSuchUpload(uploadId: string): ServiceError {
  return refusal(
    "NoSuchUpload",
    404,
    "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
    { UploadId: uploadId },
  );
}

/** A configuration the bucket does not have: `NoSuchCORSConfiguration` and its kin. */
export function noSuchConfiguration(code: string, message: string, bucket?: string): ServiceError {
  return refusal(code, 404, message, bucket === undefined ? {} : { BucketName: bucket });
}

export function bucketAlreadyExists(name: string): ServiceError {
  return refusal(
    "BucketAlreadyExists",
    409,
    "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.",
    { BucketName: name },
  );
}

export function bucketAlreadyOwnedByYou(name: string): ServiceError {
  return refusal(
    "BucketAlreadyOwnedByYou",
    409,
    "Your previous request to create the named bucket succeeded and you already own it.",
    { BucketName: name },
  );
}

export function bucketNotEmpty(name: string, isVersioned: boolean): ServiceError {
  const rest = isVersioned ? " You must delete all versions in the bucket." : "";
  return refusal("BucketNotEmpty", 409, `The bucket you tried to delete is not empty.${rest}`, {
    BucketName: name,
  });
}

export function invalidBucketName(name: string): ServiceError {
  return refusal("InvalidBucketName", 400, "The specified bucket is not valid.", { BucketName: name });
}

export function illegalLocation(region: string): ServiceError {
  return refusal(
    "IllegalLocationConstraintException",
    400,
    `The ${region} location constraint is incompatible for the region specific endpoint this request was sent to.`,
  );
}

export function unspecifiedLocation(): ServiceError {
  return refusal(
    "IllegalLocationConstraintException",
    400,
    "The unspecified location constraint is incompatible for the region specific endpoint this request was sent to.",
  );
}

export function invalidLocation(location: string): ServiceError {
  return refusal("InvalidLocationConstraint", 400, "The specified location-constraint is not valid", {
    LocationConstraint: location,
  });
}

export function invalidArgument(message: string | undefined, name: string, value?: unknown): ServiceError {
  return refusal("InvalidArgument", 400, message ?? "", {
    ArgumentName: name,
    ...(value === undefined ? {} : { ArgumentValue: value }),
  });
}

export function invalidRequest(message: string, hint?: string): ServiceError {
  return new ServiceError("InvalidRequest", 400, message, hint === undefined ? {} : { hint });
}

export function invalidLogTarget(message: string, target: string): ServiceError {
  return refusal("InvalidTargetBucketForLogging", 400, message, { TargetBucket: target });
}

export function crossLocationLogging(location: string): ServiceError {
  return refusal("CrossLocationLoggingProhibitted", 403, "Cross S3 location logging not allowed. ", {
    TargetBucketLocation: location,
  });
}

export function malformedXml(): ServiceError {
  return refusal(
    "MalformedXML",
    400,
    "The XML you provided was not well-formed or did not validate against our published schema",
  );
}

export function malformedAcl(): ServiceError {
  return refusal(
    "MalformedACLError",
    400,
    "The XML you provided was not well-formed or did not validate against our published schema",
  );
}

export function badDigest(message: string): ServiceError {
  return refusal("BadDigest", 400, message);
}

export function invalidDigest(value: string): ServiceError {
  return refusal("InvalidDigest", 400, "The Content-MD5 you specified was invalid.", {
    "Content-MD5": value,
  });
}

export function contentHashMismatch(stated: string, computed: string): ServiceError {
  return refusal(
    "XAmzContentSHA256Mismatch",
    400,
    "The provided 'x-amz-content-sha256' header does not match what was computed.",
    { ClientComputedContentSHA256: stated, S3ComputedContentSHA256: computed },
  );
}

export function incompleteBody(): ServiceError {
  return refusal(
    "IncompleteBody",
    400,
    "You did not provide the number of bytes specified by the Content-Length HTTP header",
  );
}

export function missingContentLength(): ServiceError {
  return refusal("MissingContentLength", 411, "You must provide the Content-Length HTTP header.");
}

export function entityTooLarge(proposed: number, max: number): ServiceError {
  return refusal("EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size", {
    ProposedSize: proposed,
    MaxSizeAllowed: max,
  });
}

export function entityTooSmall(proposed: number, part: number, etag: string, min: number): ServiceError {
  return refusal("EntityTooSmall", 400, "Your proposed upload is smaller than the minimum allowed size", {
    ETag: etag,
    MinSizeAllowed: min,
    PartNumber: part,
    ProposedSize: proposed,
  });
}

export function keyTooLong(bytes: number, max: number): ServiceError {
  return refusal("KeyTooLongError", 400, "Your key is too long", { MaxSizeAllowed: max, Size: bytes });
}

export function metadataTooLarge(bytes: number, max: number): ServiceError {
  return refusal("MetadataTooLarge", 400, "Your metadata headers exceed the maximum allowed metadata size", {
    MaxSizeAllowed: max,
    Size: bytes,
  });
}

export function invalidRange(requested: string, bytes: number): ServiceError {
  return refusal("InvalidRange", 416, "The requested range is not satisfiable", {
    ActualObjectSize: bytes,
    RangeRequested: requested,
  });
}

export function invalidPartNumber(requested: number, count: number): ServiceError {
  return refusal("InvalidPartNumber", 416, "The requested partnumber is not satisfiable", {
    ActualPartCount: count,
    PartNumberRequested: requested,
  });
}

export function preconditionFailed(condition: string): ServiceError {
  return refusal("PreconditionFailed", 412, "At least one of the pre-conditions you specified did not hold", {
    Condition: condition,
  });
}

export function conditionConflict(condition: string, key: string): ServiceError {
  return refusal(
    "ConditionalRequestConflict",
    409,
    "The conditional request cannot succeed due to a conflicting operation against this resource.",
    { Condition: condition, Key: key },
  );
}

export function notModified(): ServiceError {
  return refusal("NotModified", 304, "Not Modified");
}

export function headerNotImplemented(header: string, more?: string): ServiceError {
  return refusal(
    "NotImplemented",
    501,
    "A header you provided implies functionality that is not implemented",
    {
      Header: header,
      ...(more === undefined ? {} : { additionalMessage: more }),
    },
  );
}

/** A feature of S3 that Lambent does not have: refused by name, never stored and forgotten. */
export function notServed(what: string): ServiceError {
  return new ServiceError("NotImplemented", 501, `${what} is not implemented by Lambent.`, {
    hint: "COMPATIBILITY.md lists what is served",
  });
}

export function methodNotAllowed(method: string, resourceType: string, members: Members = {}): ServiceError {
  return refusal("MethodNotAllowed", 405, "The specified method is not allowed against this resource.", {
    Method: method,
    ResourceType: resourceType,
    ...members,
  });
}

export function invalidObjectState(storageClass: string): ServiceError {
  return refusal("InvalidObjectState", 403, "The operation is not valid for the object's storage class", {
    StorageClass: storageClass,
  });
}

export function notInArchive(storageClass: string): ServiceError {
  return refusal("InvalidObjectState", 403, "Restore is not allowed for the object's current storage class", {
    StorageClass: storageClass,
  });
}

/** The same of what is to be copied. */
export function invalidSourceState(): ServiceError {
  return refusal("InvalidObjectState", 403, "Operation is not valid for the source object's storage class");
}

export function invalidStorageClass(): ServiceError {
  return refusal("InvalidStorageClass", 400, "The storage class you specified is not valid");
}

export function accessDenied(message = "Access Denied"): ServiceError {
  return refusal("AccessDenied", 403, message);
}

export function requesterMustPay(): ServiceError {
  return new ServiceError("AccessDenied", 403, "Access Denied", {
    hint: "the bucket's requesters pay: send x-amz-request-payer: requester (--request-payer requester)",
  });
}

/** What the public access block refuses, as AWS tells it: to strangers no more than that. */
export function blockedPublic(
  caller: Pick<Caller, "arn" | "kind">,
  action: string,
  resource: string,
  what: "ACLs" | "policies",
  setting: "BlockPublicAcls" | "BlockPublicPolicy",
): ServiceError {
  const hint = `aws s3api put-public-access-block sets the bucket's ${setting}`;
  const sentence =
    `User: ${caller.arn} is not authorized to perform: s3:${action} on resource: "${resource}" because ` +
    `public ${what} are prevented by the ${setting} setting in S3 Block Public Access.`;
  return new ServiceError("AccessDenied", 403, caller.kind === "anonymous" ? "Access Denied" : sentence, {
    hint,
  });
}

export function invalidOwnerId(value: string): ServiceError {
  return refusal(
    "InvalidBucketOwnerAWSAccountID",
    400,
    `The value of the expected bucket owner parameter must be an AWS Account ID... [${value}]`,
  );
}

export function invalidTag(message: string, members: Members = {}): ServiceError {
  return refusal("InvalidTag", 400, message, members);
}

export function badTagCount(max: number): ServiceError {
  return refusal("BadRequest", 400, `Object tags cannot be greater than ${String(max)}`);
}

export function invalidPart(part: number, etag: string, uploadId: string): ServiceError {
  return refusal(
    "InvalidPart",
    400,
    "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
    { ETag: etag, PartNumber: part, UploadId: uploadId },
  );
}

export function invalidPartOrder(uploadId: string): ServiceError {
  return refusal(
    "InvalidPartOrder",
    400,
    "The list of parts was not in ascending order. Parts must be ordered by part number.",
    { UploadId: uploadId },
  );
}

export function operationAborted(): ServiceError {
  return refusal(
    "OperationAborted",
    409,
    "A conflicting conditional operation is currently in progress against this resource. Please try again.",
  );
}

export function malformedTrailer(): ServiceError {
  return refusal(
    "MalformedTrailerError",
    400,
    "The request contained trailing data that was not well-formed or did not conform to our published schema.",
  );
}

export function aclNotSupported(): ServiceError {
  return new ServiceError("AccessControlListNotSupported", 400, "The bucket does not allow ACLs", {
    hint: "grant access with a bucket policy, or set ObjectOwnership to ObjectWriter with put-bucket-ownership-controls",
  });
}

export function invalidEncryption(value: string): ServiceError {
  return refusal(
    "InvalidEncryptionAlgorithmError",
    400,
    "The Encryption request you specified is not valid. Supported value: AES256.",
    { ArgumentName: "x-amz-server-side-encryption", ArgumentValue: value },
  );
}

export function invalidBucketAclWithOwnership(): ServiceError {
  return refusal(
    "InvalidBucketAclWithObjectOwnership",
    400,
    "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
  );
}

export function invalidBucketAclWithBlock(): ServiceError {
  return refusal(
    "InvalidBucketAclWithBlockPublicAccessError",
    400,
    "Bucket cannot have public ACLs set with BlockPublicAccess enabled",
  );
}

export function malformedPost(): ServiceError {
  return refusal(
    "MalformedPOSTRequest",
    400,
    "The body of your POST request is not well-formed multipart/form-data.",
  );
}

export function postTooLarge(max: number): ServiceError {
  return refusal(
    "MaxPostPreDataLengthExceededError",
    400,
    "Your POST request fields preceding the upload file were too large.",
    { MaxPostPreDataLengthBytes: max },
  );
}

export function postTooSmall(proposed: number, min: number): ServiceError {
  return refusal("EntityTooSmall", 400, "Your proposed upload is smaller than the minimum allowed size", {
    ProposedSize: proposed,
    MinSizeAllowed: min,
  });
}

export function objectLocked(): ServiceError {
  return new ServiceError("AccessDenied", 403, "Access Denied because object protected by object lock.", {
    hint: "wait for the end of its retention, take the legal hold away, or bypass a GOVERNANCE retention",
  });
}
