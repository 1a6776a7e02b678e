"""SNS as boto3 parses it: which members are there, which are not, and the codes of refusals."""
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint = sys.argv[1]
settings = {
    "endpoint_url": endpoint,
    "region_name": "eu-west-1",
    "aws_access_key_id": "test",
    "aws_secret_access_key": "test",
    "config": Config(retries={"max_attempts": 1}),
}
sns = boto3.client("sns", **settings)
sqs = boto3.client("sqs", **settings)


def plain(answer):
    answer.pop("ResponseMetadata", None)
    return answer


def refusal(call, **given):
    try:
        call(**given)
    except ClientError as error:
        return {**error.response["Error"], "Status": error.response["ResponseMetadata"]["HTTPStatusCode"]}
    raise AssertionError("the call was expected to be refused")


def invalid(message):
    return {"Type": "Sender", "Code": "InvalidParameter", "Message": "Invalid parameter: " + message, "Status": 400}


def same(actual, expected):
    assert actual == expected, f"{actual!r} is not {expected!r}"


topic = sns.create_topic(Name="parity")["TopicArn"]
url = sqs.create_queue(QueueName="parity")["QueueUrl"]
queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

# Nothing where there is nothing, empty lists where AWS has them.
same(plain(sns.list_topics()), {"Topics": [{"TopicArn": topic}]})
same(plain(sns.list_subscriptions()), {"Subscriptions": []})
same(plain(sns.list_subscriptions_by_topic(TopicArn=topic)), {"Subscriptions": []})
same(plain(sns.list_tags_for_resource(ResourceArn=topic)), {"Tags": []})
same(plain(sns.list_phone_numbers_opted_out()), {"phoneNumbers": []})
same(plain(sns.opt_in_phone_number(phoneNumber="+15550100")), {})
same(plain(sns.check_if_phone_number_is_opted_out(phoneNumber="+15550100")), {"isOptedOut": False})
same(plain(sns.get_sms_attributes()), {"attributes": {}})
same(plain(sns.tag_resource(ResourceArn=topic, Tags=[{"Key": "k1", "Value": "v1"}])), {})
same(plain(sns.list_tags_for_resource(ResourceArn=topic)), {"Tags": [{"Key": "k1", "Value": "v1"}]})
same(plain(sns.untag_resource(ResourceArn=topic, TagKeys=["k1"])), {})
same(plain(sns.set_topic_attributes(TopicArn=topic, AttributeName="DisplayName", AttributeValue="P")), {})

subscription = plain(sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={}))
same(set(subscription), {"SubscriptionArn"})
arn = subscription["SubscriptionArn"]
shown = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
same(
    sorted(shown),
    [
        "ConfirmationWasAuthenticated",
        "Endpoint",
        "Owner",
        "PendingConfirmation",
        "Protocol",
        "RawMessageDelivery",
        "SubscriptionArn",
        "SubscriptionPrincipal",
        "TopicArn",
    ],
)
same(
    plain(sns.list_subscriptions()),
    {"Subscriptions": [
        {"Endpoint": queue, "Owner": shown["Owner"], "Protocol": "sqs", "SubscriptionArn": arn, "TopicArn": topic}
    ]},
)
same(plain(sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="a@b.c")), {"SubscriptionArn": "pending confirmation"})
same(plain(sns.set_subscription_attributes(
    SubscriptionArn=arn, AttributeName="RawMessageDelivery", AttributeValue="true")), {})

answer = plain(sns.publish(TopicArn=topic, Message="x"))
same(set(answer), {"MessageId"})
batch = plain(sns.publish_batch(
    TopicArn=topic,
    PublishBatchRequestEntries=[{"Id": "1", "Message": "y", "MessageAttributes": {
        "attr1": {"DataType": "Number", "StringValue": "99.12"},
        "attr2": {"DataType": "Number", "StringValue": "109.12"}}}],
))
same([set(entry) for entry in batch["Successful"]], [{"Id", "MessageId"}])
same(batch["Failed"], [])

received = {}
while len(received) < 2:
    for message in sqs.receive_message(
        QueueUrl=url, WaitTimeSeconds=5, MessageAttributeNames=["All"]
    ).get("Messages", []):
        received[message["Body"]] = message
assert "MessageAttributes" not in received["x"]
same(received["y"]["MD5OfMessageAttributes"], "9b720b3af309c1c4b0d395c53b08c502")
same(received["y"]["MessageAttributes"]["attr1"], {"StringValue": "99.12", "DataType": "Number"})

missing = topic + "-missing"
gone = {"Type": "Sender", "Code": "NotFound", "Message": "Topic does not exist", "Status": 404}
same(refusal(sns.publish, TopicArn=missing, Message="x"), gone)
same(refusal(sns.publish_batch, TopicArn=missing, PublishBatchRequestEntries=[{"Id": "1", "Message": "x"}]), gone)
same(refusal(sns.subscribe, TopicArn=missing, Protocol="sqs", Endpoint=queue), gone)
same(refusal(sns.get_topic_attributes, TopicArn=missing), gone)
same(refusal(sns.remove_permission, TopicArn=missing, Label="x"), gone)
same(
    refusal(sns.get_topic_attributes, TopicArn="x"),
    invalid("TopicArn Reason: An ARN must have at least 6 elements, not 1"),
)
same(
    refusal(sns.unsubscribe, SubscriptionArn="pending confirmation"),
    invalid("SubscriptionArn Reason: An ARN must have at least 6 elements, not 1"),
)
same(
    refusal(sns.tag_resource, ResourceArn=topic, Tags=[{"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}]),
    invalid("Duplicated keys are not allowed."),
)
same(
    refusal(sns.publish, TopicArn=topic, Message="x", MessageAttributes={"a": {"DataType": "String", "StringValue": ""}}),
    {
        "Type": "Sender",
        "Code": "ParameterValueInvalid",
        "Message": "The message attribute 'a' must contain non-empty message attribute value for message attribute type 'String'.",
        "Status": 400,
    },
)
same(
    refusal(sns.subscribe, TopicArn=topic, Protocol="sqs", Endpoint=url),
    invalid("SQS endpoint ARN"),
)
entries = [{"Id": str(index), "Message": "x"} for index in range(11)]
same(refusal(sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=entries)["Code"], "TooManyEntriesInBatchRequest")
same(refusal(sns.delete_sms_sandbox_phone_number, PhoneNumber="+15550100")["Status"], 501)

same(plain(sns.unsubscribe(SubscriptionArn=arn)), {})
same(plain(sns.delete_topic(TopicArn=topic)), {})
same(plain(sns.delete_topic(TopicArn=topic)), {})
print("ok")
