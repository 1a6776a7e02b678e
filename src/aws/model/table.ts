/**
 * The rows of a generated table: one file a service under `generated/`, written by
 * `npm run generate`. Names are AWS's own; whatever has its usual value is left out.
 */
export type ProtocolId = "restJson1" | "restXml" | "awsJson1_0" | "awsJson1_1" | "awsQuery" | "rpcv2Cbor";

export type ScalarType =
  | "string"
  | "integer"
  | "long"
  | "float"
  | "double"
  | "boolean"
  | "blob"
  | "timestamp"
  | "document";

export type TimestampFormat = "unixTimestamp" | "iso8601" | "rfc822";

/** Where a member travels when it is not in the body. */
export type Location = "uri" | "header" | "headers" | "querystring" | "statusCode";

export interface MemberTraits {
  readonly shape: string;
  readonly at?: Location;
  /** Its name on the wire (header, query key, element) when that is not the member's. */
  readonly as?: string;
  /** Its name in the query protocol that a JSON service also speaks. */
  readonly xml?: string;
  readonly flat?: true;
  readonly attribute?: true;
  readonly time?: TimestampFormat;
  readonly namespace?: string;
  readonly stream?: true;
  readonly token?: true;
  readonly event?: "payload" | "header";
}

/** A bare string is the name of the member's shape. */
export type MemberRow = string | MemberTraits;

export interface Constraints {
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: string;
  readonly enum?: readonly string[];
}

export interface StructureRow {
  readonly type: "structure";
  readonly members: Readonly<Record<string, MemberRow>>;
  readonly required?: readonly string[];
  /** The member that is the whole body. */
  readonly payload?: string;
  readonly union?: true;
  readonly eventStream?: true;
  /** Errors only: HTTP status, and the code of the query protocol where it differs from the name. */
  readonly status?: number;
  readonly queryCode?: string;
  readonly namespace?: string;
  readonly prefix?: string;
}

export interface ListRow extends Constraints {
  readonly type: "list";
  readonly of: MemberRow;
  readonly flat?: true;
}

export interface MapRow extends Constraints {
  readonly type: "map";
  readonly key: MemberRow;
  readonly value: MemberRow;
  readonly flat?: true;
}

export interface ScalarRow extends Constraints {
  readonly type: ScalarType;
  readonly time?: TimestampFormat;
  readonly stream?: true;
}

export type ShapeRow = StructureRow | ListRow | MapRow | ScalarRow;

export interface OperationRow {
  /** REST protocols: method, path with labels and constant query keys, status of a success. */
  readonly http?: readonly [method: string, uri: string, status?: number];
  readonly in?: string;
  readonly out?: string;
  readonly errors?: readonly string[];
  /** XML: names of the root elements where they are not the shapes' names. */
  readonly inRoot?: string;
  readonly outRoot?: string;
}

export interface ServiceTable {
  readonly operations: Readonly<Record<string, OperationRow>>;
  readonly shapes: Readonly<Record<string, ShapeRow>>;
}

export interface ServiceRow {
  readonly name: string;
  /** As AWS writes it in prose, e.g. `AWS Lambda`. */
  readonly title: string;
  readonly apiVersion: string;
  readonly signingName: string;
  readonly endpointPrefix: string;
  /** First the one our client speaks. */
  readonly protocols: readonly ProtocolId[];
  readonly targetPrefix?: string;
  readonly xmlNamespace?: string;
  /** A JSON or CBOR service whose older clients look for the query protocol's error codes. */
  readonly queryCompatible?: true;
  readonly load: () => Promise<ServiceTable>;
}
