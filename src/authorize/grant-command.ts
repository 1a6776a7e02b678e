import { functionOfArn } from "../kernel/arn.ts";

/**
 * The command that lets an AWS service call a function, to be typed as it is. Queues and topics have
 * no command that adds one statement without replacing the rest, so they are not here.
 * https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
 * @param sourceArn undefined where the service does not say for whom it calls
 */
export function grantCommand(principal: string, sourceArn: string | undefined, functionArn: string): string {
  const { functionName = "", qualifier } = functionOfArn(functionArn) ?? {};
  return [
    `aws lambda add-permission --function-name ${functionName}`,
    ...(qualifier === undefined ? [] : [`--qualifier ${qualifier}`]),
    `--statement-id ${statementId(principal, sourceArn)} --action lambda:InvokeFunction --principal ${principal}`,
    ...(sourceArn === undefined ? [] : [`--source-arn ${sourceArn}`]),
  ].join(" ");
}

/** `s3-photos`, of the characters that the id of a statement may have. */
function statementId(principal: string, sourceArn = ""): string {
  const name = sourceArn.split(/[:/]/u).at(-1) ?? "";
  const id = [principal.split(".")[0], name].filter((part) => part !== "").join("-");
  return id.replaceAll(/[^A-Za-z0-9_-]/gu, "-").slice(0, 100);
}
