/**
 * Errors of AWS's models that cannot happen here, each with the reason: data for the compatibility table.
 * An operation whose other errors were all seen by tests is "full" with these as its footnotes. What the
 * service could answer and no test has seen does not belong here.
 */
export interface Impossible {
  readonly service: string;
  /** Without it, of every operation. */
  readonly operations?: readonly string[];
  /**
   * Names of the model's error shapes; `pagination` for lists that never have a second page, `persistence`
   * for what changes nothing.
   */
  readonly errors: readonly string[];
  readonly because: string;
}

/** Lambda's settings that wait for each other instead of refusing the later one. */
const SETTINGS_OF_A_FUNCTION = [
  "DeleteAlias",
  "UpdateAlias",
  "PutFunctionConcurrency",
  "DeleteFunctionConcurrency",
  "PutFunctionRecursionConfig",
  "PutFunctionEventInvokeConfig",
  "UpdateFunctionEventInvokeConfig",
  "DeleteFunctionEventInvokeConfig",
  "TagResource",
  "UntagResource",
];

/** IAM's operations on a managed policy by its ARN. */
const ON_A_POLICY = [
  "AttachGroupPolicy",
  "AttachRolePolicy",
  "AttachUserPolicy",
  "CreatePolicyVersion",
  "GetPolicy",
  "GetPolicyVersion",
  "ListEntitiesForPolicy",
  "PutRolePermissionsBoundary",
  "PutUserPermissionsBoundary",
];

/** SQS's operations whose input names no address. */
const WITHOUT_QUEUE_URL = [
  "CancelMessageMoveTask",
  "CreateQueue",
  "GetQueueUrl",
  "ListMessageMoveTasks",
  "ListQueues",
  "StartMessageMoveTask",
];

