/** What services do on the wire that no model tells. Keyed by the name of the table. */
export interface WireHabits {
  /** The code of a failed constraint, where it is not the protocol's usual one. */
  readonly validationCode?: string;
  /** The sentence of a failed constraint does not repeat the value. */
  readonly hidesValues?: true;
  /** Members that the service has and its model has not: a refusal shows them as null. By structure. */
  readonly unmodelled?: Readonly<Record<string, readonly string[]>>;
  /** Each answer carries `x-amz-crc32`, and some SDKs insist. */
  readonly checksum?: true;
  /** The bucket may be named by the Host. */
  readonly bucketHosts?: true;
  /** Signing names of parts of the service. */
  readonly signedAlsoAs?: readonly string[];
  /** No operation has a streamed input or output: a request is read, and answered, in one piece. */
  readonly answersInOnePiece?: true;
  /** What is neither signed nor names a version in its path means this service. */
  readonly takesUndated?: true;
  /**
   * Signatures cover the path as it was sent, and links no body; a link's time and headers are judged,
   * and a wrong signature is shown, in words of its own.
   */
  readonly ownSignatures?: true;
  /** The operation that a browser's form is accounted for as. */
  readonly formOperation?: string;
  /** Bodies of streamed inputs are handed on as they come, without a bound. */
  readonly streamsBodies?: true;
  /** Members (`Structure.Member`) whose enumeration the service itself checks, in a sentence of its own. */
  readonly openEnums?: ReadonlySet<string>;
  /** How a number in the query is refused that is none, or none of 32 bits. By the parameter's name. */
  readonly badNumber?: (parameter: string) => string;
  /** Slashes at the end of a path are part of a name. */
  readonly exactPaths?: true;
  /**
   * The one code for a body that cannot be read or breaks the model; everything outside the body the
   * service checks itself.
   */
  readonly malformedCode?: string;
  /** Codes the query protocol has for errors that are in no model; the model names the others. */
  readonly queryCodes?: Readonly<Record<string, string>>;
  /** How an operation that does not exist is refused in the query protocol, where it is not the usual way. */
  readonly unknownAction?: (operation: string) => string;
  /** An error in the query protocol has an empty `Detail` too. */
  readonly errorDetail?: true;
  /**
   * How a required member of the input that is missing is refused, but for those the service checks
   * itself, as it does within members.
   */
  readonly missingMember?: {
    readonly code: string;
    readonly sentence: (member: string) => string;
    readonly except: ReadonlySet<string>;
  };
  /** Actions of the query protocol that a plain link names, without a version or a signature. */
  readonly linkedActions?: ReadonlySet<string>;
  /** Member of the query protocol's inputs that may be given by the path instead. */
  readonly pathMember?: string;
}

export const WIRE_HABITS: Readonly<Record<string, WireHabits>> = {
  lambda: {
    // A runtime may also be an ARN, says AWS, and the service's refusal says so too.
    openEnums: new Set(["CreateFunctionRequest.Runtime", "UpdateFunctionConfigurationRequest.Runtime"]),
  },
  logs: { validationCode: "InvalidParameterException" },
  iam: { hidesValues: true },
  dynamodb: { checksum: true, answersInOnePiece: true },
  dynamodbstreams: { answersInOnePiece: true },
  events: {
    answersInOnePiece: true,
    unmodelled: { PutEventsRequestEntry: ["kmsKeyIdentifier", "internalMetadata"] },
  },
  sqs: {
    answersInOnePiece: true,
    queryCodes: {
      InvalidParameterValueException: "InvalidParameterValue",
      MissingRequiredParameterException: "MissingParameter",
      AccessDeniedException: "AccessDenied",
    },
    unknownAction: (operation) => `The action ${operation} is not valid for this endpoint.`,
    errorDetail: true,
    missingMember: {
      code: "MissingRequiredParameterException",
      sentence: (member) => `The request must contain the parameter ${member}.`,
      except: new Set(["Entries"]),
    },
    // Old SDKs post to the queue's own address.
    pathMember: "QueueUrl",
  },
  sns: { linkedActions: new Set(["ConfirmSubscription", "Unsubscribe"]) },
  s3: {
    bucketHosts: true,
    exactPaths: true,
    streamsBodies: true,
    takesUndated: true,
    ownSignatures: true,
    formOperation: "PutObject",
    signedAlsoAs: ["s3express", "s3-object-lambda"],
    // Of these it tells what is wrong.
    openEnums: new Set(["Redirect.Protocol", "RedirectAllRequestsTo.Protocol", "TargetGrant.Permission"]),
    malformedCode: "MalformedXML",
    badNumber: (parameter) =>
      parameter === "partNumber"
        ? "Part number must be an integer between 1 and 10000, inclusive"
        : `Provided ${parameter} not an integer or within integer range`,
  },
};

/** Of the service in a credential scope. */
export function hasOwnSignatures(signingName: string): boolean {
  return WIRE_HABITS[signingName]?.ownSignatures === true;
}
