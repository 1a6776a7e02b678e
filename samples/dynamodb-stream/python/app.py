def handler(event, context):
    for record in event["Records"]:
        change = record["dynamodb"]
        before = change.get("OldImage", {}).get("city", {}).get("S")
        after = change.get("NewImage", {}).get("city", {}).get("S")
        print(f"{record['eventName']} {change['Keys']['id']['S']}: {before} -> {after}")
