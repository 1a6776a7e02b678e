import json


def handler(event, context):
    failures = []
    for record in event["Records"]:
        try:
            print(f"done: order {json.loads(record['body'])['order']}")
        except ValueError:
            print(f"failed: {record['body']}")
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
