def handler(event, context):
    print(f"{event['detail-type']} of {event['time']}")