export const IMPOSSIBLE: readonly Impossible[] = [
  {
    service: "lambda",
    errors: [
      "InvalidCodeSignatureException",
      "CodeVerificationFailedException",
      "CodeSigningConfigNotFoundException",
    ],
    because: "CodeSigningConfigArn is refused by name, so no code is signed.",
  },
  {
    service: "lambda",
    errors: ["FunctionVersionsPerCapacityProviderLimitExceededException", "NoPublishedVersionException"],
    because: "CapacityProviderConfig is refused by name.",
  },
  {
    service: "lambda",
    operations: ["CreateFunction"],
    errors: ["ResourceNotFoundException"],
    because: "What a new function could refer to and miss (layers, subnets, keys) is refused by name.",
  },
  {
    service: "lambda",
    errors: ["PublicPolicyException"],
    because: "There is no account setting that blocks public policies.",
  },
  {
    service: "lambda",
    operations: ["GetEventSourceMapping", "DeleteEventSourceMapping"],
    errors: ["InvalidParameterValueException"],
    because: "The id is all they take: one that is none names nothing.",
  },
  {
    service: "lambda",
    operations: ["DeleteEventSourceMapping"],
    errors: ["ResourceConflictException"],
    because: "Changes of a mapping are made one after the other; one that is being deleted is in use.",
  },
  {
    service: "lambda",
    operations: [
      "GetAlias",
      "DeleteAlias",
      "GetFunctionConcurrency",
      "GetFunctionRecursionConfig",
      "PutFunctionRecursionConfig",
    ],
    errors: ["InvalidParameterValueException"],
    because: "What breaks a rule of these inputs is a ValidationException, as on AWS.",
  },
  {
    service: "lambda",
    operations: SETTINGS_OF_A_FUNCTION,
    errors: ["ResourceConflictException"],
    because: "Changes of a function's settings are made one after the other; none is refused for another.",
  },
  {
    service: "lambda",
    operations: ["Invoke", "InvokeAsync"],
    errors: [
      "EC2AccessDeniedException",
      "EC2ThrottledException",
      "EC2UnexpectedException",
      "ENILimitReachedException",
      "ENINotReadyException",
      "InvalidSecurityGroupIDException",
      "InvalidSubnetIDException",
      "SubnetIPAddressLimitReachedException",
      "ResourceNotReadyException",
    ],
    because: "VpcConfig is refused by name, so no function waits for a network interface.",
  },
  {
    service: "lambda",
    operations: ["Invoke", "InvokeAsync"],
    errors: [
      "EFSIOException",
      "EFSMountConnectivityException",
      "EFSMountFailureException",
      "EFSMountTimeoutException",
      "S3FilesMountConnectivityException",
      "S3FilesMountFailureException",
      "S3FilesMountTimeoutException",
    ],
    because: "FileSystemConfigs is refused by name.",
  },
  {
    service: "lambda",
    operations: ["Invoke", "InvokeAsync"],
    errors: [
      "KMSAccessDeniedException",
      "KMSDisabledException",
      "KMSInvalidStateException",
      "KMSNotFoundException",
    ],
    because: "KMSKeyArn is refused by name; variables are sealed with a key of the data folder.",
  },
  {
    service: "lambda",
    operations: ["Invoke", "InvokeAsync"],
    errors: [
      "SnapStartException",
      "SnapStartNotReadyException",
      "SnapStartRegenerationFailureException",
      "SnapStartTimeoutException",
    ],
    because: "SnapStart is refused by name.",
  },
  {
    service: "lambda",
    operations: ["Invoke"],
    errors: ["DurableExecutionAlreadyStartedException"],
    because: "DurableExecutionName is refused by name.",
  },
  {
    service: "lambda",
    operations: ["Invoke", "InvokeAsync"],
    errors: [
      "CodeArtifactUserDeletedException",
      "CodeArtifactUserFailedException",
      "CodeArtifactUserPendingException",
      "ModeNotSupportedException",
      "RuntimeAliasDeletedException",
      "RuntimeVersionDeletedException",
      "SerializedRequestEntityTooLargeException",
      "ServiceQuotaExceededException",
    ],
    because: "States of AWS's own fleet, its runtime management and its internal encoding of events.",
  },
  {
    service: "lambda",
    operations: ["CreateAlias"],
    errors: ["AliasLimitExceededException"],
    because: "AWS publishes no quota of aliases, and none is kept here.",
  },
  {
    service: "lambda",
    operations: ["InvokeAsync"],
    errors: ["InvalidRuntimeException"],
    because: "The event is accepted before anything of the function is started.",
  },
  {
    service: "lambda",
    operations: ["Invoke"],
    errors: ["UnsupportedMediaTypeException"],
    because: "A body is judged by what it holds: official clients send several content types with JSON.",
  },
  {
    service: "iam",
    operations: [
      "CreateInstanceProfile",
      "CreatePolicy",
      "CreateRole",
      "CreateUser",
      "TagInstanceProfile",
      "TagPolicy",
      "TagRole",
      "TagUser",
      "UntagInstanceProfile",
      "UntagPolicy",
      "UntagRole",
    ],
    errors: ["ConcurrentModificationException"],
    because: "Of two at once the later one sees what the earlier one made.",
  },
  {
    service: "iam",
    errors: ["EntityTemporarilyUnmodifiableException"],
    because: "A name can be changed again at once.",
  },
  {
    service: "iam",
    errors: ["InvalidInputException"],
    operations: [
      ...ON_A_POLICY,
      "DeletePolicyVersion",
      "DetachGroupPolicy",
      "DetachRolePolicy",
      "DetachUserPolicy",
      "GetServiceLinkedRoleDeletionStatus",
      "ListAttachedGroupPolicies",
      "ListAttachedRolePolicies",
      "ListAttachedUserPolicies",
      "ListPolicyTags",
      "ListPolicyVersions",
      "UntagInstanceProfile",
      "UntagPolicy",
      "UpdateAccessKey",
    ],
    because: "AWS answers ValidationError, which its model lacks, for values that break a rule.",
  },
  {
    service: "iam",
    errors: ["PolicyNotAttachableException"],
    because: "AWS's managed policies that only service-linked roles may have are not here.",
  },
  {
    service: "iam",
    operations: ["CreateServiceSpecificCredential", "ListServiceSpecificCredentials"],
    errors: ["ServiceNotSupportedException"],
    because: "AWS answers NoSuchEntity for a service that takes no such credentials.",
  },
  {
    service: "iam",
    operations: ["UpdateRole", "RemoveRoleFromInstanceProfile"],
    errors: ["UnmodifiableEntityException"],
    because:
      "Descriptions of service-linked roles may be changed, and such a role is in no instance profile.",
  },
  {
    service: "iam",
    operations: ["AddRoleToInstanceProfile"],
    errors: ["EntityAlreadyExistsException"],
    because: "A profile holds one role: a second one, the same or another, is beyond its quota.",
  },
  {
    service: "iam",
    operations: ["CreateGroup", "CreateServiceLinkedRole"],
    errors: ["NoSuchEntityException"],
    because: "The request names nothing else that could be missing.",
  },
  {
    service: "iam",
    operations: ["CreateServiceLinkedRole"],
    errors: ["LimitExceededException"],
    because: "The roles of services are not counted.",
  },
  {
    service: "iam",
    operations: [
      "DeleteAccessKey",
      "DeleteGroup",
      "DeleteGroupPolicy",
      "DeleteInstanceProfile",
      "DeleteLoginProfile",
      "DeletePolicy",
      "DeletePolicyVersion",
      "DeleteRole",
      "DeleteRolePolicy",
      "DeleteServiceLinkedRole",
      "DeleteUser",
      "DeleteUserPolicy",
      "DetachGroupPolicy",
      "DetachRolePolicy",
      "DetachUserPolicy",
      "RemoveRoleFromInstanceProfile",
      "RemoveUserFromGroup",
      "UpdateAccessKey",
      "UpdateGroup",
      "UpdateUser",
    ],
    errors: ["LimitExceededException"],
    because: "The operation adds nothing that is counted.",
  },
  {
    service: "iam",
    operations: ["SimulateCustomPolicy", "SimulatePrincipalPolicy"],
    errors: ["PolicyEvaluationException"],
    because: "What can be read as a policy can be evaluated; all else is InvalidInput.",
  },
  {
    service: "sts",
    operations: ["AssumeRole"],
    errors: ["ExpiredTokenException"],
    because:
      "It means tokens of ProvidedContexts, which are refused by name; an expired session is ExpiredToken.",
  },
  {
    service: "sts",
    errors: ["RegionDisabledException"],
    because: "Every region is enabled.",
  },
  {
    service: "logs",
    errors: ["OperationAbortedException"],
    because: "Changes are made one after the other; none is aborted for another.",
  },
  {
    service: "logs",
    operations: ["CreateLogGroup"],
    errors: ["LimitExceededException"],
    because: "How many groups an account may have is not limited here.",
  },
  {
    service: "logs",
    operations: ["PutLogGroupDeletionProtection"],
    errors: ["AccessDeniedException", "InvalidOperationException"],
    because: "Who may do it is judged before (--iam enforce), and every kind of group here can be protected.",
  },
  {
    service: "logs",
    operations: ["PutResourcePolicy"],
    errors: ["ResourceNotFoundException"],
    because: "resourceArn is refused by name; policies are those of the whole account.",
  },
  {
    service: "iam",
    operations: [
      "ListAccountAliases",
      "ListMFADevices",
      "ListSSHPublicKeys",
      "ListServerCertificates",
      "ListSigningCertificates",
      "ListVirtualMFADevices",
    ],
    errors: ["pagination"],
    because: "None can be made here, so there is never a second page.",
  },
  {
    service: "iam",
    operations: ["CreateLoginProfile", "UpdateLoginProfile"],
    errors: ["LimitExceededException"],
    because: "A user has one password: nothing is counted.",
  },
  {
    service: "logs",
    operations: ["DescribeMetricFilters"],
    errors: ["pagination"],
    because: "Metric filters cannot be put (by name), so there is never a second page.",
  },
  {
    service: "logs",
    operations: ["PutSubscriptionFilter", "DeleteSubscriptionFilter"],
    errors: ["OperationAbortedException"],
    because: "Of two at once the later one sees what the earlier one made.",
  },
  {
    service: "logs",
    operations: ["PutSubscriptionFilter"],
    errors: ["InvalidOperationException"],
    because: "Groups of every class may have subscriptions here.",
  },
  {
    service: "logs",
    operations: ["PutLogEvents"],
    errors: ["InvalidSequenceTokenException", "DataAlreadyAcceptedException"],
    because: "AWS stopped looking at sequence tokens in 2023 and raises neither of them.",
  },
  {
    service: "sqs",
    errors: ["RequestThrottled"],
    because: "Requests are not throttled.",
  },
  {
    service: "sqs",
    errors: ["InvalidSecurity"],
    because: "Plain HTTP is what this endpoint serves; a wrong signature is refused by its own name.",
  },
  {
    service: "sqs",
    errors: ["UnsupportedOperation"],
    because: "Only list values of message attributes are unsupported; in a batch they fail their entry.",
  },
  {
    service: "sqs",
    errors: [
      "KmsAccessDenied",
      "KmsDisabled",
      "KmsInvalidKeyUsage",
      "KmsInvalidState",
      "KmsOptInRequired",
      "KmsThrottled",
    ],
    because: "There is no KMS: a key of the account is never found (KmsNotFound).",
  },
  {
    service: "sqs",
    operations: ["ReceiveMessage"],
    errors: ["KmsNotFound"],
    because: "No message was encrypted with a key of the account: sending is refused.",
  },
  {
    service: "sqs",
    operations: WITHOUT_QUEUE_URL,
    errors: ["InvalidAddress"],
    because: "The input names no address.",
  },
  {
    service: "sqs",
    errors: ["InvalidIdFormat", "MessageNotInflight"],
    because: "A handle that does not fit is ReceiptHandleIsInvalid or InvalidParameterValue, as on AWS.",
  },
  {
    service: "sqs",
    operations: ["SetQueueAttributes"],
    errors: ["OverLimit"],
    because: "AWS names no quota that setting attributes could break.",
  },
  {
    service: "sns",
    errors: ["ThrottledException"],
    because: "Requests are not throttled.",
  },
  {
    service: "sns",
    errors: ["InvalidSecurityException"],
    because: "Plain HTTP is what this endpoint serves; a wrong signature is refused by its own name.",
  },
  {
    service: "sns",
    errors: ["ConcurrentAccessException"],
    because: "Changes at once take their turns.",
  },
  {
    service: "sns",
    errors: ["StaleTagException", "TagPolicyException"],
    because: "Tags end with their topic at once, and there are no organizations with tag policies.",
  },
  {
    service: "sns",
    errors: ["ReplayLimitExceededException", "InvalidStateException"],
    because: "Topics keep no archive (ArchivePolicy and ReplayPolicy are refused by name).",
  },
  {
    service: "sns",
    errors: [
      "KMSAccessDeniedException",
      "KMSDisabledException",
      "KMSInvalidStateException",
      "KMSOptInRequired",
      "KMSThrottlingException",
    ],
    because: "There is no KMS: a key of the account is never found (KMSNotFound).",
  },
  {
    service: "sns",
    operations: ["Publish", "PublishBatch", "ListOriginationNumbers"],
    errors: ["ValidationException"],
    because: "What breaks a rule is InvalidParameter or ParameterValueInvalid, as on AWS.",
  },
  {
    service: "sns",
    operations: ["PublishBatch"],
    errors: ["EndpointDisabledException", "PlatformApplicationDisabledException"],
    because: "A batch goes to a topic; endpoints that are disabled are passed over, as on AWS.",
  },
  {
    service: "sns",
    operations: ["ConfirmSubscription"],
    errors: ["SubscriptionLimitExceededException", "FilterPolicyLimitExceededException"],
    because: "A subscription and its filter policy are counted when it is asked for.",
  },
  {
    service: "sns",
    operations: ["ConfirmSubscription"],
    errors: ["NotFoundException"],
    because: "The token says which subscription; one whose topic is gone is InvalidParameter.",
  },
  {
    service: "sns",
    operations: ["DeleteTopic", "Unsubscribe"],
    errors: ["NotFoundException"],
    because: "Ending what is not there succeeds, as on AWS.",
  },
  {
    service: "sns",
    operations: ["UntagResource"],
    errors: ["TagLimitExceededException"],
    because: "The operation adds nothing that is counted.",
  },
  {
    service: "sns",
    operations: ["ListOriginationNumbers", "ListSMSSandboxPhoneNumbers"],
    errors: ["pagination", "ResourceNotFoundException"],
    because: "The account has no numbers and is in no sandbox, so there is never a second page.",
  },
  {
    service: "sns",
    operations: ["ListPhoneNumbersOptedOut", "OptInPhoneNumber"],
    errors: ["pagination", "persistence"],
    because: "Nobody can answer a text message, so nobody has opted out, and nothing is kept.",
  },
  {
    service: "events",
    errors: ["ConcurrentModificationException"],
    because: "Changes at once take their turns.",
  },
  {
    service: "events",
    errors: ["ManagedRuleException"],
    because: "Rules managed by AWS services exist on AWS only.",
  },
  {
    service: "events",
    errors: ["OperationDisabledException"],
    because: "No operation is switched off here.",
  },
  {
    service: "events",
    operations: ["DescribeArchive"],
    errors: ["ResourceAlreadyExistsException"],
    because: "It makes nothing.",
  },
  {
    service: "events",
    operations: ["UpdateArchive"],
    errors: ["LimitExceededException"],
    because: "It adds nothing that is counted.",
  },
  {
    service: "events",
    operations: ["StartReplay"],
    errors: ["InvalidEventPatternException"],
    because: "It takes no pattern.",
  },
  {
    service: "events",
    operations: ["CreateEventBus"],
    errors: ["ResourceNotFoundException", "InvalidStateException"],
    because: "They are of partner event sources, which are refused by name.",
  },
  {
    service: "s3",
    operations: ["PutObject"],
    errors: ["InvalidWriteOffset", "TooManyParts", "EncryptionTypeMismatch"],
    because:
      "They are of appending to objects of directory buckets (WriteOffsetBytes), which is refused by name.",
  },
  {
    service: "s3",
    operations: ["RestoreObject"],
    errors: ["ObjectAlreadyInActiveTierError"],
    because:
      "AWS, too, answers InvalidObjectState of what is in no archive, and 200 of what is restored already.",
  },
  {
    service: "s3",
    errors: ["pagination"],
    operations: [
      "ListBucketAnalyticsConfigurations",
      "ListBucketInventoryConfigurations",
      "ListBucketIntelligentTieringConfigurations",
      "ListBucketMetricsConfigurations",
    ],
    because: "Such configurations cannot be put (by name), so there is never a second page.",
  },
  {
    service: "dynamodb",
    errors: ["RequestLimitExceeded"],
    because: "There is no quota of throughput for an account.",
  },
  {
    service: "dynamodb",
    errors: ["ReplicatedWriteConflictException"],
    because: "Replicas are refused by name, so no other Region writes.",
  },
  {
    service: "dynamodb",
    operations: ["DeleteItem"],
    errors: ["ItemCollectionSizeLimitExceededException"],
    because: "Deleting an item makes no collection larger.",
  },
  {
    service: "dynamodb",
    operations: ["TransactGetItems", "TransactWriteItems"],
    errors: ["ProvisionedThroughputExceededException", "ThrottlingException"],
    because: "It cancels the transaction: TransactionCanceledException with this reason.",
  },
  {
    service: "dynamodb",
    operations: ["TransactWriteItems"],
    errors: ["TransactionInProgressException"],
    because: "Requests with one token take turns; the later one is answered as the repeat it is.",
  },
  {
    service: "dynamodb",
    operations: ["TagResource", "UntagResource"],
    errors: ["LimitExceededException", "ResourceInUseException"],
    because: "Tags may be changed as often as one likes, whatever else happens to the table.",
  },
  {
    service: "dynamodb",
    operations: ["ListTagsOfResource"],
    errors: ["pagination"],
    because: "A table's tags, 50 at most, come in one page.",
  },
  {
    service: "dynamodb",
    operations: ["UpdateContinuousBackups"],
    errors: ["ContinuousBackupsUnavailableException"],
    because: "Switching backups on is refused by name.",
  },
  {
    service: "dynamodbstreams",
    operations: ["GetRecords"],
    errors: ["LimitExceededException"],
    because: "How many read a shard at once is not limited.",
  },
  {
    service: "dynamodbstreams",
    operations: ["ListStreams"],
    errors: ["ResourceNotFoundException"],
    because: "A name without streams, also that of a table long gone, gives an empty list.",
  },
];

/**
 * Errors that AWS answers under another name than its model's.
 * https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 */
export const ANSWERED_AS: Readonly<Record<string, string>> = {
  "lambda RequestTooLargeException": "RequestEntityTooLargeException",
  "s3 ObjectNotInActiveTierError": "InvalidObjectState",
};
