"""A rule and its target through boto3: what a user types first. Prints what arrived, as JSON."""

import json
import sys
import time

import boto3

endpoint = sys.argv[1]
options = {
    "endpoint_url": endpoint,
    "region_name": "us-east-1",
    "aws_access_key_id": "test",
    "aws_secret_access_key": "test",
}
events = boto3.client("events", **options)
sqs = boto3.client("sqs", **options)

url = sqs.create_queue(QueueName="journey")["QueueUrl"]
arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
events.create_event_bus(Name="journey")
events.put_rule(Name="journey", EventBusName="journey", EventPattern=json.dumps({"detail": {"n": [{"numeric": [">", 1]}]}}))
events.put_targets(Rule="journey", EventBusName="journey", Targets=[{"Id": "1", "Arn": arn}])
entries = [
    {"EventBusName": "journey", "Source": "me", "DetailType": "t", "Detail": json.dumps({"n": n})} for n in (1, 2)
]
answer = events.put_events(Entries=entries)
received = []
deadline = time.time() + 20
while not received and time.time() < deadline:
    received = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2).get("Messages", [])
try:
    events.describe_rule(Name="never")
    refusal = None
except events.exceptions.ResourceNotFoundException as error:
    refusal = error.response["Error"]
pages = events.get_paginator("list_rules").paginate(EventBusName="journey", PaginationConfig={"PageSize": 1})
print(
    json.dumps(
        {
            "failed": answer["FailedEntryCount"],
            "ids": [entry["EventId"] for entry in answer["Entries"]],
            "events": [json.loads(message["Body"]) for message in received],
            "refusal": refusal,
            "rules": [rule["Name"] for page in pages for rule in page["Rules"]],
        }
    )
)
