def handler(event, context):
    for record in event["Records"]:
        print(f"heard of {record['Sns']['Message']}")
