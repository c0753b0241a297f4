"""What Prometheus's own client reads in a page of metrics.

    parse.py openmetrics|text <PAGE

Prints JSON: of each metric its type, and the series of its samples. Fails if the page is not as its format wants it.
"""

import json
import sys

if sys.argv[1] == "openmetrics":
    from prometheus_client.openmetrics.parser import text_string_to_metric_families
else:
    from prometheus_client.parser import text_string_to_metric_families


def series(sample):
    labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
    return f"{sample.name}{{{labels}}}"


metrics = {}
for metric in text_string_to_metric_families(sys.stdin.read()):
    assert metric.name not in metrics, metric.name
    assert metric.documentation, metric.name
    metrics[metric.name] = {
        "type": metric.type,
        "unit": metric.unit,
        "series": [series(sample) for sample in metric.samples],
    }
print(json.dumps(metrics))
