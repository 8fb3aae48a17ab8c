"""A consumer that shares no code with the product: librdkafka, fastavro and the registry's Confluent API.

Reads topics from their beginning to their end as it is now, checks every envelope, decodes every value, and prints one JSON document:
{"counts": {topic: {partition: {type: n}}}, "faults": [text]}.

    consumer.py BROKERS REGISTRY_URL TOPIC...
"""

import io
import json
import struct
import sys
import urllib.error
import urllib.request
import uuid
from datetime import datetime

import fastavro
from confluent_kafka import Consumer, KafkaException, TopicPartition

CONTENT_TYPE = "application/vnd.confluent.avro"
UNREADABLE = "unreadable"
PATIENCE_SECONDS = 20

brokers, registry, *topics = sys.argv[1:]
schemas = {}
counts = {}
faults = []


def schema_of(schema_id):
    """The writer's schema, asked for once."""
    if schema_id not in schemas:
        with urllib.request.urlopen(f"{registry}/schemas/ids/{schema_id}", timeout=10) as answer:
            schemas[schema_id] = fastavro.parse_schema(json.loads(json.load(answer)["schema"]))
    return schemas[schema_id]


def read(value):
    """Full name of the event in Confluent framing; an error when it is no such thing or bytes are left over."""
    magic, schema_id = struct.unpack(">bI", value[:5])
    if magic != 0:
        raise ValueError("no Confluent framing")
    schema, body = schema_of(schema_id), io.BytesIO(value[5:])
    fastavro.schemaless_reader(body, schema)
    if body.read(1):
        raise ValueError("bytes are left over")
    return schema["name"]


def check(headers, name):
    """What is wrong with a CloudEvents envelope."""
    if headers.get("ce_specversion") != "1.0":
        yield "ce_specversion is not 1.0"
    if headers.get("ce_type") != name:
        yield f"ce_type is {headers.get('ce_type')}"
    if headers.get("content-type") != CONTENT_TYPE:
        yield f"content-type is {headers.get('content-type')}"
    try:
        uuid.UUID(headers.get("ce_id", ""))
        datetime.fromisoformat(headers.get("ce_time", "").replace("Z", "+00:00"))
    except ValueError as error:
        yield str(error)


def take(message):
    """Counts one record."""
    partition = counts.setdefault(message.topic(), {}).setdefault(str(message.partition()), {})
    try:
        name = read(message.value() or b"")
    except (ValueError, struct.error, EOFError, urllib.error.HTTPError):
        name = UNREADABLE
    partition[name] = partition.get(name, 0) + 1
    if name == UNREADABLE:
        return
    headers = {key: (value or b"").decode() for key, value in message.headers() or []}
    place = f"{message.topic()} {message.partition()} {message.offset()} {name}"
    faults.extend(f"{place}: {fault}" for fault in check(headers, name))


def main():
    """Reads everything and prints what was found."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": f"interop-{uuid.uuid4()}", "enable.auto.commit": False})
    left = {}
    for topic, about in consumer.list_topics(timeout=10).topics.items():
        for partition in about.partitions if topic in topics else ():
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)
            if high > low:
                left[topic, partition] = (low, high)
    consumer.assign([TopicPartition(topic, partition, low) for (topic, partition), (low, _) in left.items()])
    while left:
        message = consumer.poll(PATIENCE_SECONDS)
        if message is None:
            raise SystemExit(f"no record within {PATIENCE_SECONDS} s from {sorted(left)}")
        if message.error():
            raise KafkaException(message.error())
        place = message.topic(), message.partition()
        if place not in left:
            continue
        take(message)
        if message.offset() + 1 >= left[place][1]:
            del left[place]
    consumer.close()
    json.dump({"counts": counts, "faults": faults}, sys.stdout)


main()
